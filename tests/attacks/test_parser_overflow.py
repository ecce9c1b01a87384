"""Long and repeated input (CVE-2018-8828, CVE-2017-9372, CVE-2013-3722): bounded, linear, and told so."""

from __future__ import annotations

import time

import pytest
from b2bua_kit.wire import LOCAL, Wire

from routerd.sip.flow import Flow
from routerd.sip.parser import parse

STRANGER = Flow("udp", LOCAL, ("203.0.113.50", 5060))
HEAD = (
    "INVITE sip:bob@acme.test SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bK{name};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:bob@acme.test>\r\nCall-ID: {name}\r\nCSeq: 1 INVITE\r\n"
)
CALM_S = 0.5


def long_messages(size: int) -> dict[str, bytes]:
    """Messages of about ``size`` bytes, each long in another place."""
    lines = {
        "one header": f"Subject: {'x' * size}",
        "equal headers": "\r\n".join(["Subject: x"] * (size // 12)),
        "via values": f"Via: {', '.join(['SIP/2.0/UDP h;branch=z9hG4bK1'] * (size // 31))}",
        "routes": f"Route: {', '.join(['<sip:h;lr>'] * (size // 12))}",
        "contacts": f"Contact: {', '.join(['<sip:a@h>;q=0.5'] * (size // 17))}",
        "parameters": f"Contact: <sip:a@h>{';p=1' * (size // 4)}",
        "uri parameters": f"Contact: <sip:a@h{';p=1' * (size // 4)}>",
        "quotes": f'Contact: "{chr(92) * (size // 2 * 2)}" <sip:a@h>',
        "open quote": f'Contact: "{"x" * size}',
        "brackets": f"Contact: {'<' * size}",
        "commas": f"Contact: {',' * size}",
        "folds": "Subject: x" + "\r\n x" * (size // 4),
        "blanks": f"Subject:{' ' * size}x",
        "digits": f"Expires: {'9' * size}",
        "credentials": f"Authorization: Digest {', '.join(['a=b'] * (size // 5))}",
        "challenge": f'Authorization: Digest username="{"x" * size}", realm="acme.test", nonce="1", response="0"',
        "escapes": f"Contact: <sip:{'%41' * (size // 3)}@h>",
        "controls": f"Subject: {chr(1) * size}",
        "colons": ":" * size,
        "no line": "x" * size,
    }
    return {
        name: (HEAD.format(name=name.replace(" ", "")) + line + "\r\n\r\n").encode() for name, line in lines.items()
    }


def seconds(data: bytes) -> float:
    """The least of three times through the whole switch."""
    taken = []
    for _ in range(3):
        wire = Wire()
        began = time.process_time()
        wire.receive(data, STRANGER)
        taken.append(time.process_time() - began)
    return min(taken)


@pytest.mark.parametrize("name", list(long_messages(100)))
def test_sixty_thousand_bytes_take_little_time_and_no_more_than_in_proportion(name: str) -> None:
    small, large = (seconds(long_messages(size)[name]) for size in (15_000, 60_000))
    assert large < CALM_S
    # four times the bytes: quadratic growth would be sixteen times; what is short is all noise
    assert large < max(small * 12, 0.25)


@pytest.mark.parametrize("name", list(long_messages(100)))
def test_it_is_answered_once_and_leaves_nothing(name: str) -> None:
    wire = Wire()
    data = long_messages(60_000)[name]
    wire.receive(data, STRANGER)
    wire.wait(64)
    answers = [parse(answer) for _, answer in wire.transmitted]
    assert [answer.status for answer in answers if hasattr(answer, "status")] in ([400], [401], [513])
    assert sum(len(answer) for _, answer in wire.transmitted) <= 3 * len(data)
    wire.assert_quiet()


def test_five_hundred_equal_headers() -> None:
    for header in ("Via: SIP/2.0/UDP h", "To: <sip:x@y>", "Call-ID: z", "CSeq: 1 INVITE", "Route: <sip:h;lr>", "X: y"):
        data = (HEAD.format(name="equal") + f"{header}\r\n" * 500 + "\r\n").encode()
        assert seconds(data) < CALM_S, header


@pytest.mark.parametrize("length", [0, 1, 3, 4, 65_535, 65_536, 200_000])
def test_bytes_that_are_no_message_are_only_counted(length: int) -> None:
    wire = Wire()
    for byte in (b"\x00", b"\xff", b"\r", b"\n", b"A", b" ", b"\x16"):
        wire.receive(byte * length, STRANGER)
    assert wire.transmitted == []
    wire.assert_quiet()
