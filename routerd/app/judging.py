"""Judging a text before it may come into force: secrets put back, entries changed, everything compiled.

All of it takes long for a large document and is called in a thread. What is wrong is raised as ConfigError, all errors
at once, with the lines of the text that was sent (none for a text that was made here).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from routerd.app.host_files import zone_names
from routerd.config import editing
from routerd.config.checks import analyse
from routerd.config.load import numbering, read_document
from routerd.config.positions import locate
from routerd.config.problems import DocumentErrors
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.app.documents import DocumentReader
    from routerd.config.findings import Finding
    from routerd.rules.tables import AccountTables
    from routerd.store.versions import DocumentVersion


class Coming(msgspec.Struct, frozen=True):
    """A text that was judged and is good, with its tables."""

    text: bytes
    source: str
    tables: Any  # AccountTables


class Judge:
    """Judges texts with this machine's secrets, zones and sounds."""

    def __init__(self, reader: DocumentReader) -> None:
        self._reader = reader

    def prepare(self, account: str, text: bytes, source: str, known: DocumentVersion | None) -> Coming:
        """Judge a text that somebody sent, with the secrets of the version before where it says so."""
        kept = text
        if b"set" in text and known is not None:
            kept = self._with_secrets(text, source, known)
        try:
            coming = self._judged(kept, source if kept is text else "api.json", 0)
        except DocumentErrors as error:
            if kept is not text:
                _relocate(error, text, source)
            raise
        _need_same_account(coming.tables, account)
        return coming

    def _with_secrets(self, text: bytes, source: str, known: DocumentVersion) -> bytes:
        try:
            tree = editing.read_plain(text, source)
        except DocumentErrors:
            return text  # whoever judges it says so, and where
        try:
            found = editing.keep_plain(tree, editing.read_stored(known.text, known.source))
            return editing.write_plain(tree) if found else text
        except (RecursionError, UnicodeEncodeError):
            return text  # too deep, or half a surrogate pair
        except DocumentErrors as error:
            _relocate(error, text, source)
            raise

    def edited(self, known: DocumentVersion, change: Callable[[dict[str, Any]], None]) -> Coming | None:
        """Judge what ``change`` makes of a version; None: the same."""
        tree = editing.read_stored(known.text, known.source)
        before = editing.read_stored(known.text, known.source)
        try:
            change(tree)
            editing.keep_plain(tree, before)
            if tree == before:
                return None
            text = editing.write_plain(tree)
        except RecursionError as error:
            raise DocumentErrors([ConfigError("nested too deep")]) from error
        try:
            coming = self._judged(text, "api.json", 0)
        except DocumentErrors as error:
            for one in error.errors:
                one.line = 0  # of a text that nobody has seen
            raise
        _need_same_account(coming.tables, known.account)
        return coming

    def again(self, old: DocumentVersion, name: str) -> Coming:
        """Judge a stored text once more; it keeps its format."""
        ending = next((end for end in (".yaml", ".yml", ".json") if old.source.lower().endswith(end)), "")
        return self._judged(old.text, name + ending, old.version)

    def stored(self, document: DocumentVersion) -> Coming:
        """Judge a stored text as it is."""
        return self._judged(document.text, document.source, document.version)

    def _judged(self, text: bytes, source: str, version: int) -> Coming:
        return Coming(text, source, self._reader.tables(text, source, version))


def claims_of(tables: AccountTables) -> frozenset[str]:
    """Give what no other account may have: its numbers and domains."""
    return frozenset((*tables.numbers, *tables.account.domains))


def named_claim(claim: str) -> str:
    """Say what a claim is."""
    return f"the number {claim}" if claim.startswith("+") else f"the domain {claim}"


def _need_same_account(tables: AccountTables, account: str) -> None:
    if tables.account.id != account:
        said = f'the document is of "{tables.account.id}", not of "{account}"'
        hint = "an account's id never changes: a new account gets a document of its own"
        raise DocumentErrors([ConfigError(said, pointer="/account/id", hint=hint)])


def _relocate(error: DocumentErrors, text: bytes, source: str) -> None:
    """Give errors the lines of the text that was sent."""
    try:
        lines = locate(text.decode("utf-8-sig", "replace"), source, {one.pointer for one in error.errors})
    except RecursionError:
        lines = {}
    for one in error.errors:
        one.line = lines.get(one.pointer, 0)


def findings_of(coming: Coming, text: bytes, source: str) -> list[Finding]:
    """Give what the static analysis finds, by the lines of the text that was sent."""
    document = read_document(coming.text, source=coming.source, zones=zone_names())
    words = text.decode("utf-8-sig")
    return analyse(document, coming.tables, at=time.time(), numbering=numbering(), text=words, source=source)
