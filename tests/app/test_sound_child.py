from __future__ import annotations

import struct
import subprocess
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routerd.app import sound_child
from routerd.app.sound_child import convert, do, speak
from routerd.app.sound_jobs import Job, do_all
from routerd.errors import MediaError

if TYPE_CHECKING:
    from pathlib import Path

TONE_HZ = 440


def sox(*arguments: str) -> None:
    subprocess.run(["sox", "-D", *arguments], check=True, timeout=30)


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 16_000)
        return np.frombuffer(sound.readframes(sound.getnframes()), "<i2").astype(np.float64)


def pitch_and_level(path: Path) -> tuple[float, float]:
    found = samples(path)
    inner = found[1600:-1600]
    spectrum = np.abs(np.fft.rfft(inner * np.hanning(len(inner))))
    return float(np.argmax(spectrum)) * 16_000 / len(inner), float(np.sqrt(np.mean(inner**2))) / 32_768


@pytest.mark.parametrize(
    "form",
    [
        "-r 8000 -b 8 -e unsigned-integer",
        "-r 8000 -b 16",
        "-r 8000 -e a-law",
        "-r 8000 -e mu-law",
        "-r 11025 -b 24",
        "-r 16000 -b 16",
        "-r 22050 -b 32 -e signed-integer",
        "-r 44100 -b 16 -c 2",
        "-r 48000 -b 32 -e floating-point -c 2",
        "-r 48000 -b 64 -e floating-point",
        "-r 96000 -b 24 -c 6",
    ],
)
def test_a_tone_stays_itself_whatever_it_was_kept_in(form: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source.wav", tmp_path / "target.wav"
    sox("-n", *form.split(), str(source), "synth", "1", "sine", str(TONE_HZ), "vol", "0.5")
    convert(source, target, source.stat().st_size)
    assert len(samples(target)) == pytest.approx(16_000, abs=4)
    pitch, level = pitch_and_level(target)
    assert pitch == pytest.approx(TONE_HZ, abs=2)
    assert level == pytest.approx(0.5 / 2**0.5, rel=0.02)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source.wav", "target.wav"]


def test_channels_are_mixed(tmp_path: Path) -> None:
    source, target = tmp_path / "source.wav", tmp_path / "target.wav"
    sox(
        "-n",
        "-r",
        "16000",
        "-b",
        "16",
        "-c",
        "2",
        str(source),
        "synth",
        "1",
        "sine",
        "440",
        "vol",
        "0.5",
        "remix",
        "1",
        "0",
    )
    convert(source, target, 0)
    assert pitch_and_level(target)[1] == pytest.approx(0.25 / 2**0.5, rel=0.02)


def test_what_is_louder_than_can_be_is_limited(tmp_path: Path) -> None:
    source, target = tmp_path / "source.wav", tmp_path / "target.wav"
    loud = np.array([0.0, 9.0, -9.0, np.nan, np.inf, -np.inf] * 100, "<f4").tobytes()
    header = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\3\0\1\0\x80\x3e\0\0\0\xfa\0\0\4\0\x20\0data"
    source.write_bytes(header + len(loud).to_bytes(4, "little") + loud)
    convert(source, target, 0)
    assert samples(target)[:6].tolist() == [0, 32_767, -32_768, 0, 32_767, -32_768]


def test_more_than_a_block_is_streamed(tmp_path: Path) -> None:
    source, target = tmp_path / "source.wav", tmp_path / "target.wav"
    sox("-n", "-r", "48000", "-b", "16", str(source), "synth", "5", "sine", str(TONE_HZ), "vol", "0.5")
    convert(source, target, 0)
    found = samples(target)
    assert len(found) == pytest.approx(80_000, abs=4)
    moments = np.arange(len(found)) / 16_000
    wanted = 0.5 * 32_768 * np.sin(2 * np.pi * TONE_HZ * moments)
    assert np.max(np.abs(found - wanted)[200:-200]) < 40  # no seam between the blocks


def test_texts_are_spoken_as_they_stand(tmp_path: Path) -> None:
    target = tmp_path / "target.wav"
    for text in ("Please leave a message.", "-v nonsense; $(touch x) `y` \" ' \n <break/>", "Grüße, 你好"):
        speak(text, "en", "espeak-ng", target)
        assert len(samples(target)) > 8000
        assert np.max(np.abs(samples(target))) > 3000
    assert [path.name for path in tmp_path.iterdir()] == ["target.wav"]
    with pytest.raises(MediaError, match="voice"):
        speak("Hello.", "klingonese", "espeak-ng", target)


def test_a_file_that_changed_since_it_was_judged_is_not_taken(tmp_path: Path) -> None:
    source = tmp_path / "source.wav"
    sox("-n", "-r", "8000", "-b", "16", str(source), "synth", "0.1", "sine", "440")
    with pytest.raises(MediaError, match="changes"):
        convert(source, tmp_path / "target.wav", 17)


def test_what_is_wrong_is_said_and_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "target.wav"
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF....WAVE")
    assert do(Job(target=str(target), source=str(broken))) == "the file is damaged: it has no format"
    assert do(Job(target=str(target), source=str(tmp_path / "none.wav"))) == "No such file or directory"
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nexec sleep 60\n")
    slow.chmod(0o700)
    monkeypatch.setattr(sound_child, "SPEAKING_S", 0.2)
    assert do(Job(target=str(target), text="x", program=str(slow))) == "the text was not spoken within 0.2 s"
    monkeypatch.setattr(sound_child, "SPEAKING_S", 60.0)
    monkeypatch.setattr(sound_child, "JOB_S", 0.2)
    assert do(Job(target=str(target), text="x", program=str(slow))) == "the sound was not made within 0.2 s"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["broken.wav", "slow"]


def test_its_limits_are_kept_when_a_sound_wants_more(tmp_path: Path) -> None:
    greedy = tmp_path / "greedy"
    greedy.write_text('#!/bin/sh\nwhile [ "$1" != -w ]; do shift; done\nexec head -c 200000000 /dev/zero > "$2"\n')
    greedy.chmod(0o700)
    (said,) = do_all([Job(target=str(tmp_path / "a.wav"), text="x", program=str(greedy))], tmp_path)
    assert said is not None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["greedy"]


@settings(max_examples=60, deadline=None)
@given(
    tag=st.sampled_from([1, 3, 6, 7, 0xFFFE]),
    channels=st.sampled_from([1, 2, 3, 8]),
    rate=st.sampled_from([4000, 8000, 11_025, 44_100, 192_000, 0, 2**32 - 1]),
    width=st.sampled_from([1, 2, 3, 4, 8]),
    claimed=st.sampled_from([None, 0, 1, 5, 2**31, 2**32 - 1]),
    noise=st.binary(min_size=0, max_size=3000),
)
def test_any_file_becomes_a_whole_sound_or_an_error(
    tmp_path_factory: pytest.TempPathFactory,
    tag: int,
    channels: int,
    rate: int,
    width: int,
    claimed: int | None,
    noise: bytes,
) -> None:
    folder = tmp_path_factory.mktemp("any")
    block = channels * width
    head = struct.pack("<HHIIHH", tag, channels, rate, rate * block % 2**32, block, 8 * width)
    size = len(noise) if claimed is None else claimed
    content = b"WAVEfmt " + struct.pack("<I", 16) + head + b"data" + struct.pack("<I", size) + noise
    source, target = folder / "source.wav", folder / "target.wav"
    source.write_bytes(b"RIFF" + struct.pack("<I", len(content)) + content)
    said = do(Job(target=str(target), source=str(source)))
    if said is None:
        assert len(samples(target)) > 0
    else:
        assert [path.name for path in folder.iterdir()] == ["source.wav"]
