"""Joining two answered legs: third-party call control (RFC 3725 §4.4), glare and failure included."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import MENU
from b2bua_kit.peer import Incoming, Outgoing, Peer, Phone, sdp, trunk
from b2bua_kit.wire import Wire


def met() -> tuple[Wire, Peer, Phone, Outgoing, Incoming]:
    """A menu's caller has pressed 1 and the phone has answered with its offer; the caller has its re-INVITE."""
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MENU)
    call.answered()
    call.request("INFO", b"Signal=1\r\n", kind="application/dtmf-relay")
    come = phone.called()
    come.answer(sdp(port=7000))
    return wire, pstn, phone, call, come


def test_the_offer_goes_to_the_caller_and_the_answer_into_the_ack() -> None:
    wire, pstn, phone, call, come = met()
    again = pstn.expect("INVITE")
    assert b"m=audio 7000" in again.body
    phone.nothing()
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(port=8000))
    assert b"m=audio 8000" in come.acked().body
    come.repeat()
    assert phone.repeats == 1, "a repeated 200 gets the same ACK"
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


@pytest.mark.parametrize("times", [1, 9])
def test_glare_is_waited_out_but_not_for_ever(times: int) -> None:
    wire, pstn, phone, call, come = met()
    for _ in range(times):
        if "INVITE" not in pstn.lines():
            break
        pstn.reply(pstn.expect("INVITE"), 491)
        wire.wait(4)
    if times == 1:
        pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp())
        assert come.acked().body
        call.bye()
    else:
        assert phone.expect("ACK").body, "the offer is refused line by line"
        phone.expect("BYE")
        pstn.expect("BYE")
    wire.assert_quiet()


def test_a_caller_who_renegotiates_meanwhile_waits() -> None:
    wire, pstn, _, call, come = met()
    again = pstn.expect("INVITE")
    call.request("INVITE", sdp(version=2))
    pstn.assert_sent("491 Request Pending")
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp())
    assert come.acked().body
    call.bye()
    wire.assert_quiet()


def test_silence_while_joining_ends_it() -> None:
    wire, pstn, phone, _, _ = met()
    wire.dead.add(pstn.address)
    wire.wait(40)
    phone.expect("ACK")
    phone.expect("BYE")
    wire.assert_quiet()
    assert wire.records()[0]["ended_by"] == "server"


def test_an_answer_without_an_offer_cannot_be_joined() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MENU)
    call.answered()
    call.request("INFO", b"Signal=1\r\n", kind="application/dtmf-relay")
    come = phone.called()
    come.send(200)
    come.acked()
    asked = phone.expect("INVITE")
    assert asked.body == b"", "asked once more"
    phone.reply(asked, 200, [("Contact", phone.contact)])
    phone.expect("BYE")
    pstn.expect("BYE")
    wire.assert_quiet()


def test_an_offer_without_a_common_codec() -> None:
    wire, pstn, phone, _, _ = met()
    pstn.reply(pstn.expect("INVITE"), 488)
    phone.expect("ACK")
    phone.expect("BYE")
    pstn.expect("BYE")
    wire.assert_quiet()
