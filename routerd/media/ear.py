"""Listening to packets of any codec that is known here: each becomes 16-bit samples at one rate.

A wide codec in a narrow recording gives its lower band, a narrow one in a wide recording is interpolated: what matters
is that both columns run at the same speed, not that one sounds better than its line.
"""

from __future__ import annotations

from array import array
from typing import Final

from routerd.media import g711
from routerd.media.g722 import Decoder

NARROW_HZ: Final = 8000
WIDE_HZ: Final = 16000
RATES_HZ: Final = {"PCMA": NARROW_HZ, "PCMU": NARROW_HZ, "G722": WIDE_HZ}
KNOWN: Final = frozenset(RATES_HZ)


class Ear:
    """Hears one party at ``rate_hz`` (8,000 or 16,000)."""

    __slots__ = ("_g722", "_last", "_rate_hz")

    def __init__(self, rate_hz: int) -> None:
        self._rate_hz: int = rate_hz
        self._g722: Decoder | None = None
        self._last: int = 0

    def hear(self, name: str, payload: bytes) -> array[int]:
        """Samples of one packet's payload; ``name`` is one of ``KNOWN``."""
        if name == "G722":
            if self._g722 is None:
                self._g722 = Decoder(self._rate_hz)
            return self._g722.decode(payload)
        samples = array("h")
        samples.frombytes(g711.decode(name, payload))
        return samples if self._rate_hz == NARROW_HZ else self._doubled(samples)

    def _doubled(self, samples: array[int]) -> array[int]:
        """Twice as many: between two samples their mean."""
        if not samples:
            return samples
        before = array("h", [self._last])
        before.extend(samples[:-1])
        self._last = samples[-1]
        doubled = array("h", bytes(4 * len(samples)))
        doubled[0::2] = array("h", [(first + second) >> 1 for first, second in zip(before, samples, strict=True)])
        doubled[1::2] = samples
        return doubled
