"""Tones as proof of audio: each side plays a frequency of its own, and the other side's recording must hold it."""

from __future__ import annotations

import math
import struct
import threading
import time
import wave
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

RATE = 8000
BLOCK = 400  # 50 ms: the Goertzel bin is 20 Hz wide


def write_tone(path: Path, frequency: int, *, seconds: float = 30, level: float = 0.3, rate: int = RATE) -> Path:
    """A mono 16-bit WAV of one sine."""
    step = 2 * math.pi * frequency / rate
    one_second = b"".join(struct.pack("<h", int(32767 * level * math.sin(step * i))) for i in range(rate))
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(one_second * math.ceil(seconds))
    return path


def write_samples(path: Path, samples: Iterable[int]) -> Path:
    """A mono 16-bit WAV of 8 kHz."""
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return path


def read_samples(path: Path) -> tuple[list[int], int]:
    """First channel's samples and the rate. A file still being written has no true length, or no header at all yet."""
    data = path.read_bytes()
    channels, rate, start = 1, RATE, 44
    if b"fmt " in data[:64] and b"data" in data[:256]:
        channels, rate = struct.unpack_from("<HI", data, data.index(b"fmt ") + 10)
        start = data.index(b"data") + 8
    body = data[start : start + (len(data) - start) // (2 * channels) * 2 * channels]
    samples = struct.unpack(f"<{len(body) // 2}h", body)
    return list(samples[::channels]), rate


def power(block: list[int], frequency: float, rate: int) -> float:
    """The share (0..1) of the block's energy that lies at the frequency (Goertzel)."""
    energy = sum(sample * sample for sample in block)
    if energy < len(block) * 100 * 100:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * frequency / rate)
    before = last = 0.0
    for sample in block:
        before, last = last, sample + coefficient * last - before
    goertzel = last * last + before * before - coefficient * last * before
    return 2 * goertzel / (len(block) * energy)


def seconds_of(path: Path, frequency: float) -> float:
    """For how many seconds the recording clearly holds the tone."""
    samples, rate = read_samples(path)
    size = BLOCK * rate // RATE
    blocks = (samples[start : start + size] for start in range(0, len(samples) - size + 1, size))
    return sum(1 for block in blocks if power(block, frequency, rate) > 0.6) * size / rate


def wait_heard(
    recordings: Callable[[], list[Path]], frequency: float, *, seconds: float = 0.5, timeout_s: float = 10
) -> None:
    """Until the newest recording, which a phone is still writing, holds the tone for so long."""
    until = time.monotonic() + timeout_s
    pace = threading.Event()
    heard = 0.0
    while time.monotonic() < until:
        paths = recordings()
        if paths and paths[-1].stat().st_size > RATE * 2 * seconds:
            heard = seconds_of(paths[-1], frequency)
            if heard >= seconds:
                return
        pace.wait(0.1)  # a file tells nobody that it grew
    assert heard >= seconds, f"{frequency} Hz for {heard:.2f} s within {timeout_s} s in {recordings()}"


def assert_heard(path: Path, frequency: float, *, at_least_s: float) -> None:
    heard = seconds_of(path, frequency)
    samples, rate = read_samples(path)
    assert heard >= at_least_s, f"{frequency} Hz for {heard:.2f} s of {len(samples) / rate:.2f} s in {path}"


def assert_not_heard(path: Path, frequency: float, *, at_most_s: float = 0.1) -> None:
    assert seconds_of(path, frequency) <= at_most_s, f"{frequency} Hz is in {path}"
