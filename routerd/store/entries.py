"""What journal entries mean to the store: their kinds, a record's columns, the record of a call that was lost."""

from __future__ import annotations

from typing import Any

BINDING = "binding"
START = "call.start"
END = "call.end"
AFFINITY = "affinity"
USED = "used"
SESSION = "session"


def text(value: Any) -> str:
    """Give a column's text: None is the empty text."""
    return "" if value is None else str(value)


def record_columns(record: dict[str, Any]) -> tuple[Any, ...]:
    """Give what records are looked for by: id, account, time, kind, caller, callee, trunk, outcome, reason."""
    return (
        str(record["id"]),
        text(record.get("account")),
        float(record.get("at") or record.get("started_at") or 0.0),
        text(record.get("kind") or record.get("direction")),
        text(record.get("from")),
        text(record.get("to")),
        text(record.get("trunk")),
        text(record.get("outcome")),
        text(record.get("reason")),
    )


def crashed_record(start: dict[str, Any], at: float) -> dict[str, Any]:
    """Give the record of a call whose end nobody saw: what its start said, closed at ``at`` (UTC seconds)."""
    closed = {"outcome": "crashed", "reason": "crashed", "ended_at": at, "legs": [], "nodes": [], "trace": []}
    return {**start, **closed}
