"""Sessions of legs that hear something before the bridge: made for each such leg, gone with it, whichever way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from b2bua_kit.documents import MAIN, MOBILE, changed, company
from b2bua_kit.peer import Phone, sdp, trunk
from b2bua_kit.voices import commands, played, voiced

if TYPE_CHECKING:
    from b2bua_kit.wire import Wire


def forwarding(**more: object) -> Wire:
    wanted = {"call_forward_number": MOBILE, "confirm_external": True, **more}
    return voiced(changed(company(media="relay"), "agents", "asha", **wanted))


@pytest.mark.parametrize("status", [486, 503])
def test_a_leg_that_fails_gives_its_session_back(status: int) -> None:
    wire = forwarding()
    pstn = trunk(wire)
    trunk(wire, "192.0.2.20")
    call = pstn.invite(MAIN)
    pstn.called().send(status)
    if status == 503:
        second = wire.peers["192.0.2.20", 5060]
        assert b"203.0.113.99" in second.called().invite.body, "the next trunk is offered the same session"
        wire.wait(30)
    call.refused(486 if status == 486 else 480)
    assert len({command["call-id"] for command in commands(wire, "offer")}) == 1
    wire.assert_quiet()


def test_the_agent_of_a_click_to_call_is_offered_the_houses_description() -> None:
    wire = voiced(changed(company(), "agents", "asha", caller_ids={"mode": "all"}))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    assert wire.command("originate", agent="asha", to="+919812345678")["ok"]
    come = phone.called()
    assert b"203.0.113.99" in come.invite.body
    come.answer(sdp(port=7000))
    come.acked()
    customer = pstn.called()
    customer.ring()
    tag = "extension:2001@198.51.100.1#1"
    assert played(wire, tag) == ["ringback-in+"]
    customer.answer(sdp(port=8000))
    phone.reply(phone.expect("INVITE"), 200, [("Contact", phone.contact)], sdp(port=7000, version=2))
    assert b"m=audio 7000" in customer.acked().body, "both talk directly, as the document says"
    come.bye()
    pstn.expect("BYE")
    wire.assert_quiet()


def test_an_agent_who_does_not_answer_leaves_no_session() -> None:
    wire = voiced(changed(company(), "agents", "asha", caller_ids={"mode": "all"}))
    phone = Phone(wire, "2001", "198.51.100.1")
    wire.command("originate", agent="asha", to="+919812345678")
    phone.called().send(486)
    wire.assert_quiet()


def test_a_caller_without_an_offer_is_asked_as_before() -> None:
    wire = forwarding()
    pstn = trunk(wire)
    call = pstn.invite(MAIN, b"")
    come = pstn.called()
    assert come.invite.body == b""
    call.cancel()
    call.refused(487)
    wire.assert_quiet()


def test_a_leg_given_up_before_its_offer_was_there_never_rings() -> None:
    wire = forwarding()
    wire.engine.hold = {"offer"}
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    call.cancel()
    call.refused(487)
    wire.release_media()
    assert "INVITE" not in pstn.lines()
    wire.assert_quiet()


def test_early_media_of_such_a_leg_is_not_heard() -> None:
    wire = forwarding()
    pstn = trunk(wire)
    call = pstn.invite(MAIN)
    come = pstn.called()
    come.send(183, sdp(port=7000))
    assert pstn.expect("183").body == b""
    call.cancel()
    call.refused(487)
    wire.assert_quiet()
