"""The versions of each account's document, which is in force, and which waits for its confirmation.

Theory of operation. Every change makes a version, a rollback and a revert too, so numbers only grow and the newest
version of an account is the one in force, unless its document was withdrawn. What belongs to one change (the text, the
account's ``serial``, what to go back to if nobody confirms) is one transaction: a process that dies at any moment
leaves all of it or nothing. ``serial`` counts the changes of an account, those without a new text too: the sum of all
serials never falls and names what the sip process routes by.

All functions take the open store and may raise ``StoreError``; times are UTC seconds.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from routerd.store.sqlite import Store

COMPRESSED_FROM_BYTES: Final = 4000
_ZLIB: Final = b"\x78\x01"  # no text of a document begins so
_COLUMNS: Final = "d.account, d.version, d.at, d.source, d.digest, d.text, d.author"
NEWEST: Final = (
    f"SELECT {_COLUMNS} FROM documents d LEFT JOIN document_states s ON s.account = d.account"  # noqa: S608 - fixed words
    " WHERE d.version = (SELECT max(version) FROM documents WHERE account = d.account) AND NOT coalesce(s.withdrawn, 0)"
)


class DocumentVersion(msgspec.Struct, frozen=True):
    """One stored version of an account's document; ``at`` is UTC seconds, ``digest`` that of ``text``.

    ``source`` says where it came from (and by ``.json``, ``.yaml`` its format), ``author`` who made it.
    """

    account: str
    version: int
    at: float
    source: str
    digest: str
    text: bytes
    author: str = ""


class DocumentState(msgspec.Struct, frozen=True):
    """What is in force of an account beside the text; ``fallback`` is the version to go back to (0: none)."""

    account: str
    serial: int
    withdrawn: bool = False
    confirm_until: float | None = None
    fallback: int = 0


class Fresh(msgspec.Struct, frozen=True):
    """A version to be kept. With ``confirm_until`` it waits for :func:`confirm`, else the version before comes back."""

    account: str
    text: bytes
    source: str
    digest: str
    at: float
    author: str = ""
    confirm_until: float | None = None


def pack_text(text: bytes) -> bytes:
    """Give what is stored of a text: a long one is compressed, to about a tenth."""
    return text if len(text) < COMPRESSED_FROM_BYTES else zlib.compress(text, 1)


def unpack_text(packed: bytes) -> bytes:
    """Give the text again."""
    return zlib.decompress(packed) if packed[:2] == _ZLIB else packed


def version_of(row: Iterable[object]) -> DocumentVersion:
    """Make a version of a row of :data:`NEWEST`."""
    account, version, at, source, digest, text, author = row
    assert isinstance(text, bytes)
    values = {"account": account, "version": version, "at": at, "source": source, "digest": digest, "author": author}
    return msgspec.convert({**values, "text": unpack_text(text)}, DocumentVersion)


def keep(store: Store, fresh: Fresh) -> int:
    """Keep a new version and bring it in force; gives its number. It is on the disk when this returns."""
    number = 0

    def change() -> None:
        nonlocal number
        in_force = next(iter(newest(store, fresh.account)), None)
        rows = store.rows("SELECT coalesce(max(version), 0) FROM documents WHERE account = ?", fresh.account)
        number = 1 + int(rows[0][0])
        store.execute(
            "INSERT INTO documents (account, version, at, source, digest, text, author) VALUES (?, ?, ?, ?, ?, ?, ?)",
            fresh.account, number, fresh.at, fresh.source, fresh.digest, pack_text(fresh.text), fresh.author,
        )  # fmt: skip
        waits = fresh.confirm_until is not None
        fallback = (in_force.version if in_force is not None else 0) if waits else None
        _note(store, fresh.account, withdrawn=False, confirm_until=fresh.confirm_until, fallback=fallback)
        told = {"version": number, "author": fresh.author, "confirm_until": fresh.confirm_until}
        store.events.add(fresh.account, "document.applied", fresh.at, told)

    _on_disk(store, change)
    return number


def withdraw(store: Store, account: str) -> None:
    """Take an account's document out of force; its versions stay."""
    _on_disk(store, lambda: _note(store, account, withdrawn=True, confirm_until=None, fallback=None))


def touch(store: Store, account: str) -> None:
    """Count a change of what the same text means (a sound, a secret of a file)."""
    with store.transaction():
        store.execute("UPDATE document_states SET serial = serial + 1 WHERE account = ?", account)


def confirm(store: Store, account: str) -> bool:
    """Let the version in force stay; whether one waited for that."""
    with store.transaction():
        return store.execute(
            "UPDATE document_states SET confirm_until = NULL, fallback = NULL"
            " WHERE account = ? AND confirm_until IS NOT NULL",
            account,
        ) > 0  # fmt: skip


def states(store: Store) -> dict[str, DocumentState]:
    """Give what is in force of every account that ever had a document."""
    rows = store.rows("SELECT account, serial, withdrawn, confirm_until, coalesce(fallback, 0) FROM document_states")
    return {
        account: DocumentState(account, serial, bool(withdrawn), until, fallback)
        for account, serial, withdrawn, until, fallback in rows
    }


def in_force(store: Store) -> list[DocumentVersion]:
    """Give the version in force of each account."""
    return [version_of(row) for row in store.rows(NEWEST + " ORDER BY d.account")]


def newest(store: Store, account: str) -> list[DocumentVersion]:
    """Give the version in force of one account: one, or none."""
    return [version_of(row) for row in store.rows(NEWEST + " AND d.account = ?", account)]


def one(store: Store, account: str, version: int) -> DocumentVersion | None:
    """Give one version of an account."""
    query = f"SELECT {_COLUMNS} FROM documents d WHERE d.account = ? AND d.version = ?"  # noqa: S608 - fixed words
    return next((version_of(row) for row in store.rows(query, account, version)), None)


def listed(store: Store, account: str, before: int, limit: int) -> list[DocumentVersion]:
    """Give versions without their texts, newest first, from below ``before``."""
    rows = store.rows(
        "SELECT account, version, at, source, digest, author FROM documents WHERE account = ? AND version < ?"
        " ORDER BY version DESC LIMIT ?",
        account, before, limit,
    )  # fmt: skip
    return [
        DocumentVersion(name, version, at, source, digest, b"", author)
        for name, version, at, source, digest, author in rows
    ]


def taken_from(store: Store, source: str) -> tuple[str, str] | None:
    """Give (account, digest) of what was taken from a file last."""
    query = "SELECT account, digest FROM documents WHERE source = ? ORDER BY at DESC, version DESC LIMIT 1"
    return next(((str(account), str(digest)) for account, digest in store.rows(query, source)), None)


def _note(store: Store, account: str, *, withdrawn: bool, confirm_until: float | None, fallback: int | None) -> None:
    store.execute(
        "INSERT INTO document_states VALUES (?, 1, ?, ?, ?) ON CONFLICT DO UPDATE SET serial = serial + 1,"
        " withdrawn = excluded.withdrawn, confirm_until = excluded.confirm_until, fallback = excluded.fallback",
        account, int(withdrawn), confirm_until, fallback,
    )  # fmt: skip


def _on_disk(store: Store, change: Callable[[], None]) -> None:
    """Do ``change`` in one transaction that outlives a power cut, too."""
    store.execute("PRAGMA synchronous=FULL")
    try:
        with store.transaction():
            change()
    finally:
        store.execute("PRAGMA synchronous=NORMAL")
