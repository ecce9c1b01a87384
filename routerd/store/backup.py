"""A copy of the store while it is written to, and such a copy put in its place.

Theory of operation. :func:`back_up` reads one state of the file through SQLite's online backup, while its writer goes
on, into a file beside the wanted one; only a copy that SQLite finds whole gets the wanted name, so a name that is there
stands for a whole copy. :func:`restore` makes a copy of the copy beside the store, brings it to the form of this
routerd, holds the store alone (which no process can that has it open), keeps the old file under another name, and
changes them in one rename. Whoever dies in between leaves the old store or the new one.

Both raise ``StoreError``; what they refuse changes nothing. Recordings and mailboxes' messages are files of their own.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from routerd.errors import StoreError
from routerd.store.schema import STEPS
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PAGES_AT_ONCE: Final = 1000
BUSY_S: Final = 5.0
OWNER_ONLY: Final = 0o600
COUNTED: Final = ("documents", "records", "bindings", "messages", "recordings", "tokens")


class Copy(NamedTuple):
    """A whole copy: its size, the form of the store (steps taken), and how many rows the tables of note have."""

    size_bytes: int
    form: int
    rows: dict[str, int]


class Restored(NamedTuple):
    """What came into force: from which form to which, its rows, and the old file's new name (None: there was none)."""

    form_before: int
    form: int
    rows: dict[str, int]
    kept: Path | None


def back_up(
    store: Path, target: Path, progress: Callable[[int, int], None] | None = None, *, replace: bool = False
) -> Copy:
    """Copy ``store`` to the file ``target`` (0600), whoever has it open; ``progress`` hears (pages done, of how many).

    A ``target`` that is there is refused, or with ``replace`` changed in one step.
    """
    if target.exists() and not replace:
        raise StoreError(f"{target} is there already")
    with _beside(target, "part") as part:
        _copy(store, part, progress)
        made = inspect(part)
        _to_disk(part)
        part.replace(target)
    _to_disk(target.parent)
    return made


def restore(source: Path, store: Path, *, suffix: str) -> Restored:
    """Put the copy ``source`` in the place of ``store``; the old file is kept as its name + ``suffix``.

    Refused while any process has the store open, when ``source`` is damaged, no store, or of a newer routerd.
    """
    before = inspect(source)
    kept = store.with_name(store.name + suffix) if store.exists() else None
    with _beside(store, "new") as fresh:
        _copy(source, fresh, None)
        Store(fresh).close()  # takes the steps that are missing, and leaves one file
        after = inspect(fresh)
        with _held(store):
            _like(fresh, store)
            _to_disk(fresh)
            if kept is not None:
                _keep(store, kept)
            fresh.replace(store)
    _to_disk(store.parent)
    return Restored(before.form, after.form, after.rows, kept)


def inspect(path: Path) -> Copy:
    """Look whether ``path`` is a whole store that this routerd knows."""
    try:
        with closing(_reading(path)) as database:
            (form,) = database.execute("PRAGMA user_version").fetchone()
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
            faults = [str(row[0]) for row in database.execute("PRAGMA integrity_check(5)")]
            if faults != ["ok"]:
                raise StoreError(f"{path} is damaged: {'; '.join(faults)}")
            rows = {
                name: int(database.execute(f"SELECT count(*) FROM {name}").fetchone()[0])  # noqa: S608 - fixed words
                for name in COUNTED
                if name in tables
            }
    except sqlite3.Error as error:
        raise StoreError(f"{path} cannot be read: {error}") from error
    if not form or "records" not in tables:
        raise StoreError(f"{path} is no store of routerd")
    if form > len(STEPS):
        raise StoreError(f"{path} was written by a newer routerd (form {form}, known {len(STEPS)})")
    return Copy(path.stat().st_size, form, rows)


def _reading(path: Path) -> sqlite3.Connection:
    if not path.is_file():
        raise StoreError(f"{path} is not there, or no file")
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=BUSY_S, isolation_level=None)


def _copy(source: Path, target: Path, progress: Callable[[int, int], None] | None) -> None:
    """Copy one state of ``source``: within one transaction of the reader, so that a busy writer restarts nothing."""
    told = progress or (lambda _done, _all: None)
    try:
        with closing(_reading(source)) as database, closing(sqlite3.connect(target, isolation_level=None)) as copy:
            database.execute("BEGIN")
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            database.backup(copy, pages=PAGES_AT_ONCE, progress=lambda _, left, total: told(total - left, total))
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, also for who may only read it
    except sqlite3.Error as error:
        raise StoreError(f"{source} cannot be copied to {target}: {error}") from error


@contextmanager
def _beside(path: Path, ending: str) -> Iterator[Path]:
    """Give a fresh file for the owner only beside ``path``; what is left of it afterwards is deleted."""
    made = path.with_name(f".{path.name}.{os.getpid()}.{ending}")
    try:
        os.close(os.open(made, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY))
        yield made
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        for left in (made, *(made.with_name(made.name + tail) for tail in ("-wal", "-shm", "-journal"))):
            left.unlink(missing_ok=True)


@contextmanager
def _held(store: Path) -> Iterator[None]:
    """Have the store alone, its log written into it: SQLite grants that only when no one else has it open."""
    if not store.exists():
        yield
        return
    with closing(sqlite3.connect(store, timeout=0, isolation_level=None)) as database:
        try:
            database.execute("PRAGMA locking_mode=EXCLUSIVE")
            database.execute("PRAGMA journal_mode=DELETE").fetchone()
            database.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise StoreError(f"the store {store} is in use ({error}): stop the daemon first") from error
        except sqlite3.DatabaseError:
            pass  # damaged: nobody uses it, and it is kept as it is
        yield


def _keep(store: Path, kept: Path) -> None:
    try:
        os.link(store, kept)
    except OSError as error:
        raise StoreError(f"the old store cannot be kept as {kept}: {error.strerror}") from error


def _like(fresh: Path, store: Path) -> None:
    """Give the new file the old one's owner and mode; where there is none, the folder's owner."""
    model = store.stat() if store.exists() else store.parent.stat()
    if os.geteuid() == 0:
        os.chown(fresh, model.st_uid, model.st_gid)
    fresh.chmod(model.st_mode & 0o777 if store.exists() else OWNER_ONLY)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
