"""What has been kept long enough is deleted, a slice at a time, so that the writer is never held up for long.

Each function takes at most ``limit`` rows of before ``before`` (UTC seconds) and gives what it took, so that its caller
deletes the files and comes again while there is more. Functions of the store, for its thread; all raise ``StoreError``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

from routerd.store.entries import record_columns, unpack_record
from routerd.store.queries import agents_of, places_of

if TYPE_CHECKING:
    from routerd.store.sqlite import Store

SLICE_ROWS: Final = 200


def forget_records(store: Store, before: float, limit: int = SLICE_ROWS) -> int:
    """Delete the oldest records with all that leads to them, but those whose recording is still there."""
    with store.transaction():
        rows = store.rows(
            "SELECT entry FROM records WHERE at < ? AND id NOT IN (SELECT id FROM recordings) ORDER BY at LIMIT ?",
            before,
            limit,
        )
        for (packed,) in rows:
            record = unpack_record(packed)
            call_id, account, at = record_columns(record)[:3]
            for agent in agents_of(record):
                store.execute(
                    "DELETE FROM record_agents WHERE account = ? AND agent = ? AND at = ? AND id = ?",
                    account, agent, at, call_id,
                )  # fmt: skip
            for kind, place in places_of(record):
                store.execute(
                    "DELETE FROM record_places WHERE account = ? AND kind = ? AND place = ? AND at = ? AND id = ?",
                    account, kind, place, at, call_id,
                )  # fmt: skip
            store.execute("DELETE FROM dispositions WHERE id = ?", call_id)
            store.execute("DELETE FROM records WHERE id = ?", call_id)
    return len(rows)


def old_recordings(store: Store, before: float, limit: int = SLICE_ROWS) -> list[tuple[str, str]]:
    """Give the oldest recordings: call and file."""
    return [
        (str(call), str(file))
        for call, file in store.rows("SELECT id, file FROM recordings WHERE at < ? ORDER BY at LIMIT ?", before, limit)
    ]


def recording_of(store: Store, account: str, call: str) -> str:
    """Give the file of a call's recording, "" when there is none (any more)."""
    rows = store.rows("SELECT file FROM recordings WHERE id = ? AND account = ?", call, account)
    return str(rows[0][0]) if rows else ""


def delete_files(file: str) -> None:
    """Delete a recording with its further parts (CALL-2.wav …) and what a lost engine left unfinished (.part).

    Waits for the disk: not for a loop. Raises OSError.
    """
    path = Path(file)
    base = re.escape(path.name.removesuffix(".part").removesuffix(".wav"))
    ours = re.compile(rf"{base}(-\d+)?\.wav(\.part)?")
    for found in [path, *path.parent.glob("*.wav*")]:
        if found == path or ours.fullmatch(found.name):
            found.unlink(missing_ok=True)


def forget_recording(store: Store, call: str) -> None:
    """Take note that a recording's file is gone."""
    store.execute("DELETE FROM recordings WHERE id = ?", call)


def old_messages(store: Store, before: float, limit: int = SLICE_ROWS) -> list[tuple[str, str, str]]:
    """Give the oldest messages that are not deleted: account, mailbox, id."""
    query = "SELECT account, voicemail, id FROM messages WHERE deleted = 0 AND at < ? ORDER BY at LIMIT ?"
    return [(str(account), str(box), str(name)) for account, box, name in store.rows(query, before, limit)]


def forget_events(store: Store, before: float, limit: int = SLICE_ROWS) -> int:
    """Delete the oldest events; those of which a webhook was to be told for so long are told no more."""
    with store.transaction():
        store.execute(
            "DELETE FROM deliveries WHERE event IN (SELECT id FROM events WHERE at < ? ORDER BY at LIMIT ?)",
            before,
            limit,
        )
        return store.events.forget(before, limit)
