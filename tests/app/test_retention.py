from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.app.retention import DAY_S, Retention
from routerd.app.setup import RetentionSetup
from routerd.store.queries import RecordFilter
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


class Writer:
    """A store without a thread."""

    def __init__(self, path: Path) -> None:
        self.store = Store(path)
        self.asked: list[Any] = []

    async def run(self, query: Any, *arguments: Any) -> Any:
        return query(self.store, *arguments)

    async def settled(self) -> None:
        return

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
        self.asked.append((verb, arguments["id"]))
        self.store.execute("UPDATE messages SET deleted = 1 WHERE id = ?", arguments["id"])
        return {"ok": True}


@pytest.fixture
def writer(tmp_path: Path) -> Any:
    made = Writer(tmp_path / "store.db")
    made.store.events.watch(live=True)
    (tmp_path / "old.wav").write_bytes(b"voice")
    entries: list[Any] = []
    for name, at in (("old", 1 * DAY_S), ("new", 9 * DAY_S)):
        recording = {"file": str(tmp_path / f"{name}.wav")}
        entries += [
            ("call.start", {"id": name, "account": "acme", "at": at}),
            ("call.end", {"id": name, "account": "acme", "at": at, "ended_at": at, "recording": recording}),
            ("voicemail.message", {"account": "acme", "voicemail": "v", "id": name, "at": at, "file": "/m"}),
        ]
    made.store.apply("p", 1, entries)
    yield made
    made.store.close()


def sweeping(writer: Any, **days: int) -> Retention:
    return Retention(writer, RetentionSetup(**days), writer.command, pause_s=0.0)


async def test_what_is_old_goes_with_its_files(writer: Any, tmp_path: Path) -> None:
    retention = sweeping(writer, records_days=5, messages_days=5, events_days=5)
    await retention.sweep(10 * DAY_S)
    assert [record["id"] for record in writer.store.records(RecordFilter("acme"))] == ["new"]
    assert not (tmp_path / "old.wav").exists()
    assert writer.asked == [("voicemail_delete", "old")]
    assert {event.call for event in writer.store.events.after(0, 99)} == {"new", ""}
    assert (retention.deleted["records"], retention.deleted["recordings"], retention.deleted["events"]) == (1, 1, 4)


async def test_recordings_go_before_their_records(writer: Any, tmp_path: Path) -> None:
    await sweeping(writer, recordings_days=5).sweep(10 * DAY_S)
    assert not (tmp_path / "old.wav").exists()
    assert len(writer.store.records(RecordFilter("acme"))) == 2
    assert writer.asked == []


async def test_without_days_all_stays(writer: Any, tmp_path: Path) -> None:
    await sweeping(writer, events_days=50).sweep(10 * DAY_S)
    assert (tmp_path / "old.wav").exists()
    assert len(writer.store.events.after(0, 99)) == 8
