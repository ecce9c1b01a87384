"""Waiting in a queue: music, the place in the line and the expected wait, interrupted by whoever answers."""

from __future__ import annotations

from b2bua_kit.documents import SUPPORT, company
from b2bua_kit.peer import Phone, sdp, trunk
from b2bua_kit.voices import play_ends, played, voiced

from routerd.b2bua.live_state import AccountState
from routerd.b2bua.queueing import expected_wait_s


def waiting_room(**queue: object) -> dict[str, object]:
    departments = company()["departments"]
    departments[0]["queue"] = {"timeout_s": 120, "join_empty": True, "announce_position_every_s": 10, **queue}
    return company(media="relay", departments=departments)


def test_music_the_place_and_music_again() -> None:
    wire = voiced(waiting_room(music="music"))
    call = trunk(wire).invite(SUPPORT)
    call.answered()
    assert played(wire) == ["music+"]
    wire.wait(10.1)
    assert played(wire) == ["music+", "position-1"]
    play_ends(wire)
    assert played(wire) == ["music+", "position-1", "music+"]
    assert wire.published("queue.position")[0]["position"] == 1
    call.bye()
    wire.assert_quiet()


def test_the_systems_music_where_the_department_names_none() -> None:
    wire = voiced(waiting_room())
    call = trunk(wire).invite(SUPPORT)
    call.answered()
    assert wire.engine.commands[-1]["file"] == "/prompts/music.wav"
    call.bye()
    wire.assert_quiet()


def test_an_answer_interrupts_the_place_at_once() -> None:
    wire = voiced(waiting_room(music="music"))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(SUPPORT)
    call.answered()
    come = phone.called()
    come.ring()
    wire.wait(10.1)
    assert played(wire) == ["music+", "position-1"], "it rings, and the music goes on"
    before = len(wire.engine.commands)
    come.answer(sdp(port=7000))
    told = [command["command"] for command in wire.engine.commands[before:]]
    assert told[0] == "stop media"
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    assert come.acked().body
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


def test_the_queue_is_left_and_the_music_ends() -> None:
    wire = voiced(waiting_room(timeout_s=5))
    call = trunk(wire).invite(SUPPORT)
    call.answered()
    wire.wait(5.1)
    call.peer.expect("BYE")
    wire.assert_quiet()


def test_the_wait_is_guessed_from_who_was_taken_lately() -> None:
    live = AccountState("acme")
    assert expected_wait_s(live, "support", 2, 1000.0) is None
    live.taken["support"] = [100.0, 160.0]
    assert expected_wait_s(live, "support", 2, 1000.0) is None, "two are no experience"
    live.taken["support"] = [100.0, 160.0, 220.0]
    assert expected_wait_s(live, "support", 2, 1000.0) == 120.0
    assert expected_wait_s(live, "support", 2, 10_000.0) is None, "it is long ago"


def test_the_wait_is_said_after_the_place() -> None:
    wire = voiced(waiting_room(music="music"))
    call = trunk(wire).invite(SUPPORT)
    call.answered()
    wire.switch.states["acme"].taken["support"] = [wire.now - 400, wire.now - 200, wire.now]
    wire.wait(10.1)
    play_ends(wire)
    assert played(wire)[1:] == ["position-1", "wait-4-minutes"]
    assert wire.published("queue.position")[0]["wait_s"] == 200
    call.bye()
    wire.assert_quiet()
