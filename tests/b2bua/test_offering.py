"""Who is offered what: one relayed offer a profile, and the relay for parties that could not talk directly."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import GROUP, MAIN, MOBILE, changed, company
from b2bua_kit.peer import Phone, sdp, trunk
from b2bua_kit.wire import Wire

SECURED = sdp(host="192.0.2.10").replace(b"RTP/AVP", b"RTP/SAVP") + b"a=crypto:1 X inline:y\r\n"
BROWSER = (
    sdp(host="192.0.2.10").replace(b"RTP/AVP", b"UDP/TLS/RTP/SAVPF")
    + b"a=ice-ufrag:abcd\r\na=ice-pwd:"
    + b"x" * 22
    + b"\r\n"
)


def offers(wire: Wire) -> list[str | None]:
    """The protocols that the engine was asked to offer; None where it was not told any."""
    return [one.get("transport-protocol") for one in wire.engine.commands if one["command"] == "offer"]


def mixed(**more: Any) -> Wire:
    """Asha's phone takes plain RTP, Ravi's wants keys."""
    return Wire(changed(company(media="relay", **more), "extensions", "2002", srtp="sdes"), engines=1)


def test_phones_of_two_profiles_ring_together_with_an_offer_each() -> None:
    wire = mixed()
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    wire.engine.hold = {"offer"}
    call = pstn.invite(GROUP)
    asha.nothing()
    wire.release_media()
    ravi.nothing()
    wire.release_media()
    bodies = [phone.called().invite.body for phone in (asha, ravi)]
    assert offers(wire) == [None, "RTP/SAVP"]
    assert len(set(bodies)) == 2
    assert all(b"203.0.113.99" in body for body in bodies)
    call.cancel()
    wire.wait(1)
    assert wire.engine.calls == set()


def test_who_answers_gives_the_answer() -> None:
    wire = mixed()
    pstn, asha, ravi = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    call = pstn.invite(GROUP)
    asha.called().ring()
    come = ravi.called()
    come.answer(SECURED)
    call.answered()
    answer = wire.engine.commands[-1]
    assert (answer["command"], answer["sdp"], answer["ICE"]) == ("answer", SECURED, "remove")
    call.bye()
    wire.assert_quiet()


@pytest.mark.parametrize(("body", "ice"), [(SECURED, "remove"), (BROWSER, "force")])
def test_a_secured_caller_and_a_plain_phone_are_relayed_whatever_their_documents_say(body: bytes, ice: str) -> None:
    wire = Wire(company(), engines=1)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN, body)
    come = phone.called()
    come.answer(sdp(host="198.51.100.1"))
    call.answered()
    offer, answer = wire.engine.commands
    assert (offer["transport-protocol"], offer["ICE"]) == ("RTP/AVP", "remove")
    assert answer["ICE"] == ice
    call.bye()
    wire.assert_quiet()


def test_parties_of_one_profile_go_on_talking_directly() -> None:
    wire = Wire(changed(company(), "extensions", "2001", srtp="sdes"), engines=1)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call = pstn.invite(MAIN, SECURED)
    come = phone.called()
    assert come.invite.body.count(b"192.0.2.10")
    come.answer(SECURED)
    call.answered()
    assert wire.engine.commands == []
    call.bye()
    wire.assert_quiet()


def test_a_renegotiation_is_offered_in_the_profile_that_the_other_side_speaks() -> None:
    wire = mixed()
    pstn, ravi = trunk(wire), Phone(wire, "2002", "198.51.100.2")
    call = pstn.invite(GROUP)
    come = ravi.called()
    come.answer(SECURED)
    call.answered()
    wire.engine.commands.clear()
    come.request("INVITE", SECURED.replace(b"77 1", b"77 2"))
    pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
    assert [one.get("transport-protocol") for one in wire.engine.commands] == ["RTP/AVP", "RTP/SAVP"]
    call.bye()
    wire.assert_quiet()


def test_a_leg_with_a_session_of_its_own_is_offered_each_profile_there() -> None:
    wire = Wire(
        changed(
            changed(company(media="relay"), "trunks", "pstn", srtp="sdes"), "agents", "asha",
            call_forward_number=MOBILE, confirm_external=True,
        ),
        engines=1,
    )  # fmt: skip
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    pstn.called()
    assert offers(wire) == ["RTP/SAVP", None]  # the second trunk, should it be needed, is plain
    call.cancel()
    wire.wait(1)
    assert wire.engine.calls == set()


def test_an_engine_that_refuses_the_second_profile_ends_the_call() -> None:
    wire = mixed()
    pstn, asha = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    Phone(wire, "2002", "198.51.100.2")
    wire.engine.hold = {"offer"}
    call = pstn.invite(GROUP)
    wire.release_media()
    wire.engine.refuses = True
    wire.release_media()
    call.refused(503)
    asha.nothing()
    wire.assert_quiet()
