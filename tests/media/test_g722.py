from __future__ import annotations

import math
from array import array

import pytest

from routerd.media import g722


def wave(frequency_hz: int, rate_hz: int, samples: int) -> array[int]:
    return array("h", [int(10000 * math.sin(2 * math.pi * frequency_hz * i / rate_hz)) for i in range(samples)])


def strength(samples: array[int], frequency_hz: int, rate_hz: int) -> float:
    """The share of the power that lies at one frequency."""
    angle = 2 * math.pi * frequency_hz / rate_hz
    real = sum(sample * math.cos(angle * i) for i, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(angle * i) for i, sample in enumerate(samples))
    return 2 * (real**2 + imaginary**2) / (len(samples) * sum(sample * sample for sample in samples))


@pytest.mark.parametrize(("rate_hz", "frequency_hz"), [(16000, 440), (16000, 5000), (8000, 1000)])
def test_a_tone_goes_through_packet_by_packet(rate_hz: int, frequency_hz: int) -> None:
    encoder, decoder = g722.Encoder(rate_hz), g722.Decoder(rate_hz)
    samples, heard = wave(frequency_hz, rate_hz, rate_hz), array("h")
    for at in range(0, len(samples), rate_hz // 50):
        payload = encoder.encode(samples[at : at + rate_hz // 50].tobytes())
        assert len(payload) == 160
        heard.extend(decoder.decode(payload))
    assert len(heard) == rate_hz
    assert strength(heard[800:], frequency_hz, rate_hz) > 0.95


def test_a_narrow_stream_is_the_lower_band_of_a_wide_one() -> None:
    payload = g722.Encoder(8000).encode(wave(700, 8000, 8000).tobytes())
    assert strength(g722.Decoder().decode(payload)[800:], 700, 16000) > 0.95
    payload = g722.Encoder().encode(wave(700, 16000, 16000).tobytes())
    assert strength(g722.Decoder(8000).decode(payload)[800:], 700, 8000) > 0.95


def test_nothing_is_nothing() -> None:
    assert g722.Encoder().encode(b"") == b""
    assert len(g722.Decoder().decode(b"")) == 0
