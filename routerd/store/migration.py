"""From an older form of the store to today's: the steps of :mod:`routerd.store.schema`, each in one transaction.

Theory of operation. A step's statements, what is then filled in from the rows that are there, and its number are
written together: who dies in between leaves the form of before, and the next one who opens the store goes on from
there. There is no way back; a file of a newer form is refused and left as it is.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Final

from routerd.errors import StoreError
from routerd.store.entries import record_columns, unpack_record
from routerd.store.queries import agents_of, places_of
from routerd.store.schema import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ROWS_AT_ONCE: Final = 500
_PAGE: Final = "SELECT id, entry FROM records WHERE id > ? ORDER BY id LIMIT ?"


def migrate(database: sqlite3.Connection, path: Path) -> int:
    """Take the steps that ``path`` lacks; gives how many. Raises ``StoreError`` (a newer form) or ``sqlite3.Error``."""
    (done,) = database.execute("PRAGMA user_version").fetchone()
    if done > len(STEPS):
        raise StoreError(f"{path} was written by a newer routerd (form {done}, known {len(STEPS)})")
    for number, step in enumerate(STEPS[done:], done + 1):
        try:
            database.executescript(f"BEGIN IMMEDIATE; {step}")
            if number in FILLING:
                FILLING[number](database)
            database.execute(f"PRAGMA user_version = {number}")
            database.execute("COMMIT")
        except (sqlite3.Error, StoreError):
            if database.in_transaction:
                database.execute("ROLLBACK")
            raise
    return len(STEPS) - int(done)


def _know_agents(database: sqlite3.Connection) -> None:
    """Step 2 looks records up by agent: also those that are there."""
    for record in _records(database):
        call_id, account, at = record_columns(record)[:3]
        rows = [(account, agent, at, call_id) for agent in agents_of(record)]
        database.executemany("INSERT OR IGNORE INTO record_agents VALUES (?, ?, ?, ?)", rows)


def _know_places(database: sqlite3.Connection) -> None:
    """Step 5 looks them up by department, menu and duration."""
    for record in _records(database):
        call_id, account, at = record_columns(record)[:3]
        rows = [(account, kind, place, at, call_id) for kind, place in places_of(record)]
        database.executemany("INSERT OR IGNORE INTO record_places VALUES (?, ?, ?, ?, ?)", rows)
        duration_s = float(record.get("duration_s") or 0.0)
        database.execute("UPDATE records SET duration_s = ? WHERE id = ?", (duration_s, call_id))


def _records(database: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Give every record that can be read, some hundred at a time: there may be millions."""
    last = ""
    while rows := database.execute(_PAGE, (last, ROWS_AT_ONCE)).fetchall():
        for _, packed in rows:
            try:
                yield unpack_record(packed)
            except StoreError:  # a damaged one keeps nobody from all the others
                continue
        last = rows[-1][0]


FILLING: Final[dict[int, Callable[[sqlite3.Connection], None]]] = {2: _know_agents, 5: _know_places}
