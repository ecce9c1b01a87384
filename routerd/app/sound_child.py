"""The child that makes sounds: recordings converted, texts spoken; each becomes mono 16-bit PCM of 16 kHz.

``python -m routerd.app.sound_child`` reads jobs (:class:`routerd.app.sound_jobs.Job`) as JSON from standard input, does
one after the other and writes a line of JSON for each, as soon as it is done: null, or what was wrong. What it reads
may be hostile, so it has little: bounds on memory, on the size of files and on the time of each job, and nothing of
the daemon's. It streams: a recording is never whole in memory. Started by :mod:`routerd.app.sound_jobs` only.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

import msgspec
import numpy as np
import soxr  # type: ignore[import-untyped]

from routerd.app.sound_jobs import Job
from routerd.errors import MediaError
from routerd.media.wave_format import ALAW, CANONICAL_HZ, FLOAT, MULAW, WaveFormat, canonical_header, read_wave

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    Samples = npt.NDArray[np.float32]

JOB_S = 30.0
SPEAKING_S = 20.0
MEMORY_BYTES = 2_000_000_000  # of address space: what numpy maps and never touches counts too
LARGEST_RESULT_BYTES = 100_000_000
CHUNK_FRAMES = 65_536
FULL_SCALE = 32_768.0


class TooLongError(Exception):
    """A job has had its time."""


def convert(source: Path, target: Path, size_bytes: int) -> None:
    """Make ``target`` of the WAV file ``source``, whose size was ``size_bytes`` when it was judged.

    Raises MediaError (what is wrong with the file) and OSError.
    """
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size_bytes and size != size_bytes:
            raise MediaError("the file changes while it is read")

        def read(offset: int, length: int) -> bytes:
            file.seek(offset)
            return file.read(length)

        kind = read_wave(read, size)
        file.seek(kind.offset)
        _write(target, _resampled(_mixed(_blocks(file, kind), kind), kind.rate_hz))


def speak(text: str, voice: str, program: str, target: Path) -> None:
    """Have the text spoken and make ``target`` of it. Raises MediaError and OSError."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".spoken-") as folder:
        spoken = Path(folder) / "spoken.wav"
        command = [program, "-b", "1", "-v", voice, "-w", str(spoken), "--stdin"]
        try:
            done = subprocess.run(  # noqa: S603 - no shell; the text is no argument
                command, input=text.encode(), capture_output=True, timeout=SPEAKING_S, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise MediaError(f"the text was not spoken within {SPEAKING_S:g} s") from error
        if done.returncode != 0 or not spoken.is_file():
            said = done.stderr.decode("utf-8", "replace").strip().splitlines()
            raise MediaError(f"espeak-ng: {said[0][:200] if said else f'exit status {done.returncode}'}")
        convert(spoken, target, 0)


def _blocks(file: IO[bytes], kind: WaveFormat) -> Iterator[bytes]:
    left = kind.frames
    while left > 0:
        wanted = min(left, CHUNK_FRAMES) * kind.frame_bytes
        block = file.read(wanted)
        if len(block) < wanted:
            raise MediaError("the file changes while it is read")
        yield block
        left -= CHUNK_FRAMES


def _mixed(blocks: Iterator[bytes], kind: WaveFormat) -> Iterator[Samples]:
    """Give samples of -1 to 1, the channels' mean."""
    for block in blocks:
        samples = _samples(block, kind)
        if kind.channels > 1:
            samples = samples.reshape(-1, kind.channels).mean(axis=1, dtype=np.float32)
        yield samples


def _samples(block: bytes, kind: WaveFormat) -> Samples:
    if kind.coding == FLOAT:
        numbers = np.frombuffer(block, "<f4" if kind.width_bytes == 4 else "<f8")
        limited: Samples = np.clip(np.nan_to_num(numbers, nan=0.0), -1.0, 1.0).astype(np.float32)
        return limited
    if kind.coding in {ALAW, MULAW}:
        return _EXPANDED[kind.coding][np.frombuffer(block, np.uint8)]
    if kind.width_bytes == 1:  # the only unsigned one
        return (np.frombuffer(block, np.uint8).astype(np.float32) - 128.0) / 128.0
    if kind.width_bytes == 3:
        octets = np.frombuffer(block, np.uint8).reshape(-1, 3).astype(np.int32)
        whole = (octets[:, 0] << 8) | (octets[:, 1] << 16) | (octets[:, 2] << 24)
        return (whole / 2.0**31).astype(np.float32)
    whole = np.frombuffer(block, "<i2" if kind.width_bytes == 2 else "<i4")
    return (whole / 2.0 ** (8 * kind.width_bytes - 1)).astype(np.float32)


def _expand_mulaw() -> Samples:
    """The 256 values of G.711's µ-law (ITU-T G.711, table 2a)."""
    octets = ~np.arange(256, dtype=np.uint8)
    magnitude = (((octets & 15).astype(np.int32) << 3) + 132 << ((octets >> 4) & 7).astype(np.int32)) - 132
    return (np.where(octets & 128, -magnitude, magnitude) / FULL_SCALE).astype(np.float32)


def _expand_alaw() -> Samples:
    """The 256 values of G.711's A-law (ITU-T G.711, table 1a)."""
    octets = np.arange(256, dtype=np.uint8) ^ 0x55
    segment = ((octets >> 4) & 7).astype(np.int32)
    step = ((octets & 15).astype(np.int32) << 4) + 8
    magnitude = np.where(segment == 0, step, (step + 256) << np.maximum(segment - 1, 0))
    return (np.where(octets & 128, magnitude, -magnitude) / FULL_SCALE).astype(np.float32)


_EXPANDED = {MULAW: _expand_mulaw(), ALAW: _expand_alaw()}


def _resampled(blocks: Iterator[Samples], rate_hz: int) -> Iterator[Samples]:
    if rate_hz == CANONICAL_HZ:
        yield from blocks
        return
    stream = soxr.ResampleStream(rate_hz, CANONICAL_HZ, 1, dtype="float32", quality="HQ")
    for block in blocks:
        yield stream.resample_chunk(block)
    yield stream.resample_chunk(np.zeros(0, np.float32), last=True)


def _write(target: Path, blocks: Iterator[Samples]) -> None:
    """Write the canonical file under another name first: what has the name is whole."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".making-")
    try:
        with os.fdopen(descriptor, "wb") as out:
            _write_whole(out, blocks)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _write_whole(out: IO[bytes], blocks: Iterator[Samples]) -> None:
    out.write(canonical_header(0))
    frames = 0
    for block in blocks:
        whole = np.clip(np.rint(block * FULL_SCALE), -32_768, 32_767).astype("<i2")
        out.write(whole.tobytes())
        frames += len(whole)
    if frames == 0:
        raise MediaError("the file holds no sound")
    out.seek(0)
    out.write(canonical_header(frames))
    out.flush()
    os.fsync(out.fileno())


def do(job: Job) -> str | None:
    """Do a job; what was wrong, None when the target is there."""
    try:
        with _time_limit(JOB_S):
            if job.source:
                convert(Path(job.source), Path(job.target), job.size_bytes)
            else:
                speak(job.text, job.voice, job.program, Path(job.target))
    except MediaError as error:
        return str(error)
    except OSError as error:
        return f"{error.strerror or error}"
    except MemoryError:
        return "the sound needs more memory than it may have"
    except TooLongError:
        return f"the sound was not made within {JOB_S:g} s"
    return None


@contextlib.contextmanager
def _time_limit(limit_s: float) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise TooLongError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def main() -> int:
    """Do what standard input asks for; the exit status."""
    for kind, most in ((resource.RLIMIT_AS, MEMORY_BYTES), (resource.RLIMIT_FSIZE, LARGEST_RESULT_BYTES)):
        with contextlib.suppress(OSError, ValueError):  # a stricter limit of the service stays
            resource.setrlimit(kind, (most, most))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write beyond is then an OSError
    os.umask(0o077)
    for job in msgspec.json.decode(sys.stdin.buffer.read(), type=list[Job]):
        sys.stdout.buffer.write(msgspec.json.encode(do(job)) + b"\n")
        sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
