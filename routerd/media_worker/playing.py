"""Playing to a party: prompts, and digits in its own way.

Theory of operation. What a party hears of the engine is its ``Speaker``, kept for the call, so that prompts and
digits of one call are one stream. While it speaks it stands on the line's treated path, where what the other party
says is dropped, and is called by the pacer, slot by slot; when it has nothing more to say the line goes back to what
it was. Time goes on for a party that holds the call, but nothing is sent to it. A new negotiation that agrees on
another codec goes on at the same place in that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.errors import MediaError
from routerd.media import converter, dtmf, tone
from routerd.media.ng import HOUSE
from routerd.media.playout import CLOCK_PER_MS, Playout, Prompt
from routerd.media_worker.extension import Extension, Negotiation, Services
from routerd.media_worker.prompt_files import PromptFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from routerd.media.formats import Format
    from routerd.media.relay_lane import Address
    from routerd.media_worker.call import MediaCall, MediaLine
    from routerd.media_worker.pacer import Pacing

PRESS_MS: Final = 160
LEAST_PRESS_MS: Final = 60
MOST_PRESS_MS: Final = 5000
PAUSE_MS: Final = 80
MOST_FILES: Final = 100
_NARROW_HZ: Final = 8000


class Speaker:
    """One party's stream of the engine's sounds."""

    __slots__ = ("_files", "_pacer", "_prompts", "_services", "call", "is_running", "line", "playout", "side", "tag")

    def __init__(
        self,
        call: MediaCall,
        line: MediaLine,
        side: int,
        playout: Playout,
        parts: tuple[Services, Pacing, PromptFiles],
    ) -> None:
        self._services, self._pacer, self._files = parts
        self._prompts: list[Prompt] = []
        self.call: MediaCall = call
        self.line: MediaLine = line
        self.side: int = side
        self.tag: str = ""
        self.playout: Playout = playout
        self.is_running: bool = False

    @property
    def is_speaking(self) -> bool:
        """Whether the other party is not heard now."""
        return self.playout.is_speaking

    def play(self, tag: str, paths: Sequence[str], passes: int, play_id: str | None, start_ms: int) -> int:
        """Play files in sequence; how long one pass lasts, in ms. Raises MediaError: then nothing has changed."""
        prompts = self._open(paths, self._format())
        self._tune()
        self._release(prompts)
        self.tag = tag
        self.playout.play(prompts, passes, play_id)
        if start_ms > 0:
            self.playout.skip(start_ms)
        self._run()
        return sum(prompt.duration_ms for prompt in prompts)

    def press(self, digit: str, duration_ms: int) -> None:
        """Tell this party a digit, by events or by tones as it agreed. Raises MediaError."""
        event = self.line.agreement.digits_to(self.side)
        speech = self._format() if event is None else None
        self._tune()
        ptime_ms = self.playout.ptime_ms
        pause = -(-PAUSE_MS // ptime_ms)
        if speech is None:
            units = ptime_ms * CLOCK_PER_MS
            payloads = dtmf.event_payloads(digit, -(-duration_ms // ptime_ms), units)
            self.playout.press([payload for payload, _ in payloads], pause)
        else:
            self.playout.insert(_tones(digit, -(-duration_ms // ptime_ms), ptime_ms, speech.name), pause)
        self._run()

    def stop(self) -> None:
        """Play no more; a digit is told to its end."""
        self.playout.stop()
        self._release([])
        if not self.playout.is_speaking:
            self._rest()

    def retune(self) -> None:
        """Another negotiation: go on in what was agreed now, or stop where nothing was."""
        if not self.playout.is_speaking:
            return
        try:
            speech = self._format()
            if self._prompts and not self._fits(speech):
                prompts = [self._files.reopen(prompt, speech.name, self._ptime_ms()) for prompt in self._prompts]
                self._tune()
                self._release(prompts)
                self.playout.exchange(prompts)
            else:
                self._tune()
        except MediaError:
            self.playout.give_up()
            self._end()
            self._rest()

    def move(self, side: int) -> None:
        """The party is on the other side now."""
        self._rest()
        self.side = side
        if self.playout.is_speaking:
            self.line.path.set_player(side, self)

    def step(self, due_ms: int) -> int | None:
        """One slot."""
        playout = self.playout
        if not playout.is_speaking:
            self.is_running = False
            return None
        packet = playout.step(due_ms)
        if packet is not None and self.line.session.may_receive(self.side):
            self.line.path.send(self.side, packet)
        if playout.ended:
            self._end()
        if playout.is_speaking:
            return due_ms + playout.ptime_ms
        self.is_running = False
        self._rest()
        return None

    def close(self) -> None:
        """The line is closed."""
        self.playout.close()
        self._release([])

    def _run(self) -> None:
        if self.line.path.players[self.side] is not self:
            self.line.path.set_player(self.side, self)
        if not self.is_running:
            self.is_running = True
            self._pacer.add(self)

    def _rest(self) -> None:
        if self.line.path.players[self.side] is self:
            self.line.path.set_player(self.side, None)

    def _end(self) -> None:
        ended, self.playout.ended = self.playout.ended, []
        self._release([])
        for play_id in ended:
            self._services.notify(self.call, "media-ended", {"tag": self.tag, "play-id": play_id or ""})

    def _format(self) -> Format:
        speech = self.line.agreement.speech_to(self.side)
        if speech is None:
            raise MediaError("No codec to play in" if self.line.agreement.is_answered else "Not answered yet")
        return speech

    def _fits(self, speech: Format) -> bool:
        return all((prompt.name, prompt.ptime_ms) == (speech.name, self._ptime_ms()) for prompt in self._prompts)

    def _ptime_ms(self) -> int:
        return self.line.agreement.ptime_ms(self.side)

    def _tune(self) -> None:
        speech = self.line.agreement.speech_to(self.side)
        event = self.line.agreement.digits_to(self.side)
        number = 0 if speech is None else speech.payload_type
        self.playout.tune(number, None if event is None else event.payload_type, self._ptime_ms())

    def _open(self, paths: Sequence[str], speech: Format) -> list[Prompt]:
        prompts: list[Prompt] = []
        try:
            for path in paths:
                prompts.append(self._files.open(path, speech.name, self._ptime_ms()))  # noqa: PERF401 - for the release
        except MediaError:
            for prompt in prompts:
                self._files.release(prompt)
            raise
        return prompts

    def _release(self, following: list[Prompt]) -> None:
        before, self._prompts = self._prompts, following
        for prompt in before:
            self._files.release(prompt)


class Playing(Extension):
    """The commands ``play media``, ``stop media`` and ``play DTMF``."""

    __slots__ = ("_draw", "_files", "_pacer", "_services", "_speakers")

    def __init__(
        self, services: Services, pacer: Pacing, draw: Callable[[int], int], files: PromptFiles | None = None
    ) -> None:
        """``draw(bits)`` gives a random number."""
        self._services: Services = services
        self._pacer: Pacing = pacer
        self._draw: Callable[[int], int] = draw
        self._files: PromptFiles = PromptFiles() if files is None else files
        self._speakers: dict[str, list[Speaker]] = {}

    @property
    def capabilities(self) -> Sequence[str]:
        """Playing."""
        return ("play media", "play DTMF")

    def commands(self) -> dict[str, Callable[[dict[str, Any], Address, float], dict[str, Any]]]:
        """What is served."""
        return {"play media": self._play, "stop media": self._stop, "play DTMF": self._press}

    def answered(self, negotiation: Negotiation) -> None:
        """Go on in what was agreed, for those who are still there."""
        call = negotiation.call
        speakers = self._speakers.get(call.call_id, [])
        for speaker in speakers:
            if speaker.tag not in call.speakers:
                speaker.stop()
        moved = [speaker for speaker in speakers if speaker.tag and call.side_of(speaker.tag) != speaker.side]
        for speaker in moved:
            if speaker.tag in call.speakers:
                speaker.move(call.side_of(speaker.tag))
        # a party's own stream is found before one that was left behind on its side
        speakers.sort(key=lambda speaker: speaker.tag not in call.speakers)
        for speaker in speakers:
            speaker.retune()

    def ended(self, call: MediaCall) -> None:
        """Nobody listens any more."""
        for speaker in self._speakers.pop(call.call_id, ()):
            speaker.close()

    def close(self) -> None:
        """Close the files."""
        self._files.close()

    def press(self, call: MediaCall, side: int, digit: str, duration_ms: int = PRESS_MS) -> None:
        """Tell the party on ``side`` a digit; raises MediaError when it cannot be told."""
        self._speaker(call, side).press(digit, max(LEAST_PRESS_MS, min(duration_ms, MOST_PRESS_MS)))

    def _play(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        call, side, tag = self._services.party_of(command)
        passes = _number(command, "repeat-times", 1)
        play_id = command.get("play-id")
        duration_ms = self._speaker(call, side).play(
            tag,
            _files(command),
            max(0, passes),
            play_id if isinstance(play_id, str) else None,
            _number(command, "start-pos", 0),
        )
        return {"result": "ok", "duration": duration_ms}

    def _stop(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        call, side, _ = self._services.party_of(command)
        for speaker in self._speakers.get(call.call_id, ()):
            if speaker.side == side:
                speaker.stop()
        return {"result": "ok"}

    def _press(self, command: dict[str, Any], _source: Address, _now: float) -> dict[str, Any]:
        call, side, _ = self._services.party_of(command)
        code = command.get("code", command.get("digit"))
        digit = tone.DIGITS[code] if isinstance(code, int) and code in range(16) else str(code)
        dtmf.code_of(digit)
        self.press(call, 1 - side, digit, _number(command, "duration", PRESS_MS))
        return {"result": "ok"}

    def _speaker(self, call: MediaCall, side: int) -> Speaker:
        line = call.speech_line()
        if line is None:
            raise MediaError("No line of speech")
        if call.speakers[side] == HOUSE:
            raise MediaError("Nobody listens there")
        speakers = self._speakers.setdefault(call.call_id, [])
        for speaker in speakers:
            if speaker.side == side and speaker.line is line:
                return speaker
        playout = Playout(self._draw(32), self._draw(16), self._draw(32))
        speakers.append(Speaker(call, line, side, playout, (self._services, self._pacer, self._files)))
        return speakers[-1]


def _files(command: Mapping[str, Any]) -> list[str]:
    many = command.get("files")
    paths = many if isinstance(many, list) else [command.get("file")]
    named = [path for path in paths if isinstance(path, str) and path]
    if not named or len(named) != len(paths) or len(named) > MOST_FILES:
        raise MediaError("No file in message")
    return named


def _number(command: Mapping[str, Any], key: str, default: int) -> int:
    value = command.get(key, default)
    return value if isinstance(value, int) else default


def _tones(digit: str, packets: int, ptime_ms: int, codec: str) -> list[bytes]:
    """Payloads of a digit's tones."""
    encode = converter.make_transcoder("PCMA", codec)
    size = ptime_ms * CLOCK_PER_MS
    sound = converter.law(tone.make_digit(digit, packets * ptime_ms / 1000, _NARROW_HZ))
    return [encode(sound[at : at + size]) for at in range(0, packets * size, size)]
