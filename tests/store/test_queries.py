from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.rules.plan import Attempt
from routerd.store.queries import RecordFilter, agents_of, cursor_of, prefix_range, read_cursor, select
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


def ended(name: str, at: float, **facts: Any) -> tuple[str, dict[str, Any]]:
    record = {"id": name, "account": "acme", "at": at, "from": "+911", "to": "+922", "outcome": "answered"}
    return "call.end", {"reason": None, "legs": [], "nodes": [], **record, **facts}


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "store.db")
    opened.apply("p", 1, [
        ended("a", 10.0, legs=[{"agent": "asha"}], duration_s=7.5, kind="inbound",
              nodes=[{"type": "department", "id": "support"}, {"type": "ivr", "id": "main"}]),
        ended("b", 20.0, nodes=[{"type": "agent", "id": "ravi"}, {"type": "ivr", "id": "asha"}], reason="busy"),
        ended("c", 20.0, outcome="rejected", reason="busy", legs=[{"agent": "asha"}, {"agent": None}]),
        ended("d", 30.0, attempt={"agent": "asha"}, to="+933", duration_s=70.0, trunk="pstn",
              nodes=[{"type": "department", "id": "support"}]),
        ended("e", 40.0, account="beta", legs=[{"agent": "asha"}]),
    ])  # fmt: skip
    yield opened
    opened.close()


def ids(store: Store, **wanted: Any) -> str:
    return "".join(record["id"] for record in store.records(RecordFilter("acme", **wanted)))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, "dbca"),
        ({"agent": "asha"}, "dca"),
        ({"agent": "ravi"}, "b"),
        ({"agent": "nobody"}, ""),
        ({"agent": "asha", "since": 15.0}, "dc"),
        ({"agent": "asha", "outcome": "rejected"}, "c"),
        ({"reason": "busy"}, "bc"),
        ({"number": "+933"}, "d"),
        ({"number": "+911", "until": 20.0, "reason": "busy", "outcome": "answered"}, "b"),
        ({"limit": 2}, "db"),
        ({"limit": -1}, ""),
        ({"department": "support"}, "da"),
        ({"department": "support", "ivr": "main"}, "a"),
        ({"ivr": "asha"}, "b"),
        ({"agent": "asha", "department": "support", "number": "+933"}, "d"),
        ({"shortest_s": 5.0}, "da"),
        ({"shortest_s": 5.0, "longest_s": 10.0}, "a"),
        ({"kind": "inbound"}, "a"),
        ({"trunk": "pstn"}, "d"),
    ],
)
def test_records_are_found(store: Store, wanted: dict[str, Any], found: str) -> None:
    assert ids(store, **wanted) == found


def test_pages_join_without_gap_also_where_calls_came_at_once(store: Store) -> None:
    seen, cursor = "", ""
    while page := store.records(RecordFilter("acme", limit=1, cursor=cursor)):
        seen += page[0]["id"]
        cursor = cursor_of(page[-1])
        store.apply("p", 100 + len(seen), [ended("n" + seen, 50.0)])
    assert seen == "dbca"


@pytest.mark.parametrize("cursor", ["", "x", "x:y", "12"])
def test_a_cursor_is_checked(cursor: str) -> None:
    with pytest.raises(ValueError, match=r"cursor|convert"):
        read_cursor(cursor)
    assert read_cursor("12.5:a:b") == (12.5, "a:b")


def test_agents_are_found_by_their_index(store: Store) -> None:
    query, values = select(RecordFilter("acme", agent="asha", since=5.0))
    steps = str(store._database.execute("EXPLAIN QUERY PLAN " + query, values).fetchall())
    assert "SEARCH list0 USING PRIMARY KEY (account=? AND agent=? AND at>?" in steps
    assert "SCAN records" not in steps


def test_who_calls_is_an_agent_of_the_record() -> None:
    attempt = Attempt(kind="click_to_call", account="acme", at=0.0, dialled="1", agent="asha")
    assert agents_of({"attempt": attempt}) == {"asha"}
    assert agents_of({}) == set()


def test_a_prefix_is_a_range() -> None:
    first, last = prefix_range("ab")
    assert all(first <= text <= last for text in ("ab", "ab-1", "ab\uffff"))
    assert last < "ac"
