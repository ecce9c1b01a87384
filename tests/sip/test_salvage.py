from __future__ import annotations

import pytest

from routerd.sip import build
from routerd.sip.parser import parse
from routerd.sip.salvage import STAND_IN_VIA, salvage, tag
from routerd.sip.serializer import serialize

REST = b"From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\n"
VIA = b"Via: SIP/2.0/UDP h;branch=z9hG4bK1;rport\r\n"


def test_the_answer_to_a_salvaged_request_is_well_formed() -> None:
    request = salvage(b"OPTIONS  sip:a  SIP/2.0\r\n" + VIA + b"v: SIP/2.0/TCP i\r\n" + REST + b"Junk\r\n\r\n")
    assert request is not None
    assert (request.method, [via.host for via in request.vias]) == ("OPTIONS", ["h", "i"])
    answer = parse(serialize(build.response(request, 400, to_tag="t")))
    assert (answer.to.tag, answer.cseq.number, answer.call_id, len(answer.vias)) == ("t", 1, "x", 2)


@pytest.mark.parametrize(
    ("via", "rebuilt"),
    [
        ("SIP/2.0/UDP 192.0.2.15;;,;,,", "SIP/2.0/UDP 192.0.2.15"),
        (
            "SIP/7.0/UDP c.example.com:5070;branch=z9hG4bKx;rport",
            "SIP/2.0/UDP c.example.com:5070;branch=z9hG4bKx;rport",
        ),
        ("SIP/2.0/TCP [::1];branch=a;branch=b", "SIP/2.0/TCP [::1];branch=a"),
        ("SIP/2.0/UDP -", STAND_IN_VIA),
        ("nonsense", STAND_IN_VIA),
    ],
)
def test_an_illegible_via_is_rebuilt_from_what_is_legible(via: str, rebuilt: str) -> None:
    request = salvage(b"OPTIONS sip:a SIP/2.0\r\nVia: " + via.encode() + b"\r\n" + REST + b"\r\n")
    assert request is not None
    assert request.get_all("Via") == [rebuilt]
    assert request.via.host


def test_without_a_via_the_source_is_answered() -> None:
    request = salvage(b"REGISTER sip:1.1.1.1:5060 SIP/2.0\r\nExpires: 3600\r\n\r\n")
    assert request is not None
    assert request.get("Via") == STAND_IN_VIA
    assert request.via.rport == ""


@pytest.mark.parametrize(
    ("header", "legible"),
    [
        ("Call-ID: one two", "one"),
        ("Call-ID: \xe4 two", "two"),
        ("Call-ID: \xe4", "0"),
        ("X: y", "0"),
        ("CSeq: 7 INV\xe8TE", "7 OPTIONS"),
        ("CSeq: 7 INVITE", "7 INVITE"),
        ("CSeq: x INVITE", "0 OPTIONS"),
        ("CSeq: 7", "7 OPTIONS"),
    ],
)
def test_no_answer_is_malformed_itself(header: str, legible: str) -> None:
    data = b"OPTIONS sip:a SIP/2.0\r\n" + header.encode("latin-1") + b"\r\n\r\n"
    request = salvage(data)
    assert request is not None
    assert tag(data) == tag(bytes(data))
    answer = parse(serialize(build.response(request, 400, to_tag=tag(data))))
    assert legible in {answer.call_id, str(answer.cseq)}
    assert answer.to.tag == tag(data)


@pytest.mark.parametrize(
    ("to", "repaired"),
    [
        ('"Mr. J. User <sip:j.user@example.com>;tag=7', "<sip:j.user@example.com>;tag=7"),
        ("< sip:t.watson@example.org >", "<sip:t.watson@example.org>"),
        ("vikram@localhost", "sip:invalid"),
        ("<nonsense>", "sip:invalid"),
        ("A\0B <sip:a@b>", "AB <sip:a@b>"),
    ],
)
def test_an_illegible_to_is_repaired(to: str, repaired: str) -> None:
    request = salvage(b"OPTIONS sip:a SIP/2.0\r\n" + VIA + b"To: " + to.encode() + b"\r\n\r\n")
    assert request is not None
    assert request.get("To") == repaired
    assert request.to.uri_text


def test_the_first_of_several_is_taken_and_bare_line_feeds_are_lines() -> None:
    request = salvage(
        b"OPTIONS sip:a SIP/2.0\nVia: SIP/2.0/UDP h\nCall-ID: 1\nCall-ID: 2\nCSeq: 99999999999 OPTIONS\n\nVia: no"
    )
    assert request is not None
    assert request.get_all("Via") == ["SIP/2.0/UDP h"]
    assert request.get_all("Call-ID") == ["1"]
    assert request.get_all("CSeq") == ["99999999999 OPTIONS"]


@pytest.mark.parametrize(
    "start", [b"ACK sip:a SIP/2.0", b"SIP/2.0 200 OK", b"GET / HTTP/1.1", b"", b"\x16\x03\x01", b"nonsense", b"OPTIONS"]
)
def test_what_cannot_be_answered(start: bytes) -> None:
    assert salvage(start + b"\r\n" + VIA + REST + b"\r\n") is None


def test_of_too_many_vias_the_topmost_is_answered() -> None:
    vias = ",".join(f"SIP/2.0/UDP h{number}" for number in range(2000))
    request = salvage(b"OPTIONS sip:a SIP/2.0\r\nVia: " + vias.encode() + b"\r\n" + REST + b"\r\n")
    assert request is not None
    assert [via.host for via in request.vias] == ["h0"]
