"""Session descriptions of simulated phones: an offer, an answer to one, hold. Small on purpose; not a parser."""

from __future__ import annotations

from typing import Final

MAPS: Final = {
    b"8": b"a=rtpmap:8 PCMA/8000",
    b"0": b"a=rtpmap:0 PCMU/8000",
    b"101": b"a=rtpmap:101 telephone-event/8000",
}
REVERSED: Final = {b"sendonly": b"recvonly", b"recvonly": b"sendonly", b"inactive": b"inactive"}


def describe(host: str, port: int, version: int, direction: str = "sendrecv", formats: tuple[bytes, ...] = ()) -> bytes:
    """Return the description of one audio stream at ``host``; ``formats`` are payload types (default: all three)."""
    family = "IP6" if ":" in host else "IP4"
    kinds = formats or tuple(MAPS)
    maps = b"\r\n".join(MAPS[kind] for kind in kinds)
    head = f"v=0\r\no=phone 1 {version} IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n"
    line = f"m=audio {port} RTP/AVP ".encode() + b" ".join(kinds) + b"\r\n"
    return head.encode() + line + maps + f"\r\na={direction}\r\n".encode()


def answer(offer: bytes, host: str, port: int, version: int) -> bytes:
    """Return the answer to an offer: the formats in common, the direction reversed; a refused line stays refused."""
    formats: tuple[bytes, ...] = ()
    for line in offer.split(b"\r\n"):
        if line.startswith(b"m=audio "):
            parts = line.split(b" ")
            if parts[1] == b"0":
                port = 0
            formats = tuple(part for part in parts[3:] if part in MAPS)
            break
    direction = next((word for word in REVERSED if b"a=" + word in offer), b"sendrecv")
    return describe(host, port, version, REVERSED.get(direction, b"sendrecv").decode(), formats)


def is_relayed(description: bytes, address: str) -> bool:
    """Whether a description names ``address`` as where media goes."""
    return f" {address}\r\n".encode() in description
