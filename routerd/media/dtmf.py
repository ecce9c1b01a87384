"""Digits as telephone events: read with losses, written in full (RFC 4733).

Theory of operation. All packets of a press bear one timestamp, so ``EventReader`` tells a press once, at the first
packet of it that comes, whichever it is: what is lost at the beginning or the end does not matter, and what comes
late of an older press is known by its timestamp. A press that lasts longer than the duration field can say goes on
under a new timestamp that continues the old one (§2.5.1.3): that is no new press. Events that are no digits are not
told.
"""

from __future__ import annotations

import struct
from collections import deque
from typing import Final, NamedTuple

from routerd.errors import MediaError
from routerd.media.tone import DIGITS

MOST_DURATION: Final = 0xFFFF
END_PACKETS: Final = 3
VOLUME: Final = 10  # -10 dBm0
_REMEMBERED: Final = 16
_EVENT: Final = struct.Struct(">BBH")
_END: Final = 0x80
_VOLUME: Final = 0x3F
_WRAP: Final = 1 << 32


class Event(NamedTuple):
    """One packet's payload: event code, whether the press is over, -dBm0, how long it lasts in clock units."""

    code: int
    is_end: bool
    volume: int
    duration: int


def parse_event(payload: bytes) -> Event:
    """Read a payload's first event; raises MediaError."""
    if len(payload) < _EVENT.size:
        raise MediaError("dtmf: too short for an event")
    code, flags, duration = _EVENT.unpack_from(payload)
    return Event(code, bool(flags & _END), flags & _VOLUME, duration)


def build_event(event: Event) -> bytes:
    """Write a payload."""
    return _EVENT.pack(event.code, (_END if event.is_end else 0) | event.volume & _VOLUME, event.duration)


def code_of(digit: str) -> int:
    """The event code of a digit; raises MediaError when it is none."""
    if len(digit) != 1 or digit not in DIGITS:
        raise MediaError(f"no digit: {digit}")
    return DIGITS.index(digit)


def event_payloads(digit: str, packets: int, units: int) -> list[tuple[bytes, int]]:
    """The payloads of one press of ``packets`` packets of ``units`` clock units, and the end told three times.

    With each: how many clock units lie between it and the first, for the pace; the timestamp is the same for all
    (§2.5.1.2). Longer than the duration field can say is cut there.
    """
    code = code_of(digit)
    packets = max(1, min(packets, MOST_DURATION // units))
    told = [(build_event(Event(code, False, VOLUME, units * (at + 1))), units * at) for at in range(packets)]
    end = build_event(Event(code, True, VOLUME, units * packets))
    return told + [(end, units * (packets + at)) for at in range(END_PACKETS)]


class EventReader:
    """What one party presses."""

    __slots__ = ("_continued", "_known")

    def __init__(self) -> None:
        self._known: deque[tuple[int, int]] = deque(maxlen=_REMEMBERED)
        self._continued: tuple[int, int, int] | None = None  # SSRC, timestamp, code of what may go on

    def hear(self, ssrc: int, timestamp: int, payload: bytes) -> tuple[str, int] | None:
        """Take one telephone-event packet; the digit and its duration so far when it is the first of a press.

        None: one more packet of a press that was told, an event that is no digit, or garbage.
        """
        if len(payload) < _EVENT.size:
            return None
        code, flags, duration = _EVENT.unpack_from(payload)
        key = (ssrc, timestamp)
        goes_on = self._continued == (ssrc, timestamp, code)
        if duration == MOST_DURATION and not flags & _END:
            self._continued = (ssrc, (timestamp + duration) % _WRAP, code)
        if key in self._known:
            return None
        self._known.append(key)
        if goes_on or code >= len(DIGITS):
            return None
        return DIGITS[code], duration
