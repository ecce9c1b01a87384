"""Prompts to packets: sound encoded once for all who hear it, and one party's stream of it.

Theory of operation. A ``Prompt`` is one file in one codec; it is encoded ``CHUNK_MS`` at a time, when a stream first
gets there, so that a long file holds nobody up, and what is encoded is shared.

A ``Playout`` is what one party hears of the engine: one SSRC, sequence numbers without a gap and a timestamp that
goes on with time, over all prompts and digits of the call. While it speaks, ``step`` is called once every
``ptime_ms`` and gives the packet of that slot. A prompt ends one slot after its last packet, when it has been heard.
Digits come before prompts: a prompt waits for them. The first packet after a silence bears the marker (RFC 3551
§4.1).
"""

from __future__ import annotations

import audioop
import math
import struct
from array import array
from collections import deque
from typing import TYPE_CHECKING, Final

from routerd.errors import MediaError
from routerd.media import g711, g722

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHUNK_MS: Final = 200
CLOCK_PER_MS: Final = 8  # of every codec spoken here
_WIDTH: Final = 2
_WORK: Final = 4
_WIDE_HZ: Final = 16000
_NARROW_HZ: Final = 8000
_TAPS: Final = 31
_HEADER: Final = struct.Struct(">BBHII").pack
_IS_LITTLE: Final = array("h", b"\1\0")[0] == 1


def _half_band() -> list[tuple[int, float]]:
    """A low pass at 4 kHz for 16 kHz: a sinc under a Hamming window, places and weights of what is not zero."""
    middle = _TAPS // 2
    taps = []
    for place in range(_TAPS):
        away = place - middle
        weight = 0.5 if away == 0 else math.sin(math.pi * away / 2) / (math.pi * away)
        if abs(weight) > 1e-9:
            taps.append((place, weight * (0.54 - 0.46 * math.cos(2 * math.pi * place / (_TAPS - 1)))))
    return taps


_HALF_BAND: Final = _half_band()


class Halver:
    """From 16 to 8 kHz, piece by piece; what lies above 4 kHz is taken away first."""

    __slots__ = ("_before",)

    def __init__(self) -> None:
        self._before: bytes = bytes((_TAPS - 1) * _WORK)

    def halve(self, samples: bytes) -> bytes:
        """Half as many samples; give an even number of them."""
        sound = self._before + audioop.lin2lin(samples, _WIDTH, _WORK)
        self._before = sound[len(sound) - (_TAPS - 1) * _WORK :]
        size = len(samples) // _WIDTH * _WORK
        total = bytes(size)
        for place, weight in _HALF_BAND:
            total = audioop.add(total, audioop.mul(sound[place * _WORK : place * _WORK + size], _WORK, weight), _WORK)
        return array("h", audioop.lin2lin(total, _WORK, _WIDTH))[::2].tobytes()


class Prompt:
    """One file's sound in one codec. ``payload`` gives its packets by number."""

    __slots__ = (
        "_encode",
        "_encoded",
        "_frames",
        "_rate_hz",
        "_read",
        "_read_frames",
        "count",
        "duration_ms",
        "name",
        "ptime_ms",
    )

    def __init__(self, read: Callable[[int, int], bytes], frames: int, rate_hz: int, name: str, ptime_ms: int) -> None:
        """Take ``read(first, count)``, which gives 16-bit little-endian samples (fewer: the file was cut off).

        ``rate_hz`` is 8,000 or 16,000, ``name`` one of ``formats.SPOKEN``; raises MediaError for others and for none.
        """
        if rate_hz not in {_WIDE_HZ, _NARROW_HZ} or frames <= 0:
            raise MediaError("a prompt of another rate, or an empty one")
        self._read: Callable[[int, int], bytes] = read
        self._frames: int = frames
        self._rate_hz: int = rate_hz
        self._read_frames: int = 0
        self._encode: Callable[[bytes], bytes] | None = _encoder(name, rate_hz)
        self._encoded: bytearray = bytearray()
        self.name: str = name
        self.ptime_ms: int = ptime_ms
        self.duration_ms: int = -(-frames * 1000 // rate_hz)
        self.count: int = -(-self.duration_ms // ptime_ms)

    @property
    def size_bytes(self) -> int:
        """What is encoded so far."""
        return len(self._encoded)

    @property
    def is_whole(self) -> bool:
        """Whether nothing more will be read."""
        return self._encode is None

    def payload(self, index: int) -> bytes | None:
        """The payload of one packet; None beyond the end."""
        size = self.ptime_ms * CLOCK_PER_MS
        end = (index + 1) * size
        while len(self._encoded) < end and self._encode is not None:
            self._encode_more(self._encode)
        found = bytes(self._encoded[end - size : end])
        return found if len(found) == size else None

    def _encode_more(self, encode: Callable[[bytes], bytes]) -> None:
        rate_per_ms = self._rate_hz // 1000
        wanted = min(CHUNK_MS * rate_per_ms, self._frames - self._read_frames)
        samples = self._read(self._read_frames, wanted) if wanted > 0 else b""
        samples = samples[: len(samples) // _WIDTH * _WIDTH]
        self._read_frames += len(samples) // _WIDTH
        is_last = len(samples) < wanted * _WIDTH or self._read_frames >= self._frames
        if is_last:
            self._encode = None
            samples += bytes(-self._read_frames % (rate_per_ms * self.ptime_ms) * _WIDTH)
        self._encoded += encode(samples if _IS_LITTLE else audioop.byteswap(samples, _WIDTH))


def _encoder(name: str, rate_hz: int) -> Callable[[bytes], bytes]:
    if name == "G722":
        return g722.Encoder(rate_hz).encode
    if name not in g711.NAMES:
        raise MediaError(f"no codec for prompts: {name}")
    if rate_hz == _NARROW_HZ:
        return lambda samples: g711.encode(name, samples)
    halver = Halver()
    return lambda samples: g711.encode(name, halver.halve(samples))


class _Play:
    """What was asked to be played, and how far it is."""

    __slots__ = ("at", "index", "passes", "play_id", "prompts", "said")

    def __init__(self, prompts: Sequence[Prompt], passes: int, play_id: str | None) -> None:
        self.prompts: Sequence[Prompt] = prompts
        self.passes: int = passes  # left, 0: for ever
        self.play_id: str | None = play_id
        self.at: int = 0
        self.index: int = 0
        self.said: bool = False

    def next(self) -> bytes | None:
        """The next payload; None when all is over."""
        while True:
            payload = self.prompts[self.at].payload(self.index)
            if payload is not None:
                self.index += 1
                self.said = True
                return payload
            self.at, self.index = self.at + 1, 0
            if self.at < len(self.prompts):
                continue
            self.at = 0
            if self.passes == 1 or not self.said:
                return None
            self.said = False
            self.passes = max(0, self.passes - 1)


class Playout:
    """What one party hears. First ``tune``, then ``play`` or ``press``; ``step`` while it ``is_speaking``."""

    __slots__ = (
        "_event_type",
        "_first",
        "_last_ms",
        "_marked",
        "_payload_type",
        "_play",
        "_press_timestamp",
        "_units",
        "ended",
        "is_speaking",
        "packets",
        "ptime_ms",
        "sequence",
        "ssrc",
        "timestamp",
    )

    def __init__(self, ssrc: int, sequence: int, timestamp: int) -> None:
        """Numbers to begin with, drawn by the caller."""
        self.ssrc: int = ssrc
        self.sequence: int = sequence
        self.timestamp: int = timestamp
        self.ptime_ms: int = 20
        self.is_speaking: bool = False
        self.packets: int = 0
        self.ended: list[str | None] = []  # play ids of what is over, for the caller to take
        self._payload_type: int = 0
        self._event_type: int = 0
        self._units: int = 160
        self._marked: bool = False
        self._last_ms: int | None = None
        self._press_timestamp: int = timestamp
        self._play: _Play | None = None
        self._first: deque[tuple[bytes | None, bool, bool]] = deque()  # payload, is an event, is its first

    def tune(self, payload_type: int, event_type: int | None, ptime_ms: int) -> None:
        """Under which numbers to speak and tell digits, and how long a packet is."""
        self._payload_type = payload_type
        self._event_type = event_type or 0
        self.ptime_ms = ptime_ms
        self._units = ptime_ms * CLOCK_PER_MS

    def play(self, prompts: Sequence[Prompt], passes: int = 1, play_id: str | None = None) -> None:
        """Play these in sequence, ``passes`` times (0: for ever), in place of what was played. At least one."""
        self._play = _Play(prompts, passes, play_id)
        self.is_speaking = True

    def skip(self, start_ms: int) -> None:
        """Begin the first prompt at this place."""
        if self._play is not None:
            self._play.index = start_ms // self.ptime_ms

    @property
    def prompts(self) -> Sequence[Prompt]:
        """What is being played."""
        return () if self._play is None else self._play.prompts

    def exchange(self, prompts: Sequence[Prompt]) -> None:
        """Go on at the same place with the same sounds in another codec, after ``tune``."""
        if self._play is not None:
            before = self._play.prompts[self._play.at].ptime_ms
            self._play.prompts = prompts
            self._play.index = self._play.index * before // self.ptime_ms

    def press(self, payloads: Sequence[bytes], pause: int) -> None:
        """Send these events of one press, then nothing for ``pause`` slots, before anything else."""
        self._first.extend((payload, True, at == 0) for at, payload in enumerate(payloads))
        self._first.extend([(None, False, False)] * pause)
        self.is_speaking = True

    def insert(self, payloads: Sequence[bytes], pause: int) -> None:
        """Send these payloads of sound, then nothing for ``pause`` slots, before anything else."""
        self._first.extend((payload, False, False) for payload in payloads)
        self._first.extend([(None, False, False)] * pause)
        self.is_speaking = True

    def stop(self) -> None:
        """Play no more; digits that were asked for are sent to their end."""
        self._play = None
        self.is_speaking = bool(self._first)

    def give_up(self) -> None:
        """Say nothing more, what was played is over."""
        if self._play is not None:
            self.ended.append(self._play.play_id)
        self.close()

    def close(self) -> None:
        """Say nothing more at all."""
        self._first.clear()
        self.stop()

    def step(self, now_ms: int) -> bytes | None:
        """The packet of the slot that is due at ``now_ms``; None: nothing in this slot, or all is over."""
        self._keep_time(now_ms)
        payload, is_event, is_first = self._next()
        if payload is None:
            self._marked = False
            return None
        timestamp = self._press_timestamp if is_event else self.timestamp
        if is_first:
            timestamp = self._press_timestamp = self.timestamp
        marker = is_first or not (self._marked or is_event)
        self._marked = not is_event
        payload_type = self._event_type if is_event else self._payload_type
        packet = _HEADER(0x80, payload_type | (0x80 if marker else 0), self.sequence, timestamp, self.ssrc) + payload
        self.sequence = (self.sequence + 1) & 0xFFFF
        self.packets += 1
        return packet

    def _keep_time(self, now_ms: int) -> None:
        """The timestamp goes on by what has passed since the last slot, in whole slots."""
        if self._last_ms is not None:
            slots = max(1, round((now_ms - self._last_ms) / self.ptime_ms))
            self.timestamp = (self.timestamp + slots * self._units) & 0xFFFFFFFF
        self._last_ms = now_ms

    def _next(self) -> tuple[bytes | None, bool, bool]:
        if self._first:
            return self._first.popleft()
        if self._play is not None:
            payload = self._play.next()
            if payload is not None:
                return payload, False, False
            self.ended.append(self._play.play_id)
            self._play = None
        self.is_speaking = False
        return None, False, False
