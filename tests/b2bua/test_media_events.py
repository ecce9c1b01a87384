"""What engines notice reaches whom it concerns, and nobody else; calls that no engine serves are left alone."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import MAIN, MENU, MOBILE, changed, company
from b2bua_kit.peer import Phone, connect, sdp, trunk
from b2bua_kit.voices import commands, voiced
from b2bua_kit.wire import Wire


@pytest.mark.parametrize("event", ["lost", "restarted", "up"])
def test_direct_calls_need_no_engine(event: str) -> None:
    wire = Wire(engines=1)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call, _ = connect(pstn, phone, MAIN)
    assert not next(iter(wire.switch.call_by_id.values())).uses_engine(0)
    wire.media_event(event)
    assert pstn.lines() == []
    call.bye()
    wire.assert_quiet()


def test_two_who_talk_are_joined_anew() -> None:
    wire = Wire(company(media="relay"), engines=1)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call, _ = connect(pstn, phone, MAIN)
    assert next(iter(wire.switch.call_by_id.values())).uses_engine(0)
    wire.engine.calls.clear()
    wire.media_event("restarted")
    phone.reply(phone.expect("INVITE"), 200, [("Contact", phone.contact)], sdp(version=2))
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    assert phone.expect("ACK").body
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


def test_a_leg_that_is_asked_in_its_own_session_counts_as_not_answered() -> None:
    document = changed(company(), "agents", "asha", call_forward_number=MOBILE, confirm_external=True)
    wire = voiced(document)
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    come.acked()
    inside = next(iter(wire.switch.call_by_id.values()))
    assert inside.uses_engine(0)
    wire.engine.calls.clear()
    wire.media_event("lost")
    call.refused(480)
    wire.assert_quiet()


def test_an_engine_that_comes_back_while_it_is_asked_for_a_caller_is_asked_again() -> None:
    wire = voiced()
    wire.engine.hold = {"answer"}
    call = trunk(wire).invite(MENU)
    wire.engine.calls.clear()
    wire.media_event("restarted")
    wire.engine.hold = set()
    wire.engine.held.clear()
    assert len(commands(wire, "offer")) == 2
    assert "200 INVITE" not in call.peer.lines()
    call.cancel()
    call.refused(487)
    wire.assert_quiet()


def test_events_of_strangers_are_dropped() -> None:
    wire = voiced()
    call = trunk(wire).invite(MENU)
    call.answered()
    for event in ("media-ended", "dtmf", "recording-ended", "one-way", "media-timeout", "something"):
        wire.media_event(event, **{"call-id": "nobody", "tag": "caller", "digit": "1", "play-id": "x"})
    assert len(wire.switch) == 1
    call.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("event", ["media-timeout", "session-reaped"])
def test_a_session_that_nobody_owns_is_deleted(event: str) -> None:
    wire = Wire(company(media="relay"), engines=1)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call, _ = connect(pstn, phone, MAIN)
    inside = next(iter(wire.switch.call_by_id.values()))
    strays = ["gone", f"{inside.id}/7"]  # a call that is over, and a session that a call left long ago
    wire.engine.calls.update(strays)
    wire.engine.commands.clear()
    for stray in ("", *strays):
        wire.media_event(event, **{"call-id": stray})
    assert [command["call-id"] for command in commands(wire, "delete")] == strays
    assert wire.noted("media_session_unowned") == 2
    assert pstn.lines() == [], "the call goes on"
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


def test_silence_in_a_session_that_a_call_owns_and_does_not_talk_in_is_nothing() -> None:
    document = changed(company(), "agents", "asha", call_forward_number=MOBILE, confirm_external=True)
    wire = voiced(document)
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.answer()
    come.acked()
    asked = commands(wire, "play media")[-1]["call-id"]
    wire.engine.commands.clear()
    for event in ("media-timeout", "session-reaped"):
        wire.media_event(event, **{"call-id": asked})
    assert commands(wire, "delete") == []
    assert len(wire.switch) == 1
    call.cancel()
    call.refused(487)
    wire.assert_quiet()
