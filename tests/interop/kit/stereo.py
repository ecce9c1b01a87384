"""Recordings of calls: each column of a stereo file by itself."""

from __future__ import annotations

import struct
import wave
from typing import TYPE_CHECKING

from kit.tone import BLOCK, RATE, power

if TYPE_CHECKING:
    from pathlib import Path


class Stereo:
    """A WAV file with a column a party."""

    def __init__(self, path: Path) -> None:
        self.path = path
        with wave.open(str(path)) as sound:
            self.rate, channels = sound.getframerate(), sound.getnchannels()
            samples = struct.unpack(f"<{sound.getnframes() * channels}h", sound.readframes(sound.getnframes()))
        self.columns = [list(samples[number::channels]) for number in range(channels)]

    @property
    def seconds(self) -> float:
        return len(self.columns[0]) / self.rate

    def heard_s(self, column: int, frequency: float) -> float:
        """For how many seconds a column clearly holds a tone."""
        size = BLOCK * self.rate // RATE
        samples = self.columns[column]
        blocks = (samples[start : start + size] for start in range(0, len(samples) - size + 1, size))
        return sum(1 for block in blocks if power(block, frequency, self.rate) > 0.6) * size / self.rate

    def assert_column(self, column: int, frequency: float, *, at_least_s: float, never: tuple[float, ...] = ()) -> None:
        heard = self.heard_s(column, frequency)
        assert heard >= at_least_s, f"{frequency} Hz for {heard:.2f} s of {self.seconds:.2f} s in column {column}"
        for other in never:
            assert self.heard_s(column, other) <= 0.1, f"{other} Hz is in column {column} of {self.path}"
