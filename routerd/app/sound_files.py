"""Sounds' files that come over the API: judged, then kept below ``sounds_dir`` in the account's own folder.

A file is named by the sound and by its content, and never changes: what an older version of a document names is still
there when that version comes back.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

from routerd.admin_api.problems import Problem, no_such
from routerd.errors import MediaError
from routerd.media.wave_format import read_wave

if TYPE_CHECKING:
    from routerd.app.sounds import SoundLibrary

MAX_SOUND_S: Final = 1200.0
_DIGITS: Final = 16
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.\-]")


def keep_file(sounds_dir: str, account: str, sound: str, content: bytes) -> str:
    """Keep a WAV file for a sound; gives the name that its entry shall have. Raises Problem (409, 422)."""
    if not sounds_dir:
        raise Problem(409, "no sounds_dir is set", hint="[document] sounds_dir in the settings")
    try:
        kind = read_wave(lambda offset, length: content[offset : offset + length], len(content))
    except MediaError as error:
        raise Problem(422, str(error), code="invalid_sound") from error
    if kind.duration_s > MAX_SOUND_S:
        said = f"it lasts {kind.duration_s:.0f} s: at most {MAX_SOUND_S:.0f} are taken"
        raise Problem(422, said, code="invalid_sound")
    safe = _UNSAFE.sub("_", sound)[:64].lstrip(".-") or "sound"
    name = f"{safe}.{hashlib.sha256(content).hexdigest()[:_DIGITS]}.wav"
    try:
        _write(Path(sounds_dir) / account, name, content)
    except OSError as error:
        said = f"the sound cannot be kept: {error.strerror}"
        raise Problem(409, said, hint="see the rights of sounds_dir") from error
    return name


def _write(folder: Path, name: str, content: bytes) -> None:
    """Write a file whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / name).is_file():
        return
    descriptor, making = tempfile.mkstemp(dir=folder, prefix=".making-")
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        Path(making).chmod(0o640)
        Path(making).replace(folder / name)
    except BaseException:
        Path(making).unlink(missing_ok=True)
        raise


def read_file(library: SoundLibrary, account: str, file: str) -> bytes:
    """Give the content of a sound's file; raises the 404."""
    try:
        return library.source(account, file).path.read_bytes()
    except (MediaError, OSError) as error:
        raise no_such("file of this sound") from error
