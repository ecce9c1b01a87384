"""The store in one SQLite file: one writer, write-ahead log, batches.

Everything but the documents comes in by the journal: ``apply`` takes a batch of entries with the number of the first,
skips those that an earlier batch brought (a connection that came back sends again), and writes the rest and the new
position in one transaction. So an entry is in the store once, whatever dies in between.

A ``Store`` belongs to one thread. All methods raise ``StoreError`` when the file cannot be read or written.
"""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from routerd.errors import StoreError
from routerd.store import versions
from routerd.store.entries import (
    AFFINITY,
    BINDING,
    END,
    EVENT,
    SESSION,
    START,
    USED,
    crashed_record,
    pack_record,
    record_columns,
    unpack_record,
)
from routerd.store.messages import WRITERS as MESSAGE_WRITERS
from routerd.store.migration import migrate
from routerd.store.outbox import EventLog
from routerd.store.queries import RecordFilter, agents_of, places_of, select
from routerd.store.schema import SETTINGS
from routerd.store.versions import DocumentVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

__all__ = ["DocumentVersion", "RecordFilter", "Store"]

Entry = tuple[str, dict[str, Any]]
REFUSALS = (KeyError, TypeError, ValueError, OverflowError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
pack = msgspec.msgpack.encode
unpack = msgspec.msgpack.decode


class Store:
    """An open store; ``Store(path)`` opens or creates it and takes the steps that are missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.refused = 0
        try:
            self._database = sqlite3.connect(path, isolation_level=None)
            for setting in SETTINGS:
                self._database.execute(setting)
            migrate(self._database, path)
            self.events = EventLog(self._database)
        except sqlite3.Error as error:
            raise StoreError(f"the store {path} cannot be opened: {error}") from error
        self._writers: dict[str, Callable[[dict[str, Any], str], None]] = {
            BINDING: self._binding,
            START: self._start,
            END: self._end,
            AFFINITY: self._affinity,
            USED: self._used,
            SESSION: self._session,
            EVENT: self._event,
        }

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    # -- for modules of single tables ---------------------------------------------------------------------------

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Give the rows of a query."""
        return self._all(query, *values)

    def execute(self, statement: str, *values: Any) -> int:
        """Change something, on its own or as a part of a batch of the journal; gives how many rows it met."""
        try:
            return self._database.execute(statement, values).rowcount
        except REFUSALS:
            raise
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.path} cannot be written: {error}") from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write all that is written within, or nothing of it."""
        with self._transaction():
            yield

    @contextmanager
    def reading(self) -> Iterator[EventLog]:
        """Read events within; what SQLite raises becomes ``StoreError``."""
        try:
            yield self.events
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.path} cannot be read: {error}") from error

    # -- the journal --------------------------------------------------------------------------------------------

    def apply(self, process: str, first: int, entries: Sequence[Entry]) -> int:
        """Write entries numbered from ``first`` of sip process ``process``; gives the number up to which all is kept.

        Entries of unknown kinds are passed over, so that a newer sip process can speak to an older store; one that
        lacks what it is kept by is counted in ``refused``: it must not hold up the others.
        """
        last = first + len(entries) - 1
        with self._transaction():
            known = self.position(process)
            for number, (kind, entry) in enumerate(entries, first):
                if number > known:
                    self._write(kind, entry, process)
            if last > known:
                self._database.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (process, last))
        return max(last, known)

    def position(self, process: str) -> int:
        """The number of the last entry of ``process`` that is kept; 0: none."""
        return int(self._one("SELECT number FROM positions WHERE process = ?", process, 0))

    def close_crashed(self, alive: str, at: float) -> int:
        """Close every call that began in another process than ``alive`` and has no record: outcome ``crashed``.

        ``at`` is UTC seconds. Gives how many; call it when a new sip process has come up.
        """
        with self._transaction():
            rows = self._database.execute("SELECT id, entry FROM starts WHERE process <> ?", (alive,)).fetchall()
            for _, packed in rows:
                self._end(crashed_record(unpack(packed), at), alive)
            self._database.execute("DELETE FROM positions WHERE process <> ?", (alive,))
        return len(rows)

    # -- what is read back --------------------------------------------------------------------------------------

    def bindings(self, now: float) -> list[dict[str, Any]]:
        """Every binding that has not expired at ``now`` (UTC seconds), as it was journalled."""
        rows = self._all("SELECT entry FROM bindings WHERE expires_at IS NULL OR expires_at > ?", now)
        return [unpack(packed) for (packed,) in rows]

    def affinities(self, since: float) -> list[dict[str, Any]]:
        """Who spoke with whom since ``since`` (UTC seconds)."""
        return [
            unpack(packed) for (packed,) in self._all("SELECT entry FROM affinity WHERE at >= ? ORDER BY at", since)
        ]

    def sessions(self) -> list[dict[str, Any]]:
        """Who is logged in, and whether on a break."""
        return [unpack(packed) for (packed,) in self._all("SELECT entry FROM sessions")]

    def used(self, day: str) -> list[tuple[str, str, int]]:
        """How often each number was used on ``day``: (account, number, times)."""
        return [tuple(row) for row in self._all("SELECT account, number, times FROM used WHERE day = ?", day)]

    def open_calls(self) -> list[dict[str, Any]]:
        """The starts of calls without a record."""
        return [unpack(packed) for (packed,) in self._all("SELECT entry FROM starts ORDER BY at")]

    def records(self, wanted: RecordFilter) -> list[dict[str, Any]]:
        """One page of records, newest first; raises ``ValueError`` when its cursor is none."""
        query, values = select(wanted)
        return [unpack_record(packed) for (packed,) in self._all(query, *values)]

    def record(self, call_id: str) -> dict[str, Any] | None:
        """The record of one call."""
        packed = self._one("SELECT entry FROM records WHERE id = ?", call_id, None)
        return None if packed is None else unpack_record(packed)

    # -- documents ----------------------------------------------------------------------------------------------

    def add_document(self, account: str, text: bytes, *, source: str, digest: str, at: float) -> int:
        """Keep ``text`` as the account's next version, in force; gives its number."""
        return versions.keep(self, versions.Fresh(account, text, source, digest, at))

    def documents(self) -> list[DocumentVersion]:
        """The version in force of each account."""
        return versions.in_force(self)

    # -- writers ------------------------------------------------------------------------------------------------

    def _write(self, kind: str, entry: dict[str, Any], process: str) -> None:
        writer, other = self._writers.get(kind), MESSAGE_WRITERS.get(kind)
        try:
            if writer is not None:
                writer(entry, process)
            elif other is not None:
                other(self, entry)
        except REFUSALS:
            self.refused += 1

    def _binding(self, entry: dict[str, Any], _process: str) -> None:
        extension = str(entry.get("extension") or entry.get("aor") or "")
        key = (str(entry.get("account", "")), extension, str(entry.get("contact", "")))
        if entry.get("action") == "remove":
            self._database.execute("DELETE FROM bindings WHERE account = ? AND extension = ? AND contact = ?", key)
        else:
            self._database.execute(
                "INSERT OR REPLACE INTO bindings VALUES (?, ?, ?, ?, ?)", (*key, entry.get("expires_at"), pack(entry))
            )

    def _start(self, entry: dict[str, Any], process: str) -> None:
        self._database.execute(
            "INSERT OR REPLACE INTO starts VALUES (?, ?, ?, ?, ?)",
            (str(entry["id"]), process, str(entry.get("account", "")), float(entry.get("at", 0.0)), pack(entry)),
        )
        self.events.started(entry)

    def _end(self, entry: dict[str, Any], _process: str) -> None:
        call_id, account, at = record_columns(entry)[:3]
        known = self._one("SELECT 1 FROM records WHERE id = ?", call_id, 0)
        if not known:
            self.events.ended(entry)
        self._database.execute("DELETE FROM starts WHERE id = ?", (call_id,))
        self._database.execute(
            "INSERT OR REPLACE INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*record_columns(entry), pack_record(entry), float(entry.get("duration_s") or 0.0)),
        )
        self._database.executemany(
            "INSERT OR IGNORE INTO record_agents VALUES (?, ?, ?, ?)",
            [(account, agent, at, call_id) for agent in agents_of(entry)],
        )
        self._database.executemany(
            "INSERT OR IGNORE INTO record_places VALUES (?, ?, ?, ?, ?)",
            [(account, kind, place, at, call_id) for kind, place in places_of(entry)],
        )
        file = (entry.get("recording") or {}).get("file")
        if file:
            values = (call_id, account, at, str(file))
            self._database.execute("INSERT OR REPLACE INTO recordings VALUES (?, ?, ?, ?)", values)

    def _event(self, entry: dict[str, Any], _process: str) -> None:
        self.events.heard(entry)

    def _affinity(self, entry: dict[str, Any], _process: str) -> None:
        names = [str(entry.get(name) or "") for name in ("account", "caller", "agent", "number", "department")]
        at = float(entry.get("at") or entry.get("last_at") or 0.0)
        self._database.execute(
            "INSERT OR REPLACE INTO affinity VALUES (?, ?, ?, ?, ?, ?, ?)", (*names, at, pack(entry))
        )

    def _session(self, entry: dict[str, Any], _process: str) -> None:
        key = (str(entry["account"]), str(entry["agent"]))
        action = entry.get("action")
        on_break = entry.get("on_break", action == "break")
        logged_in = entry.get("logged_in", action != "logout")
        if not (logged_in or on_break):
            self._database.execute("DELETE FROM sessions WHERE account = ? AND agent = ?", key)
            return
        session = {"account": key[0], "agent": key[1], "on_break": on_break, "logged_in": logged_in}
        session |= {name: entry[name] for name in ("reason", "expires_at", "since") if entry.get(name) is not None}
        self._database.execute("INSERT OR REPLACE INTO sessions VALUES (?, ?, ?)", (*key, pack(session)))

    def _used(self, entry: dict[str, Any], _process: str) -> None:
        self._database.execute(
            "INSERT INTO used VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET times = times + excluded.times",
            (str(entry.get("account", "")), str(entry.get("number", "")), str(entry.get("day", "")),
             int(entry.get("times", 1))),
        )  # fmt: skip

    # -- SQLite -------------------------------------------------------------------------------------------------

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise StoreError(f"the store {self.path} cannot be written: {error}") from error

    def _all(self, query: str, *values: Any) -> list[Any]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.path} cannot be read: {error}") from error

    def _one(self, query: str, value: Any, otherwise: Any) -> Any:
        rows = self._all(query, value)
        return rows[0][0] if rows else otherwise
