"""Calls of the real switch in virtual time: its records decide the same again, exactly, and can be told."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from rules_kit.player import compile_document
from rules_kit.recorder import a_scenario, company
from rules_kit.seeded import a_call

from routerd.cli.simulate import stage_of, tables_of
from routerd.rules.explanation import explain, timeline, to_json
from routerd.rules.recorded import read_call
from routerd.rules.replay import replay, rerun
from routerd.rules.verdict import SAME, Verdict, decide_again
from routerd.simulation.play import Play, Stage
from routerd.simulation.scenario import read
from routerd.simulation.storm import STORMY, Storm

if TYPE_CHECKING:
    from routerd.rules.tables import AccountTables

pack = msgspec.msgpack.encode
ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("ROUTERD_SHARED", ROOT.parent / "shared")) / "vectors"


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


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no shared folder: set ROUTERD_SHARED")
def test_calls_of_the_vectors_are_decided_the_same_again() -> None:
    stages: dict[str, Stage] = {}
    count = 0
    for case in [case for file in sorted(FOLDER.glob("*.json")) for case in json.loads(file.read_text())]:
        text = json.dumps(case["document"])
        stage = stages.setdefault(text, stages.get(text) or stage_of(text.encode()))
        play = Play(stage, read(json.dumps(case["scenario"]).encode()))
        play.run()
        for record in msgspec.msgpack.decode(pack(play.world.records())):
            call = read_call(record)
            assert call is not None
            assert pack(rerun(stage.tables, call).trace) == pack(record["trace"])
            assert decide_again(stage.tables, call).result == SAME, case["id"]
            count += 1
    assert count > 50


def test_calls_of_stormy_worlds_are_decided_the_same_again() -> None:
    """Transfers, redirects, people who hang up at any moment, lost and late packets."""
    kinds: Counter[str] = Counter()
    for seed in range(1, 26):
        compiled: list[AccountTables] = []

        def compile_it(text: bytes, into: list[AccountTables] = compiled) -> AccountTables:
            into.append(tables_of(text))
            return into[-1]

        storm = Storm(seed, compile_it, STORMY)
        storm.run()
        for record in msgspec.msgpack.decode(pack(storm.world.records())):
            call = read_call(record)
            assert call is not None
            assert pack(rerun(compiled[0], call).trace) == pack(record["trace"])
            verdict = decide_again(compiled[0], call)
            assert verdict == Verdict(SAME), (seed, record["id"], verdict)
            kinds[record["kind"]] += 1
    assert set(kinds) >= {"inbound", "softphone", "click_to_call", "transfer"}, kinds
