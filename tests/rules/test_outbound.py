from __future__ import annotations

from typing import Any

import pytest
from rules_kit.builders import CALLER, CUSTOMER, NUMBER, OPEN, change, document, legs, play, scenario, softphone
from rules_kit.player import World, compile_document, seconds

from routerd.rules import machine, plan
from routerd.rules.facts import Facts

FOREIGN = "198.51.100.9"


def dial(made: dict[str, Any], to: str = CUSTOMER, state: dict[str, Any] | None = None, **call: Any) -> dict[str, Any]:
    return play(made, scenario(softphone(to, **call), state=state or {}, phones={to: {"answer_after_s": 2}}))


def at_hq(made: dict[str, Any]) -> dict[str, Any]:
    made["address_lists"] = [{"id": "hq", "addresses": ["203.0.113.0/24"]}]
    return change(made, "extensions", "2001", addresses="hq")


def closed() -> dict[str, Any]:
    made = document()
    made["account"]["max_channels"] = 0
    return made


DENIED = [
    (lambda: change(document(), "agents", "a", status="disabled"), {}, "agent_disabled", 403, 403),
    (lambda: change(document(), "agents", "a", status="blocked"), {}, "agent_blocked", 403, 403),
    (lambda: change(document(), "agents", "a", calling_agent=False), {}, "not_calling_agent", 403, 403),
    (lambda: at_hq(document()), {"source": FOREIGN}, "address_not_allowed", 403, 403),
    (document, {"to": "9198765"}, "bad_number", 484, 422),
    (document, {"to": "+14155550123"}, "international_not_allowed", 403, 403),
    (lambda: document(destination_policy={"deny": ["+9198"]}), {}, "destination_denied", 403, 403),
    (lambda: change(document(), "agents", "a", block_outbound="all"), {}, "outbound_blocked", 403, 403),
    (lambda: change(document(), "agents", "a", block_outbound="only_extension"), {}, "outbound_blocked", 403, 403),
    (document, {"caller_id": "+918069659999"}, "caller_id_not_allowed", 403, 403),
    (
        lambda: change(document(), "agents", "a", caller_ids={"mode": "custom", "numbers": []}),
        {},
        "no_caller_id",
        403,
        403,
    ),
    (closed, {}, "limit_reached", 503, 429),
]


@pytest.mark.parametrize(("made", "call", "reason", "status", "api_status"), DENIED)
def test_each_gate_denies_with_its_code(made: Any, call: Any, reason: str, status: int, api_status: int) -> None:
    result = dial(made(), **call)
    assert (result["outcome"], result["reason"], result["legs"]) == ("denied", reason, [])
    assert (result["sip_status"], result["api_status"]) == (status, api_status)
    assert (result["retry_after_s"] is not None) == (status == 503)


def test_the_gates_come_in_order() -> None:
    made = at_hq(change(document(), "agents", "a", calling_agent=False, block_outbound="all"))
    assert dial(made, source=FOREIGN)["reason"] == "not_calling_agent"
    change(made, "agents", "a", calling_agent=True)
    assert dial(made, source=FOREIGN)["reason"] == "address_not_allowed"
    assert dial(made, "9198765")["reason"] == "bad_number"
    assert dial(made)["reason"] == "outbound_blocked"


def test_neither_time_group_nor_log_in_gate_an_outgoing_call() -> None:
    made = change(document(), "agents", "a", time_group="office", login_based_calling=True, do_not_disturb=True)
    assert dial(made, state={"in_call": ["a"]})["outcome"] == "answered"


def test_international_needs_both_switches() -> None:
    made = change(document(), "agents", "a", international_outbound=True)
    assert dial(made, "+14155550123")["reason"] == "international_not_allowed"
    made["account"]["international_enabled"] = True
    assert dial(made, "+14155550123")["outcome"] == "answered"


def test_a_denied_prefix_wins_over_an_allowed_one() -> None:
    assert dial(document(destination_policy={"allow": ["+9198"]}))["outcome"] == "answered"
    assert dial(document(destination_policy={"allow": ["+9144"]}))["reason"] == "destination_denied"
    both = {"allow": ["+919876"], "deny": ["+91"]}
    assert dial(document(destination_policy=both))["reason"] == "destination_denied"


def test_a_full_route() -> None:
    made = change(document(), "trunks", "pstn", max_channels=1)
    assert dial(made)["outcome"] == "answered"
    assert dial(made, state={"channels": {"trunk:pstn": 1}})["reason"] == "limit_reached"


def test_emergencies_pass_every_gate() -> None:
    made = at_hq(change(closed(), "agents", "a", status="disabled", calling_agent=False, block_outbound="all"))
    change(made, "trunks", "pstn", max_channels=0)
    result = dial(made, "112", source=FOREIGN)
    assert (result["outcome"], result["caller_id"]) == ("answered", NUMBER)


def test_a_customer_rings_two_minutes() -> None:
    result = play(document(), scenario(softphone(CUSTOMER)))
    assert legs(result) == [(CUSTOMER, 0, 120, "no_answer")]
    assert (result["outcome"], result["reason"], result["sip_status"]) == ("rejected", "no_answer", 480)


def test_the_far_ends_own_answer_goes_back() -> None:
    for status, reason in ((486, "busy"), (603, "declined"), (404, "unreachable")):
        result = play(document(), scenario(softphone(CUSTOMER), phones={CUSTOMER: {"status": status}}))
        assert (result["outcome"], result["reason"], result["sip_status"]) == ("rejected", reason, status)
    result = play(document(), scenario(softphone(CUSTOMER), phones={CUSTOMER: {"status": 500}}))
    assert result["sip_status"] == 480


def test_an_extension_without_an_agent_dials_inside_and_for_help_only() -> None:
    made = document()
    made["extensions"].append({"id": "2009", "username": "2009", "password": "x"})
    assert dial(made, **{"from": "2009"})["reason"] == "not_calling_agent"
    assert dial(made, "112", **{"from": "2009"})["outcome"] == "answered"
    assert legs(dial(made, "1002", **{"from": "2009"}))[0][0] == "extension:2002"


def test_nothing_is_looked_up_for_an_unknown_extension() -> None:
    assert dial(document(), **{"from": "9999"})["reason"] == "not_calling_agent"


def transfer(made: dict[str, Any], to: str, **attempt: Any) -> tuple[list[str], plan.Command]:
    """Agent a sends a caller on; the targets rung and the first command of weight."""
    tables = compile_document(made)
    wish = plan.Attempt(
        kind="transfer", account="acme", at=seconds(OPEN), dialled=to, caller=CALLER, agent="a", **attempt
    )
    state = {"registered": {"2002": "203.0.113.8"}}
    step = machine.start(tables, wish, Facts(World(state), "acme"))
    return [c.target for c in step.commands if isinstance(c, plan.Ring)], step.commands[-1]


def test_a_transfer_passes_the_gates_as_the_agent_who_makes_it() -> None:
    assert transfer(document(), CUSTOMER)[0] == [CUSTOMER]
    for changes in ({"block_outbound": "all"}, {"status": "blocked"}, {"calling_agent": False}):
        end = transfer(change(document(), "agents", "a", **changes), CUSTOMER)[1]
        assert isinstance(end, plan.End)
        assert end.outcome == "denied"
    only_phone = change(document(), "agents", "a", block_outbound="only_extension")
    assert transfer(only_phone, CUSTOMER)[0] == [CUSTOMER]
    assert transfer(only_phone, CUSTOMER, extension="2001", source="203.0.113.7")[0] == []


def test_a_colleague_reached_by_transfer_is_nested() -> None:
    assert transfer(document(), "1002")[0] == ["extension:2002"]
    made = change(document(), "agents", "b", do_not_disturb=True, failover={"type": "voicemail", "id": "vm2"})
    end = transfer(made, "1002")[1]
    assert isinstance(end, plan.End)
    assert (end.outcome, end.reason, end.q850) == ("rejected", "do_not_disturb", 17)
