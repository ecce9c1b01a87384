from __future__ import annotations

from routerd.simulation.clock import Agenda


def test_events_happen_in_the_order_of_time_then_of_planning() -> None:
    agenda, seen = Agenda(), []
    for when, name in ((2.0, "c"), (1.0, "a"), (1.0, "b")):
        agenda.at(when, lambda name, now: seen.append((name, now)), name)
    assert agenda.next_at() == 1.0
    assert [agenda.run_next() for _ in range(len(agenda))] == [1.0, 1.0, 2.0]
    assert seen == [("a", 1.0), ("b", 1.0), ("c", 2.0)]
    assert agenda.next_at() is None
