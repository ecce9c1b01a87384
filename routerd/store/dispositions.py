"""What an agent says a call was about: a code and a note, during the call and for a while after it.

Functions of the store, for its thread; all raise ``StoreError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.store.sqlite import Store


class Disposition(msgspec.Struct, frozen=True):
    """One call's: ``by`` is the token's name, ``at`` UTC seconds."""

    call: str
    account: str
    code: str
    note: str
    by: str
    at: float


def put(store: Store, made: Disposition, window_s: float) -> str:
    """Keep it in place of an earlier one; "" when kept, else why not: ``unknown_call`` or ``too_late``."""
    with store.transaction():
        going_on = store.rows("SELECT 1 FROM starts WHERE id = ? AND account = ?", made.call, made.account)
        if not going_on:
            record = store.record(made.call)
            if record is None or record.get("account") != made.account:
                return "unknown_call"
            if made.at > float(record.get("ended_at") or record.get("at") or 0.0) + window_s:
                return "too_late"
        values = (made.call, made.account, made.code, made.note, made.by, made.at)
        store.execute("INSERT OR REPLACE INTO dispositions VALUES (?, ?, ?, ?, ?, ?)", *values)
    return ""


class Rows(Protocol):
    """A store that can be asked."""

    def rows(self, query: str, *values: Any) -> list[Any]:
        """Give the rows of a query."""


def add_to(store: Rows, records: Sequence[dict[str, Any]]) -> None:
    """Put each record's disposition into it, under ``disposition`` (None: there is none)."""
    for record in records:
        rows = store.rows("SELECT code, note, by, at FROM dispositions WHERE id = ?", record["id"])
        record["disposition"] = dict(zip(("code", "note", "by", "at"), rows[0], strict=True)) if rows else None
