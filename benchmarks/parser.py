"""What parsing and building cost, in µs a message: the median of rounds. Run: ``python benchmarks/parser.py``."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from routerd.sip import build
from routerd.sip.framing import StreamFramer
from routerd.sip.message import Request
from routerd.sip.parser import parse, split
from routerd.sip.serializer import serialize

if TYPE_CHECKING:
    from collections.abc import Callable

BODY = (
    b"v=0\r\no=- 3948 3948 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 49172 RTP/AVP 8 0 101\r\n"
    b"a=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
)
INVITE = (
    b"INVITE sip:+4930123456@sip.example.com;user=phone SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK776asdhds99;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Alice Example" <sip:alice@example.com>;tag=1928301774\r\n'
    b"To: <sip:+4930123456@sip.example.com;user=phone>\r\n"
    b"Call-ID: a84b4c76e66710-2938457@192.0.2.4\r\n"
    b"CSeq: 314159 INVITE\r\n"
    b"Contact: <sip:alice@192.0.2.4:5060;transport=udp>\r\n"
    b"Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE, PRACK\r\n"
    b"Supported: 100rel, timer, replaces\r\n"
    b"User-Agent: Example Phone 1.2.3\r\n"
    b"Content-Type: application/sdp\r\n"
    b"Content-Length: %d\r\n\r\n" % len(BODY)
) + BODY


def per_call_us(work: Callable[[], object], calls: int = 2_000, rounds: int = 15) -> float:
    figures = []
    for _ in range(rounds):
        begin = time.perf_counter()
        for _ in range(calls):
            work()
        figures.append((time.perf_counter() - begin) / calls * 1e6)
    return statistics.median(figures)


def main() -> None:
    request = parse(INVITE)
    assert isinstance(request, Request)
    answer = build.response(request, 180, to_tag="a6c85cf")
    wire = serialize(answer)
    worst = INVITE.replace(b"\r\n\r\n", b"\r\nX-Filler: " + b"x" * 100 + b"\r\n\r\n", 1)
    many = INVITE.replace(b"User-Agent", b"X-Many: 1\r\n" * 500 + b"User-Agent", 1)
    long = INVITE.replace(b"User-Agent", b"X-Long: " + b'a,;"< ' * 9_900 + b"\r\nUser-Agent", 1)
    rows: list[tuple[str, Callable[[], object], int]] = [
        (f"split ({len(INVITE)} bytes, {len(request.fields)} headers)", lambda: split(INVITE), 2_000),
        ("parse: split, typed and validated", lambda: parse(INVITE), 2_000),
        ("the same with an unknown header more", lambda: parse(worst), 2_000),
        ("parse a response", lambda: parse(wire), 2_000),
        ("build response", lambda: build.response(request, 180, to_tag="a6c85cf"), 2_000),
        ("serialize response", lambda: serialize(answer), 2_000),
        ("frame one from a stream", lambda: StreamFramer().feed(INVITE), 2_000),
        ("parse with 500 equal headers", lambda: parse(many), 20),
        ("parse with one header of 59 kB", lambda: parse(long), 20),
    ]
    for name, work, calls in rows:
        print(f"{name:45} {per_call_us(work, calls):9.2f} µs")


if __name__ == "__main__":
    main()
