from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from routerd.app import events
from routerd.app.events import EventFeed
from routerd.store.outbox import Wanted
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


class Writer:
    """The store's thread."""

    def __init__(self, path: Path) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.store = self.thread.submit(Store, path).result()

    async def run(self, query: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.thread, query, self.store, *arguments)

    async def calls(self, feed: EventFeed, *names: str) -> None:
        """Calls begin."""
        for name in names:
            entry = ("call.start", {"id": name, "account": name[0] * 4, "at": 5.0})
            await self.run(lambda store, entry=entry: store.apply("p", store.position("p") + 1, [entry]))
        feed.look()


@pytest.fixture
async def writer(tmp_path: Path) -> AsyncIterator[Writer]:
    made = Writer(tmp_path / "store.db")
    yield made
    await made.run(Store.close)
    made.thread.shutdown()


async def taken(stream: Any, count: int) -> list[str]:
    async with asyncio.timeout(10):
        return [event.call for event in [await anext(stream) for _ in range(count)] if event is not None]


async def test_a_watcher_comes_back_and_gets_the_rest(writer: Writer) -> None:
    told: list[bool] = []
    feed = EventFeed(writer, told.append)  # type: ignore[arg-type]
    await feed.start()
    with feed.watching():
        stream = feed.follow(Wanted(), None, 60.0)
        waiting = asyncio.ensure_future(taken(stream, 2))
        await asyncio.sleep(0)
        await writer.calls(feed, "a1", "b1")
        assert await waiting == ["a1", "b1"]
    await writer.calls(feed, "a2", "b2", "a3")
    with feed.watching():
        assert await taken(feed.follow(Wanted(), 2, 60.0), 3) == ["a2", "b2", "a3"]
        assert await taken(feed.follow(Wanted("aaaa"), 0, 60.0), 3) == ["a1", "a2", "a3"]
        assert await taken(feed.follow(Wanted(call="b2"), 0, 60.0), 1) == ["b2"]
    assert told == [False, True]
    assert await feed.oldest() == 1
    feed.stop()


async def test_what_the_ring_has_lost_comes_from_the_store(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "RING_EVENTS", 3)
    monkeypatch.setattr(events, "PAGE_EVENTS", 2)
    feed = EventFeed(writer, lambda _: None)  # type: ignore[arg-type]
    await feed.start()
    with feed.watching():
        stream = feed.follow(Wanted(), None, 60.0)
        waiting = asyncio.ensure_future(taken(stream, 9))
        await asyncio.sleep(0)
        names = [f"a{number}" for number in range(9)]
        await writer.calls(feed, *names)
        assert await waiting == names
        assert await taken(feed.follow(Wanted(), 0, 60.0), 9) == names
        assert await taken(feed.follow(Wanted(), 7, 60.0), 2) == names[7:]
    feed.stop()


async def test_silence_is_told(writer: Writer) -> None:
    feed = EventFeed(writer, lambda _: None)  # type: ignore[arg-type]
    await feed.start()
    with feed.watching():
        async with asyncio.timeout(10):
            assert await anext(feed.follow(Wanted(), 99, 0.01)) is None
    feed.stop()


async def test_events_are_kept_for_a_while_for_who_may_come_back(writer: Writer) -> None:
    told: list[bool] = []
    feed = EventFeed(writer, told.append, linger_s=0.2)  # type: ignore[arg-type]
    await feed.start()
    with feed.watching():
        assert feed.watchers == 1
        await feed.oldest()
    await writer.calls(feed, "a1")
    async with asyncio.timeout(10):
        while told[-1]:
            await feed.oldest()
    await feed.oldest()
    await writer.calls(feed, "a2")
    assert told == [False, True, False]
    found = await writer.run(lambda store: [event.call for event in store.events.after(0, 9)])
    assert found == ["a1"]
    feed.stop()


async def test_a_new_process_goes_on_for_watchers_of_the_old(writer: Writer) -> None:
    await writer.run(lambda store: store.events.watch(live=True))
    await writer.run(lambda store: store.events.add("aaaa", "trunk.up", 2e9, {}))
    told: list[bool] = []
    feed = EventFeed(writer, told.append)  # type: ignore[arg-type]
    await feed.start()
    assert told[-1]
    await feed.emit("aaaa", "document.applied", 2e9, {"version": 7})
    with feed.watching():
        async with asyncio.timeout(10):
            stream = feed.follow(Wanted(), 0, 60.0)
            assert [(await anext(stream)).event for _ in range(2)] == ["trunk.up", "document.applied"]  # type: ignore[union-attr]
    feed.stop()


async def test_watchers_are_bounded(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "MOST_WATCHERS", 1)
    feed = EventFeed(writer, lambda _: None)  # type: ignore[arg-type]
    await feed.start()
    with feed.watching(), pytest.raises(OverflowError), feed.watching():
        pass
    assert feed.watchers == 0
    feed.stop()
