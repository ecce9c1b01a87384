from __future__ import annotations

from typing import Any

import pytest
from rules_kit.builders import change, document, scenario
from rules_kit.player import compile_document
from rules_kit.recorder import recorded

from routerd.rules import plan
from routerd.rules.decision import Target
from routerd.rules.recorded import EVENTS, read_call, read_trace
from routerd.rules.tables import ForwardDigits


def a_record() -> dict[str, Any]:
    made = change(document(), "agents", "a", call_forward_digits={"digits": "1", "after_s": 2})
    return recorded(compile_document(made), scenario(phones={"extension:2001": {"answer_after_s": 4}}))


def test_a_record_comes_back_with_its_types() -> None:
    call = read_call(a_record())
    assert call is not None
    assert (call.attempt.kind, call.attempt.dialled, call.version) == ("inbound", "+918069651170", 1)
    assert call.steps[0].event is None
    assert plan.LegAnswered(0) in [step.event for step in call.steps]
    leg = call.legs[0]
    assert (leg.target, leg.result, leg.end) == ("extension:2001", "answered", call.attempt.at + 4)
    assert [(node.type, node.id, node.at) for node in call.nodes] == [("agent", "a", call.attempt.at)]
    assert call.final is not None
    assert call.final.at == call.attempt.at + 4


def test_targets_of_ring_plans_are_targets_again() -> None:
    trace = read_trace(a_record()["trace"])
    agent = next(entry for entry in trace if entry[0] == "agent")
    stages = agent[2][3]
    assert Target("number", "+919000000001", ForwardDigits(digits="1", after_s=2)) in [t for s in stages for t in s]
    assert isinstance(stages, tuple)
    assert read_trace(trace) == trace


@pytest.mark.parametrize("broken", ["attempt", "steps", "nodes", "legs", "ended_at", "outcome"])
def test_what_is_no_decision_is_none(broken: str) -> None:
    record = a_record()
    del record[broken]
    assert read_call(record) is None


def test_foreign_forms_are_none() -> None:
    for name, value in (("steps", []), ("steps", [{"at": 1, "event": ["Digit", ["1"]], "reads": {}}]), ("attempt", 3),
                        ("steps", [{"at": 1, "event": None, "reads": {}}, {"at": 1, "event": ["X", []], "reads": {}}]),
                        ("trace", [1])):  # fmt: skip
        assert read_call({**a_record(), name: value}) is None


def test_every_event_of_the_language_can_be_read() -> None:
    assert {"LegAnswered", "TimerFired", "CallerGone", "AgentFreed", "Digit"} < set(EVENTS)
