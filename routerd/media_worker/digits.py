"""Digits that parties press: told to the controller, passed on in the other party's way, or kept back.

Theory of operation. A ``Listener`` is a tap on the line of speech, put there only where digits are wanted: by the
flag ``detect-DTMF``, because the other side is the house, or because legs differ and ``inject-DTMF`` asks for
conversion. Events (RFC 4733) are always read; tones in the sound only of a party that has no events, or with
``detect-DTMF``. A press that comes both ways is one: the same digit by the other way within ``SAME_PRESS_S`` is the
same.

Conversion: an event of a party whose partner has no events becomes tones there (the events themselves are taken out
by the line's converter), tones of a party without events become events at a partner that has them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.errors import MediaError
from routerd.media import converter, rtp
from routerd.media.digit_tones import HITS, HOP, RATE_HZ, ToneReader
from routerd.media.dtmf import EventReader
from routerd.media.formats import DIGITS, SPOKEN
from routerd.media_worker.extension import Extension, Negotiation, Services
from routerd.media_worker.transcoding import INJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from routerd.media.formats import Format
    from routerd.media.relay_lane import Address
    from routerd.media_worker.call import MediaCall, MediaLine
    from routerd.media_worker.playing import Playing

DETECT: Final = "detect-DTMF"
EVENT: Final = "event"
INBAND: Final = "inband"
SAME_PRESS_S: Final = 0.5
MOST_A_SECOND: Final = 25  # no finger is quicker: what comes beyond is dropped
TONE_MS: Final = 1000 * HOP * (HITS + 1) // RATE_HZ
_TYPE_BITS: Final = 0x7F


class Party:
    """How one side is listened to."""

    __slots__ = ("_events", "_last", "_listen", "_pressed", "_second", "_tones", "wanted")

    def __init__(self, heard: Mapping[int, Format], *, tones: bool) -> None:
        """Take what the payload types of its packets mean, and whether its sound is looked at."""
        self.wanted: tuple[Mapping[int, Format], bool] = (heard, tones)
        self._events: dict[int, tuple[EventReader, int]] = {}  # with clock units a millisecond
        self._listen: dict[int, Callable[[bytes], bytes]] = {}
        self._tones: ToneReader = ToneReader()
        self._last: tuple[str, str, float] | None = None
        self._second: int = 0
        self._pressed: int = 0
        reader = EventReader()
        for number, form in heard.items():
            if form.name == DIGITS:
                self._events[number] = (reader, max(1, form.clock_hz // 1000))
            elif tones and form.name in SPOKEN:
                self._listen[number] = converter.make_listener(form.name)

    def hear(self, packet: bytes, now: float) -> Iterator[tuple[str, int, str]]:
        """Digits of one packet: digit, milliseconds so far, by which way."""
        number = packet[1] & _TYPE_BITS
        events = self._events.get(number)
        listen = self._listen.get(number)
        if events is None and listen is None:
            return
        try:
            parsed = rtp.parse(packet)
        except MediaError:
            return
        if events is not None:
            told = events[0].hear(parsed.ssrc, parsed.timestamp, parsed.payload)
            if told is not None and self._is_new(told[0], EVENT, now):
                yield told[0], told[1] // events[1], EVENT
        elif listen is not None:
            for digit in self._tones.hear(listen(parsed.payload)):
                if self._is_new(digit, INBAND, now):
                    yield digit, TONE_MS, INBAND

    def _is_new(self, digit: str, way: str, now: float) -> bool:
        last = self._last
        if last is not None and last[0] == digit and last[1] != way and now - last[2] < SAME_PRESS_S:
            return False
        if int(now) != self._second:
            self._second, self._pressed = int(now), 0
        self._pressed += 1
        if self._pressed > MOST_A_SECOND:
            return False
        self._last = (digit, way, now)
        return True


class Listener:
    """The tap on one line."""

    __slots__ = ("_tell", "parties")

    def __init__(self, parties: list[Party | None], tell: Callable[[int, str, int, str, float], None]) -> None:
        self.parties: list[Party | None] = parties
        self._tell: Callable[[int, str, int, str, float], None] = tell

    def hear(self, side: int, packet: bytes, now: float) -> None:
        """Look for digits."""
        party = self.parties[side]
        if party is not None:
            for digit, duration_ms, way in party.hear(packet, now):
                self._tell(side, digit, duration_ms, way, now)

    def close(self) -> None:
        """Nothing is kept."""


class Withheld:
    """Events are not passed on."""

    __slots__ = ("_numbers",)

    def __init__(self, heard: Mapping[int, Format]) -> None:
        self._numbers: frozenset[int] = frozenset(number for number, form in heard.items() if form.name == DIGITS)

    def withholds(self, packet: bytes) -> bool:
        """Whether this is an event."""
        return packet[1] & _TYPE_BITS in self._numbers


class Digits(Extension):
    """Puts listeners on lines; the commands ``block DTMF`` and ``unblock DTMF``."""

    __slots__ = ("_blocked", "_listeners", "_playing", "_services")

    def __init__(self, services: Services, playing: Playing) -> None:
        self._services: Services = services
        self._playing: Playing = playing
        self._listeners: dict[str, tuple[MediaLine, Listener]] = {}
        self._blocked: dict[str, set[int]] = {}

    def commands(self) -> dict[str, Callable[[dict[str, Any], Address, float], dict[str, Any]]]:
        """What is served."""
        return {"block DTMF": self._block, "unblock DTMF": self._unblock}

    def answered(self, negotiation: Negotiation) -> None:
        """Listen as it is wanted now."""
        call = negotiation.call
        line = call.speech_line()
        before = self._listeners.pop(call.call_id, None)
        if line is not None and line.agreement.is_answered:
            known = before[1].parties if before is not None and before[0] is line else [None, None]
            parties = [self._party(call, line, side, known[side]) for side in (0, 1)]
            if parties != [None, None]:
                listener = Listener(parties, lambda *press: self._press(call, *press))
                line.path.add_tap(listener)
                self._listeners[call.call_id] = (line, listener)
        if before is not None:
            before[0].path.remove_tap(before[1])
        self._withhold(call)

    def ended(self, call: MediaCall) -> None:
        """Forget the call."""
        self._listeners.pop(call.call_id, None)
        self._blocked.pop(call.call_id, None)

    def _party(self, call: MediaCall, line: MediaLine, side: int, known: Party | None) -> Party | None:
        """How a side is listened to; as before, where nothing is different: it may be pressing a digit now."""
        agreement, house = line.agreement, call.house
        if side == house:
            return None
        asked = house is not None or DETECT in call.flags
        has_events, takes_events = agreement.digits_from(side), agreement.digits_to(1 - side) is not None
        converts = INJECT in call.flags and house is None and has_events != takes_events
        if not (asked or converts):
            return None
        tones = DETECT in call.flags or (not has_events and (house is not None or converts))
        heard = agreement.heard(side)
        return known if known is not None and known.wanted == (heard, tones) else Party(heard, tones=tones)

    def _press(self, call: MediaCall, side: int, digit: str, duration_ms: int, way: str, now: float) -> None:
        if call.house is not None or DETECT in call.flags:
            told = {"tag": call.speakers[side], "digit": digit, "duration-ms": duration_ms, "source": way}
            self._services.notify(call, "dtmf", told)
        self._services.press(call, side, digit, now - duration_ms / 1000, now)
        line = call.speech_line()
        if line is None or call.house is not None or INJECT not in call.flags or side in self._blocked_of(call):
            return
        if (way == EVENT) == (line.agreement.digits_to(1 - side) is None):
            try:
                self._playing.press(call, 1 - side, digit)
            except MediaError:
                return  # a codec that is not spoken here: the digit was told all the same

    def _block(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        return self._set_blocked(command, blocked=True)

    def _unblock(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        return self._set_blocked(command, blocked=False)

    def _set_blocked(self, command: dict[str, Any], *, blocked: bool) -> dict[str, Any]:
        call = self._services.call_of(command)
        tag = command.get("from-tag")
        sides = {call.side_of(tag)} if isinstance(tag, str) else {0, 1}
        now_blocked = self._blocked_of(call)
        self._blocked[call.call_id] = now_blocked | sides if blocked else now_blocked - sides
        self._withhold(call)
        return {"result": "ok"}

    def _blocked_of(self, call: MediaCall) -> set[int]:
        return self._blocked.get(call.call_id, set())

    def _withhold(self, call: MediaCall) -> None:
        line = call.speech_line()
        if line is None or not (line.has_path or self._blocked_of(call)):
            return
        for side in (0, 1):
            blocked = side in self._blocked_of(call)
            line.path.set_withholding(side, Withheld(line.agreement.heard(side)) if blocked else None)
