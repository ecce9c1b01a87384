from __future__ import annotations

from typing import Any

import msgspec
import pytest

from routerd.app.tasks import Outcome, Plan, Replay, Simulate, Wrong

TASKS = [
    Plan(b"text", "a.yaml", "acme", "s.db", "", 7.0, 9.0),
    Replay(b"text", "a.yaml", "acme", "s.db", "", 7.0, 9.0, "call"),
    Simulate(b"text", "a.yaml", b"{}"),
]


@pytest.mark.parametrize("task", TASKS)
def test_tasks_are_told_apart_on_the_way(task: Any) -> None:
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(task), type=Plan | Replay | Simulate) == task


def test_outcomes_come_back() -> None:
    outcome = Outcome({"a": 1}, [Wrong("m", "/p", 3, "h")], "no")
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(outcome), type=Outcome) == outcome
