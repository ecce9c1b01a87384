from __future__ import annotations

import pytest

from routerd.media import sdp
from routerd.media_worker import rewrite

BODY = (
    b"v=0\r\no=a 1 1 IN IP4 10.0.0.1\r\ns=-\r\nc=IN IP4 10.0.0.1\r\nt=0 0\r\na=ice-lite\r\n"
    b"m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp:4009 IN IP4 10.0.0.2\r\n"
    b"a=candidate:1 1 udp 1 10.0.0.1 4000 typ host\r\na=x-kept:yes\r\n"
    b"m=image 4010 udptl t38\r\nc=IN IP4 10.0.0.3\r\n"
    b"m=message 2855 TCP/MSRP *\r\n"
)
ALL = {"replace": ["origin", "session connection"]}


@pytest.mark.parametrize(
    ("protocol", "relayable", "opaque"),
    [
        ("RTP/AVP", True, False), ("rtp/savp", True, False), ("RTP/SAVPF", True, False),
        ("UDP/TLS/RTP/SAVPF", True, True), ("udptl", True, True), ("UDP/DTLS/SCTP", True, True),
        ("TCP/MSRP", False, False), ("TCP", False, False), ("RTP/XAVP", False, False),
        ("TCP/RTP/AVP", False, False),
    ],
)  # fmt: skip
def test_which_lines_are_relayed(protocol: str, relayable: bool, opaque: bool) -> None:
    media = sdp.Media(f"m=audio 4000 {protocol} 0")
    assert (rewrite.is_relayable(media), rewrite.is_opaque(media)) == (relayable, opaque)


def test_what_a_party_says() -> None:
    session = sdp.parse(BODY)
    party = rewrite.read_party(session, session.media[0], "192.0.2.1")
    assert party.rtp == ("10.0.0.1", 4000)
    assert party.rtcp == ("10.0.0.2", 4009)
    assert (party.direction, party.signalling_host) == ("sendrecv", "192.0.2.1")
    assert party.clocks == {8: 8000, 0: 8000, 101: 8000}
    assert party.events == {101}
    assert rewrite.read_party(session, session.media[1], "").rtcp == ("10.0.0.3", 4011)


def test_shared_ports_names_and_null_addresses() -> None:
    session = sdp.parse(BODY.replace(b"a=x-kept:yes", b"a=rtcp-mux"))
    assert rewrite.read_party(session, session.media[0], "").rtcp == ("10.0.0.1", 4000)
    session = sdp.parse(BODY.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 phone.example"))
    assert rewrite.read_party(session, session.media[0], "").rtp is None
    session = sdp.parse(BODY.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 0.0.0.0"))
    held = rewrite.read_party(session, session.media[0], "")
    assert (held.rtp, held.direction) == (None, "sendonly")


def test_what_the_other_party_is_told() -> None:
    body = rewrite.write_party(sdp.parse(BODY), [20000, 20002, None], "192.0.2.9", ALL)
    assert body == (
        b"v=0\r\no=a 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
        b"m=audio 20000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=rtcp:20001\r\na=x-kept:yes\r\n"
        b"m=image 20002 udptl t38\r\nc=IN IP4 192.0.2.9\r\n"
        b"m=message 0 TCP/MSRP *\r\n"
    )


def test_the_origin_and_a_null_address_may_stay() -> None:
    held = BODY.replace(b"c=IN IP4 10.0.0.1", b"c=IN IP4 0.0.0.0")
    session = sdp.parse(rewrite.write_party(sdp.parse(held), [20000, 20002, None], "2001:db8::9", {}))
    assert session.origin.address == "10.0.0.1"
    assert session.connection == "0.0.0.0"
    assert session.media[1].lines[1] == "c=IN IP6 2001:db8::9"


@pytest.mark.parametrize(
    ("codec", "formats"),
    [
        ({"strip": ["PCMU"]}, ["8", "101"]),
        ({"mask": ["telephone-event"]}, ["8", "0"]),
        ({"strip": ["all"], "offer": ["PCMA"]}, ["8"]),
        ({"strip": ["full"], "except": ["pcmu", "telephone-event"]}, ["0", "101"]),
        ({"strip": "PCMU"}, ["8", "0", "101"]),
        ({}, ["8", "0", "101"]),
    ],
)
def test_codecs_are_stripped(codec: dict[str, object], formats: list[str]) -> None:
    command = {**ALL, "codec": codec}
    session = sdp.parse(rewrite.write_party(sdp.parse(BODY), [20000, None, None], "192.0.2.9", command))
    assert session.media[0].formats == formats


def test_a_line_without_codecs_is_refused() -> None:
    command = {**ALL, "codec": {"strip": ["all"]}}
    session = sdp.parse(rewrite.write_party(sdp.parse(BODY), [20000, None, None], "192.0.2.9", command))
    assert session.media[0].port == 0
