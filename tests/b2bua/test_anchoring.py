"""The house's descriptions, and bringing a talking leg to the engine by a re-INVITE (RFC 3264, RFC 3261 §14.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from b2bua_kit.documents import MENU
from b2bua_kit.peer import Outgoing, Peer, Phone, sdp, trunk
from b2bua_kit.voices import played, voiced

from routerd.b2bua.anchoring import house_answer, house_offer
from routerd.errors import SdpError
from routerd.media import offer_answer
from routerd.media import sdp as descriptions

if TYPE_CHECKING:
    from b2bua_kit.wire import Wire


def test_the_house_answers_the_first_audio_line_and_refuses_the_rest() -> None:
    offer = sdp() + b"m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\nm=audio 5002 RTP/AVP 0\r\n"
    answer = house_answer(offer)
    offer_answer.check_answer(offer, answer)
    ports = [media.port for media in descriptions.parse(answer).media]
    assert ports == [9, 0, 0]
    assert offer_answer.codec_names(answer) == ["PCMA", "PCMU", "telephone-event"]


@pytest.mark.parametrize(
    ("offered", "answered"), [("sendrecv", "sendrecv"), ("sendonly", "recvonly"), ("inactive", "inactive")]
)
def test_the_direction_is_answered(offered: str, answered: str) -> None:
    assert offer_answer.direction(house_answer(sdp(direction=offered))) == answered


@pytest.mark.parametrize("body", [b"v=0\r\no=- 1 1 IN IP4 1.2.3.4\r\ns=-\r\nt=0 0\r\n", b"rubbish"])
def test_what_cannot_be_answered(body: bytes) -> None:
    with pytest.raises(SdpError):
        house_answer(body)


def test_the_house_offers_what_every_phone_speaks() -> None:
    assert offer_answer.codec_names(house_offer()) == ["PCMA", "PCMU", "telephone-event"]


def in_menu_without_engine() -> tuple[Wire, Peer, Outgoing]:
    wire = voiced()
    pstn = trunk(wire)
    Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MENU)
    call.answered()
    wire.engine.calls.clear()
    wire.media_event("restarted")
    return wire, pstn, call


def test_glare_is_waited_out() -> None:
    wire, pstn, call = in_menu_without_engine()
    pstn.reply(pstn.expect("INVITE"), 491)
    wire.wait(4)
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    assert played(wire) == ["welcome", "welcome"]
    call.bye()
    wire.assert_quiet()


def test_an_answer_without_a_description_ends_it() -> None:
    wire, pstn, _ = in_menu_without_engine()
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)])
    pstn.expect("ACK")
    pstn.expect("BYE")
    wire.assert_quiet()


def test_another_joining_waits_for_it() -> None:
    wire, pstn, call = in_menu_without_engine()
    again = pstn.expect("INVITE")
    phone = wire.peers["198.51.100.1", 5060]
    call.request("INFO", b"Signal=1\r\n", kind="application/dtmf-relay")
    come = phone.called()
    come.answer(sdp(port=7000))
    assert "INVITE" not in pstn.lines(), "one re-INVITE at a time"
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(version=2))
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=3))
    assert come.acked().body
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


def test_an_engine_that_is_lost_again_meanwhile() -> None:
    wire, pstn, call = in_menu_without_engine()
    again = pstn.expect("INVITE")
    wire.engine.calls.clear()
    wire.media_event("restarted")
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(version=2))
    pstn.expect("ACK")
    wire.wait(4)
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=3))
    pstn.expect("ACK")
    assert played(wire)[-1] == "welcome"
    call.bye()
    wire.assert_quiet()


def test_the_caller_leaves_meanwhile() -> None:
    wire, pstn, call = in_menu_without_engine()
    again = pstn.expect("INVITE")
    call.bye()
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(version=2))
    wire.assert_quiet()
