"""Digits in the sound itself: the pairs of ITU-T Q.23, told from speech (Q.24).

Theory of operation. Sound at 8 kHz is looked at in blocks of ``BLOCK`` samples, each ``HOP`` after the last. Of a
block the power at the eight frequencies is found (a correlation with sine and cosine). It is a *hit* when the
strongest row and the strongest column are loud enough, not too unequal (twist), each well above its neighbours, hold
nearly all of the power in the block, and the column's second harmonic is weak: speech that has two of these
frequencies has much besides. A digit is told after ``HITS`` hits of it in a row, about 32 ms of tone, and once until
``MISSES`` blocks without it have passed, about 25 ms of pause. Blocks are short because tones may be 1.5 % off: a
longer one would not hear them.
"""

from __future__ import annotations

import audioop
import math
from array import array
from typing import Final

from routerd.media.tone import COLUMNS_HZ, KEYS, ROWS_HZ

RATE_HZ: Final = 8000
BLOCK: Final = 102
HOP: Final = 51
HITS: Final = 4
MISSES: Final = 4
_WIDTH: Final = 2
_LEAST_RMS: Final = 130  # a pair of about -42 dBm0
_LEAST_SHARE: Final = 0.74  # of the block's power within the pair; a pair 1.5 % off can lose a quarter
_LEAST_ROW: Final = 0.08  # the same of the row alone, where nearly all speech ends
_ROW_OVER_COLUMN: Final = 4.0  # 6 dB, reverse twist
_COLUMN_OVER_ROW: Final = 8.0  # 9 dB, normal twist
_OVER_NEIGHBOURS: Final = 6.3  # 8 dB
_HARMONIC: Final = 0.063  # the column's second harmonic stays 12 dB below; the row's falls among the columns
_PEAK: Final = 32767


def _waves(frequency_hz: float) -> tuple[bytes, bytes]:
    angle = 2 * math.pi * frequency_hz / RATE_HZ
    return (
        array("h", [int(_PEAK * math.sin(angle * i)) for i in range(BLOCK)]).tobytes(),
        array("h", [int(_PEAK * math.cos(angle * i)) for i in range(BLOCK)]).tobytes(),
    )


_ROWS: Final = [_waves(frequency) for frequency in ROWS_HZ]
_COLUMNS: Final = [_waves(frequency) for frequency in COLUMNS_HZ]
_COLUMN_HARMONICS: Final = [_waves(2 * frequency) for frequency in COLUMNS_HZ]


def _power(block: bytes, waves: tuple[bytes, bytes]) -> float:
    """The mean square of the part of a block that is this sine."""
    sine, cosine = audioop.findfactor(block, waves[0]), audioop.findfactor(block, waves[1])
    return (sine * sine + cosine * cosine) * (_PEAK * _PEAK / 2)


def find_pair(block: bytes) -> str | None:
    """The digit whose tones fill this block of ``BLOCK`` samples; None when none does."""
    rms = audioop.rms(block, _WIDTH)
    if rms < _LEAST_RMS:
        return None
    rows = [_power(block, waves) for waves in _ROWS]
    row = max(rows)
    if row < _LEAST_ROW * rms * rms:
        return None
    columns = [_power(block, waves) for waves in _COLUMNS]
    column = max(columns)
    if row + column < _LEAST_SHARE * rms * rms or row > _ROW_OVER_COLUMN * column or column > _COLUMN_OVER_ROW * row:
        return None
    row_at, column_at = rows.index(row), columns.index(column)
    if any(other * _OVER_NEIGHBOURS > row for at, other in enumerate(rows) if at != row_at):
        return None
    if any(other * _OVER_NEIGHBOURS > column for at, other in enumerate(columns) if at != column_at):
        return None
    if _power(block, _COLUMN_HARMONICS[column_at]) > _HARMONIC * column:
        return None
    return KEYS[row_at][column_at]


class ToneReader:
    """What one party presses, by its sound."""

    __slots__ = ("_hits", "_last", "_misses", "_rest", "_told")

    def __init__(self) -> None:
        self._rest: bytes = b""
        self._last: str | None = None
        self._hits: int = 0
        self._misses: int = 0
        self._told: str | None = None

    def hear(self, samples: bytes) -> list[str]:
        """Take samples at 8 kHz, any number; digits that were recognised, each once a press."""
        sound = self._rest + samples
        found: list[str] = []
        at = 0
        while len(sound) - at >= BLOCK * _WIDTH:
            digit = self._step(find_pair(sound[at : at + BLOCK * _WIDTH]))
            if digit is not None:
                found.append(digit)
            at += HOP * _WIDTH
        self._rest = sound[at:]
        return found

    def _step(self, hit: str | None) -> str | None:
        self._hits = self._hits + 1 if hit is not None and hit == self._last else 1 if hit is not None else 0
        self._last = hit
        if hit == self._told and hit is not None:
            self._misses = 0
            return None
        self._misses += 1
        if self._told is not None and self._misses >= MISSES:
            self._told = None
        if hit is None or self._hits < HITS:
            return None
        self._told = hit
        self._misses = 0
        return hit
