from __future__ import annotations

from typing import Any

import pytest
from rules_kit.builders import CALLER, NUMBER, change, document, legs, play, scenario


def blocked(number: str, numbers: list[str] | None = None, **call: Any) -> str | None:
    result = play(document(blocked_callers=[{"number": number, "numbers": numbers}]), scenario(call))
    if result["reason"] == "caller_blocked":
        assert (result["outcome"], result["sip_status"], result["legs"]) == ("rejected", 603, [])
    return str(result["reason"])


def test_an_unknown_number() -> None:
    result = play(document(), scenario({"to": "+918069659999"}))
    assert (result["outcome"], result["sip_status"], result["reason"]) == ("rejected", 404, "unknown_number")


@pytest.mark.parametrize("written", ["918069651170", "08069651170", "8069651170"])
def test_the_number_may_come_in_any_form(written: str) -> None:
    assert play(document(), scenario({"to": written}))["legs"]


def test_blocked_callers() -> None:
    assert blocked(CALLER) == "caller_blocked"
    assert blocked("+9198*") == "caller_blocked"
    assert blocked(CALLER, [NUMBER]) == "caller_blocked"
    assert blocked(CALLER, ["+918069651180"]) != "caller_blocked"
    assert blocked("+9199*") != "caller_blocked"
    assert blocked("anonymous") != "caller_blocked"
    assert blocked("anonymous", **{"from": "anonymous"}) == "caller_blocked"
    assert blocked("anonymous", **{"from": None}) == "caller_blocked"


def test_blocked_comes_before_suspended() -> None:
    made = change(document(blocked_callers=[{"number": CALLER}]), "numbers", NUMBER, status="suspended")
    assert play(made, scenario())["reason"] == "caller_blocked"


def test_suspended_comes_before_no_destination() -> None:
    made = change(document(), "numbers", NUMBER, status="suspended", destination=None)
    result = play(made, scenario())
    assert (result["reason"], result["sip_status"], result["q850"]) == ("number_suspended", 480, 20)
    made = change(document(), "numbers", NUMBER, destination=None)
    assert play(made, scenario())["reason"] == "no_destination"


@pytest.mark.parametrize("key", ["number:" + NUMBER, "trunk:pstn", "account"])
def test_limits(key: str) -> None:
    made = document()
    change(made, "numbers", NUMBER, max_channels=2)
    change(made, "trunks", "pstn", max_channels=2)
    made["account"]["max_channels"] = 2
    assert play(made, scenario(state={"channels": {key: 1}}))["legs"]
    result = play(made, scenario(state={"channels": {key: 2}}))
    assert (result["reason"], result["sip_status"], result["q850"]) == ("limit_reached", 503, 42)
    assert result["retry_after_s"]


def test_zero_channels_close_the_account() -> None:
    made = document()
    made["account"]["max_channels"] = 0
    assert play(made, scenario())["reason"] == "limit_reached"


def affinity(last_at: str, agent: str = "c", number: str | None = None) -> dict[str, Any]:
    return {"affinity": [{"caller": CALLER, "agent": agent, "number": number, "last_at": last_at}]}


def with_affinity(*, strict: bool = False) -> dict[str, Any]:
    return change(document(), "numbers", NUMBER, affinity={"hours": 24, "strict": strict})


def test_exactly_as_old_is_a_hit_and_a_second_more_is_none() -> None:
    assert legs(play(with_affinity(), scenario(state=affinity("2026-11-22T06:30:00Z"))))[0][0] == "extension:2003"
    assert legs(play(with_affinity(), scenario(state=affinity("2026-11-22T06:29:59Z"))))[0][0] == "extension:2001"


def test_an_entry_of_another_number_counts() -> None:
    state = affinity("2026-11-23T06:00:00Z", number="+918069651180")
    assert legs(play(with_affinity(), scenario(state=state)))[0][0] == "extension:2003"


def test_the_newest_entry_of_an_agent_who_still_exists_counts() -> None:
    entries = [
        {"caller": CALLER, "agent": who, "last_at": at}
        for who, at in (
            ("b", "2026-11-23T05:00:00Z"),
            ("c", "2026-11-23T06:00:00Z"),
            ("gone", "2026-11-23T06:20:00Z"),
        )
    ]
    assert legs(play(with_affinity(), scenario(state={"affinity": entries})))[0][0] == "extension:2003"


def test_loose_affinity_falls_through_and_leaves_no_reason() -> None:
    phones = {"extension:2003": {"status": 486, "status_after_s": 1}, "extension:2001": {"answer_after_s": 2}}
    result = play(with_affinity(), scenario(state=affinity("2026-11-23T06:00:00Z"), phones=phones))
    assert legs(result) == [("extension:2003", 0, 1, "busy"), ("extension:2001", 1, 3, "answered")]
    assert result["reason"] is None
    assert [node["context"] for node in result["nodes"]] == ["affinity", "number"]


def test_strict_affinity_ends_with_the_agents_result() -> None:
    phones = {"extension:2003": {"status": 486, "status_after_s": 1}}
    made = change(with_affinity(strict=True), "agents", "c", failover={"type": "voicemail", "id": "vm2"})
    result = play(made, scenario(state=affinity("2026-11-23T06:00:00Z"), phones=phones))
    assert (result["outcome"], result["sip_status"], result["reason"]) == ("rejected", 486, "busy")
    assert len(result["legs"]) == 1


def test_strict_affinity_without_a_hit_goes_on() -> None:
    assert legs(play(with_affinity(strict=True), scenario()))[0][0] == "extension:2001"


def test_affinity_does_not_use_call_waiting() -> None:
    made = change(with_affinity(), "agents", "c", call_waiting=True)
    state = {**affinity("2026-11-23T06:00:00Z"), "in_call": ["c"]}
    assert legs(play(made, scenario(state=state)))[0][0] == "extension:2001"


def test_the_caller_gives_up() -> None:
    result = play(document(), scenario(events=[{"at_s": 5, "do": "caller_hangup"}]))
    assert legs(result) == [("extension:2001", 0, 5, "cancelled")]
    assert (result["outcome"], result["reason"]) == ("abandoned", "abandoned")
