"""Who changed what, when, from where and with which result: numbered, never changed afterwards.

All functions take the open store and may raise ``StoreError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from routerd.store.sqlite import Store

MOST_ENTRIES: Final = 1_000_000
_FORGET_EVERY: Final = 1000


class AuditEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change, or one that was refused: ``before`` and ``after`` are versions of the document where it is one."""

    at: float
    who: str
    token: str
    source: str
    what: str
    status: int
    account: str = ""
    code: str = ""
    before: int | None = None
    after: int | None = None
    number: int = 0


_decode: Final = msgspec.msgpack.Decoder(AuditEntry).decode


def note(store: Store, entry: AuditEntry) -> None:
    """Keep one entry; beyond ``MOST_ENTRIES`` the oldest go."""
    store.execute(
        "INSERT INTO audit (account, at, entry) VALUES (?, ?, ?)",
        entry.account, entry.at, msgspec.msgpack.encode(entry),
    )  # fmt: skip
    ((newest,),) = store.rows("SELECT max(number) FROM audit")
    if newest % _FORGET_EVERY == 0:
        store.execute("DELETE FROM audit WHERE number <= ?", newest - MOST_ENTRIES)


def listed(store: Store, account: str | None, before: int, limit: int) -> list[AuditEntry]:
    """Give entries below the number ``before``, newest first; of one account, or of all (None)."""
    where, values = ("account = ? AND ", (account,)) if account is not None else ("", ())
    query = f"SELECT number, entry FROM audit WHERE {where}number < ? ORDER BY number DESC LIMIT ?"  # noqa: S608
    rows = store.rows(query, *values, before, limit)
    return [msgspec.structs.replace(_decode(packed), number=number) for number, packed in rows]
