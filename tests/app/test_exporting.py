from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any

import pytest

from routerd.app import exporting
from routerd.app.exporting import Exports
from routerd.errors import StoreError
from routerd.store.queries import RecordFilter
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path

MANY = 1203  # more than two pages


def filled(path: Path) -> None:
    store = Store(path)
    store.apply("p", 1, [
        ("call.end", {"id": f"c{number:04}", "account": "acme", "at": float(number), "outcome": "answered"})
        for number in range(MANY)
    ])  # fmt: skip
    store.close()


async def whole(exports: Exports, form: str, **wanted: Any) -> bytes:
    asked = RecordFilter("acme", limit=10**9, **wanted)
    return b"".join([piece async for piece in exports.export(asked, form)])


async def test_everything_is_exported_newest_first(tmp_path: Path) -> None:
    filled(tmp_path / "store.db")
    exports = Exports(tmp_path / "store.db")
    found = list(csv.DictReader(io.StringIO((await whole(exports, "csv")).decode())))
    assert [row["id"] for row in found] == [f"c{number:04}" for number in reversed(range(MANY))]
    lines = (await whole(exports, "ndjson", since=1200.0)).splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["c1202", "c1201", "c1200"]


async def test_who_stops_listening_ends_it(tmp_path: Path) -> None:
    filled(tmp_path / "store.db")
    pieces = Exports(tmp_path / "store.db").export(RecordFilter("acme", limit=10**9), "csv")
    assert (await anext(pieces)).startswith(b"id,at,")
    await pieces.aclose()  # type: ignore[attr-defined]


async def test_an_export_that_fails_says_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError):
        await whole(Exports(tmp_path / "nothing.db"), "csv")


def test_the_process_needs_little() -> None:
    assert exporting.MOST_AT_ONCE < 10
    assert exporting.PAGE_RECORDS <= 1000
