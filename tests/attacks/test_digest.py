"""Digest leaks (CVE-2021-41158), challenge loops (CVE-2014-2288), and credentials of one used for another."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import CUSTOMER, MAIN, company
from b2bua_kit.documents import trunk as trunk_of
from b2bua_kit.peer import Peer, Phone, connect, trunk
from b2bua_kit.wire import Wire

from routerd.sip import digest
from routerd.sip.message import Request, Response

AUTH = {"username": "acme", "password": "trunk-secret"}
ROUTE = {"prefix": "", "trunks": ["pstn"]}
CHALLENGE = 'Digest realm="{realm}", nonce="abc", algorithm=MD5, qop="auth"'


def guarded(realm: str | None = None, **more: object) -> Wire:
    auth = AUTH | ({"realm": realm} if realm else {})
    return Wire(
        company(trunks=[trunk_of("pstn", "192.0.2.10", auth=auth, **more)], outbound_routes=[ROUTE]), keepalive_s=30
    )


def challenge(peer: Peer, request: Request, status: int = 401, realm: str = "any") -> None:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    peer.reply(request, status, [(name, CHALLENGE.format(realm=realm))], tag=request.to.tag or "t")


def credentials(wire: Wire) -> list[bytes]:
    """Everything that we sent with credentials in it."""
    return [
        data for _, data in wire.transmitted if b"\r\nAuthorization:" in data or b"\r\nProxy-Authorization:" in data
    ]


@pytest.mark.parametrize("status", [401, 407])
@pytest.mark.parametrize("method", ["INVITE", "BYE", "UPDATE"])
def test_a_phone_that_challenges_us_gets_nothing(method: str, status: int) -> None:
    wire = guarded()
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    phone.auto.discard(method)
    call, leg = connect(pstn, phone, MAIN)
    pstn.inbox.clear()
    if method == "BYE":
        call.bye()
    else:
        call.request(
            method, b"v=0\r\no=- 9 9 IN IP4 h\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n"
        )
    asked = [message for message in phone.inbox if isinstance(message, Request)]
    assert asked
    for _ in range(3):
        for request in [message for message in phone.inbox if isinstance(message, Request) and message.method != "ACK"]:
            phone.inbox.remove(request)
            challenge(phone, request, status, "acme.test")
    wire.wait(60)
    assert credentials(wire) == []
    assert leg.dialog is not None


@pytest.mark.parametrize("status", [401, 407])
def test_a_keepalive_that_is_challenged_is_no_loop(status: int) -> None:
    wire = guarded()
    phone = Phone(wire, "2001", "198.51.100.1", register=False)
    phone.auto.discard("OPTIONS")
    phone.contact = "<sip:2001@10.0.0.1:5060>"
    assert (
        phone.authorized("REGISTER", "sip:acme.test", [("Contact", phone.contact)], to="<sip:2001@acme.test>").status
        == 200
    )
    asked = 0
    for _ in range(60):
        wire.wait(5)
        for request in [message for message in phone.inbox if isinstance(message, Request)]:
            asked += 1
            phone.inbox.remove(request)
            challenge(phone, request, status)
    assert 5 <= asked <= 20
    assert credentials(wire) == []
    assert wire.switch.location.contacts("acme", "2001", wire.now)


def test_a_trunk_is_answered_once_and_in_its_realm_only() -> None:
    wire = guarded("provider")
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    phone.invite(CUSTOMER)
    challenge(pstn, pstn.expect("INVITE"), 407, "elsewhere")
    assert credentials(wire) == []
    pstn.expect("ACK")
    phone.inbox.clear()
    phone.invite(CUSTOMER)
    challenge(pstn, pstn.expect("INVITE"), 407, "provider")
    pstn.expect("ACK")
    assert len(credentials(wire)) == 1
    for _ in range(5):
        if "INVITE" in pstn.lines():
            challenge(pstn, pstn.expect("INVITE"), 407, "provider")
    wire.wait(30)
    assert len(credentials(wire)) == 1


def test_another_address_than_the_trunks_gets_no_credentials() -> None:
    """The trunk's name resolves to two hosts... or its dialog's target moves: only its own address is believed."""
    wire = guarded()
    pstn, phone, thief = trunk(wire), Phone(wire, "2001", "198.51.100.1"), Peer(wire, "203.0.113.66")
    pstn.contact = thief.contact
    call = phone.invite(CUSTOMER)
    leg = pstn.called()
    leg.answer()
    call.answered()
    thief.auto.discard("BYE")
    call.bye()
    moved = [message for message in thief.inbox if isinstance(message, Request) and message.method != "ACK"]
    assert moved
    challenge(thief, moved[0])
    wire.wait(60)
    assert credentials(wire) == []


def test_the_credentials_of_one_register_nobody_else() -> None:
    wire = Wire()
    phone = Phone(wire, "2001", "198.51.100.1", register=False)
    answer = phone.authorized("REGISTER", "sip:acme.test", [("Contact", phone.contact)], to="<sip:2002@acme.test>")
    assert answer.status == 403
    assert wire.switch.location.contacts("acme", "2002", wire.now) == []


@pytest.mark.parametrize("change", ["nonce", "count", "uri", "method", "realm", "user"])
def test_credentials_serve_once_and_for_what_they_were_made(change: str) -> None:
    wire = Wire()
    phone = Phone(wire, "2001", "198.51.100.1", register=False)
    uri, contact = "sip:acme.test", [("Contact", phone.contact)]
    phone.request("REGISTER", uri, contact, to="<sip:2001@acme.test>")
    found = digest.choose_challenge(phone.expect("401").get_all("WWW-Authenticate"), None)
    assert found is not None
    parts = {"method": "REGISTER", "uri": uri, "username": "2001", "password": "secret-2001", "cnonce": "c"}
    parts.update(
        {"uri": {"uri": "sip:other"}, "method": {"method": "INVITE"}, "user": {"username": "2002"}}.get(change, {})
    )
    value = digest.authorization(found, nc=1, **parts)
    if change == "nonce":
        value = value.replace('nonce="', 'nonce="0')
    if change == "realm":
        value = value.replace("acme.test", "other.test")
    phone.request("REGISTER", uri, [*contact, ("Authorization", value)], to="<sip:2001@acme.test>")
    if change == "count":
        phone.expect("200")
        phone.request("REGISTER", uri, [*contact, ("Authorization", value)], to="<sip:2001@acme.test>")
    assert [message.status for message in phone.inbox if isinstance(message, Response)] == [401]


def test_contacts_are_capped() -> None:
    wire = Wire()
    phone = Phone(wire, "2001", "198.51.100.1", register=False)
    for number in range(60):
        contact = [("Contact", f"<sip:2001@198.51.100.1:{6000 + number}>")]
        answer = phone.authorized("REGISTER", "sip:acme.test", contact, to="<sip:2001@acme.test>")
        assert answer.status == 200
    assert len(wire.switch.location.contacts("acme", "2001", wire.now)) <= 10
    many = ", ".join(f"<sip:2001@198.51.100.1:{7000 + number}>" for number in range(60))
    answer = phone.authorized("REGISTER", "sip:acme.test", [("Contact", many)], to="<sip:2001@acme.test>")
    assert answer.status in {200, 400, 403, 503}
    assert len(wire.switch.location.contacts("acme", "2001", wire.now)) <= 10
