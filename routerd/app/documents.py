"""Reading routing documents with this machine's secrets, zones and sounds; the files of the settings, all at once.

:class:`~routerd.app.document_life.DocumentLife` decides which is in force.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

from routerd.app.host_files import zone_data, zone_names
from routerd.app.sounds import SoundLibrary
from routerd.config.compile import compile_account
from routerd.config.load import load, numbering, refuse
from routerd.config.problems import DocumentErrors, Problems
from routerd.config.secret import SecretSource
from routerd.config.snapshot import build_snapshot
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from routerd.config.document import Document
    from routerd.rules.tables import AccountTables

    Fresh = tuple[str, bytes, AccountTables]  # path, text, tables


class DocumentReader:
    """Makes tables of texts, with this machine's secrets, zones and sounds.

    Without ``cache_dir`` sounds are judged and not made: nothing can be played by such tables.
    """

    def __init__(self, secrets_dir: str, sounds_dir: str, cache_dir: str = "") -> None:
        folder = Path(secrets_dir) if secrets_dir else None
        read_file = None if folder is None else lambda name: (folder / name).read_bytes()
        self._secrets = SecretSource(os.environ, read_file)
        self.sounds = SoundLibrary(sounds_dir, cache_dir)

    def document(self, text: bytes, source: str) -> Document:
        """Read and judge, with the secrets in clear; raises ConfigError (DocumentErrors: all at once)."""
        return load(text, source=source, secrets=self._secrets, zones=zone_names())

    def sounds_changed(self, text: bytes, source: str) -> bool:
        """Say whether a text in force has recordings that are no longer those that its sounds were made of."""
        return b"sounds" in text and self.sounds.changed(self.document(text, source))

    def tables(self, text: bytes, source: str, version: int) -> AccountTables:
        """Read, judge and compile; raises ConfigError (DocumentErrors: all at once)."""
        document = self.document(text, source)
        problems = Problems(source)
        sounds = self.sounds.make(document, version, problems)
        if problems.errors:
            refuse(problems, text.decode("utf-8-sig"))
        try:
            return compile_account(
                document,
                version=version,
                zone_data=zone_data,
                sound_durations=sounds.durations,
                sound_paths=sounds.paths,
                numbering=numbering(),
            )
        except ConfigError as error:
            error.source = error.source or source
            raise


def errors_of(error: ConfigError) -> list[ConfigError]:
    """Give each error of what may be many."""
    return list(error.errors) if isinstance(error, DocumentErrors) else [error]


def read_files(reader: DocumentReader, paths: tuple[str, ...]) -> tuple[list[Fresh], list[ConfigError]]:
    """Read every file: what is good as (path, text, tables of version 0), and every error of every file."""
    good: list[Fresh] = []
    errors: list[ConfigError] = []
    for path in paths:
        try:
            text = Path(path).read_bytes()
            good.append((path, text, reader.tables(text, path, 0)))
        except OSError as error:
            errors.append(ConfigError(f"the document cannot be read: {error.strerror}", source=path))
        except ConfigError as error:
            errors += errors_of(error)
    if not errors:
        try:
            build_snapshot([tables for _, _, tables in good], 0)
        except ConfigError as error:
            errors += errors_of(error)
    return good, errors


def digest_of(text: bytes) -> str:
    """Give what tells two texts apart."""
    return hashlib.sha256(text).hexdigest()


def unchanged(paths: tuple[str, ...], known: set[str]) -> bool:
    """Say whether every file has a text that is known by its digest; a file that cannot be read has not."""
    try:
        return all(digest_of(Path(path).read_bytes()) in known for path in paths)
    except OSError:
        return False
