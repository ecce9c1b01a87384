"""RTCP compound packets, read only (RFC 3550 §6): what a relay wants to know of a peer's reports."""

from __future__ import annotations

import struct
from typing import Final, NamedTuple

from routerd.errors import MediaError

MIN_PACKET_BYTES: Final = 8
MAX_PACKET_BYTES: Final = 2048
SENDER_REPORT: Final = 200
RECEIVER_REPORT: Final = 201
GOODBYE: Final = 203
FIRST_TYPE: Final = 192  # RFC 5761 §4: payload types 64..95 with the marker bit are RTCP on a shared port
LAST_TYPE: Final = 223
_BLOCK_BYTES: Final = 24
_SENDER_INFO_BYTES: Final = 20
_BLOCK: Final = struct.Struct(">IIIIII")


class ReportBlock(NamedTuple):
    """What the sender of a report heard of one source; times in 1/65536 s, jitter in clock units (§6.4.1)."""

    ssrc: int
    fraction_lost: int
    lost: int
    highest_sequence: int
    jitter: int
    last_sr: int
    delay: int


class RtcpPacket(NamedTuple):
    """One packet of a compound: its type, its sender's SSRC (0: none), its report blocks, the rest as it stands."""

    kind: int
    ssrc: int
    reports: list[ReportBlock]
    body: bytes


def is_rtcp(data: bytes) -> bool:
    """Whether a packet on a shared port is RTCP (RFC 5761 §4)."""
    return len(data) >= MIN_PACKET_BYTES and data[0] & 0xC0 == 0x80 and FIRST_TYPE <= data[1] <= LAST_TYPE


def parse(data: bytes) -> list[RtcpPacket]:
    """Split a compound packet; raises MediaError when it is none or a length runs beyond it."""
    size = len(data)
    if size < 4 or size > MAX_PACKET_BYTES:
        raise MediaError("rtcp: impossible size")
    packets: list[RtcpPacket] = []
    at = 0
    while at < size:
        if size - at < 4 or data[at] & 0xC0 != 0x80:
            raise MediaError("rtcp: not a packet of version 2")
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4], "big")
        if end > size:
            raise MediaError("rtcp: length beyond the data")
        if not FIRST_TYPE <= data[at + 1] <= LAST_TYPE:
            raise MediaError("rtcp: not an RTCP packet type")
        packets.append(_packet(data[at], data[at + 1], data[at + 4 : end]))
        at = end
    return packets


def _packet(first: int, kind: int, body: bytes) -> RtcpPacket:
    ssrc = int.from_bytes(body[:4], "big") if len(body) >= 4 else 0
    if kind not in {SENDER_REPORT, RECEIVER_REPORT}:
        return RtcpPacket(kind, ssrc, [], body)
    start = 4 + (_SENDER_INFO_BYTES if kind == SENDER_REPORT else 0)
    count = first & 0x1F
    if len(body) < start + count * _BLOCK_BYTES:
        raise MediaError("rtcp: fewer report blocks than announced")
    reports = [_block(body, start + index * _BLOCK_BYTES) for index in range(count)]
    return RtcpPacket(kind, ssrc, reports, body)


def _block(body: bytes, at: int) -> ReportBlock:
    ssrc, loss, highest, jitter, last_sr, delay = _BLOCK.unpack_from(body, at)
    lost = loss & 0xFFFFFF
    if lost & 0x800000:  # a signed 24-bit number: duplicates can make it negative
        lost -= 0x1000000
    return ReportBlock(ssrc, loss >> 24, lost, highest, jitter, last_sr, delay)
