from __future__ import annotations

from routerd.media import ng
from routerd.simulation.clock import Agenda
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


def playing(engine: Engine) -> Engine:
    """An engine with one party alone in the house."""
    engine.reply(ng.offer("c", "a", OFFER))
    engine.reply(ng.answer("c", "a", "house", OFFER))
    return engine


def told_by(engine: Engine) -> list[tuple[str, dict[str, object], float]]:
    told: list[tuple[str, dict[str, object], float]] = []
    engine.notify = lambda event, facts, now: told.append((event, facts, now))
    return told


def test_what_is_played_ends_in_virtual_time() -> None:
    agenda = Agenda()
    engine = playing(Engine(agenda=agenda))
    engine.durations["/a.wav"] = 3.0
    told = told_by(engine)
    assert engine.reply(ng.play_media("c", "a", "/a.wav", play_id="1"), 10.0) == {"result": "ok", "duration": 3000}
    assert agenda.next_at() == 13.0
    agenda.run_next()
    assert told == [("media-ended", {"call-id": "c", "tag": "a", "play-id": "1"}, 13.0)]
    assert engine.heard == [(10.0, "c", "a", "/a.wav")]


def test_what_is_stopped_or_replaced_or_loops_does_not_end() -> None:
    agenda = Agenda()
    engine = playing(Engine(agenda=agenda))
    told = told_by(engine)
    engine.reply(ng.play_media("c", "a", "/a.wav"), 0.0)
    engine.reply(ng.play_media("c", "a", "/music.wav", repeat_times=0), 1.0)
    while agenda.next_at() is not None:
        agenda.run_next()
    assert not told
    assert engine.playing["c", "a"].file == "/music.wav"
    engine.reply(ng.stop_media("c", "a"), 5.0)
    assert not engine.playing


def test_only_who_is_there_hears_something() -> None:
    engine = playing(Engine())
    assert not ng.is_ok(engine.reply(ng.play_media("c", "nobody", "/a.wav")) or {})
    assert not ng.is_ok(engine.reply(ng.play_media("other", "a", "/a.wav")) or {})


def test_digits_and_recordings_are_told() -> None:
    agenda = Agenda()
    engine = playing(Engine(agenda=agenda))
    told = told_by(engine)
    engine.press("c", "a", "5", 1.0)
    assert told[-1][1]["digit"] == "5"
    engine.reply(ng.start_recording("c", "/r.wav", from_tag="a", max_ms=4000), 2.0)
    agenda.run_next()
    assert (told[-1][1]["reason"], told[-1][1]["duration-ms"], told[-1][2]) == ("limit", 4000, 6.0)
    assert not ng.is_ok(engine.reply(ng.stop_recording("c", "a"), 7.0) or {})
    engine.reply(ng.start_recording("c", "/r.wav", from_tag="a"), 8.0)
    assert engine.reply(ng.stop_recording("c", "a"), 9.5) == {"result": "ok", "duration": 1500}
    assert told[-1][1]["reason"] == "stopped"


def test_holding_is_seen() -> None:
    engine = playing(Engine())
    engine.reply(ng.block_media("c"))
    assert engine.blocked == {"c"}
    engine.reply(ng.unblock_media("c"))
    assert engine.blocked == set()
    assert ng.is_ok(engine.reply(ng.play_dtmf("c", "a", "5")) or {})
    assert not ng.is_ok(engine.reply({"command": "sing", "call-id": "c"}) or {})
