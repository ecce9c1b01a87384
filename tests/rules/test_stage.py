from __future__ import annotations

from typing import Any

from rules_kit.builders import MOBILE, agent, change, document, legs, play, scenario
from rules_kit.player import Player, compile_document

from routerd.rules.plan import Bridge, SendDigits

E = "extension:2001"
A1 = "+919000000002"


def alone(**changes: Any) -> dict[str, Any]:
    """Agent a without failover, with a mobile."""
    return change(document(), "agents", "a", failover=None, **changes)


def test_stages_follow_each_other() -> None:
    result = play(alone(), scenario())
    assert legs(result) == [(E, 0, 30, "no_answer"), (MOBILE, 30, 60, "no_answer")]
    assert (result["outcome"], result["sip_status"], result["q850"]) == ("rejected", 480, 19)


def test_a_stage_ends_early_when_all_its_legs_failed() -> None:
    phones = {E: {"status": 486, "status_after_s": 2}, MOBILE: {"status": 404, "status_after_s": 1}}
    result = play(alone(), scenario(phones=phones))
    assert legs(result) == [(E, 0, 2, "busy"), (MOBILE, 2, 3, "unreachable")]
    assert (result["reason"], result["sip_status"]) == ("busy", 486)


def test_the_strongest_result_is_the_reason() -> None:
    for status, reason in ((404, "unreachable"), (603, "declined"), (486, "busy")):
        phones = {E: {"status": status}, MOBILE: {"status": 404}}
        assert play(alone(), scenario(phones=phones))["reason"] == reason
    assert play(alone(), scenario(phones={MOBILE: {"status": 486}}))["reason"] == "no_answer"


def test_together_the_winner_cancels_the_rest() -> None:
    result = play(alone(app_first=False), scenario(phones={MOBILE: {"answer_after_s": 3}}))
    assert legs(result) == [(E, 0, 3, "answered_elsewhere"), (MOBILE, 0, 3, "answered")]
    assert result["answered_by"] == MOBILE


def test_together_a_busy_one_is_dropped_and_the_rest_rings_on() -> None:
    phones = {E: {"status": 603, "status_after_s": 1}, MOBILE: {"answer_after_s": 3}}
    assert legs(play(alone(app_first=False), scenario(phones=phones))) == [
        (E, 0, 1, "declined"),
        (MOBILE, 0, 3, "answered"),
    ]


def test_a_decline_ends_the_agent_where_the_document_says_so() -> None:
    phones = {E: {"status": 603, "status_after_s": 1}}
    result = play(alone(app_first=False, decline_ends_agent=True), scenario(phones=phones))
    assert legs(result) == [(E, 0, 1, "declined"), (MOBILE, 0, 1, "cancelled")]
    assert (result["reason"], result["q850"]) == ("declined", 21)


def test_a_decline_after_a_stronger_result_leaves_the_stronger_reason() -> None:
    made = alone(sticky={"strategy": "order"}, alternate_numbers=[A1], decline_ends_agent=True)
    phones = {E: {"status": 486}, MOBILE: {"status": 603, "status_after_s": 1}}
    result = play(made, scenario(phones=phones))
    assert legs(result) == [(E, 0, 0, "busy"), (MOBILE, 0, 1, "declined")]
    assert result["reason"] == "busy"


def test_confirmation_wins_at_the_press_of_1() -> None:
    phones = {MOBILE: {"answer_after_s": 3, "confirm_after_s": 2}}
    result = play(alone(app_first=False, confirm_external=True), scenario(phones=phones))
    assert legs(result) == [(E, 0, 5, "answered_elsewhere"), (MOBILE, 0, 5, "answered")]


def test_another_leg_may_answer_while_one_is_asked_to_confirm() -> None:
    phones = {MOBILE: {"answer_after_s": 3}, E: {"answer_after_s": 6}}
    result = play(alone(app_first=False, confirm_external=True), scenario(phones=phones))
    assert legs(result) == [(E, 0, 6, "answered"), (MOBILE, 0, 6, "answered_elsewhere")]


def test_no_press_is_no_answer_and_others_ring_on() -> None:
    phones = {MOBILE: {"answer_after_s": 3}}
    result = play(alone(app_first=False, confirm_external=True), scenario(phones=phones))
    assert legs(result) == [(E, 0, 30, "no_answer"), (MOBILE, 0, 13, "no_answer")]


def test_a_stage_that_ends_during_a_confirmation_is_no_answer() -> None:
    phones = {MOBILE: {"answer_after_s": 25, "confirm_after_s": 8}}
    result = play(alone(extension=None, confirm_external=True), scenario(phones=phones))
    assert legs(result) == [(MOBILE, 0, 30, "no_answer")]
    assert result["outcome"] == "rejected"


def test_digits_are_dialled_after_the_far_end_answers() -> None:
    made = alone(extension=None, call_forward_digits={"digits": "42", "after_s": 1.5})
    player = Player(compile_document(made), scenario(phones={MOBILE: {"answer_after_s": 3}}))
    player.play()
    assert SendDigits(0, "42", 1.5) in player.commands
    assert player.commands[-1] == Bridge(0)


def test_a_cap_on_the_end_of_a_stage_starts_no_further_leg() -> None:
    made = document(destination={"type": "department", "id": "support"})
    change(made, "departments", "support", members=[{"agent": "a", "timeout_s": 30}], failover=None)
    assert legs(play(made, scenario())) == [(E, 0, 30, "no_answer")]


def test_a_log_out_cancels_and_names_the_reason() -> None:
    made = change(document(), "agents", "a", login_based_calling=True, failover=None)
    events = [{"at_s": 8, "do": "logout", "agent": "a"}]
    result = play(made, scenario(state={"sessions": ["a"]}, events=events))
    assert legs(result) == [(E, 0, 8, "cancelled")]
    assert (result["reason"], result["sip_status"], result["q850"]) == ("logged_out", 480, 20)


def test_a_break_after_some_results_is_the_reason() -> None:
    made = change(document(), "agents", "a", login_based_calling=True, failover=None)
    events = [{"at_s": 8, "do": "break", "agent": "a"}]
    phones = {E: {"status": 486, "status_after_s": 1}}
    result = play(made, scenario(state={"sessions": ["a"]}, events=events, phones=phones))
    assert legs(result) == [(E, 0, 1, "busy"), (MOBILE, 1, 8, "cancelled")]
    assert result["reason"] == "on_break"


def test_a_log_out_means_nothing_without_log_in_based_calling() -> None:
    events = [{"at_s": 8, "do": "logout", "agent": "a"}]
    assert legs(play(alone(), scenario(events=events)))[0] == (E, 0, 30, "no_answer")


def test_a_silent_trunk_hands_the_leg_on() -> None:
    made = document(
        agents=[agent("a", None, None, call_forward_number=MOBILE), agent("c", "2003", None)],
        trunks=[{"id": t, "target": "sip:192.0.2.10:5060"} for t in ("pstn", "second")],
        outbound_routes=[{"prefix": "", "trunks": ["pstn", "second"]}],
        voicemails=[],
        departments=[],
    )
    phones = {MOBILE: {"trunks": {"pstn": {"silent": True}, "second": {"answer_after_s": 2}}}}
    assert legs(play(made, scenario(phones=phones))) == [(MOBILE, 0, 6, "answered")]
