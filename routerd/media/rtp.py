"""RTP packets: the fixed header, read and written (RFC 3550 §5.1)."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from routerd.errors import MediaError

HEADER_BYTES: Final = 12
MAX_PACKET_BYTES: Final = 2048
_VERSION_2: Final = 0x80
_VERSION_MASK: Final = 0xC0
_PADDING: Final = 0x20
_EXTENSION: Final = 0x10
_CSRC_COUNT: Final = 0x0F
_MARKER: Final = 0x80
_HEADER: Final = struct.Struct(">BBHII")


class RtpPacket(NamedTuple):
    """One packet: header fields, and the payload without CSRCs, extension and padding."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


def parse(data: bytes) -> RtpPacket:
    """Read a plain RTP packet; raises MediaError when it is none."""
    size = len(data)
    if size < HEADER_BYTES or size > MAX_PACKET_BYTES:
        raise MediaError("rtp: impossible size")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first & _VERSION_MASK != _VERSION_2:
        raise MediaError("rtp: version is not 2")
    start = HEADER_BYTES + 4 * (first & _CSRC_COUNT)
    if first & _EXTENSION:
        if size < start + 4:
            raise MediaError("rtp: extension beyond the packet")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    end = size - data[-1] if first & _PADDING else size
    if start > end or (first & _PADDING and data[-1] == 0):
        raise MediaError("rtp: header or padding beyond the packet")
    return RtpPacket(second & 0x7F, bool(second & _MARKER), sequence, timestamp, ssrc, data[start:end])


def build(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, *, marker: bool = False
) -> bytes:
    """Write one packet; sequence and timestamp wrap by themselves, ``timestamp`` is in clock units."""
    second = payload_type & 0x7F | (_MARKER if marker else 0)
    return _HEADER.pack(_VERSION_2, second, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, ssrc) + payload
