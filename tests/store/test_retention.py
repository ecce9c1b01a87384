from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.store import retention
from routerd.store.outbox import Webhook
from routerd.store.queries import RecordFilter
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.close()


def record(name: str, at: float, **facts: Any) -> tuple[str, dict[str, Any]]:
    nodes = [{"type": "department", "id": "support"}]
    return "call.end", {"id": name, "account": "acme", "at": at, "legs": [{"agent": "asha"}], "nodes": nodes, **facts}


def test_old_records_go_with_all_that_leads_to_them(store: Store) -> None:
    kept = {"recording": {"file": "/r/b.wav"}}
    store.apply("p", 1, [record("a", 1.0), record("b", 2.0, **kept), record("c", 3.0), record("d", 50.0)])
    assert retention.forget_records(store, 10.0, 1) == 1
    assert retention.forget_records(store, 10.0) == 1
    assert retention.forget_records(store, 10.0) == 0
    for wanted in ({}, {"agent": "asha"}, {"department": "support"}):
        assert [one["id"] for one in store.records(RecordFilter("acme", **wanted))] == ["d", "b"]
    for table in ("record_agents", "record_places"):
        assert len(store.rows(f"SELECT * FROM {table}")) == 2


def test_a_record_waits_for_its_recording(store: Store) -> None:
    store.apply("p", 1, [record("a", 1.0, recording={"file": "/r/a.wav"})])
    assert retention.recording_of(store, "acme", "a") == "/r/a.wav"
    assert not retention.recording_of(store, "beta", "a")
    assert retention.old_recordings(store, 0.5) == []
    assert retention.old_recordings(store, 10.0) == [("a", "/r/a.wav")]
    retention.forget_recording(store, "a")
    assert not retention.recording_of(store, "acme", "a")
    assert retention.forget_records(store, 10.0) == 1


def test_old_messages_are_found(store: Store) -> None:
    entry = {"account": "acme", "voicemail": "general", "file": "/m.wav"}
    store.apply("p", 1, [("voicemail.message", {**entry, "id": f"m{at}", "at": float(at)}) for at in (1, 2, 30)])
    assert retention.old_messages(store, 10.0) == [("acme", "general", "m1"), ("acme", "general", "m2")]
    assert len(retention.old_messages(store, 10.0, 1)) == 1


def test_old_events_go_even_when_they_were_never_told(store: Store) -> None:
    with store.transaction():
        store.events.put_webhook(Webhook("wh", "acme", "https://x.example/", "", (), 0.0))
    store.apply(
        "p", 1, [("call.start", {"id": name, "account": "acme", "at": at}) for name, at in (("a", 1.0), ("b", 20.0))]
    )
    assert retention.forget_events(store, 10.0) == 1
    assert retention.forget_events(store, 10.0) == 0
    assert [event.call for event in store.events.after(0, 9)] == ["b"]
    assert store.events.counts()["wh"][0] == 1


def test_a_recording_goes_with_its_parts_and_no_other(tmp_path: Path) -> None:
    names = ("0-ab.wav", "0-ab-2.wav", "0-ab-3.wav.part", "0-ab-2-3.wav", "0-abc.wav", "0-ab.txt", "0-ab-x.wav")
    for name in names:
        (tmp_path / name).write_bytes(b"")
    retention.delete_files(str(tmp_path / "0-ab.wav"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0-ab-2-3.wav", "0-ab-x.wav", "0-ab.txt", "0-abc.wav"]
    retention.delete_files(str(tmp_path / "0-ab.wav.part"))
    retention.delete_files(str(tmp_path / "nowhere" / "x.wav"))
