"""The vectors once more, in real time and over sockets: the stored record says what ``simulate`` says.

Every vector has a switch of its own with the edge's driver and socket, and phones and trunks with sockets of their own
on loopback; what the switch journals goes through the outbox of a sip process and a connection into one store, all at
once in one event loop. Phones register with their digest. All vectors run side by side, in the time of the longest.

What is changed, for both sides alike: addresses get 127 for their first octet (203.0.113.7 is 127.0.113.7 here), and
a call that would last longer than ``MOST_S`` is given up by its caller after 5 s.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import uvloop
from live_kit.play import LivePlay, play_live
from live_kit.world import Kept

from routerd.cli.simulate import tables_of
from routerd.simulation.play import Play, Stage
from routerd.simulation.scenario import Scenario, read
from routerd.store.reading import StoreReader

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("ROUTERD_SHARED", ROOT.parent / "shared")) / "vectors"
SUBJECTS = "BDGINOST"
MOST_S = 75.0
BEGIN_S, APART_S = 8.0, 0.1  # the first call's beginning, and between two: phones register before
TOLERANCE_S = 0.35
ADDRESS = re.compile(r"\b\d{1,3}((?:\.\d{1,3}){3})\b")
COMPARED = ("outcome", "reason", "answered_by", "sip_status", "q850", "caller_id", "legs", "nodes", "final", "trace")


def cases() -> list[dict[str, Any]]:
    return [case for file in sorted(FOLDER.glob("*.json")) for case in json.loads(file.read_text())]


def on_loopback(value: Any) -> Any:
    return json.loads(ADDRESS.sub(r"127\1", json.dumps(value)))


def plain(result: dict[str, Any]) -> Any:
    return json.loads(msgspec.json.encode(result))


class Run:
    """One vector: what simulate says, and what was stored."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.id: str = case["id"]
        self.tables = tables_of(json.dumps(on_loopback(case["document"])).encode())
        self.scenario = self._read(on_loopback(case["scenario"]))
        self.simulated, length_s = self._simulate()
        if length_s > MOST_S:
            events = [*case["scenario"].get("events", []), {"at_s": 5, "do": "caller_hangup"}]
            self.scenario = self._read(on_loopback({**case["scenario"], "events": events}))
            self.simulated, length_s = self._simulate()
        assert length_s <= MOST_S
        self.length_s = length_s
        self.played: LivePlay | None = None
        self.stored: list[dict[str, Any]] = []

    def _read(self, scenario: dict[str, Any]) -> Scenario:
        return read(json.dumps(scenario).encode())

    def _simulate(self) -> tuple[dict[str, Any], float]:
        play = Play(Stage(self.tables), self.scenario)
        result = plain(play.run())
        self.records = len(play.world.records())
        return result, play.world.now

    async def live(self, kept: Kept, begin_s: float) -> None:
        self.played = await play_live(self.id, self.tables, self.scenario, kept, begin_s)

    def read_back(self, store: StoreReader) -> dict[str, Any]:
        """Make a result of what the store holds; a refusal before there is a call is no record on either side."""
        assert self.played is not None
        world = self.played.world
        ids = {entry.entry["id"] for entry in world.journal if entry.kind.startswith("call.")}
        self.stored = [record for name in ids for record in store.find(name)]
        assert len(self.stored) == len(ids), "not one record each"
        world.stored = self.stored
        return plain(self.played.result())


class Night:
    """All runs, played; ``errors`` is what the event loop had to complain about."""

    def __init__(self, folder: Path) -> None:
        self.runs = {case["id"]: Run(case) for case in cases()}
        self.results: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []
        self.failures: dict[str, BaseException] = {}
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._play(folder / "live.db"))
        with StoreReader(folder / "live.db") as store:
            self.count = store.count("acme", 0.0)
            for name, run in self.runs.items():
                if name not in self.failures:
                    self.results[name] = run.read_back(store)

    async def _play(self, path: Path) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: self.errors.append(str(context)))
        kept = Kept(path)
        await kept.writer.open()
        runs = sorted(self.runs.values(), key=lambda run: -run.length_s)
        done = await asyncio.gather(
            *(run.live(kept, BEGIN_S + number * APART_S) for number, run in enumerate(runs)), return_exceptions=True
        )
        self.failures = {
            run.id: found for run, found in zip(runs, done, strict=True) if isinstance(found, BaseException)
        }
        await kept.writer.close()


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Night:
    return Night(tmp_path_factory.mktemp("live"))


def differences(simulated: Any, stored: Any, where: str = "") -> list[str]:
    """What is not the same; times (``_s``, and a trace's instants) may differ by what a machine and its wires take."""
    if isinstance(simulated, dict) and isinstance(stored, dict):
        keys = simulated.keys() | stored.keys()
        pairs = [(key, simulated.get(key), stored.get(key)) for key in sorted(keys)]
        return [found for key, one, other in pairs for found in differences(one, other, f"{where}/{key}")]
    if isinstance(simulated, list) and isinstance(stored, list) and len(simulated) == len(stored):
        pairs = enumerate(zip(simulated, stored, strict=True))
        return [found for number, (one, other) in pairs for found in differences(one, other, f"{where}/{number}")]
    timed = where.endswith("_s") or isinstance(simulated, float)
    if timed and isinstance(simulated, int | float) and isinstance(stored, int | float):
        return [] if abs(simulated - stored) <= TOLERANCE_S else [f"{where}: {simulated} simulated, {stored} stored"]
    return [] if simulated == stored else [f"{where}: {simulated!r} simulated, {stored!r} stored"]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no shared folder: set ROUTERD_SHARED")
@pytest.mark.parametrize("name", [case["id"] for case in cases()])
def test_the_stored_record_says_what_simulate_says(night: Night, name: str) -> None:
    run = night.runs[name]
    assert name not in night.failures, night.failures[name]
    found = {key: value for key, value in night.results[name].items() if key in COMPARED}
    assert differences({key: run.simulated[key] for key in COMPARED}, found) == []
    assert len(run.stored) == run.records
    assert not [note for note in run.played.world.notes if note[0] == "exception"]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no shared folder: set ROUTERD_SHARED")
def test_there_are_enough_of_every_subject_and_bytes_went_over_sockets(night: Night) -> None:
    assert night.errors == []
    assert len(night.results) >= 40
    assert night.count == sum(run.records for run in night.runs.values()) >= 40
    assert {name[0] for name in night.results} == set(SUBJECTS)
    for run in night.runs.values():
        assert run.played is not None
        network = run.played.world.network
        assert min(network.sent, network.received) >= 2, run.id


def test_a_difference_is_seen() -> None:
    assert differences({"legs": [{"end_s": 3, "result": "busy"}]}, {"legs": [{"end_s": 3.2, "result": "busy"}]}) == []
    assert differences({"legs": [{"end_s": 3}]}, {"legs": [{"end_s": 3.4}]}) == [
        "/legs/0/end_s: 3 simulated, 3.4 stored"
    ]
    assert differences({"trace": [1.0e9]}, {"trace": [1.0e9 + 1]})
    assert differences({"end_s": None}, {"end_s": 1})
    assert differences({"final": None}, {"final": {"type": "agent"}})
    assert differences({"legs": []}, {"legs": [{}]})
    assert differences({"sip_status": 200}, {"sip_status": 480})
    assert differences({"reason": None}, {"reason": "busy"})
