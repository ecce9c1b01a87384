from __future__ import annotations

import pytest

from routerd.cli.simulate import tables_of
from routerd.simulation import checkers
from routerd.simulation.documents import plain
from routerd.simulation.script import Script

TALK = """
phone alice registered
phone bob registered
alice -> INVITE sip:bob@acme.test
alice <- 401
bob <- INVITE
bob -> 200
alice <- 200
bob <- ACK
"""


@pytest.fixture
def finished() -> Script:
    script = Script(tables_of(plain(media="relay")), engines=1)
    script.play(TALK + "alice -> BYE\nalice <- 200\nbob <- BYE\nrest")
    return script


def test_a_clean_world_has_no_faults(finished: Script) -> None:
    assert checkers.check(finished.world) == []
    assert checkers.transcript(finished.world).count(b"INVITE sip:bob@acme.test") == 2


def test_a_call_that_goes_on_is_seen() -> None:
    script = Script(tables_of(plain()))
    script.play(TALK)
    assert len(checkers.everything_ends(script.world)) == 2
    assert len(checkers.nothing_left(script.world)) > 2


def test_each_fault_is_seen(finished: Script) -> None:
    world = finished.world
    call = finished.phones["bob"].calls[-1]
    call.acked = False
    call.finals.append((487, ""))
    assert len(checkers.one_final_response(world)) == 2
    world.engines[0].sessions["left"] = set()
    assert checkers.media_released(world) == ["engine 0 still holds left"]
    world.journal.append(next(entry for entry in world.journal if entry.kind == "call.end"))
    assert "has 2 records" in checkers.one_record_per_call(world)[0]
    world.records()[0]["legs"][0]["result"] = None
    assert any("has no end" in fault for fault in checkers.one_record_per_call(world))
    finished.phones["bob"].note("malformed", "x")
    assert checkers.nothing_malformed(world)
    world.switch.state_of("acme").count("account", 1)
    assert checkers.nothing_left(world) == ["1 channels of acme left"]


def test_a_leg_that_outlives_its_caller_is_seen(finished: Script) -> None:
    for name, end in (("alice", 10.0), ("bob", 60.0)):
        call = finished.phones[name].calls[-1]
        call.subject, call.ended_at = "one", end
    assert "outlives its caller by 50.0 s" in checkers.no_leg_outlives(finished.world)[0]
    finished.phones["bob"].calls[-1].moved = True
    assert not checkers.no_leg_outlives(finished.world)
