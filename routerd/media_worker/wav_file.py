"""A WAV file that grows while it is recorded (16-bit PCM), for a thread that may wait for the disk.

It is written as ``NAME.part``, readable by its owner only, and gets its name when it is finished. ``refresh`` writes
the true lengths into the header, so that what is left by a process that was killed can be played up to there.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import IO, Final

HEADER_BYTES: Final = 44
SAMPLE_BYTES: Final = 2
MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
PART: Final = ".part"
_HEADER: Final = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PCM: Final = 1
_MOST_BYTES: Final = 0xFFFFFFFF - HEADER_BYTES  # the lengths in the header have 32 bits


class WavFile:
    """One file being written; every method may raise OSError."""

    __slots__ = ("_channels", "_file", "_rate_hz", "path", "size_bytes")

    def __init__(self, path: str, channels: int, rate_hz: int) -> None:
        """Create ``path`` + ``.part``, its folder is there (see ``free_bytes``)."""
        self.path: str = path
        self._channels: int = channels
        self._rate_hz: int = rate_hz
        self.size_bytes: int = 0  # of sound, without the header
        self._file: IO[bytes] = open(path + PART, "wb", buffering=0, opener=_private)  # noqa: SIM115 - closed in finish
        self._write(self._header())

    @property
    def file_bytes(self) -> int:
        """The whole file's size."""
        return HEADER_BYTES + self.size_bytes

    @property
    def frames(self) -> int:
        """Samples a channel so far."""
        return self.size_bytes // (SAMPLE_BYTES * self._channels)

    def append(self, sound: bytes) -> None:
        """Write samples, interleaved and little-endian."""
        if self.size_bytes + len(sound) > _MOST_BYTES:
            raise OSError("a WAV file holds no more than 4 GiB")
        self._write(sound)
        self.size_bytes += len(sound)

    def refresh(self) -> None:
        """Bring the header's lengths up to what is written."""
        self._file.seek(0)
        self._write(self._header())
        self._file.seek(0, os.SEEK_END)

    def truncate(self, frames: int) -> None:
        """Cut everything behind so many samples a channel."""
        kept = min(self.size_bytes, frames * SAMPLE_BYTES * self._channels)
        if kept < self.size_bytes:
            self._file.truncate(HEADER_BYTES + kept)
            self._file.seek(0, os.SEEK_END)
            self.size_bytes = kept

    def finish(self) -> None:
        """Close the file under its own name."""
        try:
            self.refresh()
        finally:
            self._file.close()
        Path(self.path + PART).replace(self.path)

    def abandon(self) -> None:
        """Close what cannot be written any more, with the name and lengths that it can still get."""
        try:
            self.size_bytes = max(0, os.fstat(self._file.fileno()).st_size - HEADER_BYTES)
            self.size_bytes -= self.size_bytes % (SAMPLE_BYTES * self._channels)
            self.finish()
        except OSError:
            self._file.close()

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            view = view[self._file.write(view) :]

    def _header(self) -> bytes:
        width = SAMPLE_BYTES * self._channels
        return _HEADER.pack(
            b"RIFF", HEADER_BYTES - 8 + self.size_bytes, b"WAVE", b"fmt ", 16, _PCM, self._channels, self._rate_hz,
            self._rate_hz * width, width, 8 * SAMPLE_BYTES, b"data", self.size_bytes,
        )  # fmt: skip


def free_bytes(path: str) -> int:
    """Make the folder of ``path``; how much its disk can still take. Raises OSError."""
    folder = Path(path).parent
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    space = os.statvfs(folder)
    return space.f_bavail * space.f_frsize


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CREAT | os.O_NOFOLLOW, MODE)
