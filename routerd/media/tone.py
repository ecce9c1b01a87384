"""Tones: sines and sums of two as 16-bit samples (bytes, the machine's byte order), and the pairs of the digits.

ITU-T Q.23 names the pairs, Q.24 what a receiver has to accept; amplitudes are peaks, 32,767 at most together.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Final

from routerd.errors import MediaError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROWS_HZ: Final = (697, 770, 852, 941)
COLUMNS_HZ: Final = (1209, 1336, 1477, 1633)
KEYS: Final = ("123A", "456B", "789C", "*0#D")
DIGITS: Final = "0123456789*#ABCD"
"""By event code (RFC 4733 table 7)."""
LEVEL: Final = 8000  # each of a pair: -12 dBm0, where receivers are surest
_FADE_S: Final = 0.001
_MOST: Final = 32767


def pair_of(digit: str) -> tuple[int, int]:
    """The two frequencies of a digit; raises MediaError when it is none."""
    for row_hz, keys in zip(ROWS_HZ, KEYS, strict=True):
        if len(digit) == 1 and digit in keys:
            return row_hz, COLUMNS_HZ[keys.index(digit)]
    raise MediaError(f"no digit: {digit}")


def make_tone(frequencies_hz: Sequence[float], duration_s: float, rate_hz: int, level: int = LEVEL) -> bytes:
    """The sum of sines of ``level`` each, with a millisecond of fade at either end against clicks."""
    count = round(duration_s * rate_hz)
    fade = max(1, round(_FADE_S * rate_hz))
    angles = [2 * math.pi * frequency / rate_hz for frequency in frequencies_hz]
    samples = array("h")
    for i in range(count):
        shape = min(1.0, (i + 1) / fade, (count - i) / fade)
        value = int(shape * level * sum(math.sin(angle * i) for angle in angles))
        samples.append(max(-_MOST, min(_MOST, value)))
    return samples.tobytes()


def make_digit(digit: str, duration_s: float, rate_hz: int, level: int = LEVEL) -> bytes:
    """A digit's tones; raises MediaError when it is none."""
    return make_tone(pair_of(digit), duration_s, rate_hz, level)


def make_silence(duration_s: float, rate_hz: int) -> bytes:
    """Nothing, for so long."""
    return bytes(2 * round(duration_s * rate_hz))
