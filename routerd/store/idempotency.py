"""What was answered to a request that carried a key, so that its repetition is answered again and not done again.

A key is taken before the request is carried out and completed with the answer afterwards. One that was taken by a
process that has ended since has an unknown outcome. All functions take the open store and may raise ``StoreError``;
times are UTC seconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from routerd.store.sqlite import Store

KEPT_S: Final = 86_400.0


class Answered(msgspec.Struct, frozen=True):
    """What is known of a key: ``request`` is the digest of what came with it, ``status`` 0 while it is carried out."""

    request: bytes
    process: str
    status: int
    headers: list[tuple[str, str]]
    body: bytes


def take(store: Store, token: str, key: str, request: bytes, process: str, at: float) -> Answered | None:
    """Take a key for a request; None: it is taken now, else what is known of it already."""
    with store.transaction():
        store.execute("DELETE FROM idempotency WHERE at < ?", at - KEPT_S)
        rows = store.rows(
            "SELECT request, process, status, headers, body FROM idempotency WHERE token = ? AND key = ?", token, key
        )
        if rows:
            digest, taker, status, headers, body = rows[0]
            known = msgspec.msgpack.decode(headers, type=list[tuple[str, str]])
            return Answered(digest, taker, status, known, body)
        store.execute(
            "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?, 0, ?, ?)",
            token, key, at, request, process, msgspec.msgpack.encode([]), b"",
        )  # fmt: skip
    return None


def complete(store: Store, token: str, key: str, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
    """Note what was answered."""
    store.execute(
        "UPDATE idempotency SET status = ?, headers = ?, body = ? WHERE token = ? AND key = ?",
        status, msgspec.msgpack.encode(headers), body, token, key,
    )  # fmt: skip


def release(store: Store, token: str, key: str) -> None:
    """Give a key back: nothing was done."""
    store.execute("DELETE FROM idempotency WHERE token = ? AND key = ? AND status = 0", token, key)
