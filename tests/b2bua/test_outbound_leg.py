"""A branch: PRACK as client, digest of its trunk, 422, session timers as client (RFC 3261 §22, 3262, 4028)."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import CUSTOMER, MAIN, changed, company
from b2bua_kit.peer import Peer, Phone, sdp, trunk
from b2bua_kit.wire import Wire

CHALLENGE = 'Digest realm="pstn.example", nonce="n1", algorithm=MD5, qop="auth"'
AUTH = {"username": "acme-user", "password": "acme-secret"}


def outbound(auth: dict[str, Any] | None = None) -> tuple[Wire, Phone, Peer, Peer]:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"})
    if auth is not None:
        document = changed(document, "trunks", "pstn", auth=auth)
    wire = Wire(document)
    return wire, Phone(wire, "2001", "198.51.100.1"), trunk(wire), trunk(wire, "192.0.2.20")


# -- digest --


@pytest.mark.parametrize(("status", "asked", "given"), [
    (401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization"),
])  # fmt: skip
def test_a_challenge_is_answered_once_with_the_trunks_own_credentials(status: int, asked: str, given: str) -> None:
    wire, phone, pstn, second = outbound(AUTH)
    call = phone.invite(CUSTOMER)
    first = pstn.called()
    assert first.invite.get(given) is None
    first.send(status, extra=[(asked, CHALLENGE)])
    pstn.expect("ACK")
    come = pstn.called()
    assert 'username="acme-user"' in (come.invite.get(given) or "")
    assert come.invite.cseq.number == first.invite.cseq.number + 1
    assert come.invite.call_id == first.invite.call_id
    come.answer()
    assert come.acked().get(given) == come.invite.get(given), "the ACK bears the INVITE's credentials (§22.1)"
    call.answered()
    call.bye()
    second.nothing()
    wire.assert_quiet()


def test_a_second_challenge_is_an_end() -> None:
    wire, phone, pstn, second = outbound(AUTH)
    call = phone.invite(CUSTOMER)
    for _ in range(2):
        pstn.called().send(401, extra=[("WWW-Authenticate", CHALLENGE)])
    pstn.expect("ACK")
    pstn.expect("ACK")
    pstn.nothing()
    second.nothing()
    call.refused(480)
    wire.assert_quiet()


def test_a_challenge_of_a_foreign_realm_or_of_a_trunk_without_credentials_is_not_answered() -> None:
    for auth in (None, {**AUTH, "realm": "other.example"}):
        wire, phone, pstn, _ = outbound(auth)
        call = phone.invite(CUSTOMER)
        pstn.called().send(401, extra=[("WWW-Authenticate", CHALLENGE)])
        call.refused(480)
        assert b"acme-user" not in b"".join(data for _, data in wire.transmitted)
        wire.assert_quiet()


def test_a_phone_that_challenges_gets_nothing() -> None:
    wire, _, pstn, _ = outbound(AUTH)
    phone = next(peer for peer in wire.peers.values() if isinstance(peer, Phone))
    call = pstn.invite(MAIN)
    phone.called().send(401, extra=[("WWW-Authenticate", CHALLENGE)])
    call.refused(480)
    wire.assert_quiet()


@pytest.mark.parametrize("method", ["BYE", "INVITE"])
def test_a_challenge_within_the_call_is_answered_once_at_the_trunks_address(method: str) -> None:
    wire, phone, pstn, _ = outbound(AUTH)
    pstn.auto.discard("BYE")
    call = phone.invite(CUSTOMER)
    come = pstn.called()
    come.answer()
    come.acked()
    call.answered()
    call.request(method, sdp(version=2, direction="sendonly") if method == "INVITE" else b"")
    pstn.reply(pstn.expect(method), 401, [("WWW-Authenticate", CHALLENGE)])
    again = pstn.expect(method)
    assert 'username="acme-user"' in (again.get("Authorization") or "")
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(version=2) if method == "INVITE" else b"")
    if method == "INVITE":
        call.ack(phone.expect("200 INVITE"))
        pstn.auto.add("BYE")
        call.bye()
    wire.assert_quiet()


def test_no_credentials_to_a_contact_elsewhere() -> None:
    wire, phone, pstn, _ = outbound(AUTH)
    thief = Peer(wire, "203.0.113.66")
    thief.auto.discard("BYE")
    call = phone.invite(CUSTOMER)
    come = pstn.called()
    come.send(200, sdp(), [("Contact", "<sip:x@203.0.113.66:5060>")])
    call.answered()
    call.bye()
    thief.reply(thief.expect("BYE"), 401, [("WWW-Authenticate", CHALLENGE)])
    assert "BYE" not in thief.lines()
    wire.assert_quiet()


# -- session timers --


def test_a_422_is_tried_once_more_with_its_minimum() -> None:
    wire, phone, pstn, _ = outbound()
    call = phone.invite(CUSTOMER)
    pstn.called().send(422, extra=[("Min-SE", "3600")])
    come = pstn.called()
    assert (come.invite.get("Session-Expires"), come.invite.get("Min-SE")) == ("3600", "3600")
    come.send(422, extra=[("Min-SE", "7200")])
    pstn.expect("ACK")
    pstn.expect("ACK")
    pstn.nothing()
    call.refused(480)
    wire.assert_quiet()


def test_we_refresh_by_update_at_half_and_hang_up_on_silence() -> None:
    wire, phone, pstn, _ = outbound()
    call = phone.invite(CUSTOMER, extra=[("Supported", "timer"), ("Session-Expires", "1800;refresher=uac")])
    come = pstn.called()
    assert come.invite.get("Session-Expires") == "1800"
    come.answer(
        extra=[("Session-Expires", "200;refresher=uac"), ("Allow", "INVITE, BYE, UPDATE"), ("Require", "timer")]
    )
    call.answered()
    wire.wait(100.1)
    refresh = pstn.expect("UPDATE")
    assert refresh.get("Session-Expires") == "200;refresher=uac"
    assert refresh.body == b""
    pstn.reply(refresh, 200, [("Session-Expires", "200;refresher=uac")])
    wire.wait(100.1)
    pstn.reply(pstn.expect("UPDATE"), 422, [("Min-SE", "300")])
    wire.wait(10.1)
    refresh = pstn.expect("UPDATE")
    assert refresh.get("Session-Expires") == "300;refresher=uac"
    pstn.reply(refresh, 405)
    again = pstn.expect("INVITE")
    pstn.reply(again, 491)
    wire.wait(10.1)
    again = pstn.expect("INVITE")
    pstn.reply(again, 200, [("Contact", pstn.contact), ("Session-Expires", "300;refresher=uac")], sdp())
    pstn.expect("ACK")
    wire.dead.add(pstn.address)
    wire.wait(190)
    phone.expect("BYE")
    wire.assert_quiet()


def test_who_promised_to_refresh_and_does_not_is_hung_up() -> None:
    wire, phone, pstn, _ = outbound()
    call = phone.invite(CUSTOMER)
    pstn.called().answer(extra=[("Session-Expires", "90;refresher=uas"), ("Require", "timer")])
    call.answered()
    wire.wait(61)
    pstn.expect("BYE")
    phone.expect("BYE")
    wire.assert_quiet()


# -- reliable provisionals --


def test_reliable_ringing_of_the_callee_is_pracked_in_order() -> None:
    wire, phone, pstn, _ = outbound()
    call = phone.invite(CUSTOMER)
    come = pstn.called()
    assert "100rel" in come.invite.supported
    come.send(183, sdp(), [("Require", "100rel"), ("RSeq", "7")])
    assert pstn.expect("PRACK").get("RAck") == f"7 {come.invite.cseq.number} INVITE"
    come.send(180, extra=[("Require", "100rel"), ("RSeq", "9")])
    pstn.nothing()
    come.send(180, extra=[("Require", "100rel"), ("RSeq", "8")])
    assert (pstn.expect("PRACK").get("RAck") or "").startswith("8 ")
    assert phone.expect("183").body, "the caller, who knows no PRACK, gets it as it is"
    come.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_required_on_the_callers_side_only_and_on_the_callees_only() -> None:
    wire, phone, pstn, _ = outbound()
    call = phone.invite(CUSTOMER, extra=[("Require", "100rel")])
    come = pstn.called()
    assert "100rel" not in come.invite.require
    come.ring()
    ringing = phone.expect("180")
    assert "100rel" in ringing.require
    call.prack(ringing)
    come.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_a_delayed_offer_wants_no_reliable_provisionals() -> None:
    wire, phone, pstn, _ = outbound()
    call = phone.invite(CUSTOMER, b"")
    come = pstn.called()
    assert "100rel" not in come.invite.supported
    call.cancel()
    come.send(100)
    wire.assert_quiet()


def test_a_200_that_cannot_be_read_is_a_failure() -> None:
    wire, phone, pstn, _ = outbound()
    call = phone.invite(CUSTOMER)
    come = pstn.called()
    come.send(200, sdp(), [("Record-Route", "<sip:")])
    wire.wait(1)
    assert len(wire.switch) in {0, 1}
    call.cancel()
    wire.wait(200)
    assert len(wire.switch) == 0


def test_a_200_that_is_repeated_after_the_end_gets_its_own_ack() -> None:
    wire, phone, pstn, _ = outbound()
    call = phone.invite(CUSTOMER)
    come = pstn.called()
    come.answer()
    first = come.acked()
    call.answered()
    call.request("INVITE", sdp(version=2))
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    call.ack(phone.expect("200 INVITE"))
    assert pstn.expect("ACK").cseq.number != first.cseq.number
    come.bye()
    sent = len(wire.transmitted)
    come.repeat()
    assert [data.split(b" ")[0] for _, data in wire.transmitted[sent:]] == [b"ACK"]
    assert f"CSeq: {first.cseq.number} ACK".encode() in wire.transmitted[-1][1]
    wire.assert_quiet()


def test_the_route_set_of_the_200_is_used() -> None:
    wire, phone, pstn, _ = outbound()
    proxy = Peer(wire, "192.0.2.77")
    call = phone.invite(CUSTOMER)
    come = pstn.called()
    come.answer(extra=[("Record-Route", "<sip:192.0.2.78;lr>, <sip:192.0.2.77;lr>")])
    ack = proxy.expect("ACK")
    assert ack.get_all("Route") == ["<sip:192.0.2.77;lr>", "<sip:192.0.2.78;lr>"]
    assert ack.uri == pstn.contact[1:-1]
    call.answered()
    call.bye()
    assert proxy.expect("BYE").uri == pstn.contact[1:-1]
    wire.assert_quiet()


def test_a_strict_router_gets_itself_in_the_request_uri() -> None:
    wire, phone, pstn, _ = outbound()
    proxy = Peer(wire, "192.0.2.77")
    call = phone.invite(CUSTOMER)
    pstn.called().answer(extra=[("Record-Route", "<sip:192.0.2.77>")])
    ack = proxy.expect("ACK")
    assert ack.uri == "sip:192.0.2.77"
    assert ack.get_all("Route") == [pstn.contact]
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_a_challenge_after_an_early_dialog_begins_anew() -> None:
    wire, phone, pstn, _ = outbound(AUTH)
    out = phone.invite(CUSTOMER)
    first = pstn.called()
    first.send(183, sdp(), [("Require", "100rel"), ("RSeq", "1")])
    pstn.expect("PRACK")
    first.send(401, extra=[("WWW-Authenticate", CHALLENGE)])
    second = pstn.called()
    second.send(183, sdp(), [("Require", "100rel"), ("RSeq", "1")])
    assert (pstn.expect("PRACK").get("RAck") or "").startswith("1 ")
    second.answer()
    second.acked()
    out.answered()
    out.bye()
    wire.assert_quiet()
