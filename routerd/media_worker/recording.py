"""One recording: a tap on a line that keeps what is said in a WAV file.

Theory of operation. It lives in two threads. The loop calls ``hear``, ``pause``, ``resume`` and ``end``: they only put
packets into an inbox with the instant on the recording's clock, which stands still while it is paused. The scribe's
thread calls ``work``: it opens the file, decodes what came, lays it on one track a party (see ``media.track``) and
writes what is older than ``LAG_S``, so that packets which took another way still find their place. Both columns of a
stereo file run on that one clock; where nothing came there is silence.

It ends once: because the loop says so, because a bound was reached (silence, length), or because the disk failed. Then
the rest is written, a message of one party alone loses the silence at its end, the file gets its name, and ``outcome``
is there, which the loop turns into an event.
"""

from __future__ import annotations

import sys
from array import array
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from routerd.errors import MediaError
from routerd.media import rtp
from routerd.media.ear import Ear
from routerd.media.silence import SilenceMeter
from routerd.media.track import Track
from routerd.media_worker.wav_file import PART, WavFile, free_bytes

if TYPE_CHECKING:
    from collections.abc import Callable

LAG_S: Final = 0.6
STEREO_BLOCK_S: Final = 1.0
MONO_BLOCK_S: Final = 0.2
REFRESH_S: Final = 3.0
TAIL_S: Final = 0.2  # of silence that a message keeps at its end
LEAST_FREE_BYTES: Final = 16 << 20
MOST_WAITING: Final = 20_000  # packets: three minutes of two parties
CLOCK_HZ: Final = 8000  # of every codec that is known here, G.722 too (RFC 3551 §4.5.2)
DIGIT_ONSET_S: Final = 0.06  # a tone is heard before a detector is sure of it


class Bounds(NamedTuple):
    """When a recording ends by itself; 0: never. Seconds."""

    silence_s: float = 0.0
    longest_s: float = 0.0


class Ending(NamedTuple):
    """Why it ends, and where on its own clock."""

    reason: str
    at_s: float
    text: str = ""


class Outcome(NamedTuple):
    """What became of it; ``text`` says why it failed."""

    reason: str
    path: str
    duration_ms: int
    size_bytes: int
    text: str


class Recording:
    """A ``Tap`` and a scribe's ``Work``. ``sides`` are recorded in this order, one column each."""

    def __init__(
        self,
        path: str,
        sides: tuple[int, ...],
        names: list[dict[int, str]],
        rate_hz: int,
        now: float,
        *,
        bounds: Bounds = Bounds(),  # noqa: B008 - immutable
        hurry: Callable[[], None] | None = None,
    ) -> None:
        """Take ``names``, by side what a payload type is called (see ``follow``), and ``hurry``, called at the end."""
        self.path: str = path
        self.sides: tuple[int, ...] = sides
        self.until_digits: str = ""  # which of them end it: who hears digits asks
        self.outcome: Outcome | None = None
        self.paused_s: float = 0.0  # the length of all pauses that are over
        self._names: list[dict[int, str]] = names
        self._columns: list[int] = [sides.index(side) if side in sides else -1 for side in (0, 1)]
        self._rate_hz: int = rate_hz
        self._bounds: Bounds = bounds
        self._hurry: Callable[[], None] | None = hurry
        self._origin_s: float = now
        self._stands_s: float | None = None  # while paused: where the clock stands
        self._ending: Ending | None = None
        self._inbox: deque[tuple[int, str, bytes, float]] = deque()
        self._file: WavFile | None = None
        self._tracks: list[Track] = [Track(rate_hz) for _ in sides]
        self._ears: list[Ear] = [Ear(rate_hz) for _ in sides]
        self._meter: SilenceMeter | None = SilenceMeter(rate_hz) if len(sides) == 1 else None
        self._written: int = 0  # samples a column
        self._refreshed: int = 0

    # in the loop

    def follow(self, names: list[dict[int, str]]) -> None:
        """Hear the parties' payload types anew: they negotiated."""
        self._names = names

    def hear(self, side: int, packet: bytes, now: float) -> None:
        """Keep a packet for the scribe."""
        column = self._columns[side]
        if column < 0 or self._ending is not None or self._stands_s is not None or len(packet) < rtp.HEADER_BYTES:
            return
        name = self._names[side].get(packet[1] & 0x7F)
        if name is None:
            return  # a digit, comfort noise, a codec that nobody here knows: silence
        if len(self._inbox) >= MOST_WAITING:
            self.end("failed", now, "the disk does not keep up")
            return
        self._inbox.append((column, name, packet, now - self._origin_s))

    def close(self) -> None:
        """The line is gone; the call may open another one, so this is no end."""

    def position_s(self, now: float) -> float:
        """Where the recording's clock is."""
        stands = self._stands_s
        return now - self._origin_s if stands is None else stands

    @property
    def is_paused(self) -> bool:
        """Whether nothing is kept now."""
        return self._stands_s is not None

    @property
    def is_ending(self) -> bool:
        """Whether its end is decided."""
        return self._ending is not None or self.outcome is not None

    def pause(self, now: float) -> None:
        """Keep nothing until ``resume``."""
        if self._stands_s is None:
            self._stands_s = now - self._origin_s

    def resume(self, now: float) -> None:
        """Go on where it was paused."""
        if self._stands_s is not None:
            self.paused_s += now - self._origin_s - self._stands_s
            self._origin_s = now - self._stands_s  # first: the other thread reads the origin when nothing stands
            self._stands_s = None
            self._inbox.append((-1, "", b"", 0.0))

    def end(self, reason: str, now: float, text: str = "", *, started_s: float | None = None) -> None:
        """End it; ``started_s`` is when the digit that ends it began, from where on nothing is kept."""
        if not self.is_ending:
            at_s = self.position_s(now)
            if started_s is not None:
                at_s = max(0.0, min(at_s, started_s - self._origin_s - DIGIT_ONSET_S))
            self._ending = Ending(reason, at_s, text)
            if self._hurry is not None:
                self._hurry()

    # in the scribe's thread

    def work(self, now: float) -> bool:
        """Write what is due; False: it is over."""
        if self.outcome is not None:
            return False
        try:
            self._work(now)
        except OSError as error:
            self._fail(error.strerror or str(error))
        except Exception as error:  # noqa: BLE001 - one broken recording must not stop the others
            self._fail(f"{type(error).__name__}: {error}")
        return self.outcome is None

    def _work(self, now: float) -> None:
        ending = self._ending  # first: what was put into the inbox before it is still taken
        position_s = self.position_s(now)
        if self._file is None:
            self._file = self._open()
        for _ in range(len(self._inbox)):
            self._lay(*self._inbox.popleft())
        if ending is not None and ending.reason == "failed":
            self._fail(ending.text)
            return
        until_s = ending.at_s if ending is not None else position_s - LAG_S
        if 0.0 < self._bounds.longest_s <= until_s:
            until_s, ending = self._bounds.longest_s, Ending("limit", self._bounds.longest_s)
        due = round(until_s * self._rate_hz) - self._written
        block_s = MONO_BLOCK_S if self._meter is not None else STEREO_BLOCK_S
        if due > 0 and (ending is not None or due >= block_s * self._rate_hz):
            self._write(self._file, due)
        if ending is None and self._is_silent():
            ending = Ending("silence", self._written / self._rate_hz)
        if ending is not None:
            self._finish(self._file, ending)

    def _open(self) -> WavFile:
        if free_bytes(self.path) < LEAST_FREE_BYTES:
            raise OSError(f"less than {LEAST_FREE_BYTES >> 20} MiB are free")
        return WavFile(self.path, len(self.sides), self._rate_hz)

    def _lay(self, column: int, name: str, packet: bytes, at_s: float) -> None:
        if column < 0:
            for track in self._tracks:
                track.forget()
            return
        try:
            parsed = rtp.parse(packet)
        except MediaError:
            return
        samples = self._ears[column].hear(name, parsed.payload)
        arrived = max(0, round(at_s * self._rate_hz) - len(samples))  # it was spoken before it was sent
        self._tracks[column].put(parsed.ssrc, parsed.timestamp, CLOCK_HZ, samples, arrived)

    def _write(self, file: WavFile, due: int) -> None:
        """Write ``due`` more samples a column, in pieces of a bounded size."""
        most = int(10 * STEREO_BLOCK_S * self._rate_hz)
        while due > 0:
            size = min(due, most)
            columns = [track.take(self._written + size) for track in self._tracks]
            if self._meter is not None:
                self._meter.feed(columns[0])
            file.append(interleaved(columns))
            self._written += size
            due -= size
        if self._written - self._refreshed >= REFRESH_S * self._rate_hz:
            self._refreshed = self._written
            file.refresh()

    def _is_silent(self) -> bool:
        if self._meter is None or not self._bounds.silence_s:
            return False
        return self._written - self._meter.spoken >= self._bounds.silence_s * self._rate_hz

    def _finish(self, file: WavFile, ending: Ending) -> None:
        frames = round(ending.at_s * self._rate_hz)
        if self._meter is not None:
            spoken = self._meter.spoken
            frames = min(frames, spoken + int(TAIL_S * self._rate_hz)) if spoken else 0
        file.truncate(frames)
        file.finish()
        self._settle(ending.reason, self.path, file, ending.text)

    def _fail(self, text: str) -> None:
        file = self._file
        if file is None:
            self.outcome = Outcome("failed", "", 0, 0, text)
            return
        file.abandon()
        path = self.path if Path(self.path).exists() else self.path + PART
        self._settle("failed", path, file, text)

    def _settle(self, reason: str, path: str, file: WavFile, text: str) -> None:
        self._inbox.clear()
        self.outcome = Outcome(reason, path, file.frames * 1000 // self._rate_hz, file.file_bytes, text)


def interleaved(columns: list[array[int]]) -> bytes:
    """Samples of one or two columns as a WAV file holds them."""
    sound = columns[0]
    if len(columns) > 1:
        sound = array("h", bytes(2 * len(columns) * len(columns[0])))
        for number, column in enumerate(columns):
            sound[number :: len(columns)] = column
    if sys.byteorder == "big":
        sound = array("h", sound)
        sound.byteswap()
    return sound.tobytes()
