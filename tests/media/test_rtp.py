from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import MediaError
from routerd.media import rtp


@given(st.integers(0, 127), st.integers(0, 2**17), st.integers(0, 2**33), st.binary(max_size=200), st.booleans())
def test_round_trip(kind: int, sequence: int, timestamp: int, payload: bytes, marker: bool) -> None:
    packet = rtp.parse(rtp.build(kind, sequence, timestamp, 7, payload, marker=marker))
    assert packet == rtp.RtpPacket(kind, marker, sequence & 0xFFFF, timestamp & 0xFFFFFFFF, 7, payload)


def test_csrc_extension_and_padding_are_no_payload() -> None:
    head = bytes([0xB1, 8]) + bytes(10)
    extension = b"\xbe\xde\x00\x01" + b"ext!"
    packet = rtp.parse(head + b"csrc" + extension + b"sound" + b"\x00\x00\x03")
    assert packet.payload == b"sound"


@pytest.mark.parametrize(
    "data",
    [
        b"", b"\x80" * 11, b"\x40" + bytes(11), b"\x8f" + bytes(20), b"\x90" + bytes(13), b"\xa0" + bytes(12),
        b"\xa0" + bytes(11) + b"\xff", b"\x80" + bytes(rtp.MAX_PACKET_BYTES), b"\x90" + bytes(11) + b"\x00\x00\xff\xff",
    ],
)  # fmt: skip
def test_no_rtp(data: bytes) -> None:
    with pytest.raises(MediaError):
        rtp.parse(data)
