from __future__ import annotations

from typing import Any

from rules_kit.builders import CALLER, CLOSED, change, document, legs, play, scenario

A, B, C = "extension:2001", "extension:2002", "extension:2003"


def company(*members: str, caps: float | None = None, **changes: Any) -> dict[str, Any]:
    made = document(destination={"type": "department", "id": "support"})
    change(made, "agents", "a", call_forward_number=None)
    listed = [{"agent": name, "timeout_s": caps} for name in members or ("a", "b", "c")]
    return change(made, "departments", "support", members=listed, **changes)


def test_members_in_order_then_the_failover() -> None:
    result = play(company(caps=10), scenario())
    assert legs(result) == [(A, 0, 10, "no_answer"), (B, 10, 20, "no_answer"), (C, 20, 30, "no_answer")]
    assert result["final"] == {"type": "voicemail", "id": "vm2", "at_s": 30}
    assert result["nodes"][0]["reason"] == "no_answer"


def test_the_members_own_failover_is_never_used() -> None:
    made = company("a", failover=None)
    result = play(made, scenario(state={"in_call": ["a"]}))
    assert (result["outcome"], result["sip_status"], result["reason"]) == ("rejected", 486, "agent_busy")


def test_the_reason_is_the_strongest_ring_result() -> None:
    phones = {A: {"status": 486}, B: {"status": 404}, C: {"status": 603}}
    result = play(company(failover=None), scenario(phones=phones))
    assert (result["reason"], result["sip_status"]) == ("busy", 486)


def test_else_the_first_members_gate_reason_in_document_order() -> None:
    made = company("a", "b", strategy="round_robin", failover=None)
    change(made, "agents", "a", time_group="office")
    result = play(made, scenario(at=CLOSED, state={"in_call": ["b"], "last_offered": {"support": "a"}}))
    assert result["reason"] == "outside_time_group"


def test_all_together() -> None:
    result = play(company(strategy="simultaneous"), scenario(phones={B: {"answer_after_s": 2}}))
    assert legs(result) == [
        (A, 0, 2, "answered_elsewhere"),
        (B, 0, 2, "answered"),
        (C, 0, 2, "answered_elsewhere"),
    ]


def test_together_each_member_works_through_the_own_plan() -> None:
    made = company("a", "b", strategy="simultaneous")
    change(made, "agents", "a", call_forward_number="+919000000001", ring_timeout_s=10)
    assert legs(play(made, scenario())) == [
        (A, 0, 10, "no_answer"),
        (B, 0, 30, "no_answer"),
        ("+919000000001", 10, 20, "no_answer"),
    ]


def test_together_one_who_logs_out_leaves_the_others_ringing() -> None:
    made = company("a", "b", strategy="simultaneous")
    change(made, "agents", "a", login_based_calling=True)
    events = [{"at_s": 4, "do": "logout", "agent": "a"}]
    result = play(made, scenario(state={"sessions": ["a"]}, events=events))
    assert legs(result) == [(A, 0, 4, "cancelled"), (B, 0, 30, "no_answer")]


def test_nobody_available_goes_to_the_failover_at_once() -> None:
    result = play(company(strategy="simultaneous"), scenario(state={"in_call": ["a", "b", "c"]}))
    assert (result["final"]["at_s"], result["reason"], result["legs"]) == (0, "agent_busy", [])


def test_the_departments_affinity() -> None:
    made = company(affinity={"hours": 1, "strict": False})
    state = {"affinity": [{"caller": CALLER, "agent": "c", "last_at": "2026-11-23T06:00:00Z"}]}
    result = play(made, scenario(state=state, phones={C: {"status": 486, "status_after_s": 1}}))
    assert [leg[:2] for leg in legs(result)[:2]] == [(C, 0), (A, 1)]
    strict = company(affinity={"hours": 1, "strict": True})
    result = play(strict, scenario(state=state, phones={C: {"status": 486, "status_after_s": 1}}))
    assert (result["outcome"], result["sip_status"]) == ("rejected", 486)


def test_a_department_entered_twice_offers_everyone_again() -> None:
    made = company("a", failover={"type": "department", "id": "again"}, caps=10)
    made["departments"].append(
        {"id": "again", "name": "Again", "members": [{"agent": "a", "timeout_s": 10}], "failover": None}
    )
    assert legs(play(made, scenario())) == [(A, 0, 10, "no_answer"), (A, 10, 20, "no_answer")]
