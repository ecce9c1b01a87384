from __future__ import annotations

import math
from array import array

import pytest

from routerd.media.silence import SilenceMeter

RATE = 8000


def tone(seconds: float, level: int = 6000) -> array[int]:
    return array("h", [int(level * math.sin(i * 0.35)) for i in range(int(seconds * RATE))])


def noise(seconds: float) -> array[int]:
    return array("h", [(-1) ** i * 40 for i in range(int(seconds * RATE))])


@pytest.mark.parametrize("piece", [160, 77, 4000])
def test_where_speech_was_heard_last(piece: int) -> None:
    meter = SilenceMeter(RATE)
    samples = noise(1.0) + tone(0.5) + noise(2.0)
    for start in range(0, len(samples), piece):
        meter.feed(samples[start : start + piece])
    assert abs(meter.spoken / RATE - 1.5) <= 0.02


def test_nobody_spoke() -> None:
    meter = SilenceMeter(RATE)
    meter.feed(noise(3.0))
    assert meter.spoken == 0


def test_a_click_is_no_speech() -> None:
    meter = SilenceMeter(RATE)
    meter.feed(noise(0.1) + tone(0.02) + noise(0.1))
    assert meter.spoken == 0
