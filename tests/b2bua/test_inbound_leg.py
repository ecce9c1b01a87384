"""The caller's leg: reliable provisionals (RFC 3262), delayed offers, session timers as server (RFC 4028)."""

from __future__ import annotations

from b2bua_kit.documents import MAIN, changed, company
from b2bua_kit.peer import Peer, Phone, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import effects as fx
from routerd.sip.flow import Flow

RELIABLE = [("Require", "100rel"), ("Supported", "100rel")]


def world(media: str = "direct") -> tuple[Wire, Peer, Phone]:
    wire = Wire(company(media=media), engines=1 if media == "relay" else 0)
    return wire, trunk(wire), Phone(wire, "2001", "198.51.100.1")


def test_required_100rel_makes_the_ringing_reliable() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, extra=RELIABLE)
    come = phone.called()
    come.ring()
    ringing = pstn.expect("180")
    assert "100rel" in ringing.require
    wire.wait(0.6)
    assert pstn.repeats >= 1, "repeated until its PRACK"
    call.prack(ringing)
    come.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_the_200_waits_for_the_prack_of_a_description() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, extra=[("Supported", "100rel")])
    come = phone.called()
    come.send(183, sdp())
    progress = pstn.expect("183")
    assert "100rel" in progress.require
    come.answer()
    assert "200 INVITE" not in pstn.lines()
    call.prack(progress)
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_a_prack_of_something_else_is_481() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, extra=RELIABLE)
    phone.called().ring()
    ringing = call.early(pstn.expect("180"))
    call.request("PRACK", extra=[("RAck", f"{int(ringing.get('RSeq') or 0) + 1} 1 INVITE")])
    pstn.expect("481 PRACK")
    call.request("PRACK", extra=[("RAck", "nonsense")])
    pstn.expect("400 PRACK")
    call.cancel()
    wire.assert_quiet()


def test_without_any_prack_the_call_is_given_up() -> None:
    wire = Wire(changed(company(), "agents", "asha", ring_timeout_s=90))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN, extra=RELIABLE)
    phone.called().ring()
    wire.wait(33)
    call.refused(500)
    phone.expect("CANCEL")
    assert wire.noted("prack_never_came") == 1
    wire.assert_quiet()


def test_a_prack_that_never_comes_for_what_is_answered_ends_both() -> None:
    wire = Wire(changed(company(), "agents", "asha", ring_timeout_s=90))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN, extra=RELIABLE)
    come = phone.called()
    come.send(183, sdp())
    come.answer()
    wire.wait(33)
    call.refused(500)
    phone.expect("BYE")
    wire.assert_quiet()


def test_a_second_reliable_ringing_waits_for_the_prack_of_the_first() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, extra=RELIABLE)
    come = phone.called()
    come.ring()
    first = pstn.expect("180")
    come.send(183, sdp())
    assert "183 INVITE" not in pstn.lines()
    call.prack(first)
    second = pstn.expect("183")
    assert int(second.get("RSeq") or 0) == int(first.get("RSeq") or 0) + 1
    call.prack(second)
    come.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


def test_cancel_while_the_200_waits_for_a_prack() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, extra=[("Supported", "100rel")])
    come = phone.called()
    come.send(183, sdp())
    come.answer()
    call.cancel()
    pstn.expect("200 CANCEL")
    call.refused(487)
    phone.expect("BYE")
    wire.assert_quiet()


def test_the_callee_leaves_while_the_200_waits_for_a_prack() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, extra=[("Supported", "100rel")])
    come = phone.called()
    come.send(183, sdp())
    come.answer()
    come.bye()
    call.refused(480)
    assert "BYE" not in pstn.lines(), "no BYE on an early dialog (RFC 3261 §15)"
    wire.assert_quiet()


def test_an_offer_in_the_200_and_its_answer_in_the_ack() -> None:
    for media in ("direct", "relay"):
        wire, pstn, phone = world(media)
        call = pstn.invite(MAIN, b"")
        come = phone.called()
        assert come.invite.body == b""
        come.answer(sdp(port=4444))
        phone.nothing()
        offer = call.answered(sdp(port=5555, host="192.0.2.10"))
        assert offer.body
        answer = come.acked()
        assert (b"5555" in answer.body) is (media == "direct")
        call.bye()
        wire.assert_quiet()


def test_a_delayed_offer_that_nobody_answers_is_acknowledged_before_the_bye() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, b"")
    come = phone.called()
    come.answer()
    call.answered(ack=False)
    wire.wait(40)
    assert phone.lines()[:2] == ["ACK", "BYE"]
    assert pstn.expect("BYE")
    wire.assert_quiet()


def test_the_ack_that_never_comes_ends_the_call() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    phone.called().answer()
    call.answered(ack=False)
    wire.wait(31)
    assert pstn.repeats > 3
    wire.wait(2)
    pstn.expect("BYE")
    phone.expect("BYE")
    wire.assert_quiet()


# -- session timers --


def test_a_session_that_expires_too_soon_is_422() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, extra=[("Supported", "timer"), ("Session-Expires", "30")])
    refusal = call.refused(422)
    assert refusal.get("Min-SE") == "90"
    phone.nothing()
    wire.assert_quiet()


def test_the_caller_refreshes_or_is_hung_up() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, extra=[("Supported", "timer"), ("Session-Expires", "90;refresher=uac")])
    phone.called().answer(extra=[("Session-Expires", "90;refresher=uas")])
    response = call.answered()
    assert (response.get("Session-Expires"), response.require) == ("90;refresher=uac", ["timer"])
    for _ in range(3):
        wire.wait(45)
        call.request("UPDATE", extra=[("Supported", "timer"), ("Session-Expires", "90;refresher=uac")])
        assert (pstn.expect("200 UPDATE").get("Session-Expires") or "").startswith("90")
        phone_side_refreshes(phone)
    wire.wait(61)
    pstn.expect("BYE")
    wire.assert_quiet()
    assert wire.noted("session_expired") == 1


def phone_side_refreshes(phone: Phone) -> None:
    """The phone, which promised to refresh, does."""
    come = next(iter(phone._invites.values()))
    come.request("UPDATE", extra=[("Supported", "timer"), ("Session-Expires", "90;refresher=uac")])
    phone.expect("200 UPDATE")


def test_we_refresh_who_knows_no_timers() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    phone.called().answer()
    call.answered()
    wire.wait(901)
    again = pstn.expect("INVITE")
    assert again.get("Session-Expires") == "1800;refresher=uac"
    assert again.body, "with what it has: it does not say that it knows UPDATE"
    pstn.reply(again, 200, [("Contact", pstn.contact)], call.sdp)
    pstn.expect("ACK")
    phone.expect("INVITE")
    wire.dead.add(phone.address)
    wire.wait(40)
    pstn.expect("BYE")
    wire.assert_quiet()


def test_an_offer_in_a_prack_is_agreed_to_when_it_is_the_old_one_and_else_refused() -> None:
    for body, status in ((None, 200), (sdp(version=2, direction="sendonly"), 488)):
        wire, pstn, phone = world()
        call = pstn.invite(MAIN, extra=[("Supported", "100rel")])
        come = phone.called()
        come.send(183, sdp())
        progress = call.early(pstn.expect("183"))
        rack = f"{progress.get('RSeq')} {progress.cseq.number} INVITE"
        call.request("PRACK", call.sdp if body is None else body, [("RAck", rack)])
        answer = pstn.expect(f"{status} PRACK")
        assert answer.body == (progress.body if status == 200 else b""), "RFC 3262 §5: the 2xx answers the offer"
        come.answer()
        call.answered()
        call.bye()
        wire.assert_quiet()


def test_a_reliable_ringing_without_any_offer_has_none() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, b"", extra=RELIABLE)
    come = phone.called()
    come.send(183, sdp())
    progress = pstn.expect("183")
    assert "100rel" in progress.require
    assert progress.body == b""
    call.prack(progress)
    come.answer()
    assert call.answered(sdp(port=4242)).body
    assert b"4242" in come.acked().body
    call.bye()
    wire.assert_quiet()


def test_a_caller_whose_connection_is_gone_is_answered_over_a_new_one() -> None:
    wire, pstn, phone = world()
    pstn.flow = Flow("tcp", pstn.flow.local, ("192.0.2.10", 40001), 7)
    wire.peers[pstn.flow.remote] = pstn
    call = pstn.invite(MAIN)
    come = phone.called()
    pstn.expect("100")
    wire.switch.lose_flow(pstn.flow, wire.now)
    wire.pump()
    come.answer()
    opened = [effect.flow for effect in wire.effects if isinstance(effect, fx.OpenFlow)]
    assert [(flow.transport, flow.remote) for flow in opened] == [("tcp", ("192.0.2.10", 5060))]
    pstn.flow = opened[0]
    call.answered()
    come.acked()
    come.bye()
    assert pstn.expect("BYE")
    wire.assert_quiet()
