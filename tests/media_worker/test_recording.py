"""Both threads of a recording in one: packets, a clock that the test turns, a file."""

from __future__ import annotations

import errno
import itertools
import math
import wave
from array import array
from typing import TYPE_CHECKING, Any

import pytest

from routerd.media import g711, g722, rtp, track
from routerd.media_worker import recording as module
from routerd.media_worker import wav_file
from routerd.media_worker.recording import LAG_S, MOST_WAITING, Bounds, Outcome, Recording, interleaved

if TYPE_CHECKING:
    from pathlib import Path

FRAME_S = 0.02
NAMES = [{8: "PCMA"}, {8: "PCMA", 0: "PCMU", 9: "G722"}]
RATE = 8000


def tone(frequency: int, at_s: float, seconds: float = FRAME_S, rate: int = RATE) -> bytes:
    first = round(at_s * rate)
    step = 2 * math.pi * frequency / rate
    return array("h", [int(9000 * math.sin(step * (first + i))) for i in range(round(seconds * rate))]).tobytes()


class Studio:
    """A recording, its time, and two speakers."""

    def __init__(self, path: Path, sides: tuple[int, ...] = (0, 1), rate: int = RATE, **options: Any) -> None:
        self.now = 1000.0
        self.path = path
        self.recording = Recording(str(path), sides, [dict(names) for names in NAMES], rate, self.now, **options)
        self.sequence = [0, 0]
        self.encoder = g722.Encoder()

    def speak(self, seconds: float, *frequencies: int | None, law: str = "PCMA", ssrc: int = 7) -> None:
        """For so long each side sends its tone (None: nothing), and the scribe works now and then."""
        for _ in range(round(seconds / FRAME_S)):
            self.now += FRAME_S
            for side, frequency in enumerate(frequencies):
                self.sequence[side] += 1
                if frequency is not None:
                    self.recording.hear(side, self.packet(side, frequency, law, ssrc), self.now)
            if self.sequence[0] % 12 == 0:
                self.recording.work(self.now)

    def packet(self, side: int, frequency: int, law: str = "PCMA", ssrc: int = 7) -> bytes:
        number = self.sequence[side]
        if law == "G722":
            payload = self.encoder.encode(tone(frequency, self.now, rate=16000))
            return rtp.build(9, number, number * 160, ssrc, payload)
        payload = g711.encode(law, tone(frequency, self.now))
        return rtp.build(8 if law == "PCMA" else 0, number, number * 160, ssrc, payload)

    def end(self, reason: str = "stopped", **options: Any) -> Outcome:
        self.recording.end(reason, self.now, **options)
        assert not self.recording.work(self.now)
        assert self.recording.outcome is not None
        return self.recording.outcome

    def columns(self) -> list[array[int]]:
        with wave.open(str(self.path)) as sound:
            samples = array("h", sound.readframes(sound.getnframes()))
            self.rate = sound.getframerate()
            return [samples[number :: sound.getnchannels()] for number in range(sound.getnchannels())]


def held_s(column: array[int], frequency: int, rate: int = RATE) -> float:
    """For how long a column holds a tone, by its zero crossings in 50 ms pieces."""
    size = rate // 20
    found = 0
    for start in range(0, len(column) - size + 1, size):
        piece = column[start : start + size]
        crossings = sum(1 for first, second in itertools.pairwise(piece) if (first < 0) != (second < 0))
        found += max(piece) > 3000 and abs(crossings - frequency / 10) <= 4
    return found / 20


def test_two_parties_left_and_right(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "call.wav")
    studio.speak(2.0, 440, 600)
    outcome = studio.end()
    assert outcome == Outcome("stopped", str(studio.path), 2000, 44 + 2 * 2 * 16000, "")
    left, right = studio.columns()
    assert held_s(left, 440) > 1.8
    assert held_s(right, 600) > 1.8
    assert held_s(left, 600) == held_s(right, 440) == 0


def test_who_is_silent_for_a_while_stays_in_step(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "call.wav")
    studio.speak(1.0, 440, None)
    studio.speak(1.0, None, 600)
    studio.speak(1.0, 440, 600)
    studio.end()
    left, right = studio.columns()
    assert len(left) == len(right) == 3 * RATE
    assert max(map(abs, left[RATE + 400 : 2 * RATE - 400])) == 0
    assert max(map(abs, right[: RATE - 400])) == 0
    assert held_s(left[2 * RATE :], 440) > 0.8
    assert held_s(right[2 * RATE :], 600) > 0.8


def test_a_pause_is_left_out(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "call.wav")
    studio.speak(1.0, 440, 600)
    studio.recording.pause(studio.now)
    studio.recording.pause(studio.now)
    assert studio.recording.is_paused
    studio.speak(3.0, 800, 800)
    assert studio.recording.position_s(studio.now) == pytest.approx(1.0)
    studio.recording.resume(studio.now)
    studio.recording.resume(studio.now)
    studio.speak(1.0, 440, 600)
    outcome = studio.end()
    assert outcome.duration_ms == pytest.approx(2000, abs=1)
    assert studio.recording.paused_s == pytest.approx(3.0)
    left, right = studio.columns()
    assert held_s(left, 440) > 1.7
    assert held_s(right, 600) > 1.7
    assert held_s(left, 800) == held_s(right, 800) == 0


def test_it_may_end_while_it_is_paused(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "call.wav")
    studio.speak(1.0, 440, 600)
    studio.recording.pause(studio.now)
    studio.speak(1.0, 440, 600)
    assert studio.end("gone").duration_ms == pytest.approx(1000, abs=1)


def test_codecs_change_and_sources_too(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "call.wav")
    studio.speak(1.0, None, 600)
    studio.speak(1.0, None, 600, law="PCMU", ssrc=8)
    studio.speak(1.0, None, 600, law="G722", ssrc=8)
    studio.recording.follow([{}, {0: "PCMA"}])
    studio.speak(0.5, None, 600, law="PCMU", ssrc=9)  # now that number is another law: noise, but no harm
    studio.end()
    assert held_s(studio.columns()[1][: 3 * RATE], 600) > 2.7


def test_a_wide_recording(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "call.wav", rate=16000)
    studio.speak(1.0, 440, None)
    studio.speak(1.0, None, 600, law="G722")
    studio.end()
    left, right = studio.columns()
    assert studio.rate == 16000
    assert held_s(left, 440, 16000) > 0.9
    assert held_s(right, 600, 16000) > 0.8


def test_what_is_no_speech_is_silence(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "call.wav")
    for number, packet in enumerate((b"", b"\x80\x08", rtp.build(101, 1, 1, 1, bytes(4)), b"\xff\x08" + bytes(40))):
        studio.recording.hear(number % 2, packet, studio.now)
    studio.recording.close()
    studio.now += 1
    assert studio.end().duration_ms == 1000
    assert all(max(column) == min(column) == 0 for column in studio.columns())


def test_a_message_ends_by_silence_which_is_cut(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "m.wav", sides=(1,), bounds=Bounds(silence_s=2.0, longest_s=60.0))
    studio.speak(1.5, 440, 600)
    studio.speak(2.0 + LAG_S + 1.0, 440, None)
    assert studio.recording.outcome is not None
    assert studio.recording.outcome.reason == "silence"
    assert studio.recording.outcome.duration_ms == pytest.approx(1700, abs=60)
    (column,) = studio.columns()
    assert held_s(column, 600) > 1.4
    assert held_s(column, 440) == 0


def test_a_message_ends_by_its_length(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "m.wav", sides=(0,), bounds=Bounds(longest_s=1.0))
    studio.speak(3.0, 440, 600)
    assert studio.recording.outcome is not None
    assert (studio.recording.outcome.reason, studio.recording.outcome.duration_ms) == ("limit", 1000)


def test_the_tone_of_the_digit_that_ends_it_is_cut(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "m.wav", sides=(0,))
    studio.speak(2.0, 440, None)
    began = studio.now
    studio.speak(0.2, 941, None)
    outcome = studio.end("digit", text="#", started_s=began)
    assert outcome.duration_ms == pytest.approx(1940, abs=20)
    assert held_s(studio.columns()[0], 941) == 0


def test_nobody_spoke(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "m.wav", sides=(0,), bounds=Bounds(silence_s=1.0))
    studio.speak(2.5, None, None)
    assert studio.recording.outcome == Outcome("silence", str(studio.path), 0, 44, "")


def test_an_end_is_final(tmp_path: Path) -> None:
    hurried: list[int] = []
    studio = Studio(tmp_path / "call.wav", hurry=lambda: hurried.append(1))
    studio.speak(1.0, 440, 600)
    assert studio.end("stopped").reason == "stopped"
    studio.speak(1.0, 440, 600)
    studio.recording.end("gone", studio.now)
    assert studio.recording.outcome is not None
    assert studio.recording.outcome.duration_ms == 1000
    assert hurried == [1]


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    studio = Studio(tmp_path / "file" / "call.wav")
    studio.speak(0.5, 440, 600)
    assert studio.recording.outcome is not None
    assert studio.recording.outcome.reason == "failed"
    assert studio.recording.outcome.path == ""
    assert studio.recording.outcome.text


def test_no_space_at_the_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "free_bytes", lambda _path: 1000)
    studio = Studio(tmp_path / "call.wav")
    assert studio.end().text == "less than 16 MiB are free"
    assert list(tmp_path.iterdir()) == []


def test_the_disk_fills_up_meanwhile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(tmp_path / "call.wav")
    studio.speak(3.0, 440, 600)

    def full(_file: object, _sound: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(wav_file.WavFile, "append", full)
        studio.speak(2.0, 440, 600)
    outcome = studio.recording.outcome
    assert outcome is not None
    assert (outcome.reason, outcome.text) == ("failed", "No space left on device")
    assert outcome.duration_ms >= 1000
    assert held_s(studio.columns()[0], 440) > 0.9
    assert outcome.path == str(studio.path)


def test_a_bug_ends_one_recording_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(tmp_path / "call.wav")
    monkeypatch.setattr(track.Track, "put", lambda *_: 1 / 0)
    studio.speak(1.0, 440, 600)
    assert studio.recording.outcome is not None
    assert "ZeroDivisionError" in studio.recording.outcome.text


def test_a_disk_that_hangs_fills_no_memory(tmp_path: Path) -> None:
    studio = Studio(tmp_path / "call.wav")
    packet = studio.packet(0, 440)
    for _ in range(MOST_WAITING + 10):
        studio.recording.hear(0, packet, studio.now)
    assert studio.recording.is_ending
    assert len(studio.recording._inbox) == MOST_WAITING
    studio.recording.work(studio.now)
    assert studio.recording.outcome is not None
    assert studio.recording.outcome.text == "the disk does not keep up"


def test_columns_are_interleaved() -> None:
    assert interleaved([array("h", [1, 2]), array("h", [3, 4])]) == b"\1\0\3\0\2\0\4\0"
    assert interleaved([array("h", [1, 2])]) == b"\1\0\2\0"
