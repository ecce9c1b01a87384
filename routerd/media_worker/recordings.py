"""The recording commands of the engine: ``start recording``, ``pause recording``, ``stop recording``.

Without ``from-tag`` a call's first line of speech is recorded in stereo, left who offered first. With it that party
alone, as a mailbox wants it: ``until-digits``, ``silence-ms`` and ``max-ms`` end it. A call can have one recording of
both and one of each party. It goes on through renegotiations, on whatever line and codec comes of them, and ends with
the call (``gone``). Whatever ends it, the event ``recording-ended`` comes when the file has its name: {call-id, tag?,
file, reason, duration-ms, size-bytes, paused-ms, text?}; ``text`` says why it ``failed``.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from routerd.errors import MediaError
from routerd.media.ear import KNOWN, NARROW_HZ, RATES_HZ
from routerd.media_worker.extension import Extension, Negotiation, Services
from routerd.media_worker.recording import Bounds, Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.media.relay_lane import Address
    from routerd.media_worker.call import MediaCall, MediaLine
    from routerd.media_worker.scribe import Scribe

SUFFIX: Final = ".wav"
MOST_MS: Final = 24 * 3600 * 1000


class Running(NamedTuple):
    """A recording, whose it is, and the line that it listens to."""

    call: MediaCall
    tag: str
    recording: Recording
    lines: list[MediaLine]  # at most one: the line that is tapped now


class Recordings(Extension):
    """All recordings of an engine. ``roots`` are the folders in which files may be made; none: anywhere."""

    __slots__ = ("_ending", "_roots", "_running", "_scribe", "_services")

    def __init__(self, services: Services, scribe: Scribe, roots: Sequence[str] = ()) -> None:
        self._services = services
        self._scribe = scribe
        self._roots = tuple(PurePosixPath(root) for root in roots)
        self._running: dict[tuple[str, str], Running] = {}
        self._ending: list[Running] = []

    def __len__(self) -> int:
        """Recordings that are not closed yet."""
        return len(self._running) + len(self._ending)

    @property
    def capabilities(self) -> Sequence[str]:
        """What the pong tells."""
        return ("recording", "pause recording", "mailbox")

    def commands(self) -> dict[str, Callable[[dict[str, Any], Address, float], dict[str, Any]]]:
        """The three of them."""
        return {"start recording": self._start, "pause recording": self._pause, "stop recording": self._stop}

    def _start(self, command: dict[str, Any], _source: Address, now: float) -> dict[str, Any]:
        call, tag = self._named(command)
        running = self._running.get((call.call_id, tag))
        if running is not None and not running.recording.is_ending:
            running.recording.resume(now)
            return _told(running.recording, now)
        path = self._path(command)
        sides = (call.side_of(tag),) if tag else (0, 1)
        line = call.speech_line()
        rate_hz = max(_rate_hz(line, side) for side in sides)
        bounds = Bounds(_seconds(command, "silence-ms"), _seconds(command, "max-ms"))
        recording = Recording(path, sides, _names(line), rate_hz, now, bounds=bounds, hurry=self._scribe.wake)
        digits = command.get("until-digits")
        recording.until_digits = digits if isinstance(digits, str) else ""
        if running is not None:
            self._untap(running)
            self._ending.append(running)
        running = self._running[call.call_id, tag] = Running(call, tag, recording, [])
        self._tap(running)
        self._scribe.add(recording)
        return _told(recording, now)

    def _pause(self, command: dict[str, Any], _source: Address, now: float) -> dict[str, Any]:
        running = self._found(command)
        running.recording.pause(now)
        return _told(running.recording, now)

    def _stop(self, command: dict[str, Any], _source: Address, now: float) -> dict[str, Any]:
        running = self._found(command)
        reply = _told(running.recording, now)
        self._end(running, "stopped", now)
        return reply

    # negotiations

    def answered(self, negotiation: Negotiation) -> None:
        """Listen to the line that there is now."""
        for running in self._of(negotiation.call):
            self._tap(running)

    def ended(self, call: MediaCall) -> None:
        """The call is over, and so are its recordings."""
        for running in self._of(call):
            self._end(running, "gone", self._scribe.now())

    def pressed(self, call: MediaCall, side: int, digit: str, began_s: float, now: float) -> None:
        """The party on ``side`` pressed a digit, which began at ``began_s``."""
        for running in self._of(call):
            recording = running.recording
            if digit in recording.until_digits and side in recording.sides and running.tag:
                recording.end("digit", now, digit, started_s=began_s)

    def tick(self, now: float) -> None:  # noqa: ARG002 - what is over is told at once
        """Tell of every recording whose file is closed."""
        over = [running for running in self._running.values() if running.recording.outcome is not None]
        for running in over:
            self._untap(running)
            del self._running[running.call.call_id, running.tag]
        closed = [running for running in self._ending if running.recording.outcome is not None]
        if closed:
            self._ending = [running for running in self._ending if running not in closed]
        for running in (*over, *closed):
            self._tell(running)

    def close(self) -> None:
        """Finish every file."""
        for running in list(self._running.values()):
            self._end(running, "gone", self._scribe.now())
        self._scribe.close()

    # what commands are made of

    def _named(self, command: dict[str, Any]) -> tuple[MediaCall, str]:
        """The call, and the tag of the party alone that is meant; "" for both."""
        if isinstance(command.get("from-tag"), str):
            call, _, tag = self._services.party_of(command)
            return call, tag
        return self._services.call_of(command), ""

    def _found(self, command: dict[str, Any]) -> Running:
        call, tag = self._named(command)
        running = self._running.get((call.call_id, tag))
        if running is None or running.recording.is_ending:
            raise MediaError("Not recording")
        return running

    def _of(self, call: MediaCall) -> list[Running]:
        return [running for running in self._running.values() if running.call is call]

    def _path(self, command: dict[str, Any]) -> str:
        """Where to write; only below the folders that are ours, for anybody on this machine can send a command."""
        path = command.get("file")
        if not isinstance(path, str) or not path:
            raise MediaError("No file in message")
        named = PurePosixPath(path)
        if not named.is_absolute() or ".." in named.parts or named.suffix != SUFFIX or "\0" in path:
            raise MediaError(f"Not an absolute path of a {SUFFIX} file: {path}")
        if self._roots and not any(root in named.parents for root in self._roots):
            raise MediaError(f"Not below a folder of recordings: {path}")
        if any(running.recording.path == path for running in (*self._running.values(), *self._ending)):
            raise MediaError(f"Being written already: {path}")
        return path

    def _tap(self, running: Running) -> None:
        line = running.call.speech_line()
        running.recording.follow(_names(line))
        if running.lines and running.lines[0] is line:
            return
        self._untap(running)
        if line is not None:
            running.lines.append(line)
            line.path.add_tap(running.recording)

    def _untap(self, running: Running) -> None:
        for line in running.lines:
            line.path.remove_tap(running.recording)
        running.lines.clear()

    def _end(self, running: Running, reason: str, now: float) -> None:
        running.recording.end(reason, now)
        self._untap(running)
        del self._running[running.call.call_id, running.tag]
        self._ending.append(running)

    def _tell(self, running: Running) -> None:
        outcome = running.recording.outcome
        if outcome is None:
            return
        content: dict[str, Any] = {
            "file": outcome.path,
            "reason": outcome.reason,
            "duration-ms": outcome.duration_ms,
            "size-bytes": outcome.size_bytes,
            "paused-ms": round(running.recording.paused_s * 1000),
        }
        if running.tag:
            content["tag"] = running.tag
        if outcome.text:
            content["text"] = outcome.text
        self._services.notify(running.call, "recording-ended", content)


def _told(recording: Recording, now: float) -> dict[str, Any]:
    return {
        "result": "ok",
        "duration": round(recording.position_s(now) * 1000),
        "paused": round(recording.paused_s * 1000),
    }


def _names(line: MediaLine | None) -> list[dict[int, str]]:
    """By side, what the payload types that it sends are called; only codecs that can be heard."""
    if line is None:
        return [{}, {}]
    heard = [line.agreement.heard(side) for side in (0, 1)]
    return [{number: form.name for number, form in of.items() if form.name in KNOWN} for of in heard]


def _rate_hz(line: MediaLine | None, side: int) -> int:
    """The rate of the codec that was agreed on with a side, who will answer in the same."""
    form = line.agreement.speech_to(side) if line is not None else None
    return RATES_HZ.get(form.name, NARROW_HZ) if form is not None else NARROW_HZ


def _seconds(command: dict[str, Any], key: str) -> float:
    value = command.get(key, 0)
    if not isinstance(value, int) or not 0 <= value <= MOST_MS:
        raise MediaError(f"Unusable {key}")
    return value / 1000
