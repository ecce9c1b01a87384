from __future__ import annotations

import struct

import pytest

from routerd.errors import MediaError
from routerd.media import rtcp

BLOCK = struct.pack(">IIIIII", 9, (25 << 24) | 0xFFFFFE, 70000, 12, 3, 4)
SENDER = bytes([0x81, 200]) + struct.pack(">HI", 12, 5) + bytes(20) + BLOCK
GOODBYE = bytes([0x81, 203]) + struct.pack(">HI", 1, 5)


def test_a_compound_packet() -> None:
    report, goodbye = rtcp.parse(SENDER + GOODBYE)
    assert (report.kind, report.ssrc) == (rtcp.SENDER_REPORT, 5)
    assert report.reports == [rtcp.ReportBlock(9, 25, -2, 70000, 12, 3, 4)]
    assert (goodbye.kind, goodbye.ssrc, goodbye.reports) == (rtcp.GOODBYE, 5, [])


def test_receiver_report_without_blocks() -> None:
    assert rtcp.parse(bytes([0x80, 201, 0, 1, 0, 0, 0, 8]))[0].reports == []


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x80\xc8\x00", SENDER[:-1], SENDER + b"\x80", b"\x40" + SENDER[1:], bytes([0x82]) + SENDER[1:],
        bytes([0x81, 100]) + SENDER[2:], SENDER + bytes(rtcp.MAX_PACKET_BYTES),
    ],
)  # fmt: skip
def test_no_rtcp(data: bytes) -> None:
    with pytest.raises(MediaError):
        rtcp.parse(data)


def test_rtcp_is_told_from_rtp_on_a_shared_port() -> None:
    assert rtcp.is_rtcp(SENDER)
    assert not rtcp.is_rtcp(bytes([0x80, 8]) + bytes(12))
    assert not rtcp.is_rtcp(bytes([0x80, 0x88]) + bytes(12))
    assert not rtcp.is_rtcp(SENDER[:6])
