from __future__ import annotations

from typing import Any

from rules_kit.builders import CLOSED, change, document, legs, play, scenario
from rules_kit.player import Player, compile_document

from routerd.rules.plan import AnswerCaller, JoinQueue, LeaveQueue, Play, SayPosition

A, B = "extension:2001", "extension:2002"


def company(*members: str, caps: float | None = None, **queue: Any) -> dict[str, Any]:
    made = document(destination={"type": "department", "id": "support"})
    change(made, "agents", "a", call_forward_number=None)
    listed = [{"agent": name, "timeout_s": caps} for name in members or ("a", "b")]
    settings = {"timeout_s": 100, "max_waiting": 10, "wrap_up_s": 0, **queue}
    return change(made, "departments", "support", members=listed, queue=settings)


def freed(*pairs: tuple[float, str]) -> list[dict[str, Any]]:
    return [{"at_s": at, "do": "call_ended", "agent": agent} for at, agent in pairs]


def test_a_free_member_is_offered_at_once_but_the_call_is_answered() -> None:
    player = Player(compile_document(company(music="hello")), scenario(phones={A: {"answer_after_s": 3}}))
    result = player.play()
    assert legs(result) == [(A, 0, 3, "answered")]
    kinds = [type(command) for command in player.commands]
    assert kinds.index(AnswerCaller) < kinds.index(JoinQueue) < kinds.index(LeaveQueue)
    assert Play("hello", repeat=True) in player.commands


def test_who_did_not_answer_is_offered_again_after_retry_after() -> None:
    result = play(company("a", caps=10, retry_after_s=20, timeout_s=65), scenario())
    assert legs(result) == [(A, 0, 10, "no_answer"), (A, 30, 40, "no_answer"), (A, 60, 65, "no_answer")]
    assert (result["reason"], result["final"]["at_s"]) == ("queue_timeout", 65)


def test_the_next_member_is_offered_before_a_retry() -> None:
    result = play(company(caps=10, timeout_s=25), scenario())
    assert legs(result) == [(A, 0, 10, "no_answer"), (B, 10, 20, "no_answer")]
    assert result["final"]["at_s"] == 25


def test_two_who_never_answer_do_not_hide_the_third() -> None:
    """With the defaults the first is free for another try just when the second gives up."""
    result = play(company("a", "b", "c", caps=30, timeout_s=130), scenario())
    assert [leg[0] for leg in legs(result)] == [A, B, "extension:2003", A, B]


def test_the_timeout_on_the_end_of_a_stage_starts_no_further_leg() -> None:
    made = company("a", timeout_s=30)
    change(made, "agents", "a", call_forward_number="+919000000001")
    assert legs(play(made, scenario())) == [(A, 0, 30, "no_answer")]


def test_a_member_freed_while_another_rings_waits_the_turn() -> None:
    events = freed((5, "b"))
    result = play(
        company(caps=10), scenario(state={"in_call": ["b"]}, events=events, phones={B: {"answer_after_s": 1}})
    )
    assert legs(result) == [(A, 0, 10, "no_answer"), (B, 10, 11, "answered")]


def test_together_a_freed_member_waits_for_the_round_to_end() -> None:
    made = change(company(caps=10), "departments", "support", strategy="simultaneous")
    result = play(made, scenario(state={"in_call": ["b"]}, events=freed((5, "b")), phones={B: {"answer_after_s": 1}}))
    assert legs(result) == [(A, 0, 10, "no_answer"), (B, 10, 11, "answered")]


def test_full_and_empty() -> None:
    busy = {"in_call": ["a", "b"], "waiting": {"support": 2}}
    result = play(company(max_waiting=2), scenario(state=busy))
    assert (result["reason"], result["final"]["at_s"], result["legs"]) == ("queue_full", 0, [])
    free = play(company(max_waiting=2), scenario(state={"waiting": {"support": 2}}))
    assert (free["reason"], free["legs"]) == ("queue_full", [])
    made = company("a", max_waiting=0)
    change(made, "agents", "a", time_group="office")
    assert play(made, scenario(at=CLOSED))["reason"] == "outside_time_group"


def test_neither_full_nor_empty_answers() -> None:
    made = change(company(max_waiting=0), "departments", "support", failover=None)
    result = play(made, scenario(state={"in_call": ["a", "b"]}))
    assert (result["outcome"], result["reason"]) == ("rejected", "queue_full")


def test_join_empty_waits_for_nobody() -> None:
    made = company("a", join_empty=True, timeout_s=40)
    change(made, "agents", "a", time_group="office")
    result = play(made, scenario(at=CLOSED))
    assert (result["reason"], result["final"]["at_s"]) == ("queue_timeout", 40)


def test_a_member_whose_hours_begin_is_offered_the_call_at_that_moment() -> None:
    made = company("a", join_empty=True, timeout_s=40)
    change(made, "agents", "a", time_group="office")
    result = play(made, scenario(at="2026-11-23T04:29:51+00:00", phones={A: {"answer_after_s": 2}}))
    assert legs(result) == [(A, 9, 11, "answered")]


def test_when_everyone_leaves_the_call_waits_on() -> None:
    made = company("a", timeout_s=50)
    change(made, "agents", "a", login_based_calling=True)
    events = [{"at_s": 5, "do": "logout", "agent": "a"}, {"at_s": 12, "do": "login", "agent": "a"}]
    result = play(made, scenario(state={"sessions": ["a"]}, events=events, phones={A: {"answer_after_s": 7}}))
    assert legs(result) == [(A, 0, 5, "cancelled"), (A, 12, 19, "answered")]


def test_wrap_up_is_waited_for() -> None:
    made = company("b", wrap_up_s=8)
    result = play(made, scenario(state={"in_call": ["b"]}, events=freed((10, "b")), phones={B: {"answer_after_s": 1}}))
    assert legs(result) == [(B, 18, 19, "answered")]


def test_a_queue_without_failover_ends_with_16() -> None:
    made = change(company("b", timeout_s=20), "departments", "support", failover=None)
    result = play(made, scenario(state={"in_call": ["b"]}))
    assert (result["outcome"], result["reason"], result["q850"]) == ("hung_up", "queue_timeout", 16)


def test_the_position_is_told_from_time_to_time() -> None:
    made = company("b", timeout_s=35, announce_position_every_s=10)
    player = Player(compile_document(made), scenario(state={"in_call": ["b"]}))
    player.play()
    assert player.commands.count(SayPosition("support")) == 3


def test_who_leaves_a_queue_has_abandoned_it() -> None:
    events = [{"at_s": 9, "do": "caller_hangup"}]
    player = Player(compile_document(company("b")), scenario(state={"in_call": ["b"]}, events=events))
    assert player.play()["outcome"] == "abandoned"
    assert LeaveQueue("support") in player.commands
