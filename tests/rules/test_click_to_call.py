from __future__ import annotations

from typing import Any

import pytest
from rules_kit.builders import CUSTOMER, MOBILE, NUMBER, change, click, document, legs, play, scenario
from rules_kit.player import Player, compile_document

from routerd.rules.plan import Ring

E = "extension:2001"
ANSWERED = {E: {"answer_after_s": 1}, MOBILE: {"answer_after_s": 1}, CUSTOMER: {"answer_after_s": 2}}
ELSEWHERE = {"registered": {"2001": "198.51.100.9"}}


def call(made: dict[str, Any], phones: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    wish = {key: parts.pop(key) for key in ("via", "caller_id", "to") if key in parts}
    return play(made, scenario(click(**wish), phones=ANSWERED if phones is None else phones, **parts))


def at_hq(made: dict[str, Any]) -> dict[str, Any]:
    made["address_lists"] = [{"id": "hq", "addresses": ["203.0.113.0/24"]}]
    return change(made, "extensions", "2001", addresses="hq")


@pytest.mark.parametrize(
    ("route", "via", "target"),
    [
        ("both", None, E),
        ("both", "extension", E),
        ("both", "mobile", MOBILE),
        ("extension", None, E),
        ("extension", "extension", E),
        ("extension", "mobile", None),
        ("mobile", None, MOBILE),
        ("mobile", "extension", None),
        ("mobile", "mobile", MOBILE),
    ],
)
def test_the_agents_leg(route: str, via: str | None, target: str | None) -> None:
    result = call(change(document(), "agents", "a", click_to_call_route=route), via=via)
    if target is None:
        assert (result["outcome"], result["reason"], result["api_status"]) == ("denied", "route_not_permitted", 403)
    else:
        assert legs(result) == [(target, 0, 1, "answered"), (CUSTOMER, 1, 3, "answered")]
        assert (result["answered_by"], result["caller_id"]) == (CUSTOMER, NUMBER)


def test_registered_from_elsewhere() -> None:
    made = at_hq(document())
    assert legs(call(made, state=ELSEWHERE))[0][0] == MOBILE
    assert call(made, state=ELSEWHERE, via="extension")["reason"] == "address_not_allowed"
    change(made, "agents", "a", call_forward_number=None)
    result = call(made, state=ELSEWHERE)
    assert (result["reason"], result["api_status"]) == ("agent_leg_unreachable", 409)


def test_not_registered() -> None:
    assert legs(call(document(), state={"registered": {}}))[0][0] == MOBILE
    result = call(document(), state={"registered": {}}, via="extension")
    assert (result["outcome"], result["reason"]) == ("denied", "agent_leg_unreachable")


def test_only_the_contacts_of_allowed_addresses_ring() -> None:
    state = {"registered": {"2001": ["198.51.100.9", "203.0.113.7"]}}
    player = Player(compile_document(at_hq(document())), scenario(click(), state=state, phones=ANSWERED))
    player.play()
    rings = [command for command in player.commands if isinstance(command, Ring)]
    assert [ring.sources for ring in rings] == [("203.0.113.7",), ()]


def test_the_customer_is_dialled_only_when_the_agent_answered() -> None:
    for phone, reason in (({"status": 486}, "busy"), ({}, "no_answer"), ({"status": 404}, "unreachable")):
        result = call(document(), phones={E: phone})
        assert [leg["target"] for leg in result["legs"]] == [E]
        assert result["reason"] == reason


def test_a_customer_who_fails_hangs_the_agent_up() -> None:
    result = call(document(), phones={E: {"answer_after_s": 1}, CUSTOMER: {"status": 486}})
    assert (result["outcome"], result["reason"], result["q850"]) == ("hung_up", "busy", 17)
    result = call(document(), phones={E: {"answer_after_s": 1}})
    assert legs(result)[1] == (CUSTOMER, 1, 121, "no_answer")


def test_the_agent_hangs_up_early() -> None:
    events = [{"at_s": 5, "do": "caller_hangup"}]
    result = call(document(), phones={E: {"answer_after_s": 1}}, events=events)
    assert legs(result)[1] == (CUSTOMER, 1, 5, "cancelled")
    assert result["outcome"] == "abandoned"


def test_the_agents_busy_and_the_accounts_limit() -> None:
    result = call(document(), state={"in_call": ["a"]})
    assert (result["reason"], result["api_status"], result["sip_status"]) == ("agent_busy", 409, 409)
    made = document()
    made["account"]["max_channels"] = 0
    result = call(made, state={"in_call": ["a"]})
    assert (result["reason"], result["api_status"]) == ("limit_reached", 429)


def test_blocks() -> None:
    assert call(change(document(), "agents", "a", block_outbound="only_extension"))["outcome"] == "answered"
    assert call(change(document(), "agents", "a", block_outbound="all"))["reason"] == "outbound_blocked"


def test_an_intercom_is_a_number_like_any_other_and_an_own_number_goes_out() -> None:
    assert call(document(), to="1002")["reason"] == "bad_number"
    result = call(document(), to="+918069651180", phones={E: {"answer_after_s": 1}})
    assert legs(result)[1][0] == "+918069651180"


def test_the_gates_run_for_an_emergency_number_too() -> None:
    made = change(document(), "agents", "a", status="blocked")
    assert call(made, to="112")["reason"] == "agent_blocked"


def test_an_unknown_agent_is_denied() -> None:
    result = play(document(), scenario({**click(), "agent": "nobody"}))
    assert (result["outcome"], result["api_status"]) == ("denied", 403)
