from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import pytest

from routerd.app import frames
from routerd.app.hub import SipHub
from routerd.store.spool import StoreWriter
from routerd.store.sqlite import RecordFilter, Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class FakeSip:
    """A sip process' end of the connection."""

    def __init__(self, path: Path) -> None:
        self.frames: list[Any] = []
        self._changed = asyncio.Event()
        self.link = frames.FrameLink(frames.connect(path), asyncio.get_running_loop(), self._frame, lambda _: None)

    def _frame(self, _link: Any, frame: Any) -> None:
        self.frames.append(frame)
        self._changed.set()

    def hello(self, instance: str, version: int = 0, serving: bool = False) -> None:
        self.link.send(["hello", instance, version, serving, os.getpid()])

    async def until(self, word: str) -> Any:
        async with asyncio.timeout(10):
            while not any(frame[0] == word for frame in self.frames):
                self._changed.clear()
                await self._changed.wait()
        return next(frame for frame in self.frames if frame[0] == word)

    def words(self) -> list[str]:
        return [frame[0] for frame in self.frames]


class Place:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "control"
        self.heard: list[Any] = []
        self.hub = SipHub(self.path, lambda kind, entry: self.heard.append((kind, entry["id"])))
        self.writer = StoreWriter(folder / "store.db", self.hub.kept)


@pytest.fixture
async def place(tmp_path: Path) -> Any:
    made = Place(tmp_path)
    await made.writer.open()
    made.hub.start(made.writer)
    made.hub.publish([b"one", b"two"], 4)
    yield made
    made.hub.stop()
    await made.writer.close()


def start(name: str) -> Any:
    return ["call.start", {"id": name, "account": "acme", "at": 1.0}]


def end(name: str) -> Any:
    return ["call.end", {"id": name, "account": "acme", "at": 1.0, "outcome": "answered"}]


async def test_a_new_process_gets_snapshot_restored_state_and_go_in_this_order(place: Any) -> None:
    binding = {"action": "add", "account": "acme", "extension": "2001", "contact": "sip:a", "expires_at": 4e9}
    session = {"account": "acme", "agent": "asha", "action": "login"}
    await place.writer.run(Store.apply, "old", 1, [("binding", binding), ("session", session)])
    sip = FakeSip(place.path)
    sip.hello("a")
    await sip.until("go")
    assert sip.words() == ["begin", "part", "part", "install", "command", "command", "watch", "go"]
    assert [frame[1] for frame in sip.frames[:4]] == [4, b"one", b"two", 4]
    assert [frame[2] for frame in sip.frames[4:6]] == ["restore_session", "restore_binding"]
    assert sip.frames[5][3] == binding
    sip.link.close()


async def test_one_that_serves_gets_only_what_is_newer(place: Any) -> None:
    sip = FakeSip(place.path)
    sip.hello("a", version=4, serving=True)
    await sip.until("go")
    assert sip.words() == ["watch", "go"]
    assert place.hub.ready
    place.hub.publish([b"three"], 5)
    await sip.until("install")
    assert sip.words() == ["watch", "go", "begin", "part", "install"]
    sip.link.close()


async def test_the_journal_is_acknowledged_and_what_comes_twice_is_kept_once(place: Any) -> None:
    sip = FakeSip(place.path)
    sip.hello("a")
    await sip.until("go")
    sip.link.send(["journal", 1, [start("x"), end("x")]])
    assert (await sip.until("ack")) == ["ack", 2]
    sip.link.close()
    again = FakeSip(place.path)
    again.hello("a", version=4, serving=True)
    again.link.send(["journal", 1, [start("x"), end("x"), start("y")]])
    assert (await again.until("ack")) == ["ack", 3]
    assert place.heard == [("call.start", "x"), ("call.end", "x"), ("call.start", "y")]
    records = await place.writer.run(Store.records, RecordFilter("acme"))
    assert [record["id"] for record in records] == ["x"]
    again.link.close()


async def test_the_calls_of_a_dead_process_are_closed_after_its_last_words(place: Any) -> None:
    first = FakeSip(place.path)
    first.hello("a")
    await first.until("go")
    first.link.send(["journal", 1, [start("x"), start("y")]])
    first.link.send(["journal", 3, [end("x")]])
    first.link.close()  # what it sent is still to be read
    second = FakeSip(place.path)
    second.hello("b")
    await second.until("go")
    async with asyncio.timeout(10):
        while len(records := await place.writer.run(Store.records, RecordFilter("acme"))) < 2:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.02)
    assert {record["id"]: record["outcome"] for record in records} == {"x": "answered", "y": "crashed"}
    second.link.close()


async def test_commands_are_answered_or_given_up(place: Any, monkeypatch: Any) -> None:
    assert await place.hub.command("calls", {}) is None
    sip = FakeSip(place.path)
    sip.hello("a")
    await sip.until("go")
    asked = asyncio.create_task(place.hub.command("calls", {"account": "acme"}))
    _, number, verb, arguments = await sip.until("command")
    assert (verb, arguments) == ("calls", {"account": "acme"})
    sip.link.send(["reply", number, {"calls": []}])
    assert await asked == {"calls": []}
    monkeypatch.setattr("routerd.app.hub.ANSWER_S", 0.05)
    assert await place.hub.command("calls", {}) is None
    sip.link.close()


async def test_counts_come_from_the_process(place: Any) -> None:
    sip = FakeSip(place.path)
    sip.hello("a")
    await sip.until("go")
    asked = asyncio.create_task(place.hub.samples())
    _, number = await sip.until("scrape")
    sip.link.send(["samples", number, [["bans_active", {}, 2.0]]])
    assert await asked == [("bans_active", {}, 2.0)]
    sip.link.close()


async def seen(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0)


async def test_one_that_is_gone_before_its_turn_is_not_taken_for_the_present_one(place: Any) -> None:
    first = FakeSip(place.path)
    first.hello("a")
    await first.until("go")
    hasty = FakeSip(place.path)
    hasty.hello("b")
    await seen(lambda: len(place.hub._instances) == 2)
    hasty.link.close()
    await seen(lambda: len(place.hub._links) == 1)
    first.link.close()
    await seen(lambda: not place.hub._tasks)
    assert place.hub.restarts == 0
    assert await place.hub.command("calls", {}) is None, "at once: there is nobody"


async def test_who_waits_for_a_version_hears_when_the_sip_process_has_it(place: Any) -> None:
    assert not await place.hub.installs(4)  # nobody is there
    sip = FakeSip(place.path)
    sip.hello("a")
    await sip.until("go")
    waiting = asyncio.create_task(place.hub.installs(4))
    other = asyncio.create_task(place.hub.installs(9))
    sip.link.send(["installed", 4])
    assert await waiting
    assert await place.hub.installs(3)
    other.cancel()
