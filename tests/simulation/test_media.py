from __future__ import annotations

from routerd.media import ng
from routerd.simulation.description import describe, is_relayed
from routerd.simulation.media import ADDRESS, Engine

OFFER = describe("192.0.2.1", 4000, 1)


def test_descriptions_come_back_with_the_engine_in_them() -> None:
    engine = Engine()
    reply = engine.reply(ng.offer("c", "a", OFFER))
    assert reply is not None
    assert ng.is_ok(reply)
    assert is_relayed(reply["sdp"], ADDRESS)
    assert b"m=audio 4000" not in reply["sdp"]
    assert ng.is_ok(engine.reply(ng.answer("c", "a", "b", OFFER)) or {})
    assert set(engine.sessions) == {"c"}


def test_a_session_lives_until_it_is_deleted() -> None:
    engine = Engine()
    assert not ng.is_ok(engine.reply(ng.answer("c", "a", "b", OFFER)) or {})
    engine.reply(ng.offer("c", "a", OFFER))
    assert ng.is_ok(engine.reply(ng.delete("c")) or {})
    assert not engine.sessions
    assert not engine.faults
    engine.reply(ng.offer("c", "a", OFFER))
    assert engine.faults == ["offer of the deleted session c"]


def test_it_refuses_dies_and_comes_back() -> None:
    engine = Engine()
    engine.refuses.add("offer")
    assert not ng.is_ok(engine.reply(ng.offer("c", "a", OFFER)) or {})
    engine.refuses.clear()
    engine.reply(ng.offer("c", "a", OFFER))
    engine.die()
    assert engine.reply(ng.ping()) is None
    engine.restart()
    assert ng.is_ok(engine.reply(ng.ping()) or {})
    assert not engine.sessions
