"""What crosses a call: early media, re-INVITE, UPDATE, glare, INFO, MESSAGE (RFC 3261 §14, 3264, 3311, 6026)."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import MAIN, MENU, company
from b2bua_kit.peer import Incoming, Outgoing, Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.sip import build

UPDATES = [("Allow", "INVITE, ACK, BYE, CANCEL, UPDATE")]


def talking(media: str = "direct", *, updates: bool = False) -> tuple[Wire, Peer, Phone, Outgoing, Incoming]:
    wire = Wire(company(media=media), engines=1 if media == "relay" else 0)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out = pstn.invite(MAIN, extra=UPDATES if updates else [])
    come = phone.called()
    come.answer(extra=UPDATES if updates else ())
    come.acked()
    out.answered()
    pstn.expect("100")
    return wire, pstn, phone, out, come


def ok(peer: Peer, request: object, body: bytes) -> None:
    peer.reply(request, 200, [("Contact", peer.contact)], body)  # type: ignore[arg-type]


# -- before the answer --


def test_early_media_of_the_first_branch_that_has_it() -> None:
    wire = Wire()
    pstn = trunk(wire)
    first, second = Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2001", "198.51.100.2")
    call = pstn.invite(MAIN)
    early, late = first.called(), second.called()
    early.send(183, sdp(host="198.51.100.1"))
    progress = pstn.assert_sent("183 Session Progress")
    assert b"198.51.100.1" in progress.body
    late.send(183, sdp(host="198.51.100.2"))
    late.ring()
    pstn.expect("100")
    pstn.nothing()
    late.answer()
    assert b"198.51.100.2" in call.answered().body
    call.bye()
    wire.assert_quiet()


def test_a_180_without_a_description_is_passed_on_and_a_183_after_it_too() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    come = phone.called()
    come.ring()
    pstn.assert_sent("180 Ringing")
    come.send(183, sdp())
    assert pstn.assert_sent("183 Session Progress").body
    call.cancel()
    wire.assert_quiet()


def early(*, updates: bool) -> tuple[Wire, Peer, Phone, Outgoing, Incoming]:
    """A caller who hears early media."""
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out = pstn.invite(MAIN)
    come = phone.called()
    come.send(183, sdp(), [("Allow", "INVITE, BYE, UPDATE" if updates else "INVITE, BYE")])
    out.early(pstn.expect("183"))
    return wire, pstn, phone, out, come


def test_an_update_crosses_before_the_answer_where_the_other_side_knows_it() -> None:
    wire, pstn, phone, out, come = early(updates=True)
    out.request("UPDATE", sdp(version=2, direction="sendonly"))
    ok(phone, phone.expect("UPDATE"), sdp(version=2, direction="recvonly"))
    assert b"recvonly" in pstn.expect("200 UPDATE").body
    come.answer()
    out.answered()
    out.bye()
    wire.assert_quiet()


def test_an_update_before_the_answer_is_refused_where_it_cannot_cross() -> None:
    wire, pstn, phone, out, _ = early(updates=False)
    out.request("UPDATE", sdp(version=2, direction="sendonly"))
    pstn.expect("488 UPDATE")
    phone.nothing()
    out.cancel()
    wire.assert_quiet()


def test_an_update_before_anything_was_agreed_is_500() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out = pstn.invite(MAIN)
    phone.called().ring()
    out.early(pstn.expect("180"))
    out.request("UPDATE", sdp(version=2))
    assert pstn.expect("500 UPDATE").get("Retry-After")
    out.request("INVITE", sdp(version=2))
    assert pstn.expect("491 INVITE")
    out.cancel()
    wire.assert_quiet()


# -- re-INVITE and UPDATE --


@pytest.mark.parametrize("media", ["direct", "relay"])
@pytest.mark.parametrize("side", ["caller", "callee"])
def test_hold_and_resume_cross(media: str, side: str) -> None:
    wire, pstn, phone, out, come = talking(media)
    here, there, mine = (pstn, phone, out) if side == "caller" else (phone, pstn, come)
    for version, direction, answer in ((2, "sendonly", "recvonly"), (3, "sendrecv", "sendrecv")):
        mine.request("INVITE", sdp(host="198.51.100.77", version=version, direction=direction))
        offer = there.expect("INVITE")
        assert direction.encode() in offer.body
        assert (b"203.0.113.99" if media == "relay" else b"198.51.100.77") in offer.body
        ok(there, offer, sdp(version=version, direction=answer))
        there.expect("ACK")
        response = here.expect("200 INVITE")
        assert answer.encode() in response.body
        mine.ack(response)
    here.lines()
    mine.bye()
    there.expect("BYE")
    wire.assert_quiet()
    if media == "relay":
        tags = {(c.get("from-tag"), c.get("to-tag")) for c in wire.engine.commands if c["command"] == "offer"}
        assert len({frozenset(filter(None, pair)) for pair in tags if pair[1]}) == 1, "a re-offer bears both tags"


def test_an_update_crosses_as_update_to_who_knows_it_and_as_invite_to_who_does_not() -> None:
    for knows in (True, False):
        wire, pstn, phone, out, _ = talking(updates=knows)
        out.request("UPDATE", sdp(version=2, direction="sendonly"))
        offer = phone.expect("UPDATE" if knows else "INVITE")
        ok(phone, offer, sdp(version=2, direction="recvonly"))
        if not knows:
            phone.expect("ACK")
        assert b"recvonly" in pstn.expect("200 UPDATE").body
        out.bye()
        wire.assert_quiet()


@pytest.mark.parametrize("media", ["direct", "relay"])
def test_a_reinvite_without_an_offer_asks_the_other_side(media: str) -> None:
    wire, pstn, phone, out, _ = talking(media)
    out.request("INVITE")
    asked = phone.expect("INVITE")
    assert asked.body == b""
    ok(phone, asked, sdp(version=2, port=4444))
    response = pstn.expect("200 INVITE")
    assert response.body
    phone.nothing()
    out.ack(response, sdp(version=2, port=5555))
    answer = phone.expect("ACK").body
    assert (b"5555" in answer) is (media == "direct")
    assert answer
    out.bye()
    wire.assert_quiet()


def test_the_same_description_again_is_answered_here() -> None:
    wire, pstn, phone, out, _ = talking()
    out.request("INVITE", out.sdp)
    response = pstn.expect("200 INVITE")
    assert response.body
    out.ack(response)
    phone.nothing()
    out.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("status", [488, 500, 603])
def test_a_refusal_passes_back_and_the_call_goes_on(status: int) -> None:
    wire, pstn, phone, out, _ = talking()
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    phone.reply(phone.expect("INVITE"), status)
    phone.expect("ACK")
    assert pstn.expect(f"{status} INVITE")
    assert len(wire.switch) == 1
    out.request("INVITE", sdp(version=3))
    offer = phone.expect("INVITE")
    ok(phone, offer, sdp(version=2))
    out.ack(pstn.expect("200 INVITE"))
    out.bye()
    wire.assert_quiet()


def test_a_dialog_that_is_gone_ends_the_call() -> None:
    wire, pstn, phone, out, _ = talking()
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    phone.reply(phone.expect("INVITE"), 481)
    pstn.expect("488 INVITE")
    pstn.expect("BYE")
    wire.assert_quiet()


def test_silence_ends_the_call() -> None:
    wire, pstn, phone, out, _ = talking()
    wire.dead.add(phone.address)
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    wire.wait(40)
    pstn.expect("504 INVITE")
    pstn.expect("BYE")
    wire.assert_quiet()


# -- glare --


def test_both_sides_at_once() -> None:
    wire, pstn, phone, out, come = talking()
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    come.request("INVITE", sdp(version=2, direction="inactive"))
    phone.assert_sent("491 Request Pending")
    ok(phone, phone.expect("INVITE"), sdp(version=2))
    out.ack(pstn.expect("200 INVITE"))
    out.bye()
    wire.assert_quiet()


def test_an_update_against_a_reinvite() -> None:
    wire, pstn, phone, out, come = talking(updates=True)
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    come.request("UPDATE", sdp(version=2))
    phone.assert_sent("491 Request Pending")
    phone.reply(phone.expect("INVITE"), 491)
    pstn.assert_sent("491 Request Pending")
    out.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("method", ["INVITE", "UPDATE"])
def test_a_second_one_before_the_first_is_answered_is_500(method: str) -> None:
    wire, pstn, _, out, _ = talking()
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    out.request(method, sdp(version=3))
    refusal = pstn.expect(f"500 {method}")
    assert 0 <= int(refusal.get("Retry-After") or "99") <= 10
    out.bye()
    wire.assert_quiet()


def test_a_lower_cseq_is_500() -> None:
    wire, pstn, _, out, _ = talking()
    assert out.dialog is not None
    out.dialog.local_cseq = 0
    out.request("INFO")
    pstn.expect("500 INFO")
    out.dialog.local_cseq = 7
    out.bye()
    wire.assert_quiet()


def test_cancel_of_a_reinvite_crosses_and_the_call_goes_on() -> None:
    wire, pstn, phone, out, come = talking()
    again = out.request("INVITE", sdp(version=2, direction="sendonly"))
    offer = phone.expect("INVITE")
    phone.auto.discard("CANCEL")
    phone.reply(offer, 100)
    pstn.send(build.cancel(again))
    pstn.expect("200 CANCEL")
    pstn.expect("487 INVITE")
    phone.reply(phone.expect("CANCEL"), 200)
    phone.reply(offer, 487)
    phone.expect("ACK")
    come.request("INVITE", sdp(version=2))
    ok(pstn, pstn.expect("INVITE"), sdp(version=2))
    come.ack(phone.expect("200 INVITE"))
    out.bye()
    wire.assert_quiet()


def test_a_200_that_crosses_the_cancel_of_a_reinvite_is_acknowledged() -> None:
    wire, pstn, phone, out, _ = talking()
    again = out.request("INVITE", sdp(version=2, direction="sendonly"))
    offer = phone.expect("INVITE")
    pstn.send(build.cancel(again))
    pstn.expect("487 INVITE")
    ok(phone, offer, sdp(version=2))
    phone.expect("ACK")
    out.request("INVITE", sdp(version=3))
    ok(phone, phone.expect("INVITE"), sdp(version=3))
    out.ack(pstn.expect("200 INVITE"))
    out.bye()
    wire.assert_quiet()


def test_cancel_while_the_engine_has_the_offer() -> None:
    wire, pstn, phone, out, _ = talking("relay")
    wire.engine.hold = {"offer"}
    again = out.request("INVITE", sdp(version=2, direction="sendonly"))
    pstn.send(build.cancel(again))
    pstn.expect("487 INVITE")
    wire.engine.hold = set()
    wire.release_media()
    phone.nothing()
    out.request("INVITE", sdp(version=3, direction="inactive"))
    ok(phone, phone.expect("INVITE"), sdp(version=2))
    out.ack(pstn.expect("200 INVITE"))
    out.bye()
    wire.assert_quiet()


def test_a_repeated_200_of_a_reinvite_gets_its_ack_again() -> None:
    wire, pstn, phone, out, _ = talking()
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    answer = phone.reply(phone.expect("INVITE"), 200, [("Contact", phone.contact)], sdp(version=2))
    phone.expect("ACK")
    phone.send(answer)
    assert phone.repeats == 1
    out.ack(pstn.expect("200 INVITE"))
    out.bye()
    wire.assert_quiet()


def test_an_offerless_reinvite_that_is_never_acknowledged_ends_the_call_decently() -> None:
    wire, pstn, phone, out, _ = talking()
    out.request("INVITE")
    ok(phone, phone.expect("INVITE"), sdp(version=2))
    pstn.expect("200 INVITE")
    wire.wait(33)
    assert "ACK" in phone.lines(), "a 200 must have its ACK"
    pstn.expect("BYE")
    wire.assert_quiet()


def test_bye_ends_an_open_reinvite_on_both_sides() -> None:
    wire, pstn, phone, out, _ = talking()
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    phone.expect("INVITE")
    out.bye()
    pstn.expect("487 INVITE")
    phone.expect("BYE")
    wire.assert_quiet()


@pytest.mark.parametrize(
    ("body", "kind", "status"), [(b"v=0\r\nnonsense", "application/sdp", 488), (b"<x/>", "text/xml", 415)]
)
def test_what_cannot_be_offered_is_refused_at_once(body: bytes, kind: str, status: int) -> None:
    wire, pstn, phone, out, _ = talking()
    out.request("INVITE", body, kind=kind)
    pstn.expect(f"{status} INVITE")
    phone.nothing()
    out.bye()
    wire.assert_quiet()


def test_a_silent_engine_refuses_the_change_and_keeps_the_call() -> None:
    wire, pstn, phone, out, _ = talking("relay")
    wire.engine.silent = True
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    pstn.expect("500 INVITE")
    phone.nothing()
    wire.engine.silent = False
    out.bye()
    wire.assert_quiet()


def test_a_treated_caller_may_hold() -> None:
    wire = Wire()
    pstn = trunk(wire)
    out = pstn.invite(MENU)
    out.answered()
    out.request("INVITE", sdp(version=2, direction="sendonly"))
    response = pstn.expect("200 INVITE")
    assert response.body
    out.ack(response)
    out.bye()
    wire.assert_quiet()


# -- the rest --


def test_digits_cross_and_so_does_their_answer() -> None:
    wire, pstn, phone, out, _ = talking()
    phone.auto.discard("INFO")
    out.request("INFO", b"Signal=5\r\nDuration=160\r\n", kind="application/dtmf-relay")
    digits = phone.expect("INFO")
    assert digits.body == b"Signal=5\r\nDuration=160\r\n"
    phone.reply(digits, 200)
    pstn.expect("200 INFO")
    out.bye()
    wire.assert_quiet()


def test_unknown_info_and_too_much_of_it() -> None:
    wire, pstn, phone, out, _ = talking()
    out.request("INFO", b"x", kind="application/x-secret")
    assert pstn.expect("415").get("Accept")
    out.request("MESSAGE", b"x" * 20_000, kind="text/plain")
    pstn.expect("413")
    phone.nothing()
    out.bye()
    wire.assert_quiet()


def test_a_message_within_the_call_crosses_and_a_challenge_does_not() -> None:
    wire, pstn, phone, out, _ = talking()
    out.request("MESSAGE", b"hello", kind="text/plain")
    message = phone.expect("MESSAGE")
    assert (message.body, message.content_type) == (b"hello", "text/plain")
    phone.reply(message, 401, [("WWW-Authenticate", 'Digest realm="x", nonce="y"')])
    pstn.expect("500 MESSAGE")
    out.bye()
    wire.assert_quiet()


def test_info_to_a_dialog_that_is_gone_ends_the_call() -> None:
    wire, pstn, phone, out, _ = talking()
    phone.auto.discard("INFO")
    out.request("INFO", b"Signal=5\r\n", kind="application/dtmf-relay")
    phone.reply(phone.expect("INFO"), 481)
    pstn.expect("481 INFO")
    pstn.expect("BYE")
    wire.assert_quiet()


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("SUBSCRIBE", 489), ("NOTIFY", 489), ("PUBLISH", 405), ("PRACK", 481)]
)
def test_other_requests_within_the_call(method: str, status: int) -> None:
    wire, pstn, phone, out, _ = talking()
    out.request(method, extra=[("Event", "presence")])
    pstn.expect(f"{status} {method}")
    phone.nothing()
    out.bye()
    wire.assert_quiet()


def test_wrong_tags_have_no_effect() -> None:
    wire, pstn, phone, out, _ = talking()
    assert out.dialog is not None
    right, out.dialog.remote_tag = out.dialog.remote_tag, "guessed"
    for method in ("BYE", "INVITE", "INFO"):
        out.request(method)
        pstn.expect(f"481 {method}")
    phone.nothing()
    out.dialog.remote_tag = right
    out.bye()
    wire.assert_quiet()


def test_connect_is_what_the_other_tests_stand_on() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out, _ = connect(pstn, phone, MAIN)
    out.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("method", ["INVITE", "INFO"])
def test_max_forwards_goes_down_across(method: str) -> None:
    wire, pstn, phone, out, _ = talking()
    body, kind = (
        (sdp(version=2), "application/sdp") if method == "INVITE" else (b"Signal=1\r\n", "application/dtmf-relay")
    )
    for hops, status in ((0, 483), (9, 200)):
        request = out.make(method, body, kind=kind)
        request.set("Max-Forwards", str(hops))
        pstn.send(request)
        if status == 200:
            crossed = phone.expect(method)
            assert crossed.max_forwards == 8
            if method == "INVITE":
                ok(phone, crossed, sdp(version=2))
        response = pstn.expect(f"{status} {method}")
        if method == "INVITE" and status == 200:
            out.ack(response)
    out.bye()
    wire.assert_quiet()


def test_an_offer_before_a_delayed_one_is_answered_is_491() -> None:
    wire = Wire()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    out = pstn.invite(MAIN, b"")
    come = phone.called()
    come.answer()
    response = out.answered(ack=False)
    out.request("UPDATE", sdp(version=2))
    pstn.expect("491 UPDATE")
    out.ack(response, sdp())
    assert come.acked().body
    out.bye()
    wire.assert_quiet()
