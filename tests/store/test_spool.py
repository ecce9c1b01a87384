from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import structlog

from routerd.errors import StoreError
from routerd.store import spool
from routerd.store.spool import StoreWriter
from routerd.store.sqlite import RecordFilter, Store

if TYPE_CHECKING:
    from pathlib import Path


def end(name: str) -> Any:
    return "call.end", {"id": name, "account": "acme", "at": 1.0}


class Kept:
    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}
        self.changed = asyncio.Event()

    def __call__(self, process: str, number: int) -> None:
        self.numbers[process] = number
        self.changed.set()


@pytest.fixture
async def writer(tmp_path: Path, monkeypatch: Any) -> Any:
    monkeypatch.setattr(spool, "GATHER_S", 0.005)
    monkeypatch.setattr(spool, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(spool, "LONGEST_PAUSE_S", 0.02)
    made = StoreWriter(tmp_path / "store.db", Kept(), spool_entries=100)
    await made.open()
    yield made
    await made.close()


def broken(monkeypatch: Any) -> None:
    def refuse(*_: Any) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(Store, "apply", refuse)


async def test_what_is_put_is_written_and_acknowledged(writer: StoreWriter) -> None:
    writer.put("p", 1, [end("a"), end("b")])
    writer.put("p", 3, [end("c")])
    await asyncio.wait_for(writer.settled(), 5)
    assert writer._on_kept.numbers == {"p": 3}  # type: ignore[attr-defined]
    assert len(await writer.run(Store.records, RecordFilter("acme"))) == 3
    assert writer.queued == 0


async def test_an_unwritable_store_keeps_records_waiting_and_says_so_once(
    writer: StoreWriter, monkeypatch: Any
) -> None:
    with structlog.testing.capture_logs() as lines:
        with monkeypatch.context() as patched:
            broken(patched)
            writer.put("p", 1, [end("a")])
            async with asyncio.timeout(5):
                while not writer.failing:  # noqa: ASYNC110 - looked at from outside
                    await asyncio.sleep(0.005)
            writer.put("p", 2, [end("b")])
            await asyncio.sleep(0.05)
            assert writer.queued == 2
        await asyncio.wait_for(writer.settled(), 5)
    assert not writer.failing
    found = await writer.run(Store.records, RecordFilter("acme"))
    assert [record["id"] for record in found] == ["a", "b"]
    assert [line["event"] for line in lines] == [
        "store unwritable: records wait in memory", "store writable again",
    ]  # fmt: skip


async def test_the_spool_is_bounded_and_the_oldest_go(writer: StoreWriter, monkeypatch: Any) -> None:
    with monkeypatch.context() as patched:
        broken(patched)
        for number in range(30):
            writer.put("p", 1 + number * 10, [end(str(number * 10 + n)) for n in range(10)])
        assert writer.queued <= 100
        assert writer.lost == 200
    await asyncio.wait_for(writer.settled(), 5)
    found = await writer.run(Store.records, RecordFilter("acme", limit=1000))
    assert len(found) == 100
    assert max(int(record["id"]) for record in found) == 299


async def test_closing_writes_what_waits(tmp_path: Path) -> None:
    made = StoreWriter(tmp_path / "other.db", Kept())
    await made.open()
    made.put("p", 1, [end("a")])
    await made.close()
    store = Store(tmp_path / "other.db")
    assert store.position("p") == 1
    store.close()


async def test_a_store_that_cannot_be_opened_raises(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        await StoreWriter(tmp_path / "no folder" / "store.db", Kept()).open()
