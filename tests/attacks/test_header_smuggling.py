"""Headers from outside under every spelling (CVE-2020-28361): nothing reaches leg B that is not on the allow-list."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import MAIN
from b2bua_kit.peer import Phone, trunk
from b2bua_kit.wire import Wire

from routerd.sip.message import Request
from routerd.sip.parser import parse

# what an INVITE of ours consists of, and what crosses on purpose
OURS = {
    "Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Allow", "Supported", "Session-Expires",
    "Min-SE", "Content-Type", "Content-Length", "User-Agent", "P-Asserted-Identity", "Privacy", "Accept",
}  # fmt: skip
CROSSING = {"Subject", "Priority", "Accept-Language", "User-to-User", "X-Call-Label"}
TRUSTED = {"Alert-Info", "Identity", "Geolocation"}

SPELLINGS = [
    "X-Internal: secret",
    "X-Internal : secret",
    "X-Internal\t:\tsecret",
    "X-Internal:\r\n secret",
    "x-internal: secret",
    "X-INTERNAL: secret",
    "X-Internal: a\r\nX-Internal: secret",
    "Subject: fine\r\n X-Internal: secret",
    "Subject: fine\r\n\tX-Internal: secret",
    "Subject: =?utf-8?q?X-Internal:_secret?=",
    "Diversion: <sip:secret@h>",
    "History-Info: <sip:secret@h>;index=1",
    "Route: <sip:secret@192.0.2.1;lr>",
    "Record-Route: <sip:secret@h;lr>",
    "P-Charging-Vector: icid-value=secret",
    "Authorization: Digest secret",
    "Proxy-Authorization: Digest secret",
    "P-Preferred-Identity: <sip:secret@h>",
    "Remote-Party-ID: <sip:secret@h>;party=calling",
    "Referred-By: <sip:secret@h>",
    "r: <sip:secret@h>",
    "b: <sip:secret@h>",
    "Call-Info: <http://secret>",
    "Alert-Info: <http://secret>",
    'Warning: 399 h "secret"',
    "Content-Disposition: session;handling=required;x=secret",
    "Organization: secret",
    "Server: secret",
    "User-Agent: secret",
]  # fmt: skip


# a trunk's word: its identity headers say who calls, its credentials who it is
BELIEVED = ("Remote-Party-ID", "Authorization", "Proxy-Authorization")


def raw_invite(phone: Phone, headers: str) -> bytes:
    """An INVITE of a phone of ours, by hand, with credentials."""
    uri = "sip:1001@acme.test"
    phone.request("OPTIONS", "sip:1001@acme.test")
    credentials = phone.credentials(phone.expect("401"), "INVITE", uri)
    body = b"v=0\r\no=- 1 1 IN IP4 198.51.100.2\r\ns=-\r\nc=IN IP4 198.51.100.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n"
    head = (
        f"INVITE {uri} SIP/2.0\r\nVia: {phone.branch()}\r\nMax-Forwards: 70\r\nFrom: <sip:2002@acme.test>;tag=1\r\n"
        f"To: <sip:1001@acme.test>\r\nCall-ID: {phone.name('id')}\r\nCSeq: 1 INVITE\r\nContact: {phone.contact}\r\n"
        f"Authorization: {credentials}\r\n{headers}\r\nContent-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


@pytest.mark.parametrize("headers", [text for text in SPELLINGS if not text.startswith("Authorization")])
def test_from_a_phone_nothing_crosses_but_what_is_allowed(headers: str) -> None:
    wire = Wire()
    caller, called = Phone(wire, "2002", "198.51.100.2"), Phone(wire, "2001", "198.51.100.1")
    wire.receive(raw_invite(caller, headers), caller.flow)
    invite = called.expect("INVITE")
    assert isinstance(invite, Request)
    assert {name for name, _ in invite.fields} <= OURS | CROSSING
    allowed = {name for name, value in invite.fields if "secret" in value}
    # one header that crosses keeps its value; it stays one header
    assert allowed <= {"Subject"}
    assert parse(wire.transmitted[-1][1]) is not None


@pytest.mark.parametrize("headers", [text for text in SPELLINGS if not text.startswith(BELIEVED)])
def test_from_a_trunk_only_what_a_trusted_peer_may_say_crosses(headers: str) -> None:
    wire = Wire()
    pstn, called = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    extra = [tuple(line.split(":", 1)) for line in headers.split("\r\n") if line[0] not in " \t"]
    call = pstn.invite(MAIN, extra=[(name.strip(), value.strip()) for name, value in extra])
    invite = called.expect("INVITE")
    assert {name for name, _ in invite.fields} <= OURS | CROSSING | TRUSTED
    assert {name for name, value in invite.fields if "secret" in value} <= {"Alert-Info", "Subject"}
    call.cancel()


@pytest.mark.parametrize(
    "headers",
    ["Content-Length: 0\r\nContent-Length: 200", "Content-Length: 5\r\nl: 6", "CSeq: 2 INVITE", "To: <sip:x@y>"],
)
def test_two_truths_are_refused(headers: str) -> None:
    wire = Wire()
    caller, called = Phone(wire, "2002", "198.51.100.2"), Phone(wire, "2001", "198.51.100.1")
    wire.receive(raw_invite(caller, headers), caller.flow)
    assert caller.expect("400").status == 400
    called.nothing()


@pytest.mark.parametrize("where", ["Subject", "User-to-User", "X-Call-Label", "Priority"])
@pytest.mark.parametrize("control", ["\r", "\n", "\r\nInjected: 1\r\n", "\0", "\x0b", "\x7f"])
def test_no_control_character_gets_through(where: str, control: str) -> None:
    wire = Wire()
    caller, called = Phone(wire, "2002", "198.51.100.2"), Phone(wire, "2001", "198.51.100.1")
    wire.receive(raw_invite(caller, f"{where}: a{control}b"), caller.flow)
    for message in called.inbox:
        assert isinstance(message, Request)
        assert {name for name, _ in message.fields} <= OURS | CROSSING
        assert not any(set(value) & set("\r\n\0\x0b\x7f") for _, value in message.fields)
