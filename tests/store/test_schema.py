from __future__ import annotations

import sqlite3

from routerd.store.schema import STEPS


def test_every_step_runs_after_those_before_it() -> None:
    database = sqlite3.connect(":memory:")
    for step in STEPS:
        database.executescript(step)
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert {"documents", "bindings", "sessions", "records", "starts", "positions"} <= tables


def test_records_are_found_by_an_index() -> None:
    database = sqlite3.connect(":memory:")
    for step in STEPS:
        database.executescript(step)
    for column, index in (("caller", "records_by_caller"), ("callee", "records_by_callee")):
        query = f"EXPLAIN QUERY PLAN SELECT entry FROM records WHERE account = 'a' AND {column} = 'b' AND at > 1"
        assert index in str(database.execute(query).fetchall())
