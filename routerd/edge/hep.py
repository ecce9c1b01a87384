"""Copies of all SIP for a capture server (Homer and others): HEP version 3 over UDP, one correlation id a call.

The format is a row of chunks (vendor, type, length, value) behind ``HEP3`` and the whole's length. The correlation id
is our id of the call, the same on all its legs; a message of no call bears its own Call-ID. What a copy may not hold is
masked: the answers to digest challenges, and the keys of SRTP. Copies are sent and forgotten: a server that does not
take them costs nothing but the sending.
"""

from __future__ import annotations

import re
import socket
import struct
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.sip.flow import Address, Flow

MAGIC: Final = b"HEP3"
LARGEST_BYTES: Final = 65_000
FAMILY, PROTOCOL, SOURCE4, TARGET4, SOURCE6, TARGET6, SOURCE_PORT, TARGET_PORT = range(1, 9)
SECONDS, MICROSECONDS, KIND, CAPTURE_ID = 9, 10, 11, 12
KEY, PAYLOAD, CORRELATION = 14, 15, 17
SIP: Final = 1
UDP, TCP = 17, 6
_CHUNK: Final = struct.Struct("!HHH")
_SECRET: Final = re.compile(rb'(?<=response=")[0-9a-fA-F]+|(?<=inline:)[A-Za-z0-9+/=]+')


def encode(
    payload: bytes, flow: Flow, *, out: bool, at: float, correlation: str, capture_id: int, password: str
) -> bytes:
    """Give one HEP3 packet; ``at`` in UTC seconds."""
    source, target = (flow.local, flow.remote) if out else (flow.remote, flow.local)
    parts = [
        *_addresses(source[0], target[0]),
        (PROTOCOL, bytes([UDP if flow.transport == "udp" else TCP])),
        (SOURCE_PORT, struct.pack("!H", source[1])),
        (TARGET_PORT, struct.pack("!H", target[1])),
        (SECONDS, struct.pack("!I", int(at))),
        (MICROSECONDS, struct.pack("!I", int(at % 1 * 1_000_000))),
        (KIND, bytes([SIP])),
        (CAPTURE_ID, struct.pack("!I", capture_id)),
    ]
    if password:
        parts.append((KEY, password.encode()))
    parts += [(CORRELATION, correlation.encode()), (PAYLOAD, masked(payload))]
    body = b"".join(_CHUNK.pack(0, kind, _CHUNK.size + len(value)) + value for kind, value in parts)
    return MAGIC + struct.pack("!H", len(MAGIC) + 2 + len(body)) + body


def _addresses(source: str, target: str) -> list[tuple[int, bytes]]:
    if ":" in source or ":" in target:
        packed = [_packed6(address) for address in (source, target)]
        return [(FAMILY, bytes([10])), (SOURCE6, packed[0]), (TARGET6, packed[1])]
    return [
        (FAMILY, bytes([2])),
        (SOURCE4, socket.inet_pton(socket.AF_INET, source)),
        (TARGET4, socket.inet_pton(socket.AF_INET, target)),
    ]


def _packed6(address: str) -> bytes:
    """Give 16 bytes; an IPv4 address beside an IPv6 one is mapped."""
    text = address.partition("%")[0]
    return socket.inet_pton(socket.AF_INET6, text if ":" in text else f"::ffff:{text}")


def masked(payload: bytes) -> bytes:
    """Give a message without digest answers and media keys, of the same length."""
    if b"response=" not in payload and b"inline:" not in payload:
        return payload
    return _SECRET.sub(lambda found: b"*" * len(found[0]), payload)


class HepExporter:
    """Sends copies to ``server``; ``call_of(message)`` gives the correlation id, ``wall()`` UTC seconds."""

    def __init__(
        self,
        server: Address,
        capture_id: int,
        password: str,
        call_of: Callable[[bytes], str],
        wall: Callable[[], float],
    ) -> None:
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._server = server
        self._capture_id = capture_id
        self._password = password
        self._call_of = call_of
        self._wall = wall
        self.sent = 0
        self.lost = 0

    def capture(self, payload: bytes, flow: Flow, out: bool) -> None:
        """Send a copy of one message."""
        if len(payload) > LARGEST_BYTES - 500 or len(payload) < 16:
            return
        try:
            packet = encode(
                payload, flow, out=out, at=self._wall(), correlation=self._call_of(payload),
                capture_id=self._capture_id, password=self._password,
            )  # fmt: skip
            self._socket.sendto(packet, self._server)
            self.sent += 1
        except OSError:
            self.lost += 1

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()
