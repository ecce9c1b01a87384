"""How long a speaker has been silent: levels of frames, with a hang-over so that pauses between words do not count.

The level of a frame is the mean of its samples' magnitudes; speech at an ordinary level lies at 500 and more of
32,768, the noise of a quiet line below 100.
"""

from __future__ import annotations

from array import array
from typing import Final

FRAME_S: Final = 0.02
VOICED_LEVEL: Final = 250
CONSECUTIVE: Final = 2  # a single frame is a click


class SilenceMeter:
    """Fed with all samples in order; says where speech was heard last."""

    __slots__ = ("_frame", "_heard", "_rest", "_run", "spoken")

    def __init__(self, rate_hz: int) -> None:
        self._frame: int = int(FRAME_S * rate_hz)
        self._rest: array[int] = array("h")
        self._heard: int = 0
        self._run: int = 0
        self.spoken: int = 0  # samples up to the end of the last voiced frame; 0: nobody has spoken

    def feed(self, samples: array[int]) -> None:
        """Take the next samples."""
        self._rest.extend(samples)
        frame, rest = self._frame, self._rest
        whole = len(rest) // frame
        for number in range(whole):
            piece = rest[number * frame : (number + 1) * frame]
            voiced = sum(map(abs, piece)) > VOICED_LEVEL * frame
            self._run = self._run + 1 if voiced else 0
            if self._run >= CONSECUTIVE:
                self.spoken = self._heard + (number + 1) * frame
        self._heard += whole * frame
        del rest[: whole * frame]
