"""What a document would change: by meaning against the one in force, and for calls that were recorded.

:func:`read` makes tables of the text, :func:`against_running` compares it, :func:`replay_all` decides recorded calls
again, :func:`to_json` tells all of it. The store is only read; it may be another process' that goes on writing.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.app.host_files import placeholder, zone_data, zone_names
from routerd.config.compile import compile_account
from routerd.config.difference import Difference, differences
from routerd.config.load import load, numbering, read_document
from routerd.rules.recorded import read_call
from routerd.rules.verdict import Group, Report, decide_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from routerd.app.sounds import SoundLibrary
    from routerd.config.document import Document
    from routerd.rules.tables import AccountTables
    from routerd.store.reading import StoreReader

DAY_S: Final = 86400.0
REFRESH_CALLS: Final = 50


def read(text: bytes, source: str, sounds: SoundLibrary, old: Document | None = None) -> tuple[Document, AccountTables]:
    """Read and compile a document; its secrets need not be here. Raises ConfigError or DocumentErrors.

    Secrets that are ``{"set": true}`` are those of ``old``.
    """
    names = zone_names()
    document = load(text, source=source, secrets=placeholder, zones=names)
    tables = compile_account(
        document,
        version=0,
        zone_data=zone_data,
        sound_durations=sounds.measure(document),
        numbering=numbering(),
    )
    return read_document(text, source=source, zones=names, old=old), tables


def against_running(reader: StoreReader, new: Document) -> tuple[int, list[Difference]]:
    """Compare a document with the one in force: its version (0: none), and what is otherwise."""
    running = reader.document(new.account.id)
    if running is None:
        return 0, differences(None, new)
    return running.version, differences(read_document(running.text, source=running.source), new)


def replay_all(
    reader: StoreReader, tables: AccountTables, since: float, bar: Callable[[int], Any] | None = None
) -> Report:
    """Decide every recorded call of the account since ``since`` (UTC seconds) again. Raises StoreError."""
    account = tables.account.id
    report = Report()
    with _without_collector(), (bar or _quiet)(reader.count(account, since)) as advance:
        for number, record in enumerate(reader.each(account, since), 1):
            report.add(str(record["id"]), decide_again(tables, read_call(record)))
            if number % REFRESH_CALLS == 0:
                advance(REFRESH_CALLS)
    return report


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let reference counts do: decisions hold no cycles, and a collection would walk the whole document's tables."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@contextmanager
def _quiet(_total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _: None


def to_json(version: int, changes: list[Difference], report: Report) -> dict[str, Any]:
    """Return the whole plan as plain values."""
    return {
        "document_version": version,
        "document": msgspec.to_builtins(changes),
        "calls": report.calls,
        "same": report.same,
        "different": [_group(group) for group in report.different],
        "not_decidable": [_group(group) for group in report.undecidable],
        "assumed_up": sorted(report.assumed),
    }


def _group(group: Group) -> dict[str, Any]:
    told: dict[str, Any] = {"count": group.count, "said": group.said, "examples": group.examples}
    return told if group.cause is None else {**told, "cause": msgspec.to_builtins(group.cause)}
