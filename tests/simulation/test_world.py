from __future__ import annotations

import pytest

from routerd.cli.simulate import tables_of
from routerd.config.snapshot import build_snapshot
from routerd.simulation.documents import DOMAIN, PASSWORD, plain
from routerd.simulation.phone import Behaviour
from routerd.simulation.world import World, settings_of


def world(engines: int = 0) -> World:
    return World(
        build_snapshot([tables_of(plain(media="relay" if engines else "direct"))], 1), settings=settings_of(engines)
    )


def test_time_passes_only_by_events() -> None:
    made = world()
    seen: list[float] = []
    made.agenda.at(3600.0, seen.append)
    made.run(10.0)
    assert (made.now, seen) == (10.0, [])
    made.run()
    assert (made.now, seen) == (3600.0, [3600.0])


def test_a_call_goes_through_the_real_switch() -> None:
    made = world(engines=1)
    behaviour = Behaviour(answer_after_s=2.0, hang_up_after_s=5.0)
    alice, bob = (
        made.phone((f"203.0.113.{number}", 5060), name, domain=DOMAIN, password=PASSWORD, behave=lambda _: behaviour)
        for number, name in ((1, "alice"), (2, "bob"))
    )
    for phone in (alice, bob):
        phone.register(600, 0.0)
    made.run(1.0)
    assert made.command("registrations")["ok"]
    call = alice.call(f"sip:bob@{DOMAIN}", made.now)
    made.run(20.0)
    assert call.answered_at == pytest.approx(3.0)
    assert call.ended_at == pytest.approx(8.0)
    (record,) = made.records()
    assert record["outcome"] == "answered"
    assert not made.engines[0].sessions
    assert {event for _, event, _ in made.published} >= {"call.started", "leg.ringing", "call.ended"}


def test_engines_die_and_come_back() -> None:
    made = world(engines=2)
    made.kill_engine(1, 0.0)
    assert made.switch.exchange.engines_alive() == [0]
    made.restart_engine(1, 0.0)
    assert made.switch.exchange.engines_alive() == [0, 1]


def test_a_watcher_stops_the_run() -> None:
    made = world()
    for when in (1.0, 2.0, 3.0):
        made.agenda.at(when, lambda _: None)
    made.watcher = lambda now: now >= 2.0
    made.run()
    assert made.now == 2.0
