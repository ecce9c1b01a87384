"""The store read by another process than its writer: the command line, and jobs that look through many records.

A :class:`StoreReader` opens the file read-only, beside a running daemon or without one. Every method may raise
``StoreError``.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Self

import msgspec

from routerd.errors import StoreError
from routerd.store.dispositions import add_to
from routerd.store.entries import unpack_record
from routerd.store.queries import prefix_range, select
from routerd.store.versions import NEWEST, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from routerd.store.queries import RecordFilter
    from routerd.store.versions import DocumentVersion

BUSY_S = 5.0
unpack = msgspec.msgpack.decode


class StoreReader:
    """An open store that is only read; close it, or use it in a ``with``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S)
            self._database.execute("SELECT 1 FROM records LIMIT 1")
        except sqlite3.Error as error:
            raise StoreError(f"the store {path} cannot be opened: {error}") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def find(self, prefix: str, most: int = 10) -> list[dict[str, Any]]:
        """Give the records whose ids begin with ``prefix``; the one whose id it is alone, if there is one."""
        query = "SELECT entry FROM records WHERE id >= ? AND id <= ? ORDER BY id LIMIT ?"
        found = [unpack_record(packed) for (packed,) in self._rows(query, *prefix_range(prefix), most)]
        return [record for record in found if record["id"] == prefix] or found

    def in_progress(self, prefix: str) -> list[dict[str, Any]]:
        """Give the starts of calls that have no record yet, by their ids' beginning."""
        query = "SELECT entry FROM starts WHERE id >= ? AND id <= ? ORDER BY id"
        return [unpack(packed) for (packed,) in self._rows(query, *prefix_range(prefix))]

    def records(self, wanted: RecordFilter) -> list[dict[str, Any]]:
        """Give one page of records, newest first."""
        query, values = select(wanted)
        return [unpack_record(packed) for (packed,) in self._rows(query, *values)]

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Give the rows of a query."""
        return list(self._rows(query, *values))

    def add_dispositions(self, records: list[dict[str, Any]]) -> None:
        """Put each record's disposition into it."""
        add_to(self, records)

    def count(self, account: str, since: float) -> int:
        """Give how many records the account has since ``since`` (UTC seconds)."""
        ((count,),) = self._rows("SELECT count(*) FROM records WHERE account = ? AND at >= ?", account, since)
        return int(count)

    def each(self, account: str, since: float) -> Iterator[dict[str, Any]]:
        """Give every record of the account since ``since``, oldest first, one by one."""
        query = "SELECT entry FROM records WHERE account = ? AND at >= ? ORDER BY at"
        for (packed,) in self._rows(query, account, since):
            yield unpack_record(packed)

    def document(self, account: str) -> DocumentVersion | None:
        """Give the newest version of the account's document, which is the one in force."""
        return next((version_of(row) for row in self._rows(NEWEST + " AND d.account = ?", account)), None)

    def _rows(self, query: str, *values: Any) -> Iterator[Any]:
        try:
            yield from self._database.execute(query, values)
        except sqlite3.Error as error:
            raise StoreError(f"the store {self.path} cannot be read: {error}") from error
