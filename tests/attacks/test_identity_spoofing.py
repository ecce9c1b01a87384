"""Who says he is somebody else: identity from outside is dropped or made anew; addresses come from the packet alone."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import CUSTOMER, changed, company
from b2bua_kit.documents import trunk as trunk_of
from b2bua_kit.peer import Peer, Phone, trunk
from b2bua_kit.wire import Wire

STOLEN = "+911111111111"
CLAIMS = [
    ("P-Asserted-Identity", f"<sip:{STOLEN}@acme.test>"),
    ("P-Preferred-Identity", f"<sip:{STOLEN}@acme.test>"),
    ("Remote-Party-ID", f"<sip:{STOLEN}@acme.test>;party=calling;screen=yes"),
    ("Diversion", f"<sip:{STOLEN}@acme.test>;reason=unconditional"),
    ("History-Info", f"<sip:{STOLEN}@acme.test>;index=1"),
    ("Identity", f"{STOLEN};info=<https://acme.test>;alg=ES256"),
    ("Referred-By", f"<sip:{STOLEN}@acme.test>"),
]


ROUTE = {"prefix": "", "trunks": ["pstn"]}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[0])
@pytest.mark.parametrize("identity", ["p_asserted", "remote_party", "preferred", "from"])
def test_a_phone_cannot_say_who_it_is_on_a_trunk(claim: tuple[str, str], identity: str) -> None:
    wire = Wire(company(trunks=[trunk_of("pstn", "192.0.2.10", identity=identity)], outbound_routes=[ROUTE]))
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    phone.invite(CUSTOMER, extra=[claim], from_=f'"{STOLEN}" <sip:2001@acme.test>')
    if "INVITE" in pstn.lines():
        assert not any(STOLEN in value for _, value in pstn.expect("INVITE").fields)
    else:
        # RFC 3325 §9.2: a preferred identity is a wish; one that is not the caller's is refused
        assert claim[0] == "P-Preferred-Identity"
        assert "403 INVITE" in phone.lines()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim[0])
def test_a_phone_cannot_say_who_it_is_to_another(claim: tuple[str, str]) -> None:
    wire = Wire()
    caller, called = Phone(wire, "2002", "198.51.100.2"), Phone(wire, "2001", "198.51.100.1")
    caller.invite("1001", extra=[claim], from_=f'"{STOLEN}" <sip:2002@acme.test>')
    invite = called.expect("INVITE")
    assert not any(STOLEN in value for _, value in invite.fields)
    assert invite.from_.uri.user == "1002"


def test_a_phone_cannot_be_another_by_from() -> None:
    wire = Wire()
    caller, called = Phone(wire, "2002", "198.51.100.2"), Phone(wire, "2001", "198.51.100.1")
    caller.invite("1001", from_="<sip:2003@acme.test>")
    if "INVITE" in called.lines():
        assert called.expect("INVITE").from_.uri.user == "1002"


@pytest.mark.parametrize("method", ["INVITE", "MESSAGE", "OPTIONS"])
def test_a_trunk_is_no_trunk_by_what_it_writes(method: str) -> None:
    """Via, Contact, Route and From with a trunk's address make nobody a trunk."""
    wire = Wire()
    stranger = Peer(wire, "203.0.113.50")
    wire.peers[("192.0.2.10", 5060)] = stranger
    extra = [
        ("Contact", "<sip:192.0.2.10:5060>"),
        ("Route", "<sip:192.0.2.10;lr>"),
        ("X-Forwarded-For", "192.0.2.10"),
        ("P-Asserted-Identity", f"<sip:{CUSTOMER}@192.0.2.10>"),
    ]
    via = f"SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKspoof{method};rport;received=192.0.2.10"
    stranger.branch = lambda: via  # type: ignore[method-assign]
    stranger.request(method, f"sip:{CUSTOMER}@acme.test", extra, from_=f"<sip:{CUSTOMER}@192.0.2.10>")
    assert [message.status for message in stranger.inbox] == [401]
    assert all(flow.remote == ("203.0.113.50", 5060) for flow, _ in wire.transmitted)


def test_an_address_rule_is_not_fooled_by_headers() -> None:
    document = company(address_lists=[{"id": "office", "addresses": ["198.51.100.0/24"]}])
    wire = Wire(changed(document, "extensions", "2001", addresses="office"))
    pstn = trunk(wire)
    thief = Phone(wire, "2001", "203.0.113.50", register=False)
    thief.contact = "<sip:2001@198.51.100.1:5060>"
    at_home = Phone(wire, "2001", "198.51.100.1", register=False)
    at_home.invite(CUSTOMER)
    pstn.expect("INVITE")
    call = thief.invite(CUSTOMER, extra=[("Route", "<sip:198.51.100.1;lr>"), ("X-Real-IP", "198.51.100.1")])
    call.refused(403)
    pstn.nothing()
