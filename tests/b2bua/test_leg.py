"""One side of a call once its dialog exists: targets, BYE, what a party that is gone leaves (RFC 3261 §12 to §15)."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import MAIN
from b2bua_kit.peer import Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua.leg import Leg
from routerd.sip.flow import Flow


def world() -> tuple[Wire, Peer, Phone]:
    wire = Wire()
    return wire, trunk(wire), Phone(wire, "2001", "198.51.100.1")


def test_a_bye_that_is_never_answered_still_ends_the_dialog() -> None:
    wire, pstn, phone = world()
    phone.auto.discard("BYE")
    out, _ = connect(pstn, phone, MAIN)
    out.bye()
    phone.expect("BYE")
    assert len(wire.switch.dialogs) == 1
    wire.wait(33)
    assert wire.switch.dialogs == {}
    assert phone.repeats >= 5
    wire.assert_quiet()


def test_both_hang_up_at_once() -> None:
    wire, pstn, phone = world()
    phone.auto.discard("BYE")
    out, come = connect(pstn, phone, MAIN)
    out.bye()
    ours = phone.expect("BYE")
    come.request("BYE")
    assert phone.lines()[0] in {"200 BYE", "481 BYE"}
    phone.reply(ours, 481)
    wire.assert_quiet()


def test_a_second_bye_finds_nobody() -> None:
    wire, pstn, phone = world()
    out, _ = connect(pstn, phone, MAIN)
    out.bye()
    out.request("BYE")
    pstn.expect("481 BYE")
    phone.expect("BYE")
    wire.assert_quiet()


def test_a_new_contact_is_where_requests_go_from_then_on() -> None:
    wire, pstn, phone = world()
    moved = Peer(wire, "192.0.2.11", 5090)
    out, come = connect(pstn, phone, MAIN)
    again = out.make("INVITE", sdp(version=2))
    again.set("Contact", moved.contact)
    pstn.send(again)
    phone.reply(phone.expect("INVITE"), 200, [("Contact", phone.contact)], sdp(version=2))
    out.ack(pstn.expect("200 INVITE"))
    come.bye()
    assert moved.expect("BYE").uri == moved.contact[1:-1]
    wire.assert_quiet()


def test_a_phone_behind_nat_is_reached_where_it_called_from() -> None:
    wire, pstn, phone = world()
    caller = Phone(wire, "2002", "198.51.100.9")
    caller.contact = "<sip:2002@10.0.0.5:5060>"
    out, come = connect(caller, phone, "1001")
    come.bye()
    assert caller.expect("BYE").uri == "sip:2002@10.0.0.5:5060"
    del out, pstn
    wire.assert_quiet()


@pytest.mark.parametrize("status", [481, 408])
def test_a_dead_dialog_is_a_hang_up(status: int) -> None:
    wire, pstn, phone = world()
    out, _ = connect(pstn, phone, MAIN)
    phone.auto.discard("INFO")
    out.request("INFO", b"Signal=1\r\n", kind="application/dtmf-relay")
    phone.reply(phone.expect("INFO"), status)
    assert pstn.lines()[-1] == "BYE"
    phone.expect("BYE")
    wire.assert_quiet()
    assert wire.noted("leg_lost") == 1


def test_the_interval_of_a_refresh_is_checked() -> None:
    wire, pstn, phone = world()
    out, _ = connect(pstn, phone, MAIN)
    out.request("UPDATE", extra=[("Supported", "timer"), ("Session-Expires", "30")])
    assert pstn.expect("422 UPDATE").get("Min-SE") == "90"
    phone.nothing()
    out.bye()
    wire.assert_quiet()


def test_whether_a_peer_knows_update() -> None:
    wire, pstn, _ = world()
    leg = Leg(wire.switch.exchange, None, "x")  # type: ignore[arg-type]
    request = pstn.request("OPTIONS", "sip:192.0.2.1", [("Allow", "INVITE"), ("Allow", "update, BYE")])
    leg.note_allowed(request)
    assert leg.peer_updates
    request.set("Allow", "INVITE")
    leg.note_allowed(request)
    assert not leg.peer_updates
    assert not leg.talking
    assert not leg.goodbye
    leg.bye(0.0) if leg.dialog is not None else None


def test_an_offer_passed_across_is_a_refresh_of_the_session() -> None:
    wire, pstn, phone = world()
    out = pstn.invite(MAIN)
    come = phone.called()
    timer = [("Supported", "timer"), ("Session-Expires", "200;refresher=uas")]
    come.answer(extra=timer)
    come.acked()
    out.answered()
    wire.wait(95)
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    offer = phone.expect("INVITE")
    assert offer.get("Session-Expires") == "200;refresher=uas"
    phone.reply(offer, 200, [("Contact", phone.contact), *timer], sdp(version=2, direction="recvonly"))
    phone.expect("ACK")
    out.ack(pstn.expect("200 INVITE"))
    wire.wait(90)
    assert len(wire.switch) == 1, "the phone refreshes 100 s after its last 200"
    wire.wait(90)
    phone.expect("BYE")
    wire.assert_quiet()


def test_a_reinvite_before_the_ack_of_the_last_one_says_that_it_was_answered() -> None:
    wire, pstn, phone = world()
    out, _ = connect(pstn, phone, MAIN)
    answers = []
    for version in (2, 3):
        out.request("INVITE", sdp(version=version))
        phone.reply(phone.expect("INVITE"), 200, [("Contact", phone.contact)], sdp(version=version))
        phone.expect("ACK")
        answers.append(pstn.expect("200 INVITE"))
    out.ack(answers[0])
    repeats = pstn.repeats
    wire.wait(1)
    assert pstn.repeats > repeats, "the ACK was the first one's"
    out.ack(answers[1])
    wire.wait(40)
    assert len(wire.switch) == 1
    out.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_a_phone_that_comes_back_from_elsewhere_is_reached_there(transport: str) -> None:
    wire, pstn, _ = world()
    caller = Phone(wire, "2002", "198.51.100.9", register=False)
    caller.contact = "<sip:2002@phone.invalid>"
    caller.flow = Flow(transport, caller.flow.local, caller.address, 0 if transport == "udp" else 7)
    out = caller.invite("9876512345")
    come = pstn.called()
    come.answer()
    come.acked()
    out.answered()
    if transport == "tcp":
        wire.switch.lose_flow(caller.flow, wire.now)
    moved = Peer(wire, "198.51.100.9", 40123)
    moved.flow = Flow(transport, caller.flow.local, moved.address, 0 if transport == "udp" else 8)
    moved.send(out.make("INVITE", sdp(version=2)))
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    moved.send(out.dialog.ack(moved.expect("200 INVITE").cseq.number, via=moved.branch()))  # type: ignore[union-attr]
    come.bye()
    moved.expect("BYE")
    wire.assert_quiet()
