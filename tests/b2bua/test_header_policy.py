"""What leg B gets to see, and what never crosses (RFC 3323, 3325, 5806; conformance: smuggling, spoofing)."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import CUSTOMER, FORWARDED, MAIN, MOBILE, changed, company
from b2bua_kit.peer import Peer, Phone, sdp, trunk
from b2bua_kit.wire import Wire
from hypothesis import given
from hypothesis import strategies as st

from routerd.b2bua import header_policy
from routerd.sip.message import Request
from routerd.sip.parser import parse

WELL_KNOWN = {
    "Via", "Max-Forwards", "From", "To", "Call-ID", "CSeq", "Contact", "Allow", "User-Agent", "Supported",
    "Session-Expires", "Min-SE", "Content-Type", "Content-Length", "P-Asserted-Identity",
}  # fmt: skip


def raw(headers: str, *, from_: str = "<sip:+919812345678@x>", privacy: str = "") -> bytes:
    body = sdp(host="192.0.2.10")
    return (
        f"INVITE sip:{MAIN}@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKraw\r\n"
        f"From: {from_};tag=a\r\nTo: <sip:{MAIN}@192.0.2.1>\r\nCall-ID: raw\r\nCSeq: 1 INVITE\r\n"
        f"Contact: <sip:192.0.2.10>\r\nMax-Forwards: 30\r\n{headers}{privacy}Content-Type: application/sdp\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def leg_b(headers: str, **parts: str) -> Request:
    wire = Wire()
    trunk(wire)
    phone = Phone(wire, "2001", "198.51.100.1")
    wire.receive(raw(headers, **parts), wire.peers["192.0.2.10", 5060].flow)
    invite = phone.called().invite
    assert isinstance(invite, Request)
    return invite


SMUGGLED = [
    "X-Internal: 1\r\n", "X-Internal : 1\r\n", "X-Internal\t:\t1\r\n", "X-INTERNAL: 1\r\nx-internal: 2\r\n",
    "X-Internal:\r\n 1\r\n", "Subject: a\r\n X-Internal: 1\r\n", "P-Preferred-Identity: <sip:+911@x>\r\n",
    "Diversion: <sip:+911@x>\r\n", "Route: <sip:203.0.113.1;lr>\r\n",
    "Record-Route: <sip:192.0.2.10;lr>\r\n", 'Authorization: Digest username="x"\r\n', "Replaced-By: x\r\n",
    "P-Charging-Vector: x\r\n", "History-Info: <sip:x>\r\n", "Refer-To: <sip:x>\r\n", "b: <sip:x>\r\n",
]  # fmt: skip


@pytest.mark.parametrize("header", SMUGGLED)
def test_nothing_crosses_that_is_not_on_the_list(header: str) -> None:
    invite = leg_b(header)
    names = {name for name, _ in invite.fields}
    assert names <= WELL_KNOWN | {"Subject"}
    assert b"+911@" not in b"".join(value.encode() for _, value in invite.fields)
    assert "203.0.113.1" not in invite.uri


@given(st.text(alphabet="abcXYZ019-.!%*_+`'~", min_size=1, max_size=20))
def test_no_unknown_name_crosses(name: str) -> None:
    request = parse(raw(f"X-{name}: smuggled\r\n"))
    assert isinstance(request, Request)
    assert header_policy.crossing(request, trusted=True) == []


def test_the_listed_ones_cross() -> None:
    invite = leg_b("Subject: hello\r\nUser-to-User: 00ff\r\nAlert-Info: <http://x/ring>\r\nIdentity: abc;info=<x>\r\n")
    assert invite.get("Subject") == "hello"
    assert invite.get("User-to-User") == "00ff"
    assert invite.get("Alert-Info") == "<http://x/ring>"
    assert invite.get("Identity") == "abc;info=<x>", "from a trusted trunk only (RFC 8224)"


def test_what_only_trunks_may_say_does_not_cross_from_a_phone() -> None:
    wire = Wire()
    caller, callee = Phone(wire, "2001", "198.51.100.1"), Phone(wire, "2002", "198.51.100.2")
    caller.invite(
        "1002", extra=[("Alert-Info", "<http://x>"), ("Identity", "abc"), ("P-Asserted-Identity", "<sip:1@x>")]
    )
    invite = callee.called().invite
    assert invite.get("Alert-Info") is None
    assert invite.get("Identity") is None
    assert "<sip:1001@" in (invite.get("From") or "")


@pytest.mark.parametrize(
    "user", ["+91%0d%0aX-Evil:%201", "a%22b", "+9198%3e%3btag=x", "%00", "a b".replace(" ", "%20"), "%E2%98%83"]
)
def test_no_line_is_smuggled_inside_a_user(user: str) -> None:
    invite = leg_b("", from_=f"<sip:{user}@x>")
    assert invite.get("X-Evil") is None
    again = parse(
        b"\r\n".join(
            [b"SIP/2.0 200 OK", *(f"{n}: {v}".encode() for n, v in invite.fields if n != "Content-Length"), b"", b""]
        )
    )
    assert len(again.fields) == len(invite.fields) - 1
    assert again.from_.uri.host == "acme.test"


def test_the_asserted_identity_of_a_trunk_is_believed_and_privacy_honoured() -> None:
    assert "+919000000009@" in (leg_b("P-Asserted-Identity: <sip:+919000000009@x>\r\n").get("From") or "")
    assert "+919000000009@" in (leg_b("Remote-Party-ID: <sip:+919000000009@x>;party=calling\r\n").get("From") or "")
    hidden = leg_b("P-Asserted-Identity: <sip:+919000000009@x>\r\nPrivacy: id\r\n")
    assert "anonymous" in (hidden.get("From") or "")
    assert "+919000000009" not in str(hidden.fields)


def test_max_forwards_counts_down_across_us() -> None:
    assert leg_b("").max_forwards == 29


# -- towards trunks --


def dialled(number: str = CUSTOMER, account: dict[str, Any] | None = None, **parts: Any) -> Request:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"}, international_outbound=True)
    document["account"]["international_enabled"] = True
    document = changed(document, "trunks", "pstn", **parts)
    wire = Wire(document)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    phone.invite(number)
    assert account is None
    for peer in (pstn, *wire.peers.values()):
        if "INVITE" in peer.lines():
            invite = peer.expect("INVITE")
            assert isinstance(invite, Request)
            return invite
    raise AssertionError("nobody was called")


@pytest.mark.parametrize(
    ("parts", "user"),
    [
        ({}, "+919812345678"),
        ({"number_format": "e164"}, "919812345678"),
        ({"number_format": "national"}, "09812345678"),
        ({"number_format": "e164", "strip_digits": 2, "prepend_digits": "77"}, "779812345678"),
        ({"strip_digits": 2}, "+9812345678"),
        ({"number_format": "national", "prepend_digits": "9"}, "909812345678"),
    ],
)
def test_how_the_number_is_written(parts: dict[str, Any], user: str) -> None:
    invite = dialled(**parts)
    assert invite.uri == f"sip:{user}@192.0.2.10:5060"
    assert f"sip:{user}@" in (invite.get("To") or "")


def test_a_foreign_number_in_national_format_bears_the_international_prefix() -> None:
    assert dialled("+442079460000", number_format="national").uri.startswith("sip:00442079460000@")


@pytest.mark.parametrize(
    ("identity", "header"),
    [
        ("p_asserted", "P-Asserted-Identity"),
        ("preferred", "P-Preferred-Identity"),
        ("remote_party", "Remote-Party-ID"),
        ("from", None),
    ],
)
def test_how_the_caller_is_named(identity: str, header: str | None) -> None:
    invite = dialled(identity=identity)
    for name in ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID"):
        value = invite.get(name)
        assert (value is not None) is (name == header)
        assert value is None or MAIN in value
    assert MAIN in (invite.get("From") or "")


def test_a_trunks_own_user_and_domain_in_from() -> None:
    invite = dialled(from_user="acme-main", from_domain="pstn.example")
    assert "<sip:acme-main@pstn.example>" in (invite.get("From") or "")
    assert f"<sip:{MAIN}@pstn.example>" in (invite.get("P-Asserted-Identity") or "")


def test_an_outbound_proxy_becomes_a_route() -> None:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"})
    wire = Wire(changed(document, "trunks", "pstn", outbound_proxy="sip:192.0.2.66:5090"))
    proxy, phone = Peer(wire, "192.0.2.66", 5090), Phone(wire, "2001", "198.51.100.1")
    phone.invite(CUSTOMER)
    invite = proxy.called().invite
    assert invite.get_all("Route") == ["<sip:192.0.2.66:5090;lr>"]
    assert invite.uri == f"sip:{CUSTOMER}@192.0.2.10:5060"


def test_an_anonymous_caller_stays_anonymous_when_forwarded() -> None:
    wire = Wire()
    pstn = trunk(wire)
    pstn.invite(FORWARDED, from_='"Anonymous" <sip:anonymous@anonymous.invalid>')
    invite = pstn.called().invite
    assert MOBILE in invite.uri
    assert "anonymous@anonymous.invalid" in (invite.get("From") or "")
    assert invite.get("Privacy") == "id"
    assert invite.get("P-Asserted-Identity") is None


def test_a_path_becomes_a_route() -> None:
    wire = Wire()
    pstn, edge = trunk(wire), Peer(wire, "192.0.2.88")
    phone = Phone(wire, "2001", "198.51.100.1", register=False)
    wire.command(
        "restore_binding", extension="2001", uri="sip:2001@10.0.0.1", transport="udp", local=("192.0.2.1", 5060),
        remote=edge.address, path=["<sip:192.0.2.88;lr>"], expires_at=2e9, q=1.0, instance=None, reg_id=None,
        call_id="r", cseq=1, user_agent="", registered_at=1e9,
    )  # fmt: skip
    pstn.invite(MAIN)
    invite = edge.called().invite
    assert invite.get_all("Route") == ["<sip:192.0.2.88;lr>"]
    phone.nothing()


@pytest.mark.parametrize(
    ("source", "headers", "found"),
    [
        ("request_uri", [], "+911"), ("to", [], "+912"),
        ("p_called_party_id", [("P-Called-Party-ID", "<sip:+913@x>")], "+913"),
        ("header:X-Did", [("X-Did", " +914 ")], "+914"), ("header:X-Did", [("X-Did", "<sip:+915@x>")], "+915"),
        ("header:X-Did", [], ""), ("p_called_party_id", [], ""), ("header:X-Did", [("X-Did", "<sip:[>")], ""),
    ],
)  # fmt: skip
def test_where_a_trunk_says_what_was_dialled(source: str, headers: list[tuple[str, str]], found: str) -> None:
    request = Request("INVITE", "sip:+911@x", [("To", "<sip:+912@x>"), ("From", "<sip:a@b>;tag=1"), *headers])
    assert header_policy.dialled_of(request, source) == found
