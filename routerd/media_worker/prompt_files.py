"""Files of prompts, each opened once for all who hear it in one codec.

Theory of operation. ``open`` gives a shared ``Prompt``; it reads its file through a descriptor that it keeps until
all is encoded, so a file may be replaced or removed while it plays: who asks later gets the new one. What nobody uses
stays for the next caller, the longest unused goes first when more than ``IDLE_BYTES`` would lie about.
"""

from __future__ import annotations

import os
import stat
from typing import Final, NamedTuple

from routerd.errors import MediaError
from routerd.media.playout import Prompt
from routerd.media.wave_format import PCM, read_wave

IDLE_BYTES: Final = 16 * 1024 * 1024
MOST_IDLE: Final = 500
_WIDTH_BYTES: Final = 2


class _Key(NamedTuple):
    path: str
    codec: str
    ptime_ms: int
    size_bytes: int
    modified_ns: int
    inode: int


class _Source:
    """One open file."""

    __slots__ = ("descriptor", "offset")

    def __init__(self, descriptor: int) -> None:
        self.descriptor: int = descriptor
        self.offset: int = 0

    def read_bytes(self, offset: int, length: int) -> bytes:
        """Any part."""
        return os.pread(self.descriptor, length, offset)

    def read(self, first: int, count: int) -> bytes:
        """Samples; fewer when the file was cut off or cannot be read any more."""
        try:
            return os.pread(self.descriptor, count * _WIDTH_BYTES, self.offset + first * _WIDTH_BYTES)
        except OSError:
            return b""

    def close(self) -> None:
        """Give the descriptor back; once."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class _Shared:
    __slots__ = ("key", "prompt", "source", "users")

    def __init__(self, key: _Key, prompt: Prompt, source: _Source) -> None:
        self.key: _Key = key
        self.prompt: Prompt = prompt
        self.source: _Source = source
        self.users: int = 0


class PromptFiles:
    """All prompts of one engine."""

    __slots__ = ("_by_prompt", "_idle", "_known", "idle_bytes")

    def __init__(self, idle_bytes: int = IDLE_BYTES) -> None:
        self.idle_bytes: int = idle_bytes
        self._known: dict[_Key, _Shared] = {}
        self._by_prompt: dict[int, _Shared] = {}
        self._idle: dict[_Key, _Shared] = {}  # the longest unused first

    def __len__(self) -> int:
        """Prompts held, used or not."""
        return len(self._known)

    def open(self, path: str, codec: str, ptime_ms: int) -> Prompt:
        """One file's prompt: a mono WAV of 16-bit samples at 8 or 16 kHz. Next: ``release`` it.

        Raises MediaError when it is not there or something else.
        """
        try:
            found = os.stat(path)  # noqa: PTH116 - asked for every prompt of every call
            key = _Key(path, codec, ptime_ms, found.st_size, found.st_mtime_ns, found.st_ino)
            shared = self._known.get(key) or self._load(key)
        except OSError as error:
            raise MediaError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise MediaError("no path of a file") from error
        shared.users += 1
        self._idle.pop(key, None)
        return shared.prompt

    def reopen(self, prompt: Prompt, codec: str, ptime_ms: int) -> Prompt:
        """The same file for another codec; raises MediaError when it is not there any more."""
        return self.open(self._by_prompt[id(prompt)].key.path, codec, ptime_ms)

    def release(self, prompt: Prompt) -> None:
        """One who heard it does so no more."""
        shared = self._by_prompt[id(prompt)]
        shared.users -= 1
        if prompt.is_whole:
            shared.source.close()
        if not shared.users:
            self._idle[shared.key] = shared
            self._tidy()

    def close(self) -> None:
        """Forget all, used or not."""
        for shared in self._known.values():
            shared.source.close()
        self._known, self._by_prompt, self._idle = {}, {}, {}

    def _load(self, key: _Key) -> _Shared:
        if not os.path.isabs(key.path):  # noqa: PTH117 - only asked of the text
            raise MediaError(f"{key.path}: not an absolute path")
        source = _Source(os.open(key.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
        try:
            prompt = _read(source, key)
        except (MediaError, OSError):
            source.close()
            raise
        shared = _Shared(key, prompt, source)
        self._known[key] = self._by_prompt[id(prompt)] = shared
        return shared

    def _tidy(self) -> None:
        size = sum(shared.prompt.size_bytes for shared in self._idle.values())
        while self._idle and (size > self.idle_bytes or len(self._idle) > MOST_IDLE):
            key = next(iter(self._idle))
            shared = self._idle.pop(key)
            size -= shared.prompt.size_bytes
            shared.source.close()
            del self._known[key], self._by_prompt[id(shared.prompt)]


def _read(source: _Source, key: _Key) -> Prompt:
    if not stat.S_ISREG(os.fstat(source.descriptor).st_mode):
        raise MediaError(f"{key.path}: not a file")
    wave = read_wave(source.read_bytes, key.size_bytes)
    if (wave.coding, wave.width_bytes, wave.channels) != (PCM, _WIDTH_BYTES, 1):
        raise MediaError(f"{key.path}: not mono with 16 bits")
    source.offset = wave.offset
    return Prompt(source.read, wave.frames, wave.rate_hz, key.codec, key.ptime_ms)
