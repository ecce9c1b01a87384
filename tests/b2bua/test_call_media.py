"""A call's media through the engine: who is told what, and that nothing is left there (the ng protocol)."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import GROUP, MAIN, MENU, MOBILE, changed, company
from b2bua_kit.peer import Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import call_media
from routerd.errors import SdpError


def world(engines: int = 1, **agent: Any) -> tuple[Wire, Peer, Phone]:
    wire = Wire(changed(company(media="relay"), "agents", "asha", **agent), engines=engines)
    return wire, trunk(wire), Phone(wire, "2001", "198.51.100.1")


def test_the_offer_and_the_answer_pass_the_engine_with_both_tags() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    come = phone.called()
    assert b"203.0.113.99" in come.invite.body
    come.answer(sdp(host="198.51.100.1", port=6000))
    response = call.answered()
    assert b"203.0.113.99" in response.body
    offer, answer = wire.engine.commands
    assert (offer["command"], answer["command"]) == ("offer", "answer")
    assert offer["call-id"] == answer["call-id"]
    assert offer["from-tag"] == answer["from-tag"] == "caller"
    assert answer["to-tag"].startswith("extension:2001")
    assert offer["received from"] == ["IP4", "192.0.2.10"]
    assert offer["destination"] == "198.51.100.1"  # what a multi-homed engine chooses its address by
    assert answer["received from"] == ["IP4", "198.51.100.1"]
    call.bye()
    wire.assert_quiet()
    assert wire.engine.names()[-1] == "delete"
    assert wire.records()[0]["media"]["totals"] == {"RTP": {"packets": 7}}


def test_all_branches_share_one_offer_also_when_they_start_together() -> None:
    wire = Wire(company(media="relay"), engines=1)
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    wire.engine.hold = {"offer"}
    call = pstn.invite(GROUP)
    asha.nothing()
    ravi.nothing()
    wire.release_media()
    bodies = {asha.called().invite.body, ravi.called().invite.body}
    assert len(bodies) == 1
    assert b"203.0.113.99" in bodies.pop()
    assert wire.engine.names() == ["offer"]
    call.cancel()
    wire.wait(1)
    assert wire.engine.calls == set()


def test_a_later_stage_uses_the_offer_again() -> None:
    wire, pstn, phone = world(call_forward_number=MOBILE, ring_timeout_s=10)
    call = pstn.invite(MAIN)
    phone.called().ring()
    wire.wait(10.1)
    come = pstn.called()
    assert b"203.0.113.99" in come.invite.body
    assert wire.engine.names() == ["offer"]
    come.answer()
    call.answered()
    call.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("how", ["silent", "refuses"])
def test_an_engine_that_does_not_serve_is_503_and_nothing_rings(how: str) -> None:
    wire, pstn, phone = world()
    setattr(wire.engine, how, True)
    call = pstn.invite(MAIN)
    call.refused(503)
    phone.nothing()
    wire.engine.calls.clear()
    wire.assert_quiet()
    assert wire.records()[0]["reason"] == "media_timeout"
    assert wire.noted("media_refused") == 1


def test_an_engine_that_fails_at_the_answer() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    come = phone.called()
    wire.engine.refuses = True
    come.answer()
    come.acked()
    call.refused(503)
    phone.expect("BYE")
    wire.assert_quiet()


def test_without_engines_everything_is_direct() -> None:
    wire, pstn, phone = world(engines=0)
    call = pstn.invite(MAIN)
    assert phone.called().invite.body == call.sdp
    assert wire.engine.commands == []
    call.cancel()
    wire.wait(1)


def test_one_party_that_wants_the_relay_is_enough() -> None:
    document = changed(company(), "extensions", "2001", media="relay")
    wire = Wire(document, engines=1)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    assert b"203.0.113.99" in phone.called().invite.body
    call.cancel()
    wire.wait(1)


def test_a_restarted_engine_gets_the_session_again_by_reinvite() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    come = phone.called()
    come.answer()
    come.acked()
    call.answered()
    wire.engine.calls.clear()
    wire.media_event("restarted")
    asked = phone.expect("INVITE")
    assert asked.body == b""
    phone.reply(asked, 200, [("Contact", phone.contact)], sdp(host="198.51.100.1", version=2))
    again = pstn.expect("INVITE")
    assert b"203.0.113.99" in again.body
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(version=2))
    assert b"203.0.113.99" in phone.expect("ACK").body
    assert len(wire.engine.calls) == 1
    call.bye()
    wire.assert_quiet()


def test_a_lost_engine_while_it_rings_ends_the_call() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    phone.called().ring()
    wire.media_event("lost")
    call.refused(503)
    phone.expect("CANCEL")
    wire.assert_quiet()


def test_a_lost_engine_hands_its_calls_to_a_living_one() -> None:
    wire, pstn, phone = world(engines=2)
    call = pstn.invite(MAIN)
    come = phone.called()
    come.answer()
    call.answered()
    engine = next(iter(wire.switch.call_by_id.values())).media.engine
    from routerd.b2bua import effects as fx

    wire.switch.receive_answer(fx.MediaEvent(engine, "lost", {}), wire.now)
    wire.pump()
    wire.engine.calls.clear()
    phone.reply(phone.expect("INVITE"), 200, [("Contact", phone.contact)], sdp(version=2))
    assert next(iter(wire.switch.call_by_id.values())).media.engine == 1 - engine
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    call.bye()
    wire.assert_quiet()


def test_silence_ends_talking_calls_only() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    come = phone.called()
    come.ring()
    session = wire.engine.commands[0]["call-id"]
    wire.media_event("media-timeout", **{"call-id": session})
    assert len(wire.switch) == 1
    come.answer()
    call.answered()
    wire.media_event("media-timeout", **{"call-id": "somebody else"})
    wire.media_event("one-way", **{"call-id": session, "direction": "caller"})
    assert len(wire.switch) == 1
    wire.media_event("media-timeout", **{"call-id": session})
    pstn.expect("BYE")
    phone.expect("BYE")
    wire.assert_quiet()
    record = wire.records()[0]
    assert record["reason"] == "media_timeout"
    assert record["media"]["one_way"] == "caller"


def test_codecs_that_a_party_may_not_have_are_not_offered() -> None:
    document = changed(company(), "extensions", "2001", codecs=["PCMU"])
    wire = Wire(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN)
    assert b"RTP/AVP 0\r\n" in phone.called().invite.body
    call.cancel()
    wire.wait(1)


def test_a_menu_goes_through_the_engine_even_where_parties_talk_directly() -> None:
    wire = Wire(company(media="direct"), engines=1)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MENU)
    call.answered()
    assert wire.engine.names()[:2] == ["offer", "answer"]
    call.request("INFO", b"Signal=1\r\n", kind="application/dtmf-relay")
    come = phone.called()
    come.answer(sdp(port=7000))
    again = pstn.expect("INVITE")
    assert b"m=audio 7000" in again.body, "the two talk directly"
    pstn.reply(again, 200, [("Contact", pstn.contact)], sdp(port=8000, version=2))
    assert b"m=audio 8000" in come.acked().body
    assert wire.engine.names()[-1] == "delete"
    call.bye()
    wire.assert_quiet()


def test_filtering() -> None:
    assert call_media.filtered(sdp(), None) == sdp()
    assert call_media.filtered(b"", ("PCMA",)) == b""
    with pytest.raises(SdpError):
        call_media.filtered(sdp(), ("opus",))


def test_a_branch_that_was_offered_the_callers_own_description_is_joined_without_the_engine() -> None:
    document = changed(company(), "extensions", "2002", media="relay")
    wire = Wire(document, engines=1)
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    call = pstn.invite(GROUP)
    direct, relayed = asha.called(), ravi.called()
    assert b"192.0.2.10" in direct.invite.body
    assert b"203.0.113.99" in relayed.invite.body
    direct.send(183, sdp(host="198.51.100.1"))
    assert b"198.51.100.1" in pstn.expect("183").body
    direct.answer()
    direct.acked()
    assert b"198.51.100.1" in call.answered().body, "what it was offered was no engine's"
    assert wire.engine.calls == set(), "nothing is left in the engine"
    call.request("INVITE", sdp(host="192.0.2.10", version=2))
    assert b"192.0.2.10" in asha.expect("INVITE").body
    call.bye()
    wire.assert_quiet()


@pytest.mark.parametrize("waiting_for", ["offer", "answer"])
def test_an_engine_that_restarts_during_a_renegotiation_is_no_end(waiting_for: str) -> None:
    wire, pstn, phone = world()
    call, _ = connect(pstn, phone, MAIN)
    wire.engine.hold = {waiting_for}
    call.request("INVITE", sdp(host="192.0.2.10", version=2, direction="sendonly"))
    if waiting_for == "answer":
        phone.reply(phone.expect("INVITE"), 200, [("Contact", phone.contact)], sdp(version=2))
        phone.expect("ACK")
    wire.engine.hold = set()
    wire.engine.calls.clear()
    wire.media_event("restarted")
    assert pstn.expect("500 INVITE").get("Retry-After") is None
    for peer in (phone, pstn):
        peer.reply(peer.expect("INVITE"), 200, [("Contact", peer.contact)], sdp(host=peer.address[0], version=3))
    assert phone.expect("ACK").body
    call.request("INVITE", sdp(host="192.0.2.10", version=4))
    phone.reply(phone.expect("INVITE"), 200, [("Contact", phone.contact)], sdp(version=4))
    call.ack(pstn.expect("200 INVITE"))
    call.bye()
    wire.assert_quiet()


def test_an_offer_bears_what_the_engine_would_convert() -> None:
    wire, pstn, phone = world()
    pstn.invite(MAIN)
    phone.called()
    (offer,) = wire.engine.commands
    assert offer["codec"] == {"transcode": ["PCMA", "PCMU"]}


def test_wideband_is_offered_where_nothing_else_may_be_used() -> None:
    document = changed(company(media="relay"), "extensions", "2001", codecs=["G722"])
    wire = Wire(document, engines=1)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    pstn.invite(MAIN)
    phone.called()
    (offer,) = wire.engine.commands
    assert offer["codec"] == {"transcode": ["PCMA", "PCMU", "G722"]}
