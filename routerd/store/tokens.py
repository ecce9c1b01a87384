"""The API's tokens: what is kept of each is its digest, never the token.

All functions take the open store and may raise ``StoreError``; times are UTC seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from routerd.store.sqlite import Store

_COLUMNS: Final = "id, name, digest, scopes, accounts, created_at, used_at, expires_at"


class Token(msgspec.Struct, frozen=True):
    """One token; ``accounts`` holds ``*`` for all, ``digest`` is the SHA-256 of its secret."""

    id: str
    name: str
    digest: bytes
    scopes: tuple[str, ...]
    accounts: tuple[str, ...]
    created_at: float
    used_at: float | None = None
    expires_at: float | None = None


def add(store: Store, token: Token) -> None:
    """Keep a token."""
    values = (token.id, token.name, token.digest, " ".join(token.scopes), " ".join(token.accounts))
    store.execute(
        f"INSERT INTO tokens ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - fixed words
        *values, token.created_at, token.used_at, token.expires_at,
    )  # fmt: skip


def every(store: Store) -> list[Token]:
    """Give all tokens, oldest first."""
    rows = store.rows(f"SELECT {_COLUMNS} FROM tokens ORDER BY created_at, id")  # noqa: S608 - fixed words
    return [
        Token(key, name, digest, tuple(scopes.split()), tuple(accounts.split()), *times)
        for key, name, digest, scopes, accounts, *times in rows
    ]


def remove(store: Store, token_id: str) -> bool:
    """Forget a token; whether there was one."""
    return store.execute("DELETE FROM tokens WHERE id = ?", token_id) > 0


def note_used(store: Store, used: Mapping[str, float]) -> None:
    """Note when tokens were used last, by their ids."""
    with store.transaction():
        for token_id, at in used.items():
            store.execute("UPDATE tokens SET used_at = ? WHERE id = ?", at, token_id)
