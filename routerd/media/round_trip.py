"""How far away a party is, read from the reports that pass by (RFC 3550 §6.4.1).

A sender report that goes to a party bears a time stamp; the party's next report repeats it and says how long it waited.
So the relay, which sent neither, knows the way to that party and back: when the answer came, less when the report went
out, less the wait.
"""

from __future__ import annotations

from typing import Final

from routerd.errors import MediaError
from routerd.media import rtcp

KEPT: Final = 8
LONGEST_S: Final = 10.0


class RoundTrips:
    """One line's reports in both directions."""

    __slots__ = ("_sent", "seconds")

    def __init__(self) -> None:
        self._sent: list[dict[int, float]] = [{}, {}]  # by side: time stamp of its report, when it passed
        self.seconds: list[float | None] = [None, None]  # to that side and back, the latest

    def hear(self, side: int, data: bytes, now: float) -> None:
        """Take a compound packet that the party on ``side`` sent."""
        try:
            packets = rtcp.parse(data)
        except MediaError:
            return
        sent, asked = self._sent[side], self._sent[1 - side]
        for packet in packets:
            if packet.kind == rtcp.SENDER_REPORT and len(packet.body) >= 12:
                sent[int.from_bytes(packet.body[6:10], "big")] = now
                if len(sent) > KEPT:
                    del sent[next(iter(sent))]
            for report in packet.reports:
                asked_s = asked.get(report.last_sr) if report.last_sr else None
                if asked_s is not None:
                    taken_s = now - asked_s - report.delay / 65536
                    if 0.0 <= taken_s <= LONGEST_S:
                        self.seconds[side] = taken_s
