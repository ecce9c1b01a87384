from __future__ import annotations

from routerd.rules.decision import NEVER
from routerd.rules.places import DepartmentPlace, IvrPlace


def test_a_forked_round_is_its_own() -> None:
    place = DepartmentPlace("support", "number", 0)
    copy = place.fork()
    copy.gates["a"] = "agent_busy"
    copy.retry["a"] = 1.0
    copy.cursor = 2
    assert (place.gates, place.retry, place.cursor, place.deadline) == ({}, {}, 0, NEVER)


def test_a_forked_entry_is_its_own() -> None:
    place = IvrPlace("main", "number", 0)
    copy = place.fork()
    assert isinstance(copy, IvrPlace)
    copy.digits += "1"
    assert place.digits == ""
