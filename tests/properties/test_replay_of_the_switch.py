"""Calls of the real switch in virtual time: its records decide the same again, exactly, and can be told."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import msgspec
from rules_kit.player import compile_document
from rules_kit.recorder import a_scenario, company
from rules_kit.seeded import a_call

from routerd.rules.explanation import explain, timeline, to_json
from routerd.rules.recorded import read_call
from routerd.rules.replay import replay, rerun
from routerd.rules.verdict import SAME, Verdict, decide_again
from routerd.simulation.play import Play, Stage
from routerd.simulation.scenario import read

pack = msgspec.msgpack.encode


def played(stage: Stage, scenario: dict[str, Any]) -> list[dict[str, Any]]:
    """The records of a scenario, as the store gives them back."""
    call = dict(scenario["call"])
    if call["kind"] == "click_to_call":
        call.pop("trunk", None)
        call.pop("from", None)
    if call["kind"] == "softphone":
        call.pop("trunk", None)
    text = msgspec.json.encode({**scenario, "call": call})
    play = Play(stage, read(text))
    play.run()
    found: list[dict[str, Any]] = msgspec.msgpack.decode(pack(play.world.records()))
    return found


def test_the_switch_decides_its_recorded_calls_the_same_again() -> None:
    stage = Stage(compile_document(company()))
    chance = Random(5)
    outcomes: Counter[str] = Counter()
    for number in range(150):
        for record in played(stage, a_scenario(chance) if number % 2 else a_call(chance)):
            call = read_call(record)
            assert call is not None, record
            assert pack(rerun(stage.tables, call).trace) == pack(record["trace"])
            walk = replay(stage.tables, call)
            assert pack(walk.d.trace) == pack(record["trace"]), (number, walk.stopped)
            assert decide_again(stage.tables, call) == Verdict(SAME), number
            assert explain(record)
            assert timeline(record)
            msgspec.json.encode(to_json(record))
            outcomes[str(record["outcome"])] += 1
    assert len(outcomes) >= 5, outcomes
    assert sum(outcomes.values()) >= 140
