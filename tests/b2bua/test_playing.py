"""What one party hears: announcements over music over ringing, and never a wait for a sound that fails."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import MENU
from b2bua_kit.peer import Outgoing, trunk
from b2bua_kit.voices import commands, play_ends, played, voiced
from b2bua_kit.wire import Wire

from routerd.b2bua.playing import FOR_EVER, SILENCE, Audio, prompt, sound

A, B, MUSIC, TONE = Audio("/x/a.wav", 1.0), Audio("/x/b.wav", 1.0), Audio("/x/music.wav"), Audio("/x/tone.wav")


def guest(*, engine: str = "embedded") -> tuple[Wire, Outgoing, Any]:
    """A caller in a menu whose prompt was stopped, and their player."""
    wire = voiced()
    if engine == "rtpengine":
        wire.media_event("up", result="pong")
    call = trunk(wire).invite(MENU)
    call.answered()
    player = next(iter(wire.switch.call_by_id.values())).guest.player  # type: ignore[union-attr]
    player.stop(wire.now)
    wire.pump()
    wire.engine.commands.clear()
    return wire, call, player


def test_the_layers() -> None:
    wire, call, player = guest()
    player.ringing(TONE, wire.now)
    player.music(MUSIC, wire.now)
    player.ringing(SILENCE, wire.now)
    player.ringing(TONE, wire.now)
    said: list[float] = []
    player.say([A, B], wire.now, said.append)
    wire.pump()
    assert played(wire) == ["tone+", "music+", "a"]
    play_ends(wire)
    assert not said
    play_ends(wire)
    assert said == [wire.now]
    assert played(wire) == ["tone+", "music+", "a", "b", "music+"]
    player.music(SILENCE, wire.now)
    player.hush(wire.now)
    player.stop(wire.now)
    wire.pump()
    assert played(wire)[-2:] == ["tone+", "-"]
    call.bye()
    wire.assert_quiet()


def test_what_is_hushed_does_not_say_that_it_ended() -> None:
    wire, call, player = guest()
    said: list[float] = []
    player.say([A], wire.now, said.append)
    player.hush(wire.now)
    wire.pump()
    wire.wait(5)
    assert not said
    assert played(wire) == ["a", "-"]
    call.bye()
    wire.assert_quiet()


def test_an_old_event_ends_nothing() -> None:
    wire, call, player = guest()
    said: list[float] = []
    player.say([A], wire.now, said.append)
    wire.pump()
    old = commands(wire, "play media")[-1]
    player.say([B], wire.now, said.append)
    wire.pump()
    wire.media_event("media-ended", **{"call-id": old["call-id"], "tag": "caller", "play-id": old["play-id"]})
    assert not said
    play_ends(wire)
    assert said
    call.bye()
    wire.assert_quiet()


def test_an_engine_without_events_is_timed() -> None:
    wire, call, player = guest(engine="rtpengine")
    wire.engine.durations["/x/a.wav"] = 700
    said: list[float] = []
    begun = wire.now
    player.say([A], wire.now, said.append)
    wire.pump()
    wire.wait(2)
    assert said == [begun + 0.7]
    player.music(MUSIC, wire.now)
    wire.pump()
    assert commands(wire, "play media")[-1]["repeat-times"] == FOR_EVER
    call.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("how", ["refused", "silent", "no file"])
def test_what_cannot_be_played_takes_its_time(how: str) -> None:
    wire, call, player = guest()
    wire.engine.refuses, wire.engine.silent = how == "refused", how == "silent"
    said: list[float] = []
    begun = wire.now
    player.say([A if how != "no file" else Audio("", 1.0)], wire.now, said.append)
    wire.pump()
    wire.wait(2)
    assert said == [begun + 1.0]
    wire.engine.refuses = wire.engine.silent = False
    call.bye()
    wire.assert_quiet()


def test_saying_nothing_is_said_at_once() -> None:
    wire, call, player = guest()
    said: list[float] = []
    player.say([], wire.now, said.append)
    assert said == [wire.now]
    call.bye()
    wire.assert_quiet()


def test_sounds_and_prompts() -> None:
    wire = voiced()
    call = trunk(wire).invite(MENU)
    call.answered()
    inside = next(iter(wire.switch.call_by_id.values()))
    assert sound(inside, "welcome") == Audio("/sounds/welcome.wav", 3.0, "welcome")
    assert sound(inside, None) == sound(inside, "nothing") == SILENCE
    assert prompt(inside, "confirm").path == "/prompts/confirm.wav"
    call.bye()
    without = Wire(engines=1)
    other = trunk(without).invite(MENU)
    other.answered()
    assert prompt(next(iter(without.switch.call_by_id.values())), "confirm") == SILENCE
    other.bye()
    wire.assert_quiet()
