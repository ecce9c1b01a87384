"""An account's sounds: from what its document names to files that can be played.

A sound is a WAV file below ``sounds_dir`` (the account's own folder ``sounds_dir/ACCOUNT`` first) or a text that
espeak-ng speaks. When a document is judged each becomes mono 16-bit PCM of 16 kHz in the cache folder, named by the
digest of what it was made of: nothing is made twice, and a file that changes later changes nothing that is in force.
What cannot be made is an error of the document. The work is done by a child (:mod:`routerd.app.sound_child`), so this
may be called in any thread. Next: ``compile_account(…, sound_paths=made.paths, sound_durations=made.durations)``.

:meth:`SoundLibrary.keep` notes what is in force and removes what only older versions needed. A document that is in
force already is not refused when its sources are gone: what was made of them is played on.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from routerd.app.sound_cache import SoundCache
from routerd.app.sound_jobs import Job, do_all
from routerd.edge.logs import logger
from routerd.errors import MediaError
from routerd.media.wave_format import TAKEN, WaveFormat, read_wave

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routerd.config.document import Document, Sound
    from routerd.config.problems import Problems
    from routerd.rules.tables import AccountTables

log = logger("app.sounds")

CACHE_FOLDER: Final = "sounds-cache"
SPEAKER: Final = "espeak-ng"
FORM: Final = b"1"  # of what is made; another one is made anew
MAX_FILE_BYTES: Final = 256_000_000
MAX_SOUND_S: Final = 1200.0
_FILE_HINT: Final = f"taken is {TAKEN}; `sox IN -b 16 OUT.wav` makes one"


def cache_of(store: str) -> str:
    """Give the cache folder that belongs to a store's file; "" has none."""
    return str(Path(store).parent / CACHE_FOLDER) if store else ""


class NotThereError(MediaError):
    """There is no such file where sounds lie."""


class Made(msgspec.Struct, frozen=True):
    """What a document's sounds became, by sound id: absolute paths and lengths in seconds."""

    paths: dict[str, str]
    durations: dict[str, float]


class Source(msgspec.Struct, frozen=True):
    """A sound's file, judged: where it really is, its size, when it changed, what it holds."""

    path: Path
    size_bytes: int
    changed_ns: int
    kind: WaveFormat


class SoundLibrary:
    """The sounds of this machine. ``sounds_dir`` "" : files are not judged; ``cache_dir`` "" : nothing is made."""

    def __init__(self, sounds_dir: str, cache_dir: str = "") -> None:
        self._sounds = Path(sounds_dir).resolve() if sounds_dir else None
        self.cache = SoundCache(Path(cache_dir).resolve()) if cache_dir else None
        self._digests: dict[tuple[str, int, int], str] = {}

    def measure(self, document: Document) -> dict[str, float]:
        """Give the lengths that are known without making anything, by sound id; what is wrong is left out."""
        found = {}
        for sound in document.sounds:
            try:
                length = self._known_length(document, sound)
            except MediaError:
                continue
            if length is not None:
                found[sound.id] = length
        return found

    def judge(self, document: Document, problems: Problems) -> None:
        """Note every file that cannot be a sound; nothing is made."""
        if self._sounds is None:
            return
        for place, sound in enumerate(document.sounds):
            if sound.file is not None:
                try:
                    self.source(document.account.id, sound.file)
                except MediaError as error:
                    problems.add(str(error), f"/sounds/{place}/file", hint_of(error))

    def make(self, document: Document, version: int, problems: Problems) -> Made:
        """Make what is not there yet; what cannot be made goes to ``problems``.

        ``version`` is the stored document's, 0 of one that is not stored: a stored one may fall back on its old files.
        """
        if self.cache is None:
            self.judge(document, problems)
            return Made({}, self.measure(document))
        try:
            self.cache.open()
        except OSError as error:
            problems.add(
                f"the folder {self.cache.folder} cannot be made: {error.strerror}", "/sounds", "see its rights"
            )
            return Made({}, {})
        old = self.cache.used_by(document.account.id, version) if version else {}
        return _Making(self, self.cache, document, old, problems).run()

    def changed(self, document: Document) -> bool:
        """Say whether a file is another than the one that the account's sounds in force were made of."""
        used = {} if self.cache is None else self.cache.in_force(document.account.id)
        for sound in document.sounds:
            if sound.file is None or sound.id not in used:
                continue
            try:
                name = f"{self.digest(self.source(document.account.id, sound.file))}.wav"
            except (MediaError, OSError) as error:
                log.warning("a sound cannot be made: the old one is played on", sound=sound.id, error=str(error))
                continue
            if name != used[sound.id]:
                return True
        return False

    def keep(self, accounts: Iterable[AccountTables]) -> None:
        """Note what the documents in force play, and remove what none of the last versions does."""
        if self.cache is not None:
            self.cache.keep(accounts)

    def _known_length(self, document: Document, sound: Sound) -> float | None:
        if sound.file is not None:
            return None if self._sounds is None else self.source(document.account.id, sound.file).kind.duration_s
        if self.cache is None:
            return None
        return self.cache.length(text_name(sound.text or "", voice_of(document, sound)))

    def source(self, account: str, name: str) -> Source:
        """Find and judge a sound's file. Raises MediaError."""
        if self._sounds is None:
            raise NotThereError("no sounds_dir is set")
        path = self._inside(account, name)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise MediaError(f'the file "{name}" cannot be read: {error.strerror}') from error
        try:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                raise MediaError(f'"{name}" is not a file')
            if about.st_size > MAX_FILE_BYTES:
                raise MediaError(f'"{name}" has {about.st_size} bytes: at most {MAX_FILE_BYTES} are taken')
            kind = read_wave(lambda offset, length: os.pread(descriptor, length, offset), about.st_size)
        except OSError as error:
            raise MediaError(f'the file "{name}" cannot be read: {error.strerror}') from error
        finally:
            os.close(descriptor)
        if kind.duration_s > MAX_SOUND_S:
            raise MediaError(f'"{name}" lasts {kind.duration_s:.0f} s: at most {MAX_SOUND_S:.0f} are taken')
        return Source(path, about.st_size, about.st_mtime_ns, kind)

    def _inside(self, account: str, name: str) -> Path:
        """Give where the file really is: below ``sounds_dir``, whatever links say. Raises MediaError."""
        assert self._sounds is not None
        own = self._sounds / account / name
        try:
            path = (own if own.exists() else self._sounds / name).resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise NotThereError(f'no file "{name}" lies in {self._sounds}') from error
        if not path.is_relative_to(self._sounds):
            raise MediaError(f'"{name}" lies outside of {self._sounds}')
        return path

    def digest(self, source: Source) -> str:
        """Give what tells two files' contents apart; read once while the file stays as it is. Raises OSError."""
        key = (str(source.path), source.size_bytes, source.changed_ns)
        known = self._digests.get(key)
        if known is None:
            with source.path.open("rb") as file:
                found = hashlib.file_digest(file, lambda: hashlib.sha256(b"file\0" + FORM))
            known = self._digests[key] = found.hexdigest()
        return known


class _Making:
    """The sounds of one document being made."""

    def __init__(
        self, library: SoundLibrary, cache: SoundCache, document: Document, old: dict[str, str], problems: Problems
    ) -> None:
        self._library = library
        self._cache = cache
        self._document = document
        self._old = old
        self._problems = problems
        self._made = Made({}, {})
        self._speaker = shutil.which(SPEAKER)

    def run(self) -> Made:
        """Make all of them."""
        wanted: list[tuple[int, str]] = []  # place of the sound, name of its file
        jobs: dict[str, Job] = {}
        for place, sound in enumerate(self._document.sounds):
            try:
                name, job = self._file(sound) if sound.file is not None else self._spoken(sound)
            except MediaError as error:
                self._failed(place, str(error), hint_of(error))
            except OSError as error:
                self._failed(place, error.strerror or str(error))
            else:
                wanted.append((place, name))
                jobs.update({name: job} if job is not None else {})
        wrong = dict(zip(jobs, do_all(list(jobs.values()), self._cache.folder), strict=True))
        for place, name in wanted:
            error_of = wrong.get(name)
            if error_of is None:
                self._done(place, name)
            else:
                self._failed(place, error_of)
        return self._made

    def _file(self, sound: Sound) -> tuple[str, Job | None]:
        """Give the name of what a recording becomes, and what is to be done. Raises MediaError and OSError."""
        source = self._library.source(self._document.account.id, sound.file or "")
        name = f"{self._library.digest(source)}.wav"
        if self._cache.length(name) is not None:
            return name, None
        if source.kind.canonical:
            self._cache.take(name, source.path, source.kind)
            return name, None
        target = str(self._cache.folder / name)
        return name, Job(target=target, source=str(source.path), size_bytes=source.size_bytes)

    def _spoken(self, sound: Sound) -> tuple[str, Job | None]:
        """Do the same for a text."""
        text, voice = sound.text or "", voice_of(self._document, sound)
        name = text_name(text, voice)
        if self._cache.length(name) is not None:
            return name, None
        if self._speaker is None:
            raise MediaError(f"this machine cannot speak texts: {SPEAKER} is not installed")
        return name, Job(target=str(self._cache.folder / name), text=text, voice=voice, program=self._speaker)

    def _done(self, place: int, name: str) -> None:
        length = self._cache.length(name)
        if length is None:
            self._failed(place, "what was made of it cannot be read")
            return
        sound = self._document.sounds[place]
        self._made.paths[sound.id] = str(self._cache.folder / name)
        self._made.durations[sound.id] = length

    def _failed(self, place: int, message: str, hint: str = _FILE_HINT) -> None:
        """Play the old one on, or refuse the document."""
        sound = self._document.sounds[place]
        before = self._old.get(sound.id, "")
        length = self._cache.length(before) if before else None
        if length is not None:
            log.warning("a sound cannot be made: the old one is played on", sound=sound.id, error=message)
            self._made.paths[sound.id] = str(self._cache.folder / before)
            self._made.durations[sound.id] = length
        elif sound.file is not None:
            self._problems.add(message, f"/sounds/{place}/file", hint)
        else:
            missing = self._speaker is None
            hint = f"`apt install {SPEAKER}`, or a recording as file" if missing else "another voice, or a recording"
            self._problems.add(message, f"/sounds/{place}/text", hint)


def hint_of(error: MediaError) -> str:
    """Say what to do about a file that cannot be a sound."""
    if isinstance(error, NotThereError):
        return "put it there, or into its folder of the account's id; [document] sounds_dir in the settings"
    return _FILE_HINT


def voice_of(document: Document, sound: Sound) -> str:
    """Give the voice that speaks a sound's text."""
    return sound.voice or document.account.voice


def text_name(text: str, voice: str) -> str:
    """Name the file of a spoken text."""
    return hashlib.sha256(b"\0".join((b"text", FORM, voice.encode(), text.encode()))).hexdigest() + ".wav"
