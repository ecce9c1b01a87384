"""The whisper: the agent hears the label, the caller what they heard before; leaving meanwhile is clean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from b2bua_kit.documents import MAIN, MENU, SUPPORT, company
from b2bua_kit.peer import Incoming, Outgoing, Peer, Phone, sdp, trunk
from b2bua_kit.voices import play_ends, played, press, voiced

if TYPE_CHECKING:
    from b2bua_kit.wire import Wire

LEG = "extension:2001@198.51.100.1#1"
NUMBERS = [
    {"number": MAIN, "destination": {"type": "agent", "id": "asha"}, "whisper": "label"},
    {"number": MENU, "destination": {"type": "ivr", "id": "main"}, "whisper": "label"},
    {"number": SUPPORT, "destination": {"type": "department", "id": "support"}},
]


def answered(media: str = "relay", **more: Any) -> tuple[Wire, Peer, Phone, Outgoing, Incoming]:
    """A call to a number with a whisper whose agent has answered."""
    wire = voiced(company(media=media, numbers=NUMBERS, **more))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    come = phone.called()
    come.ring()
    pstn.expect("180")
    come.answer(sdp(port=7000))
    come.acked()
    return wire, pstn, phone, call, come


@pytest.mark.parametrize("media", ["relay", "direct"])
def test_the_agent_hears_it_and_the_caller_rings_on(media: str) -> None:
    wire, pstn, _, call, _ = answered(media)
    assert played(wire, LEG) == ["label"]
    assert "200 INVITE" not in pstn.lines()
    play_ends(wire, LEG)
    assert b"203.0.113.99" in call.answered().body
    call.bye()
    wire.assert_quiet()
    record = wire.records()[0]
    assert record["answered_by"] == "extension:2001"
    assert "whisper" in {mark["what"] for mark in record["timeline"]}


@pytest.mark.parametrize("who", ["caller", "agent", "admin", "engine"])
def test_whoever_leaves_meanwhile(who: str) -> None:
    wire, pstn, phone, call, come = answered()
    if who == "caller":
        call.cancel()
        call.refused(487)
        phone.expect("BYE")
    elif who == "agent":
        come.bye()
        assert "cause=21" in (call.refused(480).get("Reason") or "")
    elif who == "admin":
        wire.command("hang_up", call=next(iter(wire.switch.call_by_id)))
        call.refused(480)
        phone.expect("BYE")
    else:
        wire.engine.calls.clear()
        wire.media_event("restarted")
        call.refused(503)
        phone.expect("BYE")
    assert "200 INVITE" not in pstn.lines()
    wire.assert_quiet()


def queued() -> tuple[Wire, Peer, Phone, Outgoing, Incoming]:
    departments = company()["departments"]
    departments[0]["whisper"] = "label"
    wire = voiced(company(media="relay", numbers=NUMBERS, departments=departments))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(SUPPORT)
    call.answered()
    come = phone.called()
    assert come.invite.body == b""
    come.answer(sdp(port=7000))
    assert b"203.0.113.99" in come.acked().body, "the house answers the agent's offer"
    return wire, pstn, phone, call, come


def test_the_departments_label_in_a_queue_while_music_goes_on() -> None:
    wire, pstn, phone, call, _ = queued()
    assert played(wire, LEG) == ["label"]
    assert played(wire) == ["music+"]
    play_ends(wire, LEG)
    assert played(wire) == ["music+", "-"]
    phone.reply(phone.expect("INVITE"), 200, [("Contact", phone.contact)], sdp(port=7000, version=2))
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    phone.expect("ACK")
    pstn.expect("ACK")
    call.bye()
    wire.assert_quiet()
    assert wire.records()[0]["answered_by"] == "extension:2001"


@pytest.mark.parametrize("who", ["caller", "agent", "admin"])
def test_whoever_leaves_the_queue_meanwhile(who: str) -> None:
    wire, pstn, phone, call, come = queued()
    if who == "caller":
        call.bye()
        phone.expect("BYE")
    elif who == "agent":
        come.bye()
        pstn.expect("BYE")
    else:
        wire.command("hang_up", call=next(iter(wire.switch.call_by_id)))
        pstn.expect("BYE")
        phone.expect("BYE")
    wire.assert_quiet()


def test_an_engine_that_does_not_play_keeps_nobody_waiting() -> None:
    wire = voiced(company(media="relay", numbers=NUMBERS))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    come = phone.called()
    wire.media_event("up", result="pong", capabilities=["relay"])
    come.answer()
    come.acked()
    wire.wait(1.1)
    call.answered()
    assert played(wire, LEG) == []
    call.bye()
    wire.assert_quiet()


def test_without_an_engine_there_is_none() -> None:
    wire = voiced(company(numbers=NUMBERS))
    wire.media_event("lost")
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    phone.called().answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_the_number_of_a_menu_whispers_too() -> None:
    wire = voiced(company(media="relay", numbers=NUMBERS))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MENU)
    call.answered()
    press(wire, "1")
    come = phone.called()
    come.ring()
    come.answer(sdp(port=7000))
    come.acked()
    assert played(wire, LEG) == ["label"]
    assert played(wire)[-1] == "ringback-in+", "the caller hears ringing meanwhile"
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()
