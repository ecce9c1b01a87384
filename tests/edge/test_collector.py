from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from routerd.edge import collector as module
from routerd.edge.collector import Collector


class Cycle:
    def __init__(self) -> None:
        self.me = self


@pytest.fixture
def collecting() -> Any:
    yield
    gc.enable()
    gc.unfreeze()


@pytest.mark.usefixtures("collecting")
async def test_nothing_is_collected_by_itself_and_cycles_go_in_quiet(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "YOUNG_OBJECTS_IDLE", 50)
    lags: list[float] = []
    collector = Collector(asyncio.get_running_loop(), lambda: 0, lags.append)
    collector.start()
    assert not gc.isenabled()
    assert gc.get_freeze_count() > 0
    held = [Cycle() for _ in range(300)]
    held.clear()
    assert sum(isinstance(each, Cycle) for each in gc.get_objects()) == 300
    collector.look()
    assert not any(isinstance(each, Cycle) for each in gc.get_objects())
    assert collector.collections == 1
    assert len(lags) == 1
    collector.stop()
    assert gc.isenabled()


@pytest.mark.usefixtures("collecting")
async def test_a_busy_loop_collects_only_when_much_is_young(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "YOUNG_OBJECTS", 400)
    messages = iter(range(1000, 10_000, 1000))
    collector = Collector(asyncio.get_running_loop(), lambda: next(messages), lambda _: None)
    collector.start()
    held = [Cycle() for _ in range(100)]
    collector.look()
    assert collector.collections == 0
    held += [Cycle() for _ in range(600)]
    collector.look()
    assert collector.collections == 1
    collector.stop()
