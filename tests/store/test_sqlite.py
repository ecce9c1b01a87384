from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from routerd.errors import StoreError
from routerd.store.schema import STEPS
from routerd.store.sqlite import RecordFilter, Store

ROOT = Path(__file__).resolve().parents[2]


def start(name: str, at: float = 100.0) -> tuple[str, dict[str, Any]]:
    return "call.start", {"id": name, "account": "acme", "at": at, "from": "+911", "to": "+922", "trunk": "pstn"}


def end(name: str, at: float = 100.0, **facts: Any) -> tuple[str, dict[str, Any]]:
    record = {**start(name, at)[1], "outcome": "answered", "reason": None, "legs": [{"target": "extension:2001"}]}
    return "call.end", {**record, **facts}


def binding(contact: str, action: str = "add", expires_at: float = 1000.0) -> tuple[str, dict[str, Any]]:
    entry = {"action": action, "account": "acme", "extension": "2001", "contact": contact, "expires_at": expires_at}
    return "binding", entry


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.close()


def test_a_call_has_one_record_however_often_it_is_told(store: Store) -> None:
    store.apply("p", 1, [start("a")])
    assert [entry["id"] for entry in store.open_calls()] == ["a"]
    store.apply("p", 2, [end("a"), end("a", reason="busy")])
    (record,) = store.records(RecordFilter("acme"))
    assert (record["id"], record["reason"], record["legs"]) == ("a", "busy", [{"target": "extension:2001"}])
    assert store.record("a") == record
    assert store.record("b") is None
    assert store.open_calls() == []


def test_what_was_sent_again_is_not_written_again(store: Store) -> None:
    used = ("used", {"account": "acme", "number": "+1", "day": "2026-11-21"})
    assert store.apply("p", 1, [used, used]) == 2
    assert store.apply("p", 1, [used, used]) == 2
    assert store.apply("p", 2, [used, used]) == 3
    assert store.used("2026-11-21") == [("acme", "+1", 3)]
    assert store.apply("other", 1, [used]) == 1
    assert store.used("2026-11-21") == [("acme", "+1", 4)]


def test_a_batch_is_all_or_nothing(store: Store) -> None:
    store._database.set_authorizer(
        lambda action, table, *_: (
            sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_INSERT and table == "records" else sqlite3.SQLITE_OK
        )
    )
    with pytest.raises(StoreError):
        store.apply("p", 1, [start("a"), end("b")])
    store._database.set_authorizer(None)
    assert store.open_calls() == []
    assert store.position("p") == 0
    assert store.apply("p", 1, [start("a"), end("b")]) == 2


def test_a_broken_entry_does_not_hold_up_the_others(store: Store) -> None:
    store.apply("p", 1, [("call.end", {"outcome": "x"}), ("unheard of", {}), end("a", at="soon"), end("b")])
    assert [record["id"] for record in store.records(RecordFilter("acme"))] == ["b"]
    assert store.refused == 2


@pytest.mark.parametrize("expires_at", [2**70, [1.0], "\udcff"])
def test_what_sqlite_cannot_take_does_not_hold_up_the_others(store: Store, expires_at: Any) -> None:
    odd = ("binding", {**binding("sip:odd")[1], "expires_at": expires_at})
    assert store.apply("p1", 1, [odd, start("a")]) == 2
    assert store.refused == 1
    assert [entry["id"] for entry in store.open_calls()] == ["a"]


def test_calls_of_a_process_that_is_gone_are_closed_as_crashed(store: Store) -> None:
    store.apply("old", 1, [start("a"), start("b"), end("b")])
    store.apply("new", 1, [start("c")])
    assert store.close_crashed("new", 500.0) == 1
    record = store.record("a")
    assert record is not None
    assert (record["outcome"], record["reason"], record["ended_at"], record["from"]) == (
        "crashed", "crashed", 500.0, "+911",
    )  # fmt: skip
    assert [entry["id"] for entry in store.open_calls()] == ["c"]
    assert store.close_crashed("new", 501.0) == 0


def test_bindings_come_and_go_and_expire(store: Store) -> None:
    store.apply("p", 1, [binding("sip:a"), binding("sip:b", expires_at=20.0), binding("sip:c")])
    store.apply("p", 4, [binding("sip:c", "remove"), binding("sip:a", expires_at=2000.0)])
    assert [(entry["contact"], entry["expires_at"]) for entry in store.bindings(50.0)] == [("sip:a", 2000.0)]


def test_sessions_and_affinity_are_kept(store: Store) -> None:
    session = {"account": "acme", "agent": "asha"}
    store.apply("p", 1, [("session", {**session, "action": "login"}), ("session", {**session, "action": "break"})])
    assert store.sessions() == [{**session, "on_break": True, "logged_in": True}]
    store.apply("p", 3, [("session", {**session, "action": "logout"})])
    assert store.sessions() == []
    spoke = {"account": "acme", "caller": "+9", "agent": "asha", "number": None, "department": None, "last_at": 70.0}
    store.apply("p", 4, [("affinity", spoke), ("affinity", {**spoke, "last_at": 90.0})])
    assert store.affinities(60.0) == [{**spoke, "last_at": 90.0}]
    assert store.affinities(91.0) == []


def test_records_are_found_by_time_number_and_outcome(store: Store) -> None:
    entries = [end(str(n), at=float(n), **{"from": f"+{n % 3}", "to": "+9"}) for n in range(10)]
    store.apply("p", 1, [*entries, end("x", at=3.5, outcome="abandoned"), end("other", account="beta")])
    ids = [record["id"] for record in store.records(RecordFilter("acme", since=2, until=5))]
    assert ids == ["5", "4", "x", "3", "2"]
    assert [record["id"] for record in store.records(RecordFilter("acme", number="+0"))] == ["9", "6", "3", "0"]
    assert len(store.records(RecordFilter("acme", number="+9", limit=4))) == 4
    assert [record["id"] for record in store.records(RecordFilter("acme", outcome="abandoned"))] == ["x"]


def test_versions_of_documents_count_up(store: Store) -> None:
    assert store.add_document("acme", b"one", source="a.yaml", digest="1", at=1.0) == 1
    assert store.add_document("acme", b"two", source="a.yaml", digest="2", at=2.0) == 2
    assert store.add_document("beta", b"x", source="b.yaml", digest="3", at=3.0) == 1
    newest = {document.account: (document.version, document.text) for document in store.documents()}
    assert newest == {"acme": (2, b"two"), "beta": (1, b"x")}


def test_a_file_that_is_no_store_or_of_a_newer_form_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(StoreError):
        Store(tmp_path / "text")
    newer = sqlite3.connect(tmp_path / "newer")
    newer.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    newer.close()
    with pytest.raises(StoreError, match="newer"):
        Store(tmp_path / "newer")


WRITER = """
import sys
from pathlib import Path
from routerd.store.sqlite import Store
store = Store(Path(sys.argv[1]))
number = 1
while True:
    call = lambda n: {"id": str(n), "account": "acme", "at": float(n), "from": "a", "to": "b", "outcome": "answered"}
    batch = [("call.end", call(n)) for n in range(number, number + 50)]
    print(store.apply("p", number, batch), flush=True)
    number += 50
"""


def test_a_writer_that_is_killed_leaves_whole_batches(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert writer.stdout is not None
    acknowledged = 0
    for _ in range(20):
        acknowledged = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    acknowledged = max([acknowledged, *(int(line) for line in writer.stdout.read().split())])
    writer.wait()
    store = Store(path)
    position = store.position("p")
    assert position >= acknowledged
    assert position % 50 == 0
    assert store._one("SELECT count(*) FROM records WHERE account = ?", "acme", 0) == position
    store.close()
