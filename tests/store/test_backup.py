from __future__ import annotations

import os
import sqlite3
import stat
import threading
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from routerd.errors import StoreError
from routerd.store.backup import back_up, inspect, restore
from routerd.store.reading import StoreReader
from routerd.store.schema import STEPS
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


def ended(number: int) -> tuple[str, dict[str, object]]:
    return ("call.end", {"id": f"call-{number}", "account": "acme", "at": float(number), "kind": "inbound", "legs": []})


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "routerd.db"
    opened = Store(path)
    opened.add_document("acme", b"schema: 1", source="a.yaml", digest="d", at=1.0)
    opened.apply("p", 1, [ended(number) for number in range(1, 40)])
    opened.close()
    return path


def files_in(folder: Path) -> set[str]:
    """Without what SQLite's readers leave beside a store in write-ahead mode."""
    return {path.name for path in folder.iterdir() if not path.name.endswith(("-wal", "-shm"))}


def records_of(path: Path) -> int:
    with StoreReader(path) as reader:
        return reader.count("acme", 0.0)


def test_a_copy_is_whole_for_its_owner_only_and_one_file(store: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    told: list[tuple[int, int]] = []
    made = back_up(store, target, lambda done, of: told.append((done, of)))
    assert (made.form, made.rows["records"], made.rows["documents"]) == (len(STEPS), 39, 1)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert made.size_bytes == target.stat().st_size
    assert told[-1][0] == told[-1][1]
    assert files_in(tmp_path) == {"routerd.db", "copy.db"}
    assert not list(tmp_path.glob("copy.db-*"))
    assert records_of(target) == 39


def test_the_writer_goes_on_while_it_is_copied(store: Path, tmp_path: Path) -> None:
    writer = Store(store)
    stop, started = threading.Event(), threading.Event()
    rounds: list[int] = []

    def write() -> None:
        beside = Store(store)
        number = 100
        while not stop.is_set():
            # two entries a batch: a copy holds both or none
            beside.apply("q", 2 * len(rounds) + 1, [ended(number), ended(number + 1)])
            rounds.append(number)
            number += 2
            started.set()
        beside.close()

    thread = threading.Thread(target=write)
    thread.start()
    started.wait(10)
    try:
        seen = []
        for name in ("a", "b", "c"):
            back_up(store, tmp_path / name)
            seen.append(records_of(tmp_path / name))
    finally:
        stop.set()
        thread.join()
        writer.close()
    assert all(count % 2 == 1 and count > 39 for count in seen)
    assert seen == sorted(seen)
    assert records_of(store) == 39 + 2 * len(rounds)


def test_a_copy_that_is_there_is_replaced_only_when_told(store: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_bytes(b"mine")
    with pytest.raises(StoreError, match="is there already"):
        back_up(store, target)
    assert target.read_bytes() == b"mine"
    assert back_up(store, target, replace=True).rows["records"] == 39
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_what_cannot_be_copied_says_why_and_leaves_nothing(store: Path, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not there"):
        back_up(tmp_path / "none.db", tmp_path / "copy.db")
    with pytest.raises(StoreError, match="cannot be written"):
        back_up(store, tmp_path / "missing" / "copy.db")
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(store.read_bytes()[:40_000])
    with pytest.raises(StoreError):
        back_up(damaged, tmp_path / "copy.db")
    assert files_in(tmp_path) == {"routerd.db", "damaged.db"}


def test_a_copy_comes_back_and_the_old_store_is_kept(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    back_up(store, copy)
    later = Store(store)
    later.apply("p", 40, [ended(40)])
    later.close()
    store.chmod(0o640)
    done = restore(copy, store, suffix=".before")
    assert (done.form_before, done.form, done.kept) == (len(STEPS), len(STEPS), tmp_path / "routerd.db.before")
    assert (records_of(store), records_of(tmp_path / "routerd.db.before")) == (39, 40)
    assert stat.S_IMODE(store.stat().st_mode) == 0o640
    assert files_in(tmp_path) == {"routerd.db", "routerd.db.before", "copy.db"}
    again = Store(store)
    again.apply("p", 40, [ended(41)])
    again.close()
    assert records_of(store) == 40


def test_a_store_comes_where_there_was_none(store: Path, tmp_path: Path) -> None:
    copy, place = tmp_path / "copy.db", tmp_path / "fresh" / "routerd.db"
    back_up(store, copy)
    place.parent.mkdir()
    done = restore(copy, place, suffix=".before")
    assert (done.kept, records_of(place)) == (None, 39)
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    if os.geteuid() == 0:
        assert place.stat().st_uid == place.parent.stat().st_uid


def test_a_store_in_use_is_left_alone(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    back_up(store, copy)
    writer = Store(store)
    with pytest.raises(StoreError, match="is in use"):
        restore(copy, store, suffix=".before")
    writer.apply("p", 40, [ended(40)])
    writer.close()
    assert records_of(store) == 40
    assert not (tmp_path / "routerd.db.before").exists()


def test_a_damaged_store_is_replaced_and_kept(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    back_up(store, copy)
    store.write_bytes(b"not a database at all" * 100)
    restore(copy, store, suffix=".before")
    assert records_of(store) == 39
    assert (tmp_path / "routerd.db.before").read_bytes().startswith(b"not a database")


def test_an_older_form_is_brought_forward_and_a_newer_one_refused(tmp_path: Path) -> None:
    older, place = tmp_path / "older.db", tmp_path / "routerd.db"
    with closing(sqlite3.connect(older)) as database:
        database.executescript(STEPS[0] + "PRAGMA user_version = 1;")
    done = restore(older, place, suffix=".before")
    assert (done.form_before, done.form, inspect(place).form) == (1, len(STEPS), len(STEPS))
    assert inspect(older).form == 1
    with closing(sqlite3.connect(older)) as database:
        database.execute(f"PRAGMA user_version = {len(STEPS) + 1}")
    with pytest.raises(StoreError, match="newer routerd"):
        restore(older, place, suffix=".again")
    assert not (tmp_path / "routerd.db.again").exists()


def test_what_is_no_store_is_refused(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE cats (name)")
    (tmp_path / "text").write_text("schema: 1\n" * 200)
    for name, why in (("other.db", "no store of routerd"), ("text", "cannot be read"), ("none", "is not there")):
        with pytest.raises(StoreError, match=why):
            restore(tmp_path / name, store, suffix=".before")
    assert records_of(store) == 39


def test_an_aside_that_is_there_is_not_overwritten(store: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    back_up(store, copy)
    (tmp_path / "routerd.db.before").write_text("older")
    with pytest.raises(StoreError, match="cannot be kept"):
        restore(copy, store, suffix=".before")
    assert (tmp_path / "routerd.db.before").read_text() == "older"
    assert records_of(store) == 39
