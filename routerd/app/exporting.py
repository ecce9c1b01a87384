"""Large exports, each in a process of its own: neither the control process' loop nor the store's thread waits for them.

:func:`export` starts ``python -m routerd.app.exporting STORE``, gives it the filter and hands on what it writes, piece
by piece; whoever stops listening ends it. :func:`main` is that process: it reads the store page by page beside its
writer, so an export of any length needs the memory of one page and holds up no checkpoint.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from routerd.errors import StoreError
from routerd.store.exporting import head, rows
from routerd.store.queries import RecordFilter, cursor_of
from routerd.store.reading import StoreReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAGE_RECORDS: Final = 500
PIECE_BYTES: Final = 64 << 10
MOST_AT_ONCE: Final = 4


class Job(msgspec.Struct, frozen=True):
    """What is to be exported, and as what."""

    wanted: RecordFilter
    form: str


class Exports:
    """The exports that run; few at once."""

    def __init__(self, store: Path) -> None:
        self._store = store
        self._room = asyncio.Semaphore(MOST_AT_ONCE)

    async def export(self, wanted: RecordFilter, form: str) -> AsyncIterator[bytes]:
        """Give the export in pieces; raises ``StoreError`` when it could not be finished."""
        async with self._room:
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "routerd.app.exporting", str(self._store),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                child.stdin.write(msgspec.msgpack.encode(Job(wanted, form)))
                child.stdin.close()
                while piece := await child.stdout.read(PIECE_BYTES):
                    yield piece
                if await child.wait():
                    raise StoreError("the export was not finished")
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()


def write(reader: StoreReader, job: Job) -> None:
    """Write everything that the job wants to standard output."""
    out = sys.stdout.buffer
    out.write(head(job.form))
    cursor = job.wanted.cursor
    left = job.wanted.limit
    while left > 0:
        wanted = msgspec.structs.replace(job.wanted, cursor=cursor, limit=min(left, PAGE_RECORDS))
        page = reader.records(wanted)
        reader.add_dispositions(page)
        out.write(rows(page, job.form))
        if len(page) < wanted.limit:
            break
        left -= len(page)
        cursor = cursor_of(page[-1])
    out.flush()


def main() -> int:
    """Run one export: the store's path is the argument, the job comes by standard input."""
    job = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Job)
    try:
        with StoreReader(Path(sys.argv[1])) as reader:
            write(reader, job)
    except BrokenPipeError:
        return 1  # nobody listens any more
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
