from __future__ import annotations

import itertools
import math
from array import array

import pytest

from routerd.media import g711
from routerd.media.ear import KNOWN, RATES_HZ, Ear
from routerd.media.g722 import Encoder


def tone(rate_hz: int, seconds: float = 0.5, frequency: int = 600) -> bytes:
    step = 2 * math.pi * frequency / rate_hz
    return array("h", [int(9000 * math.sin(step * i)) for i in range(int(rate_hz * seconds))]).tobytes()


def crossings(samples: array[int]) -> int:
    return sum(1 for first, second in itertools.pairwise(samples) if first < 0 <= second)


@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("name", sorted(KNOWN))
def test_every_codec_gives_the_tone_at_the_rate_of_the_recording(name: str, rate_hz: int) -> None:
    wide = tone(RATES_HZ[name])
    payload = Encoder().encode(wide) if name == "G722" else g711.encode(name, wide)
    ear = Ear(rate_hz)
    heard = array("h")
    for start in range(0, len(payload), 160):
        piece = ear.hear(name, payload[start : start + 160])
        assert len(piece) == rate_hz // 50
        heard.extend(piece)
    assert crossings(heard) == pytest.approx(300, abs=6)
    assert 8000 < max(heard) < 10000


def test_an_empty_payload_is_nothing() -> None:
    for name in KNOWN:
        assert Ear(16000).hear(name, b"") == array("h")
