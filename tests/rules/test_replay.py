from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import msgspec
import pytest
from rules_kit.builders import CALLER, CUSTOMER, MOBILE, NUMBER, change, document, scenario, softphone
from rules_kit.player import compile_document
from rules_kit.recorder import DEPARTMENT, a_scenario, company, recorded, records

from routerd.rules.recorded import RecordedCall, read_call
from routerd.rules.replay import replay, rerun
from routerd.rules.verdict import SAME, decide_again

pack = msgspec.msgpack.encode


def call_of(made: dict[str, Any], played: dict[str, Any]) -> RecordedCall:
    call = read_call(recorded(compile_document(made), played))
    assert call is not None
    return call


def test_the_same_document_gives_exactly_the_same_decision() -> None:
    tables = compile_document(company())
    ends: Counter[str] = Counter()
    for record in records(600, seed=7):
        call = read_call(record)
        assert call is not None
        again = rerun(tables, call)
        assert pack(again.trace) == pack(record["trace"])
        walk = replay(tables, call)
        assert walk.stopped == "", record["id"]
        assert pack(walk.d.trace) == pack(record["trace"]), record["id"]
        assert [node.reason for node in walk.d.nodes] == [node["reason"] for node in record["nodes"]]
        assert decide_again(tables, call).result == SAME, record["id"]
        ends[record["outcome"]] += 1
    assert len(ends) >= 6, ends


def test_a_late_timer_is_late_again() -> None:
    """The loop was busy: the stage's timer fired half a second late, after the phone's own refusal."""
    made = document()
    record = recorded(compile_document(made), scenario(phones={MOBILE: {"answer_after_s": 9}}))
    late = [step for step in record["steps"] if step["event"] and step["event"][0] == "TimerFired"]
    assert late
    shift = 0.5
    for step in record["steps"][record["steps"].index(late[0]) :]:
        step["at"] += shift
    for leg in record["legs"][1:]:
        leg["start_s"] += shift
        leg["end_s"] += shift
    record["legs"][0]["end_s"] += shift
    call = read_call(record)
    assert call is not None
    assert decide_again(compile_document(made), call).result == SAME


def test_outcomes_follow_their_target_and_keep_their_distance() -> None:
    """A shorter ring: the mobile rings earlier, and answers as long after its own start as then."""
    made = document()
    change(made, "agents", "a", app_first=True, ring_timeout_s=20)
    call = call_of(made, scenario(phones={MOBILE: {"answer_after_s": 4}}))
    assert [leg.target for leg in call.legs] == ["extension:2001", MOBILE]
    walk = replay(compile_document(change(made, "agents", "a", ring_timeout_s=8)), call)
    assert (walk.answered_by, walk.whole) == (MOBILE, True)
    assert walk.d.final is not None
    assert walk.d.final.at - call.attempt.at == pytest.approx(12, abs=0.01)


def test_a_longer_ring_than_then_is_not_known() -> None:
    made = document()
    change(made, "agents", "a", app_first=True, ring_timeout_s=10)
    call = call_of(made, scenario(phones={MOBILE: {"answer_after_s": 4}}))
    walk = replay(compile_document(change(made, "agents", "a", ring_timeout_s=25)), call)
    assert (walk.stopped, walk.whole) == ("extension:2001 would have rung longer than it did then", False)


def test_a_longer_ring_matters_not_when_somebody_answered_before() -> None:
    made = document()
    call = call_of(made, scenario(phones={"extension:2001": {"answer_after_s": 4}}))
    tables = compile_document(change(made, "agents", "a", ring_timeout_s=60))
    assert decide_again(tables, call).result == SAME


def test_a_target_that_did_not_ring_ends_the_walk() -> None:
    made = document()
    call = call_of(made, scenario(phones={"extension:2001": {"answer_after_s": 4}}))
    walk = replay(compile_document(change(made, "agents", "a", app_first=False, alternate_numbers=["+919000000077"],
                                          sticky={"strategy": "simultaneous"})), call)  # fmt: skip
    assert walk.unrung == MOBILE
    assert not walk.whole


def test_a_fact_that_was_not_read_ends_the_walk_and_names_itself() -> None:
    made = document()
    call = call_of(made, scenario(phones={"extension:2001": {"answer_after_s": 4}}))
    walk = replay(compile_document(change(made, "agents", "a", login_based_calling=True)), call)
    assert walk.stopped == "whether a was logged in was not recorded"
    assert [node.id for node in walk.d.nodes] == ["a"]


def test_another_shuffle_is_not_guessed() -> None:
    made = company()
    made["numbers"][0]["destination"] = {"type": "department", "id": "waiting"}
    made["numbers"][0]["affinity"] = None
    del made["departments"][1]["queue"]
    call = call_of(made, scenario(phones={}))
    made["departments"][1]["members"].pop()
    walk = replay(compile_document(made), call)
    assert walk.stopped == "what chance would have said was not recorded"


def test_trunks_are_taken_for_healthy() -> None:
    made = company()
    made["outbound_routes"][0]["trunks"] = ["pstn"]
    call = call_of(made, scenario(softphone(CUSTOMER), phones={CUSTOMER: {"answer_after_s": 2}}))
    made["outbound_routes"][0]["trunks"] = ["second"]
    walk = replay(compile_document(made), call)
    assert walk.assumed == {"second"}
    assert walk.rings[0].trunks == ("second",)


def test_what_the_caller_did_comes_when_it_came() -> None:
    """The caller gave up after 15 s; with a mailbox after 8 s they would have reached it."""
    made = document()
    change(made, "agents", "a", app_first=True, ring_timeout_s=30, call_forward_number=None)
    call = call_of(made, scenario(events=[{"at_s": 15, "do": "caller_hangup"}]))
    assert call.outcome == "abandoned"
    walk = replay(compile_document(change(made, "agents", "a", ring_timeout_s=8)), call)
    assert walk.d.final is not None
    assert (walk.d.final.type, walk.whole) == ("voicemail", True)


def test_a_queue_that_waits_on_is_not_invented() -> None:
    made = company()
    made["numbers"][1]["destination"] = {"type": "department", "id": "waiting"}
    played = scenario({"to": DEPARTMENT}, state={"in_call": ["a", "b", "c"], "sessions": ["b"]})
    call = call_of(made, played)
    made["departments"][1]["queue"]["timeout_s"] = 90
    walk = replay(compile_document(made), call)
    assert not walk.whole
    assert "was not recorded" in walk.stopped


def test_a_call_that_an_admin_ended_is_the_same_up_to_there() -> None:
    made = document()
    record = recorded(compile_document(made), scenario(phones={MOBILE: {"answer_after_s": 9}}))
    del record["steps"][1:]
    record.update(final=None, ended_at=record["at"] + 3, legs=record["legs"][:1], nodes=record["nodes"][:1])
    record["nodes"][0]["reason"] = None
    record["legs"][0].update(result="cancelled", end_s=3.0)
    record["caller_id"] = CALLER
    call = read_call(record)
    assert call is not None
    assert decide_again(compile_document(change(made, "agents", "a", app_first=True)), call).result == SAME


def test_nothing_that_changes_makes_a_replay_raise() -> None:
    """Documents and calls that do not belong together still come to a verdict."""
    chance = Random(3)
    others = []
    for _ in range(12):
        made = company()
        for one in made["agents"]:
            one["ring_timeout_s"] = chance.choice([5, 12, 30])
            one["login_based_calling"] = chance.random() < 0.5
            one["app_first"] = chance.random() < 0.5
        for department in made["departments"]:
            department["strategy"] = chance.choice(["order", "simultaneous", "random", "longest_idle", "round_robin"])
        made["numbers"][0]["destination"] = chance.choice(
            [{"type": "ivr", "id": "main"}, {"type": "department", "id": "waiting"}, {"type": "agent", "id": "b"}]
        )
        others.append(compile_document(made))
    own = compile_document(company())
    results = Counter(
        decide_again(other, read_call(recorded(own, a_scenario(chance), "x"))).result
        for other in others
        for _ in range(25)
    )
    assert len(results) == 3, results
    assert NUMBER in own.numbers
