from __future__ import annotations

import gc

import pytest

from routerd.edge import memory
from routerd.edge.memory import EVERY_S, TIMES, Trimmer


class Watch:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.trims = 0
        self.collections = 0
        monkeypatch.setattr(memory.clock, "monotonic", lambda: self.now)
        monkeypatch.setattr(memory, "_trim", self.trim)
        monkeypatch.setattr(gc, "collect", self.collect)

    def trim(self, _pad: int) -> int:
        self.trims += 1
        return 1

    def collect(self) -> int:
        self.collections += 1
        return 0


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_nothing_is_done_without_work(watch: Watch) -> None:
    trimmer = Trimmer(10)
    watch.now += 1000
    assert not trimmer.quiet(9)
    assert watch.trims == 0


def test_after_work_a_few_times_and_not_more(watch: Watch) -> None:
    trimmer = Trimmer(10)
    for _ in range(3 * TIMES):
        watch.now += EVERY_S
        trimmer.quiet(10)
        trimmer.quiet(10)
    assert watch.trims == watch.collections == TIMES


def test_a_collection_that_took_long_is_not_done_again(watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow() -> int:
        watch.now += 0.1
        return watch.collect()

    monkeypatch.setattr(gc, "collect", slow)
    trimmer = Trimmer(10)
    for _ in range(4):
        watch.now += EVERY_S
        assert trimmer.quiet(10)
    assert (watch.trims, watch.collections) == (4, 1)


def test_the_c_library_of_this_machine_takes_it() -> None:
    trimmer = Trimmer(0)
    trimmer._at_s -= EVERY_S
    assert trimmer.quiet(0)
