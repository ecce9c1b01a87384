"""One speaker's voice laid on a recording's clock, whatever the network did to it.

Theory of operation. A packet's place is counted in samples since the recording began. The first packet of a source is
placed by when it arrived; those after it by their time stamps from there, so that jitter, reordering and duplicates do
not show and losses leave silence of the right length. A time stamp that leads more than ``EARLY_S`` before its arrival
or ``LATE_S`` behind it (a source that began anew, that stopped its clock while on hold) is placed by arrival again.
What was ``take``n is settled: a packet that comes for it later is counted as late and dropped.
"""

from __future__ import annotations

from array import array
from typing import Final

EARLY_S: Final = 0.25
LATE_S: Final = 1.0
_HALF: Final = 1 << 31
_WHOLE: Final = 1 << 32


class Track:
    """Sixteen-bit samples at ``rate_hz`` from one speaker; ``put`` what comes, ``take`` what is due."""

    __slots__ = ("_base_at", "_base_timestamp", "_begin", "_early", "_late", "_samples", "_ssrc", "late", "rate_hz")

    def __init__(self, rate_hz: int) -> None:
        self.rate_hz: int = rate_hz
        self.late: int = 0
        self._begin: int = 0
        self._samples: array[int] = array("h")
        self._ssrc: int = -1
        self._base_timestamp: int = 0
        self._base_at: int = 0
        self._early: int = int(EARLY_S * rate_hz)
        self._late: int = int(LATE_S * rate_hz)

    def put(self, ssrc: int, timestamp: int, clock_hz: int, samples: array[int], arrived: int) -> None:
        """Lay one packet's ``samples`` down; ``arrived`` is its arrival in samples since the recording began."""
        at = self._place(ssrc, timestamp, clock_hz, arrived)
        missed = self._begin - at
        if missed >= len(samples):
            self.late += 1
            return
        if missed > 0:
            samples, at = samples[missed:], self._begin
        first = at - self._begin
        last = first + len(samples)
        if last > len(self._samples):
            self._samples.extend(array("h", bytes(2 * (last - len(self._samples)))))
        self._samples[first:last] = samples

    def take(self, until: int) -> array[int]:
        """Return all from where the last ``take`` ended up to ``until``; silence where nothing came."""
        wanted = until - self._begin
        if wanted <= 0:
            return array("h")
        taken = self._samples[:wanted]
        del self._samples[:wanted]
        if len(taken) < wanted:
            taken.extend(array("h", bytes(2 * (wanted - len(taken)))))
        self._begin = until
        return taken

    def forget(self) -> None:
        """Place the next packet by its arrival: the recording's clock stood still meanwhile."""
        self._ssrc = -1

    def _place(self, ssrc: int, timestamp: int, clock_hz: int, arrived: int) -> int:
        if ssrc == self._ssrc:
            ahead = (timestamp - self._base_timestamp) % _WHOLE
            ahead -= _WHOLE if ahead >= _HALF else 0
            at = self._base_at + ahead * self.rate_hz // clock_hz
            if arrived - self._late <= at <= arrived + self._early:
                return at
        self._ssrc = ssrc
        self._base_timestamp = timestamp
        self._base_at = arrived
        return arrived
