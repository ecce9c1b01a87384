"""What journal entries mean to the store: their kinds, a record's columns, the record of a call that was lost."""

from __future__ import annotations

import zlib
from typing import Any, Final

import msgspec

from routerd.errors import StoreError

BINDING = "binding"
START = "call.start"
END = "call.end"
AFFINITY = "affinity"
USED = "used"
SESSION = "session"
EVENT = "event"
LONG_PARTS: Final = frozenset({"trace", "steps", "attempt", "ladder", "nodes"})
COMPRESSED_FROM_BYTES: Final = 2000
_ZLIB: Final = b"\x78"


def text(value: Any) -> str:
    """Give a column's text: None is the empty text."""
    return "" if value is None else str(value)


def summary(record: dict[str, Any]) -> dict[str, Any]:
    """Give a record without what explains it: what lists, exports and events show."""
    return {name: value for name, value in record.items() if name not in LONG_PARTS}


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


def pack_record(record: dict[str, Any]) -> bytes:
    """Give a record's bytes; a long one (fifty phones that rang together) is compressed, to about an eighth."""
    packed = msgspec.msgpack.encode(record)
    return packed if len(packed) < COMPRESSED_FROM_BYTES else zlib.compress(packed, 1)


def unpack_record(packed: bytes) -> dict[str, Any]:
    """Give the record of its bytes; raises ``StoreError`` when they are none. A msgpack map never begins like zlib."""
    try:
        record: dict[str, Any] = msgspec.msgpack.decode(
            zlib.decompress(packed) if packed[:1] == _ZLIB else packed, type=dict[str, Any]
        )
    except (zlib.error, msgspec.MsgspecError) as error:
        raise StoreError(f"a record cannot be read: {error}") from error
    return record
