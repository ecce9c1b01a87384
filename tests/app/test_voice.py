from __future__ import annotations

import asyncio
import socket

import pytest

from routerd.app.voice import TONE, Voice, a_law, far_end
from routerd.errors import MediaError
from routerd.media import rtp

AUDIO = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP %s\r\n"


@pytest.mark.parametrize(
    ("sample", "code"), [(0, 0xD5), (-1, 0x55), (16, 0xD4), (32767, 0xAA), (-32768, 0x2A), (1000, 0xFA), (-1000, 0x7A)]
)
def test_a_law(sample: int, code: int) -> None:
    assert a_law(sample) == code


def test_the_tone_fills_a_packet_with_whole_periods() -> None:
    assert len(TONE) == 160
    assert TONE[:20] * 8 == TONE
    assert len(set(TONE)) > 10


def test_where_a_description_wants_its_audio() -> None:
    assert far_end(AUDIO % (4000, b"8 0")) == (("127.0.0.1", 4000), ["8", "0"])
    with pytest.raises(MediaError):
        far_end(AUDIO % (0, b"8"))


async def test_two_voices_hear_each_other_until_one_is_closed() -> None:
    one, other = Voice("127.0.0.1"), Voice("127.0.0.1")
    assert one.port % 2 == other.port % 2 == 0
    one.talk(("127.0.0.1", other.port), ["8"])
    other.talk(("127.0.0.1", one.port), ["0"])
    async with asyncio.timeout(5):
        while one.heard < 3 or other.heard < 3:  # noqa: ASYNC110 - packets raise no event
            await asyncio.sleep(0.01)
    assert one.sent >= 3
    one.close()
    one.close()
    other.close()


async def test_the_codec_that_the_other_side_takes() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(5)
        for taken, payload_type in ((["8", "0"], 8), (["0"], 0)):
            voice = Voice("127.0.0.1")
            voice.talk(ear.getsockname(), taken)
            packet = rtp.parse(await asyncio.to_thread(ear.recv, 2048))
            assert (packet.payload_type, len(packet.payload), packet.marker) == (payload_type, 160, True)
            voice.close()
            while not await asyncio.to_thread(drained, ear):
                pass


def drained(ear: socket.socket) -> bool:
    ear.setblocking(False)
    try:
        ear.recv(2048)
    except BlockingIOError:
        return True
    finally:
        ear.settimeout(5)
    return False
