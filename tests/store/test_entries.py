from __future__ import annotations

from routerd.store.entries import crashed_record, record_columns


def test_columns_say_nothing_where_the_record_does_not() -> None:
    assert record_columns({"id": 7}) == ("7", "", 0.0, "", "", "", "", "", "")


def test_a_crashed_call_keeps_what_its_start_said() -> None:
    record = crashed_record({"id": "a", "at": 5.0, "from": "+1", "document_version": 3}, 9.0)
    assert (record["from"], record["document_version"], record["ended_at"]) == ("+1", 3, 9.0)
    assert record["outcome"] == record["reason"] == "crashed"
