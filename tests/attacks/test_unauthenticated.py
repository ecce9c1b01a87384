"""Every method out of dialogs without credentials (CVE-2021-37624, CVE-2021-41157), and forged requests within them."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import CUSTOMER, MAIN
from b2bua_kit.peer import Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.sip import build
from routerd.sip.message import Request, Response

METHODS = [
    "INVITE", "MESSAGE", "REGISTER", "SUBSCRIBE", "NOTIFY", "REFER", "PUBLISH", "INFO", "UPDATE", "PRACK", "BYE", "FOO",
]  # fmt: skip
WITHIN = ["BYE", "INVITE", "UPDATE", "INFO", "REFER", "NOTIFY", "MESSAGE", "PRACK", "OPTIONS"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "uri", ["sip:1001@acme.test", f"sip:{CUSTOMER}@acme.test", "sip:2001@198.51.100.1", f"tel:{CUSTOMER}"]
)
def test_nothing_is_forwarded_for_a_stranger(method: str, uri: str) -> None:
    wire = Wire()
    phone, pstn, stranger = Phone(wire, "2001", "198.51.100.1"), trunk(wire), Peer(wire, "203.0.113.50")
    extra = [("Event", "message-summary"), ("Refer-To", f"<sip:{CUSTOMER}@acme.test>"), ("Contact", stranger.contact)]
    stranger.request(method, uri, extra, body=sdp() if method == "INVITE" else b"", content_type="application/sdp")
    # a registrar refuses a scheme that it cannot bind before it asks who is there (RFC 4475 §3.3.8)
    refusal = 400 if method == "REGISTER" and uri.startswith("tel:") else 401
    assert [message.status for message in stranger.inbox if isinstance(message, Response)] == [refusal]
    phone.nothing()
    pstn.nothing()
    wire.assert_quiet()


def dialog_request(peer: Peer, method: str, call_id: str, from_tag: str, to_tag: str) -> None:
    made = build.request(
        method,
        "sip:192.0.2.1",
        via=peer.branch(),
        from_=f"<sip:x@acme.test>;tag={from_tag}",
        to=f"<sip:y@acme.test>;tag={to_tag}",
        call_id=call_id,
        cseq=1000,
        contact=peer.contact,
        extra=[("Refer-To", f"<sip:{CUSTOMER}@acme.test>"), ("Reason", "SIP;cause=200"), ("RAck", "1 1 INVITE")],
        body=sdp() if method in {"INVITE", "UPDATE"} else b"",
        content_type="application/sdp" if method in {"INVITE", "UPDATE"} else None,
    )
    peer.send(made)


@pytest.mark.parametrize("method", WITHIN)
@pytest.mark.parametrize("wrong", ["ours", "theirs", "both", "call"])
def test_forged_requests_with_wrong_tags_have_no_effect(method: str, wrong: str) -> None:
    wire = Wire()
    pstn, phone, stranger = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Peer(wire, "203.0.113.50")
    call, leg = connect(pstn, phone, MAIN)
    assert call.dialog is not None
    pstn.inbox.clear()
    call_id, ours, theirs = call.dialog.call_id, call.dialog.remote_tag, call.dialog.local_tag
    ours = "wrong" if wrong in {"ours", "both"} else ours
    theirs = "wrong" if wrong in {"theirs", "both"} else theirs
    dialog_request(stranger, method, "wrong" if wrong == "call" else call_id, theirs, ours)
    wire.wait(10)
    assert [message.status for message in stranger.inbox if isinstance(message, Response)] == [481]
    pstn.nothing()
    phone.nothing()
    call.bye()
    leg.peer.expect("BYE")
    wire.assert_quiet()


@pytest.mark.parametrize("change", ["branch", "host"])
def test_a_forged_cancel_cancels_nothing(change: str) -> None:
    wire = Wire()
    pstn, phone, stranger = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Peer(wire, "203.0.113.50")
    call = pstn.invite(MAIN)
    leg = phone.called()
    leg.ring()
    forged = build.cancel(call.invite)
    via = call.invite.via
    text = str(via).replace(via.branch or "", "z9hG4bKguess") if change == "branch" else str(via).replace(via.host, "h")
    forged.set("Via", text)
    stranger.send(forged)
    assert [message.status for message in stranger.inbox if isinstance(message, Response)] == [481]
    phone.nothing()
    leg.answer()
    call.answered()
    call.bye()


def test_a_forged_response_answers_nothing() -> None:
    wire = Wire()
    pstn, phone, stranger = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Peer(wire, "203.0.113.50")
    call = pstn.invite(MAIN)
    leg = phone.called()
    for status in (180, 200, 302, 401, 486, 603):
        forged = build.response(leg.invite, status, to_tag="forged", extra=[("Contact", stranger.contact)], body=sdp())
        forged.set("Via", str(leg.invite.via).replace(leg.invite.via.branch or "", "z9hG4bKguess"))
        stranger.send(forged)
    wire.wait(1)
    stranger.nothing()
    pstn.inbox = [message for message in pstn.inbox if isinstance(message, Request) or message.status != 100]
    pstn.nothing()
    leg.send(486)
    call.refused(486)
