"""A guest of the house renegotiates: hold and resume through the engine, delayed offers, refusals, races."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from b2bua_kit.documents import MENU
from b2bua_kit.peer import Outgoing, Peer, Phone, sdp, trunk
from b2bua_kit.voices import commands, press, voiced

from routerd.media import offer_answer
from routerd.sip import build

if TYPE_CHECKING:
    from b2bua_kit.wire import Wire


def in_menu() -> tuple[Wire, Peer, Outgoing]:
    wire = voiced()
    pstn = trunk(wire)
    Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MENU)
    call.answered()
    return wire, pstn, call


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_hold_is_answered_by_the_engine(method: str) -> None:
    wire, pstn, call = in_menu()
    call.request(method, sdp(version=2, direction="sendonly"))
    response = pstn.expect(f"200 {method}")
    assert b"203.0.113.99" in response.body
    assert offer_answer.direction(response.body) == "recvonly"
    if method == "INVITE":
        call.ack(response)
    assert len(commands(wire, "offer")) == len(commands(wire, "answer")) == 2
    call.bye()
    wire.assert_quiet()


def test_an_invite_without_an_offer_gets_one() -> None:
    wire, pstn, call = in_menu()
    call.request("INVITE")
    response = pstn.expect("200 INVITE")
    assert b"203.0.113.99" in response.body
    call.ack(response, sdp(version=2))
    assert [command["from-tag"] for command in commands(wire, "answer")] == ["caller", "house"]
    call.bye()
    wire.assert_quiet()


@pytest.mark.parametrize(("body", "status"), [(b"rubbish", 488), (sdp().replace(b"8 0 101", b"97"), 488)])
def test_what_cannot_be_served_is_refused(body: bytes, status: int) -> None:
    wire, pstn, call = in_menu()
    call.request("INVITE", body)
    pstn.expect(f"{status} INVITE")
    call.bye()
    wire.assert_quiet()


def test_an_engine_that_refuses_leaves_the_session_as_it_was() -> None:
    wire, pstn, call = in_menu()
    wire.engine.refuses = True
    call.request("INVITE", sdp(version=2))
    pstn.expect("500 INVITE")
    wire.engine.refuses = False
    call.bye()
    wire.assert_quiet()


def test_without_an_engine_the_emptiness_is_agreed_to_again() -> None:
    wire = voiced()
    wire.media_event("lost")
    pstn = trunk(wire)
    call = pstn.invite(MENU)
    call.answered()
    for body in (sdp(version=2), b""):
        call.request("INVITE", body)
        response = pstn.expect("200 INVITE")
        assert b"a=inactive" in response.body
        call.ack(response)
    call.bye()
    wire.assert_quiet()


def test_a_bridge_overtakes_it() -> None:
    wire, pstn, call = in_menu()
    phone = wire.peers["198.51.100.1", 5060]
    press(wire, "1")
    come = phone.called()
    wire.engine.hold = {"answer"}
    call.request("INVITE", sdp(version=2))
    come.answer(sdp(port=7000))
    pstn.expect("500 INVITE")
    wire.engine.hold = set()
    wire.release_media()
    wire.wait(4)
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=3))
    assert come.acked().body
    call.bye()
    phone.expect("BYE")
    wire.assert_quiet()


def test_it_may_be_cancelled() -> None:
    wire, pstn, call = in_menu()
    wire.engine.hold = {"offer"}
    again = call.request("INVITE", sdp(version=2))
    pstn.send(build.cancel(again))
    pstn.expect("487")
    wire.release_media()
    call.bye()
    wire.assert_quiet()


def test_the_call_ends_meanwhile() -> None:
    wire, pstn, call = in_menu()
    wire.engine.hold = {"offer"}
    call.request("INVITE", sdp(version=2))
    call.bye()
    pstn.expect("487")
    wire.release_media()
    wire.assert_quiet()
