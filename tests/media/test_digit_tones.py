from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routerd.media import g711, tone
from routerd.media.digit_tones import BLOCK, ToneReader, find_pair

PAUSE = tone.make_silence(0.05, 8000)


def mixed(row_hz: float, column_hz: float, row_level: int, column_level: int, seconds: float = 0.06) -> bytes:
    row = array("h", tone.make_tone([row_hz], seconds, 8000, row_level))
    column = array("h", tone.make_tone([column_hz], seconds, 8000, column_level))
    return array("h", [a + b for a, b in zip(row, column, strict=True)]).tobytes()


@pytest.mark.parametrize("law", ["PCMA", "PCMU"])
@pytest.mark.parametrize("level", [300, 2000, 15000])
def test_every_digit_at_every_level_in_packets(law: str, level: int) -> None:
    sound = b"".join(tone.make_digit(digit, 0.05, 8000, level) + PAUSE for digit in tone.DIGITS)
    payload = g711.encode(law, sound)
    reader, found = ToneReader(), list[str]()
    for at in range(0, len(payload), 160):
        found += reader.hear(g711.decode(law, payload[at : at + 160]))
    assert "".join(found) == tone.DIGITS


@pytest.mark.parametrize("off", [-0.015, 0.015])
def test_tones_that_are_a_little_off(off: float) -> None:
    for digit in tone.DIGITS:
        row_hz, column_hz = tone.pair_of(digit)
        assert ToneReader().hear(mixed(row_hz * (1 + off), column_hz * (1 - off), 6000, 6000)) == [digit]


@pytest.mark.parametrize(("row_level", "column_level", "heard"), [
    (4000, 8000, True), (8000, 5000, True), (2000, 9000, False), (9000, 2000, False),
])  # fmt: skip
def test_twist(row_level: int, column_level: int, heard: bool) -> None:
    assert bool(ToneReader().hear(mixed(770, 1336, row_level, column_level))) is heard


def test_a_long_press_is_one_and_two_presses_are_two() -> None:
    assert ToneReader().hear(tone.make_digit("5", 3.0, 8000)) == ["5"]
    press = tone.make_digit("5", 0.06, 8000) + PAUSE
    assert ToneReader().hear(press * 4) == ["5"] * 4


def test_a_gap_of_one_lost_packet_is_no_second_press() -> None:
    press = tone.make_digit("9", 0.1, 8000)
    assert ToneReader().hear(press + bytes(320) + press) in (["9"], ["9", "9"])
    assert ToneReader().hear(press + bytes(160) + press) == ["9"]


def test_what_is_too_short_is_no_digit() -> None:
    assert ToneReader().hear(tone.make_digit("5", 0.02, 8000) + PAUSE) == []


@pytest.mark.parametrize("frequencies", [
    [440], [350, 440], [425], [480, 620], [697], [1336], [770, 852, 1336], [770, 1336, 1477], [770, 1336, 2672],
    [700, 1000, 1400], [697, 1209, 440],
])  # fmt: skip
def test_tones_of_the_network_and_chords_are_no_digits(frequencies: list[float]) -> None:
    assert ToneReader().hear(tone.make_tone(frequencies, 0.5, 8000, 4000)) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(80, 400), st.floats(0.3, 0.95), st.integers(0, 10_000))
def test_voices_are_no_digits(pitch_hz: int, decay: float, seed: int) -> None:
    """A voice: a pitch with falling harmonics, gliding."""
    samples = array("h")
    phase = 0.0
    for i in range(4000):
        phase += 2 * math.pi * pitch_hz * (1 + 0.1 * math.sin(i / 700 + seed)) / 8000
        value = sum(decay**n * math.sin(n * phase) for n in range(1, 12) if n * pitch_hz < 3400)
        samples.append(int(4000 * value / 3))
    assert ToneReader().hear(samples.tobytes()) == []


@settings(max_examples=20, deadline=None)
@given(st.binary(min_size=BLOCK * 2, max_size=BLOCK * 2))
def test_noise_is_no_digit(block: bytes) -> None:
    assert find_pair(block) is None
