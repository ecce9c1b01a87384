"""Cases that the product once decided otherwise than the contract: all three agree on them, and on the answer."""

from __future__ import annotations

from typing import Any

import pytest
from carriers import CARRIERS
from model.simulation import simulate
from rules_kit.builders import CALLER, CUSTOMER, MOBILE, change, click, document, scenario

PLAYERS = {"model": simulate, **CARRIERS}
PILOT = "+918069651100"


@pytest.fixture(params=sorted(PLAYERS))
def play(request: pytest.FixtureRequest) -> Any:
    return PLAYERS[request.param]


def two_trunks() -> dict[str, Any]:
    made = document()
    made["trunks"].append({"id": "second", "target": "sip:192.0.2.11:5060", "forwarded_identity": "pilot"})
    made["outbound_routes"] = [{"prefix": "", "trunks": ["pstn", "second"]}]
    return made


def legs(result: dict[str, Any]) -> list[tuple[Any, ...]]:
    return [(leg["target"], leg["start_s"], leg["end_s"], leg["result"]) for leg in result["legs"]]


def test_a_call_does_not_stand_in_its_own_way(play: Any) -> None:
    made = change(document(), "trunks", "pstn", max_channels=1)
    result = play(made, scenario())
    assert legs(result) == [
        ("extension:2001", 0, 30, "no_answer"),
        (MOBILE, pytest.approx(30), pytest.approx(60), "no_answer"),
    ]


def test_the_second_trunk_says_for_itself_who_is_shown(play: Any) -> None:
    made = change(two_trunks(), "agents", "a", extension=None)
    by_trunk = {"pstn": {"status": 503, "status_after_s": 0}, "second": {"answer_after_s": 2}}
    result = play(made, scenario(phones={MOBILE: {"trunks": by_trunk}}))
    assert (result["answered_by"], result["caller_id"]) == (MOBILE, PILOT)


def test_an_agent_who_calls_by_click_may_be_asked_for_1(play: Any) -> None:
    made = change(document(), "agents", "a", extension=None, confirm_external=True)
    phones = {MOBILE: {"answer_after_s": 2, "confirm_after_s": 3}, CUSTOMER: {"answer_after_s": 1}}
    result = play(made, scenario(click(), phones=phones))
    assert result["outcome"] == "answered"
    assert legs(result) == [(MOBILE, 0, 5, "answered"), (CUSTOMER, 5, 6, "answered")]


def test_a_click_to_call_that_is_given_up_while_the_agent_rings(play: Any) -> None:
    result = play(document(), scenario(click(), events=[{"at_s": 4, "do": "caller_hangup"}]))
    assert (result["outcome"], result["reason"]) == ("abandoned", "abandoned")
    assert legs(result) == [("extension:2001", 0, 4, "cancelled")]


def test_who_hides_their_number_is_shown_as_anonymous(play: Any) -> None:
    assert play(document(), scenario({"from": "anonymous"}))["caller_id"] == "anonymous"


def test_the_newest_affinity_entry_counts_wherever_it_stands(play: Any) -> None:
    made = change(document(), "numbers", "+918069651170", affinity={"hours": 24, "strict": False})
    entries = [
        {"caller": CALLER, "agent": "b", "number": None, "last_at": "2026-11-22T06:29:59Z"},
        {"caller": CALLER, "agent": "b", "number": None, "last_at": "2026-11-22T06:30:00Z"},
    ]
    result = play(made, scenario(state={"affinity": entries}))
    assert legs(result)[0][0] == "extension:2002"


def test_a_visit_that_the_queues_time_cut_has_its_reason(play: Any) -> None:
    made = document({"type": "department", "id": "support"})
    queue = {"timeout_s": 9, "max_waiting": 5, "music": "hello", "announce_position_every_s": 30, "wrap_up_s": 0}
    change(made, "departments", "support", queue=queue, members=[{"agent": "b"}])
    result = play(made, scenario())
    assert legs(result) == [("extension:2002", 0, pytest.approx(9), "no_answer")]
    reasons = [node["reason"] for node in result["nodes"] if node["type"] == "agent"]
    assert (result["reason"], reasons) == ("queue_timeout", ["no_answer"])
