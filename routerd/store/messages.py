"""Messages of mailboxes in the store: what was left, whether it was heard, what is still to be mailed or removed.

Theory of operation. A message comes by the journal (``voicemail.message``), is ``read`` and at last ``deleted`` by it.
Deleting leaves the row behind, hidden, until the file is removed too (:func:`removable`, then :func:`forget`): so a
file without any row is one whose call died before it could be journalled, never one that somebody deleted. Mail is a
state of the message itself: ``""`` (nobody has looked yet), ``none``, ``waiting``, ``sent``, ``dead``.

Functions of the :class:`~routerd.store.sqlite.Store`, for its thread: ``await writer.run(messages.listed, "acme",
"general")``. For the API: :func:`listed` and :func:`find`; *reading* and *deleting* are commands of the switch
(``voicemail_read``, ``voicemail_delete``), which journals them, so that lamps follow. All raise ``StoreError``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.store.entries import text

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.store.sqlite import Store

KEPT: Final = "voicemail.message"
READ: Final = "voicemail.read"
DELETED: Final = "voicemail.deleted"
UNSEEN, NOT_MAILED, WAITING, SENT, DEAD = "", "none", "waiting", "sent", "dead"
_COLUMNS: Final = "account, voicemail, id, call, at, caller, caller_name, duration_s, file, size_bytes, read"
_ONE: Final = "account = ? AND voicemail = ? AND id = ?"


class StoredMessage(msgspec.Struct, frozen=True):
    """One message: ``at`` in UTC seconds, ``file`` the absolute path of its WAV, ``caller`` "" when unknown."""

    account: str
    voicemail: str
    id: str
    call: str
    at: float
    caller: str
    caller_name: str
    duration_s: float
    file: str
    size_bytes: int
    read: bool

    @property
    def key(self) -> tuple[str, str, str]:
        """What names it: account, mailbox, id."""
        return (self.account, self.voicemail, self.id)


class Mail(msgspec.Struct, frozen=True):
    """A message that waits to be mailed: how often that was tried, and since when it may be tried (UTC seconds)."""

    message: StoredMessage
    attempts: int
    due_at: float


class MailState(msgspec.Struct, frozen=True):
    """What became of mailing a message: a state, how often it was tried, when next (UTC seconds), and why not."""

    state: str
    attempts: int = 0
    due_at: float = 0.0
    error: str = ""


# -- written by the journal --


def keep(store: Store, entry: dict[str, Any]) -> None:
    """Keep a message; one that is known already, deleted or not, stays as it is."""
    values = (
        *_key(entry), text(entry.get("call")), float(entry["at"]), text(entry.get("caller")),
        text(entry.get("caller_name")), float(entry.get("duration_s") or 0.0), text(entry.get("file")),
        int(entry.get("size_bytes") or 0), bool(entry.get("read", False)),
    )  # fmt: skip
    places = ", ".join("?" * len(values))
    kept = store.execute(f"INSERT OR IGNORE INTO messages ({_COLUMNS}) VALUES ({places})", *values)  # noqa: S608
    if kept > 0:  # of no call: that one's last event may have been told
        told = {name: entry.get(name) for name in ("voicemail", "id", "call", "caller", "duration_s")}
        store.events.add(str(entry["account"]), KEPT, float(entry["at"]), told)


def mark_read(store: Store, entry: dict[str, Any]) -> None:
    """Mark a message as heard."""
    store.execute(f"UPDATE messages SET read = 1 WHERE {_ONE}", *_key(entry))  # noqa: S608 - fixed words


def hide(store: Store, entry: dict[str, Any]) -> None:
    """Take a message out of its mailbox; its file is still to be removed."""
    store.execute(f"UPDATE messages SET deleted = 1 WHERE {_ONE}", *_key(entry))  # noqa: S608 - fixed words


WRITERS: Final[dict[str, Callable[[Store, dict[str, Any]], None]]] = {KEPT: keep, READ: mark_read, DELETED: hide}


def _key(entry: dict[str, Any]) -> tuple[str, str, str]:
    return str(entry["account"]), str(entry["voicemail"]), str(entry["id"])


# -- read --


def listed(store: Store, account: str, voicemail: str | None = None) -> list[StoredMessage]:
    """Give the messages of a mailbox (None: of all of the account's), newest first."""
    where, values = "account = ? AND deleted = 0", [account]
    if voicemail is not None:
        where, values = where + " AND voicemail = ?", [*values, voicemail]
    return _messages(store, f"{where} ORDER BY at DESC, id", *values)


def find(store: Store, account: str, voicemail: str, message: str) -> StoredMessage | None:
    """Give one message; None when there is none, or no more."""
    return next(iter(_messages(store, f"{_ONE} AND deleted = 0", account, voicemail, message)), None)


def living(store: Store) -> list[dict[str, Any]]:
    """Give every message, oldest first, as ``restore_message`` takes it."""
    return [msgspec.to_builtins(message) for message in _messages(store, "deleted = 0 ORDER BY at, id")]


def names(store: Store, account: str, voicemail: str) -> set[str]:
    """Give the ids of a mailbox' messages, those too that are deleted and whose file is still there."""
    rows = store.rows("SELECT id FROM messages WHERE account = ? AND voicemail = ?", account, voicemail)
    return {str(name) for (name,) in rows}


def _messages(store: Store, where: str, *values: Any) -> list[StoredMessage]:
    rows = store.rows(f"SELECT {_COLUMNS} FROM messages WHERE {where}", *values)  # noqa: S608 - fixed words
    return [_message(row) for row in rows]


def _message(row: tuple[Any, ...]) -> StoredMessage:
    account, voicemail, name, call, at, caller, caller_name, duration_s, file, size_bytes, read = row
    return StoredMessage(
        account, voicemail, name, call, at, caller, caller_name, duration_s, file, size_bytes, bool(read)
    )


# -- files --


def removable(store: Store) -> list[StoredMessage]:
    """Give the deleted messages whose files are still to be removed."""
    return _messages(store, "deleted = 1 ORDER BY at, id")


def forget(store: Store, key: tuple[str, str, str]) -> None:
    """Forget a deleted message whose file is gone."""
    store.execute(f"DELETE FROM messages WHERE {_ONE} AND deleted = 1", *key)  # noqa: S608 - fixed words


# -- mail --


def unseen(store: Store) -> list[StoredMessage]:
    """Give the messages of which nobody has said yet whether they are to be mailed."""
    return _messages(store, "mail = '' AND deleted = 0 ORDER BY at, id")


def due(store: Store, now: float, most: int) -> list[Mail]:
    """Give the messages that may be mailed at ``now`` (UTC seconds), those first that wait longest."""
    rows = store.rows(
        f"SELECT {_COLUMNS}, mail_attempts, mail_at FROM messages"  # noqa: S608 - fixed words
        " WHERE mail = 'waiting' AND deleted = 0 AND mail_at <= ? ORDER BY mail_at, id LIMIT ?",
        now,
        most,
    )
    return [Mail(_message(row[:-2]), row[-2], row[-1]) for row in rows]


def next_mail(store: Store) -> float | None:
    """Give when the next message may be mailed (UTC seconds); None: none waits."""
    ((at,),) = store.rows("SELECT min(mail_at) FROM messages WHERE mail = 'waiting' AND deleted = 0")
    return None if at is None else float(at)


def set_mail(store: Store, key: tuple[str, str, str], mail: MailState) -> None:
    """Say what became of mailing a message."""
    store.execute(
        f"UPDATE messages SET mail = ?, mail_attempts = ?, mail_at = ?, mail_error = ? WHERE {_ONE}",  # noqa: S608
        mail.state,
        mail.attempts,
        mail.due_at,
        mail.error[:500],
        *key,
    )


def mail_states(store: Store) -> dict[str, int]:
    """Give how many messages there are of each state of mail."""
    return dict(store.rows("SELECT mail, count(*) FROM messages WHERE deleted = 0 GROUP BY mail"))
