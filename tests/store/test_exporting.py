from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.store.exporting import COLUMNS, CSV, JSON_LINES, head, rows

RECORD = {
    "id": "c1", "at": 1_795_500_000.5, "kind": "inbound", "from": "+919812345678", "to": "=2+5", "trunk": None,
    "outcome": "answered", "reason": None, "legs": [{"agent": "asha"}, {"agent": None}, {"agent": "asha"}],
    "nodes": [{"type": "department", "id": "support"}, {"type": "agent", "id": "asha"}], "duration_s": 5.5,
    "disposition": {"code": "@sold", "note": 'said "yes",\nbut'}, "trace": [1], "steps": [2],
}  # fmt: skip


def cells(record: dict[str, object]) -> dict[str, str]:
    text = (head(CSV) + rows([record], CSV)).decode()
    (found,) = csv.DictReader(io.StringIO(text, newline=""))
    return found


def test_a_record_as_csv() -> None:
    found = cells(RECORD)
    assert tuple(found) == COLUMNS
    assert found["at"] == "2026-11-24T06:00:00.500+00:00"
    assert (found["from"], found["to"], found["trunk"]) == ("+919812345678", "'=2+5", "")
    assert (found["agents"], found["departments"]) == ("asha", "support")
    assert (found["disposition"], found["disposition_note"]) == ("'@sold", 'said "yes",\nbut')


def test_a_record_as_a_line_of_json() -> None:
    assert head(JSON_LINES) == b""
    lines = rows([RECORD, RECORD], JSON_LINES).splitlines()
    assert len(lines) == 2
    assert json.loads(lines[0])["disposition"]["code"] == "@sold"
    assert "trace" not in json.loads(lines[0])


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
@given(rest=st.text(max_size=20))
def test_no_cell_is_run_by_a_spreadsheet(start: str, rest: str) -> None:
    cell = cells({**RECORD, "reason": start + rest})["reason"]
    assert cell.startswith("'") or cell.lstrip("+-").replace(".", "", 1).isdigit()
