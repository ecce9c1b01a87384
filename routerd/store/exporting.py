"""Records as CSV or JSON lines: what an export writes of each.

CSV is for spreadsheets, which run what begins with ``=``, ``+``, ``-`` or ``@``: such a cell gets an apostrophe before
it, unless it is nothing but a number, as E.164 numbers are.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.store.entries import summary

if TYPE_CHECKING:
    from collections.abc import Iterable

CSV: Final = "csv"
JSON_LINES: Final = "ndjson"
COLUMNS: Final = (
    "id", "at", "kind", "from", "to", "trunk", "outcome", "reason", "answered_by", "answered_at", "ended_at",
    "duration_s", "ended_by", "sip_status", "q850", "caller_id", "agents", "departments", "document_version",
    "disposition", "disposition_note",
)  # fmt: skip
_TIMES: Final = frozenset({"at", "answered_at", "ended_at"})
_RUNS: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def head(form: str) -> bytes:
    """Give what stands before the first record."""
    return _line(COLUMNS) if form == CSV else b""


def rows(records: Iterable[dict[str, Any]], form: str) -> bytes:
    """Give the lines of records."""
    if form == CSV:
        return b"".join(_line([_cell(_value(record, column)) for column in COLUMNS]) for record in records)
    return b"".join(msgspec.json.encode(summary(record)) + b"\n" for record in records)


def _value(record: dict[str, Any], column: str) -> Any:
    if column in _TIMES:
        at = record.get(column)
        return "" if at is None else datetime.fromtimestamp(float(at), UTC).isoformat(timespec="milliseconds")
    if column == "agents":
        return " ".join(dict.fromkeys(str(leg["agent"]) for leg in record.get("legs") or () if leg.get("agent")))
    if column == "departments":
        nodes = record.get("nodes") or ()
        return " ".join(dict.fromkeys(str(node["id"]) for node in nodes if node.get("type") == "department"))
    if column.startswith("disposition"):
        made = record.get("disposition") or {}
        return made.get("note" if column.endswith("note") else "code")
    return record.get(column)


def _cell(value: Any) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_RUNS) and not _NUMBER.fullmatch(text) else text


def _line(cells: Iterable[str]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().encode("utf-8", "replace")
