"""The stream of events in the control process: from the store to whoever watches.

Theory of operation. Events are numbered by the store when they are committed (:mod:`routerd.store.outbox`); after each
batch the feed fetches what is new into a ring. A watcher is nothing but a place in that order: it reads on from the
last number it has, from the ring or, further back, from the store, and waits for the next batch. So a watcher that was
cut off comes back with its number and gets the rest, each event once, and a slow one costs no memory here.

Events cost something only while somebody wants them: there are webhooks, or somebody looks on. The sip process is told
so by :meth:`EventFeed.wish`, and goes on while this process is away, within a bound. After the last watcher has gone,
events are kept for ``LINGER_S``, so that it can come back; also by a new control process, when there were watchers.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from routerd.edge.logs import logger
from routerd.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from routerd.store.outbox import Event, Wanted
    from routerd.store.spool import StoreWriter
    from routerd.store.sqlite import Store

log = logger("app.events")

RING_EVENTS: Final = 10_000
PAGE_EVENTS: Final = 500
LINGER_S: Final = 300.0
MOST_WATCHERS: Final = 100


class EventFeed:
    """Events for watchers; ``tell(yes)`` passes on to the sip process whether it is to send any."""

    def __init__(self, writer: StoreWriter, tell: Callable[[bool], None], *, linger_s: float = LINGER_S) -> None:
        self._writer = writer
        self._tell = tell
        self._linger_s = linger_s
        self._ring: deque[Event] = deque(maxlen=RING_EVENTS)
        self._newest = 0
        self._fresh = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._again = False
        self._watchers = 0
        self._leaving: asyncio.TimerHandle | None = None
        self._live = False
        self._hooked = False
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def watchers(self) -> int:
        """How many look on."""
        return self._watchers

    async def start(self) -> None:
        """Find out where the store ends; raises ``StoreError``."""
        self._newest, newest_at = await self._writer.run(_newest)
        self._hooked = await self._writer.run(_hooked)
        if newest_at > time.time() - self._linger_s:
            self._set_live(True)
            self._linger()
        self.wish()

    def wish(self) -> None:
        """Tell the sip process whether it is to send events; also whenever it comes anew."""
        self._tell(self._live or self._hooked)

    async def hook(self) -> None:
        """Look again whether there are webhooks."""
        self._hooked = await self._writer.run(_hooked)
        self.wish()

    def look(self) -> None:
        """Fetch what is new in the store; call it after each batch."""
        if not (self._live or self._hooked):
            return
        if self._looking is not None and not self._looking.done():
            self._again = True
            return
        self._looking = asyncio.get_running_loop().create_task(self._fetch())

    async def _fetch(self) -> None:
        while True:
            self._again = False
            try:
                found = await self._writer.run(_after, self._newest, PAGE_EVENTS)
            except StoreError as error:
                log.warning("events cannot be read", error=str(error))
                return
            if found:
                self._ring.extend(found)
                self._newest = found[-1].id
                fresh, self._fresh = self._fresh, asyncio.Event()
                fresh.set()
            if len(found) < PAGE_EVENTS and not self._again:
                return

    # -- watchers -----------------------------------------------------------------------------------------------

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Be a watcher within; raises ``OverflowError`` when there are too many."""
        if self._watchers >= MOST_WATCHERS:
            raise OverflowError(f"more than {MOST_WATCHERS} watchers")
        self._watchers += 1
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
        self._set_live(True)
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers:
                self._linger()

    def _linger(self) -> None:
        self._leaving = asyncio.get_running_loop().call_later(self._linger_s, self._set_live, False)

    def _set_live(self, live: bool) -> None:
        if live is self._live:
            return
        self._live = live
        task = asyncio.get_running_loop().create_task(self._watch_store(live))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.wish()

    async def _watch_store(self, live: bool) -> None:
        await self._writer.run(_watch, live)

    async def follow(self, wanted: Wanted, after: int | None, idle_s: float) -> AsyncIterator[Event | None]:
        """Give events after number ``after`` (None: from now on) as they come; None after each ``idle_s`` of silence.

        Only within :meth:`watching`.
        """
        last = self._newest if after is None else min(after, self._newest)
        while True:
            fresh = self._fresh
            page = await self._page(last)
            for event in page:
                last = event.id
                if wanted.matches(event):
                    yield event
            if page:
                continue
            try:
                async with asyncio.timeout(idle_s):
                    await fresh.wait()
            except TimeoutError:
                yield None

    async def _page(self, last: int) -> list[Event]:
        if last >= self._newest:
            return []
        if self._ring and self._ring[0].id <= last + 1:
            return [event for event in self._ring if event.id > last][:PAGE_EVENTS]
        found: list[Event] = await self._writer.run(_after, last, PAGE_EVENTS)
        return [event for event in found if event.id <= self._newest]

    async def oldest(self) -> int:
        """Give the number of the oldest event that is kept (0: none); raises ``StoreError``."""
        oldest, _ = await self._writer.run(_bounds)
        return oldest

    async def emit(self, account: str, name: str, at: float, data: dict[str, Any]) -> None:
        """Tell of something that this process did; raises ``StoreError``."""
        await self._writer.run(_add, account, name, at, data)
        self.look()

    def stop(self) -> None:
        """Let go."""
        for task in (*self._tasks, self._looking):
            if task is not None:
                task.cancel()
        if self._leaving is not None:
            self._leaving.cancel()


# -- on the store's thread ---------------------------------------------------------------------------------------------


def _newest(store: Store) -> tuple[int, float]:
    with store.reading() as events:
        newest = events.bounds()[1]
        last = events.after(newest - 1, 1) if newest else []
        return newest, last[0].at if last else 0.0


def _bounds(store: Store) -> tuple[int, int]:
    with store.reading() as events:
        return events.bounds()


def _hooked(store: Store) -> bool:
    return store.events.hooked


def _watch(store: Store, live: bool) -> None:
    store.events.watch(live)


def _after(store: Store, number: int, limit: int) -> list[Event]:
    with store.reading() as events:
        return events.after(number, limit)


def _add(store: Store, account: str, name: str, at: float, data: dict[str, Any]) -> None:
    with store.transaction():
        store.events.add(account, name, at, data)
