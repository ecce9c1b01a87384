"""The folder of made sounds: files that can be played, named by what they were made of, and which versions use them.

A file is written whole or not at all. ``uses.json`` has, by account, which files the last versions of its document
play; what none of them does, and nobody made of late, is removed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from routerd.edge.logs import logger
from routerd.errors import MediaError
from routerd.media.wave_format import CANONICAL_HEADER_BYTES, WaveFormat, canonical_header, read_wave

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routerd.rules.tables import AccountTables

log = logger("app.sound_cache")

VERSIONS_KEPT: Final = 5
UNUSED_S: Final = 3600.0  # what was made for a document that is not in force (a plan, a validation) may still come
_USES: Final = "uses.json"
_BLOCK: Final = 1 << 20

Uses = dict[str, list[tuple[int, dict[str, str]]]]  # account: (version, sound: file), newest first


class SoundCache:
    """One folder; made 0700 by :meth:`open`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._keeping = threading.Lock()

    def open(self) -> None:
        """Make the folder. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def length(self, name: str) -> float | None:
        """Give the length in seconds of the file ``name``; None when it is not there, or not whole."""
        try:
            with (self.folder / Path(name).name).open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                kind = read_wave(lambda offset, length: os.pread(file.fileno(), length, offset), size)
        except (OSError, MediaError):
            return None
        return kind.duration_s if kind.canonical and kind.offset == CANONICAL_HEADER_BYTES else None

    def take(self, name: str, source: Path, kind: WaveFormat) -> None:
        """Take a recording in that needs no conversion. Raises OSError."""
        with source.open("rb") as file:
            file.seek(kind.offset)
            left = kind.frames * kind.frame_bytes
            blocks = [canonical_header(kind.frames)]
            while left > 0 and (block := file.read(min(left, _BLOCK))):
                blocks.append(block)
                left -= len(block)
        self._write(name, blocks)

    def used_by(self, account: str, version: int) -> dict[str, str]:
        """Give the files (by sound) that a version of an account's document was put in force with."""
        return next((files for number, files in self._uses().get(account, []) if number == version), {})

    def in_force(self, account: str) -> dict[str, str]:
        """Give the files (by sound) of the version that came into force last."""
        return next((files for _, files in self._uses().get(account, [])), {})

    def keep(self, accounts: Iterable[AccountTables]) -> None:
        """Note what the documents in force play, and remove what none of the last versions does."""
        if not self.folder.is_dir():
            return
        with self._keeping:
            uses = self._uses()
            for tables in accounts:
                files = {sound.id: Path(sound.path).name for sound in tables.sounds.values() if sound.path}
                before = [use for use in uses.get(tables.account.id, []) if use[0] != tables.version]
                uses[tables.account.id] = [(tables.version, files), *before][:VERSIONS_KEPT]
            try:
                self._write(_USES, [msgspec.json.encode(uses)])
                self._remove_others({name for kept in uses.values() for _, files in kept for name in files.values()})
            except OSError as error:
                log.warning("the sounds' cache cannot be tidied", error=str(error))

    def _remove_others(self, used: set[str]) -> None:
        for path in self.folder.iterdir():
            if path.name in used or path.name == _USES or time.time() - path.stat().st_mtime < UNUSED_S:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)

    def _uses(self) -> Uses:
        try:
            return msgspec.json.decode((self.folder / _USES).read_bytes(), type=Uses)
        except (OSError, msgspec.MsgspecError):
            return {}

    def _write(self, name: str, blocks: Iterable[bytes]) -> None:
        """Write a file whole or not at all."""
        descriptor, making = tempfile.mkstemp(dir=self.folder, prefix=".making-")
        try:
            with os.fdopen(descriptor, "wb") as out:
                out.writelines(blocks)
                out.flush()
                os.fsync(out.fileno())
            Path(making).replace(self.folder / name)
        except BaseException:
            Path(making).unlink(missing_ok=True)
            raise
