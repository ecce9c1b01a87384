from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from routerd.b2bua.effects import Journal
from routerd.edge.metrics import Counters
from routerd.edge.records import BATCH_ENTRIES, Outbox


class FakeLink:
    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.backlog_bytes = 0

    def send(self, frame: list[Any]) -> None:
        self.frames.append(msgspec.msgpack.decode(msgspec.msgpack.encode(frame)))

    def numbers(self) -> list[tuple[int, str]]:
        return [(first + n, entry["id"]) for _, first, batch in self.frames for n, (_, entry) in enumerate(batch)]


def entry(name: str, urgent: bool = False) -> Journal:
    return Journal("call.start", {"id": name}, urgent)


def outbox(**options: Any) -> Outbox:
    return Outbox(asyncio.get_running_loop(), Counters(), **options)


async def test_an_urgent_entry_leaves_at_once_with_all_before_it() -> None:
    box, link = outbox(), FakeLink()
    box.attach(link)
    box.write(entry("a"))
    assert link.frames == []
    box.write(entry("b", urgent=True))
    assert link.numbers() == [(1, "a"), (2, "b")]


async def test_others_leave_together_soon() -> None:
    box, link = outbox(), FakeLink()
    box.attach(link)
    for name in "abc":
        box.write(entry(name))
    async with asyncio.timeout(5):
        while not link.frames:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.005)
    assert len(link.frames) == 1
    assert link.numbers() == [(1, "a"), (2, "b"), (3, "c")]


async def test_what_was_not_acknowledged_is_sent_again_under_its_number() -> None:
    box, link = outbox(), FakeLink()
    box.attach(link)
    for name in "abcd":
        box.write(entry(name, urgent=True))
    box.acknowledge(2)
    assert len(box) == 2
    box.detach()
    box.write(entry("e", urgent=True))
    again = FakeLink()
    box.attach(again)
    assert again.numbers() == [(3, "c"), (4, "d"), (5, "e")]
    box.acknowledge(4)
    box.acknowledge(4)
    assert len(box) == 1
    box.acknowledge(5)
    await asyncio.wait_for(box.empty(), 1)


async def test_the_spool_is_bounded_and_counts_what_it_loses() -> None:
    counters = Counters()
    box = Outbox(asyncio.get_running_loop(), counters, spool_entries=3)
    for name in "abcde":
        box.write(entry(name))
    link = FakeLink()
    box.attach(link)
    assert link.numbers() == [(3, "c"), (4, "d"), (5, "e")]
    assert counters.records_lost == 2


async def test_who_does_not_read_gets_no_more_and_all_when_he_does() -> None:
    box, link = outbox(), FakeLink()
    link.backlog_bytes = 1 << 30
    box.attach(link)
    for number in range(BATCH_ENTRIES + 10):
        box.write(entry(str(number), urgent=True))
    assert link.frames == []
    link.backlog_bytes = 0
    box.flush()
    assert [len(batch) for _, _, batch in link.frames] == [BATCH_ENTRIES, 10]
