"""Who hears the answers of our own requests within a dialog (RFC 3261 §12.2.1.2, 4028 §7.3, §10)."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import MAIN
from b2bua_kit.peer import Incoming, Outgoing, Peer, Phone, sdp, trunk
from b2bua_kit.wire import Wire

TIMED = [("Session-Expires", "200;refresher=uac"), ("Require", "timer")]


def talking(*, updates: bool) -> tuple[Wire, Peer, Phone, Outgoing, Incoming]:
    """The phone's session is ours to refresh every 100 s."""
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out = pstn.invite(MAIN, extra=[("Supported", "timer"), ("Session-Expires", "1800;refresher=uac")])
    come = phone.called()
    come.answer(extra=[*TIMED, ("Allow", "INVITE, BYE, UPDATE" if updates else "INVITE, BYE")])
    come.acked()
    out.answered()
    return wire, pstn, phone, out, come


def test_a_refresh_by_reinvite_offers_what_the_peer_has_and_is_acknowledged_again() -> None:
    wire, _, phone, out, come = talking(updates=False)
    wire.wait(100.1)
    refresh = phone.expect("INVITE")
    assert refresh.body == come.invite.body, "the same version: nothing changed (RFC 4028 §7.4)"
    answer = phone.reply(refresh, 200, [("Contact", phone.contact), *TIMED], come.sdp or sdp())
    phone.expect("ACK")
    phone.send(answer)
    assert phone.repeats == 1
    out.bye()
    wire.assert_quiet()


def test_a_refresh_waits_for_a_renegotiation_to_end() -> None:
    wire, pstn, phone, out, _ = talking(updates=True)
    wire.wait(99)
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    offer = phone.expect("UPDATE" if "UPDATE" in phone.lines() else "INVITE")
    wire.wait(2)
    phone.nothing()
    phone.reply(offer, 488)
    pstn.expect("488 INVITE")
    wire.wait(10)
    assert phone.expect("UPDATE").body == b""
    out.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("updates", [True, False])
def test_a_dialog_that_is_gone_is_found_out(updates: bool) -> None:
    wire, pstn, phone, _, _ = talking(updates=updates)
    wire.wait(100.1)
    phone.reply(phone.expect("UPDATE" if updates else "INVITE"), 481)
    pstn.expect("BYE")
    wire.assert_quiet()


def test_a_refusal_is_no_end() -> None:
    wire, pstn, phone, out, _ = talking(updates=True)
    wire.wait(100.1)
    phone.reply(phone.expect("UPDATE"), 500)
    wire.wait(10.1)
    phone.reply(phone.expect("UPDATE"), 200, [("Session-Expires", "200;refresher=uac")])
    wire.wait(99)
    phone.expect("ACK") if "ACK" in phone.lines() else phone.nothing()
    assert "BYE" not in pstn.lines()
    out.bye()
    wire.assert_quiet()


def test_silence_is_an_end() -> None:
    wire, pstn, phone, _, _ = talking(updates=False)
    wire.dead.add(phone.address)
    wire.wait(140)
    pstn.expect("BYE")
    wire.assert_quiet()
