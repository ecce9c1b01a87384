"""The routing documents in the control process: which is in force, read, judged, compiled, cut into frames.

An account's document comes from the files of the settings when the store has none for it; from then on from the store.
SIGHUP reads the files again: a file whose content is another than the one that was taken from it last becomes a new
version. All files are judged before any is taken, so a wrong document changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from routerd.app.host_files import zone_data, zone_names
from routerd.app.sounds import SoundLibrary, cache_of
from routerd.config.compile import compile_account
from routerd.config.load import load, numbering, refuse
from routerd.config.problems import DocumentErrors, Problems
from routerd.config.secret import SecretSource
from routerd.config.snapshot import build_snapshot, frames
from routerd.errors import ConfigError
from routerd.store.sqlite import DocumentVersion, Store

if TYPE_CHECKING:
    from routerd.app.setup import ControlSetup
    from routerd.rules.tables import AccountTables
    from routerd.store.spool import StoreWriter

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

    def tables(self, text: bytes, source: str, version: int) -> AccountTables:
        """Read, judge and compile; raises ConfigError (DocumentErrors: all at once)."""
        document = load(text, source=source, secrets=self._secrets, zones=zone_names())
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


class Documents:
    """The documents in force. ``await load()`` first, then ``parts`` and ``version`` are the snapshot's frames.

    What takes long (a large document: seconds) is done in a thread, so that health, metrics and the journal go on.
    """

    def __init__(self, setup: ControlSetup, writer: StoreWriter) -> None:
        self._files = setup.documents
        self._reader = DocumentReader(setup.secrets_dir, setup.sounds_dir, cache_of(setup.store))
        self._writer = writer
        self.parts: list[bytes] = []
        self.version = 0
        self.versions: dict[str, int] = {}
        self.apply_s = 0.0

    async def load(self) -> None:
        """Bring in force what the store has, and the files' documents of accounts that it has not.

        Raises ConfigError (a stored document that this version refuses, too) and StoreError.
        """
        await self._take(only_new_accounts=True)

    async def reload(self) -> bool:
        """Read the files again (SIGHUP); whether anything changed. Raises as :meth:`load`, and then nothing has."""
        before = self.version
        await self._take(only_new_accounts=False)
        return self.version != before

    async def _take(self, *, only_new_accounts: bool) -> None:
        began = time.monotonic()
        stored = {document.account: document for document in await self._writer.run(Store.documents)}
        in_force = {account: document.version for account, document in stored.items()} == self.versions
        if in_force and unchanged(self._files, {document.digest for document in stored.values()}):
            return
        good, errors = await asyncio.to_thread(read_files, self._reader, self._files)
        if errors:
            raise DocumentErrors(errors)
        fresh: list[Fresh] = []
        for path, text, tables in good:
            known = stored.get(tables.account.id)
            if known is None or (not only_new_accounts and known.digest != digest_of(text)):
                fresh.append((path, text, tables))
        await self._swap(stored, fresh)
        self.apply_s = time.monotonic() - began

    async def _swap(self, stored: dict[str, DocumentVersion], fresh: list[Fresh]) -> None:
        """Compile all, and only when everything is good keep the new versions and put them in force."""
        replaced = {tables.account.id for _, _, tables in fresh}
        kept = [document for account, document in stored.items() if account not in replaced]
        tables_of = await asyncio.to_thread(self._compile, kept)
        build_snapshot([*tables_of.values(), *(tables for _, _, tables in fresh)], 0)
        for path, text, tables in fresh:
            tables.version = await self._writer.run(_add, tables.account.id, text, path)
            tables_of[tables.account.id] = tables
        parts = await asyncio.to_thread(_parts, list(tables_of.values()))
        self.version = sum(tables.version for tables in tables_of.values())
        self.versions = {account: tables.version for account, tables in sorted(tables_of.items())}
        self.parts = parts
        await asyncio.to_thread(self._reader.sounds.keep, list(tables_of.values()))

    def _compile(self, documents: list[DocumentVersion]) -> dict[str, AccountTables]:
        return {one.account: self._reader.tables(one.text, one.source, one.version) for one in documents}


def _parts(accounts: list[AccountTables]) -> list[bytes]:
    return [part for tables in accounts for part in frames(tables)]


def _add(store: Store, account: str, text: bytes, source: str) -> int:
    return store.add_document(account, text, source=source, digest=digest_of(text), at=time.time())
