"""Every older form of the store, made by its own steps with a row of each kind it knew, is whole in today's."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from routerd.errors import StoreError
from routerd.store import audit, dispositions, idempotency, messages, retention, tokens, versions, webhooks
from routerd.store.entries import pack_record
from routerd.store.migration import migrate
from routerd.store.queries import RecordFilter
from routerd.store.reading import StoreReader
from routerd.store.schema import STEPS
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path

pack = msgspec.msgpack.encode
RECORD = {
    "id": "c1", "account": "acme", "at": 5.0, "kind": "inbound", "from": "+911", "to": "+922", "trunk": "pstn",
    "outcome": "answered", "reason": "none", "duration_s": 12.5, "legs": [{"agent": "asha"}],
    "nodes": [{"type": "department", "id": "support"}, {"type": "agent", "id": "ravi"}],
}  # fmt: skip
CONTACT = "sip:2001@192.0.2.1"
BINDING = {"account": "acme", "extension": "2001", "contact": CONTACT, "expires_at": 1e9}
SESSION = {"account": "acme", "agent": "asha", "on_break": False, "logged_in": True}
AFFINITY = {"account": "acme", "caller": "+911", "agent": "asha", "at": 5.0}
START = {"id": "c2", "account": "acme", "at": 6.0}
EVENT = pack({"state": "up"})
# What each step's tables were given by the version that had no later step: one row of every kind.
ROWS: tuple[tuple[tuple[str, tuple[Any, ...]], ...], ...] = (
    (
        ("documents (account, version, at, source, digest, text)", ("acme", 1, 1.0, "a.yaml", "d1", b"schema: 1")),
        ("documents (account, version, at, source, digest, text)", ("acme", 2, 2.0, "a.yaml", "d2", b"schema: 1 #")),
        ("bindings", ("acme", "2001", CONTACT, 1e9, pack(BINDING))),
        ("sessions", ("acme", "asha", pack(SESSION))),
        ("starts", ("c2", "p", "acme", 6.0, pack(START))),
        ("records (id, account, at, kind, caller, callee, trunk, outcome, reason, entry)",
         ("c1", "acme", 5.0, "inbound", "+911", "+922", "pstn", "answered", "none", pack_record(RECORD))),
        ("affinity", ("acme", "+911", "asha", "", "", 5.0, pack(AFFINITY))),
        ("used", ("acme", "+922", "2026-11-23", 3)),
        ("positions", ("p", 7)),
    ),
    (("record_agents", ("acme", "asha", 5.0, "c1")), ("record_agents", ("acme", "ravi", 5.0, "c1"))),
    (
        ("tokens", ("t1", "wallboard", b"digest", "read", "acme", 1.0, None, None)),
        ("audit (account, at, entry)", ("acme", 3.0, pack(audit.AuditEntry(3.0, "me", "t1", "::1", "PUT", 200)))),
        ("idempotency", ("t1", "key", 4.0, b"r", "p", 202, pack([("A", "b")]), b"{}")),
    ),
    (("messages (account, voicemail, id, call, at, caller, caller_name, duration_s, file, size_bytes, read)",
      ("acme", "general", "m1", "c1", 5.0, "+911", "Ann", 3.0, "m1.wav", 48000, 0)),),
    (
        ("events (account, call, sequence, event, at, data)", ("acme", "", 0, "trunk.up", 5.0, EVENT)),
        ("webhooks", ("w1", "acme", "https://example.com/", "whsec_x", pack([]), 1.0)),
        ("deliveries", ("w1", 1, "", "dead", 15, 9.0, "500")),
        ("dispositions", ("c1", "acme", "sold", "two", "asha", 7.0)),
        ("record_places", ("acme", "department", "support", 5.0, "c1")),
    ),
    (("recordings", ("c1", "acme", 5.0, "c1.wav")),),
)  # fmt: skip


def old_store(path: Path, form: int) -> None:
    """Make a store as the version with ``form`` steps left it."""
    with closing(sqlite3.connect(path)) as database:
        for number, (step, rows) in enumerate(zip(STEPS[:form], ROWS, strict=False), 1):
            database.executescript(step)
            for table, values in rows:
                marks = ", ".join("?" * len(values))
                database.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", values)
            database.execute(f"PRAGMA user_version = {number}")
        if form >= 3:
            database.execute("INSERT OR IGNORE INTO document_states (account, serial) VALUES ('acme', 2)")
        if form >= 5:
            database.execute("UPDATE records SET duration_s = 12.5")
        database.commit()


def test_the_rows_above_are_of_every_table_of_every_form(tmp_path: Path) -> None:
    assert len(ROWS) == len(STEPS)
    old_store(tmp_path / "all.db", len(STEPS))
    with closing(sqlite3.connect(tmp_path / "all.db")) as database:
        names = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        counts = {name: database.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}
    assert not [name for name, count in counts.items() if not count], "a row of each"


@pytest.mark.parametrize("form", range(1, len(STEPS) + 1))
def test_everything_of_an_older_form_is_there(tmp_path: Path, form: int) -> None:
    path = tmp_path / "routerd.db"
    old_store(path, form)
    store = Store(path)
    (document,) = store.documents()
    assert (document.version, document.text, document.author) == (2, b"schema: 1 #", "")
    assert [one.version for one in versions.listed(store, "acme", 99, 10)] == [2, 1]
    assert versions.states(store)["acme"].serial == 2
    assert store.bindings(0.0) == [BINDING]
    assert store.sessions() == [SESSION]
    assert store.open_calls() == [START]
    assert store.affinities(0.0) == [AFFINITY]
    assert store.used("2026-11-23") == [("acme", "+922", 3)]
    assert store.position("p") == 7
    assert store.record("c1") == RECORD
    store.close()


@pytest.mark.parametrize("form", range(1, len(STEPS) + 1))
@pytest.mark.parametrize("looked_for", [
    {"number": "+911"}, {"number": "+922"}, {"agent": "asha"}, {"agent": "ravi"}, {"department": "support"},
    {"shortest_s": 12.0, "longest_s": 13.0}, {"outcome": "answered"}, {"reason": "none"}, {"trunk": "pstn"},
])  # fmt: skip
def test_an_old_record_is_found_by_all_that_a_new_one_is(tmp_path: Path, form: int, looked_for: dict[str, Any]) -> None:
    path = tmp_path / "routerd.db"
    old_store(path, form)
    store = Store(path)
    assert [one["id"] for one in store.records(RecordFilter("acme", **looked_for))] == ["c1"]
    store.close()


@pytest.mark.parametrize("form", range(3, len(STEPS) + 1))
def test_what_came_with_later_forms_is_there(tmp_path: Path, form: int) -> None:
    path = tmp_path / "routerd.db"
    old_store(path, form)
    store = Store(path)
    assert [(one.id, one.scopes) for one in tokens.every(store)] == [("t1", ("read",))]
    assert [one.what for one in audit.listed(store, "acme", 99, 10)] == ["PUT"]
    answered = idempotency.take(store, "t1", "key", b"r", "q", 5.0)
    assert answered is not None
    assert (answered.status, answered.headers) == (202, [("A", "b")])
    if form >= 4:
        assert [one.id for one in messages.listed(store, "acme", "general")] == ["m1"]
    if form >= 5:
        assert [one.id for one in webhooks.every(store)] == ["w1"]
        assert [one.error for one in webhooks.dead(store, "w1", 10)] == ["500"]
        found = [dict(RECORD)]
        dispositions.add_to(store, found)
        assert found[0]["disposition"]["code"] == "sold"
    if form >= 6:
        assert retention.recording_of(store, "acme", "c1") == "c1.wav"
    store.close()


@pytest.mark.parametrize("form", range(1, len(STEPS) + 1))
def test_an_old_store_is_written_to_as_a_new_one(tmp_path: Path, form: int) -> None:
    path = tmp_path / "routerd.db"
    old_store(path, form)
    store = Store(path)
    store.apply("p", 8, [("call.end", {**RECORD, "id": "c2"})])
    assert store.add_document("acme", b"schema: 1 # 3", source="a.yaml", digest="d3", at=9.0) == 3
    assert store.open_calls() == []
    store.close()
    with StoreReader(path) as reader:
        assert reader.count("acme", 0.0) == 2
        document = reader.document("acme")
    assert document is not None
    assert document.version == 3


def test_who_dies_within_a_step_leaves_the_form_of_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "routerd.db"
    old_store(path, 4)

    def full(_: sqlite3.Connection) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("routerd.store.migration.FILLING", {5: full})
    with pytest.raises(StoreError, match="is full"):
        Store(path)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (4,)
        assert not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'webhooks'").fetchall()
    monkeypatch.undo()
    Store(path).close()


def test_a_damaged_record_keeps_nobody_from_the_others(tmp_path: Path) -> None:
    path = tmp_path / "routerd.db"
    old_store(path, 1)
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO records SELECT 'c0', account, at, kind, caller, callee, trunk, outcome, reason, "
                         "x'78FF' FROM records")  # fmt: skip
        database.commit()
    store = Store(path)
    assert [one["id"] for one in store.records(RecordFilter("acme", department="support"))] == ["c1"]
    store.close()


def test_a_newer_form_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "routerd.db"
    old_store(path, len(STEPS))
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        assert migrate(database, path) == 0
        database.execute(f"PRAGMA user_version = {len(STEPS) + 3}")
        with pytest.raises(StoreError, match=rf"newer routerd \(form {len(STEPS) + 3}, known {len(STEPS)}\)"):
            migrate(database, path)
        assert database.execute("PRAGMA user_version").fetchone() == (len(STEPS) + 3,)
