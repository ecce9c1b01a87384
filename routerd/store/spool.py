"""The one writer of the store: a bounded spool in memory, batches on a thread of its own, patience when writing fails.

Theory of operation. ``put`` takes what a sip process journalled and returns at once. The writer takes all that waits
(up to ``BATCH_ENTRIES``) and writes it in one transaction on the store's thread; then ``on_kept`` hears up to which
number that process' entries are safe. When the store cannot be written the batch stays in front, a log line says so
once, and the writer tries again with growing pauses; another line says when it works again. At the bound the oldest
waiting batch gives way and its entries are counted in ``lost``.
"""

from __future__ import annotations

import asyncio
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from routerd.errors import StoreError
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from routerd.store.sqlite import Entry

log = structlog.get_logger(module="store")
Result = TypeVar("Result")

SPOOL_ENTRIES = 200_000
BATCH_ENTRIES = 2_000
GATHER_S = 0.2  # at low rates each batch costs more than its entries do
FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0


class StoreWriter:
    """Writes the journal into the store at ``path`` and runs queries, all on one thread.

    ``await open()`` first (raises ``StoreError``), ``await close()`` last: it writes what waits.
    """

    def __init__(self, path: Path, on_kept: Callable[[str, int], None], *, spool_entries: int = SPOOL_ENTRIES) -> None:
        self._path = path
        self._on_kept = on_kept
        self._spool_entries = spool_entries
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="store")
        self._store: Store | None = None
        self._waiting: deque[tuple[str, int, list[Entry]]] = deque()
        self._wake = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.queued = 0
        self.lost = 0
        self.written = 0
        self.failing = False

    async def open(self) -> None:
        """Open the store and begin to write."""
        loop = asyncio.get_running_loop()
        self._store = await loop.run_in_executor(self._thread, Store, self._path)
        self._task = loop.create_task(self._work())

    async def close(self) -> None:
        """Write what waits (once; an unwritable store is given up), then close."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._store is not None:
            await self.run(Store.close)
        self._thread.shutdown(wait=False)

    def put(self, process: str, first: int, entries: list[Entry]) -> None:
        """Take entries of ``process``, numbered from ``first``."""
        self._waiting.append((process, first, entries))
        self.queued += len(entries)
        self._empty.clear()
        while self.queued > self._spool_entries and len(self._waiting) > 1:
            _, _, gone = self._waiting.popleft()
            self.queued -= len(gone)
            self.lost += len(gone)
        self._wake.set()

    async def settled(self) -> None:
        """Wait until nothing waits to be written."""
        await self._empty.wait()

    async def run(self, query: Callable[..., Result], *arguments: Any) -> Result:
        """Run ``query(store, *arguments)`` on the store's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, query, self._store, *arguments)

    async def _work(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await self._wake.wait()
            if not self._closing:
                await asyncio.sleep(GATHER_S)
            batch = self._take()
            if not batch:
                if self._closing:
                    return
                self._wake.clear()
                continue
            try:
                kept = await self.run(_write, batch)
            except StoreError as error:
                self._put_back(batch)
                self._say_failing(error)
                if self._closing:
                    return
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, LONGEST_PAUSE_S)
            else:
                pause_s = FIRST_PAUSE_S
                written = sum(len(entries) for _, _, entries in batch)
                self.queued -= written
                self.written += written
                if not self.queued:
                    self._empty.set()
                self._say_working()
                for process, number in kept.items():
                    self._on_kept(process, number)

    def _take(self) -> list[tuple[str, int, list[Entry]]]:
        batch: list[tuple[str, int, list[Entry]]] = []
        size = 0
        while self._waiting and size < BATCH_ENTRIES:
            part = self._waiting.popleft()
            batch.append(part)
            size += len(part[2])
        return batch

    def _put_back(self, batch: list[tuple[str, int, list[Entry]]]) -> None:
        self._waiting.extendleft(reversed(batch))
        self._wake.set()

    def _say_failing(self, error: StoreError) -> None:
        if not self.failing:
            self.failing = True
            log.error("store unwritable: records wait in memory", error=str(error), queued=self.queued)

    def _say_working(self) -> None:
        if self.failing:
            self.failing = False
            log.warning("store writable again", queued=self.queued, lost=self.lost)


def _write(store: Store, batch: list[tuple[str, int, list[Entry]]]) -> dict[str, int]:
    return {process: store.apply(process, first, entries) for process, first, entries in batch}
