from __future__ import annotations

import pytest

from routerd.errors import StoreError
from routerd.store.entries import crashed_record, pack_record, record_columns, unpack_record


def test_columns_say_nothing_where_the_record_does_not() -> None:
    assert record_columns({"id": 7}) == ("7", "", 0.0, "", "", "", "", "", "")


def test_a_crashed_call_keeps_what_its_start_said() -> None:
    record = crashed_record({"id": "a", "at": 5.0, "from": "+1", "document_version": 3}, 9.0)
    assert (record["from"], record["document_version"], record["ended_at"]) == ("+1", 3, 9.0)
    assert record["outcome"] == record["reason"] == "crashed"


@pytest.mark.parametrize("legs", [0, 1, 100])
def test_records_come_back_whether_compressed_or_not(legs: int) -> None:
    record = {"id": "a", "at": 1.1, "legs": [{"target": f"extension:{n}", "end_s": n / 7} for n in range(legs)]}
    packed = pack_record(record)
    assert unpack_record(packed) == record
    assert len(packed) < 2500


@pytest.mark.parametrize("packed", [b"", b"\x78no", b"\x93\x01\x02\x03", b"\x81"])
def test_what_is_no_record_is_said(packed: bytes) -> None:
    with pytest.raises(StoreError, match="a record cannot be read"):
        unpack_record(packed)
