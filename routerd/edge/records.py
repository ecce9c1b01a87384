"""The journal's way out of the sip process: kept until the control process has it in the store.

Theory of operation. Entries are numbered from 1 in the order in which the switch wrote them, and encoded once. They
wait in ``unsent`` for the next flush (a few milliseconds; at once for urgent ones, so that a call's start has left
this process before the 18x does), then in ``unacked`` until the control process acknowledges their number after its
commit. When the connection comes back everything unacknowledged is sent again under the same numbers; the receiver
skips what it has, so nothing is lost and nothing stands twice. The spool is bounded: at the bound the oldest entry
gives way and is counted.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from routerd.b2bua.effects import Journal
    from routerd.edge.metrics import Counters

SPOOL_ENTRIES = 200_000
BATCH_ENTRIES = 256
FLUSH_AFTER_S = 0.05
BACKLOG_BYTES = 8 << 20  # a control process that does not read gets no more than this


class Link(Protocol):
    """A connection that carries frames."""

    @property
    def backlog_bytes(self) -> int:
        """How much waits for the peer to read."""

    def send(self, frame: list[Any]) -> None:
        """Send one frame, keeping the order."""


class Outbox:
    """One sip process's journal; ``write`` is what the driver calls. ``attach`` when the control process is there."""

    __slots__ = ("_counters", "_empty", "_first", "_flush_due", "_link", "_loop", "_sent", "_spool", "_spool_entries")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, counters: Counters, *, spool_entries: int = SPOOL_ENTRIES
    ) -> None:
        self._loop = loop
        self._counters = counters
        self._spool_entries = spool_entries
        self._spool: deque[msgspec.Raw] = deque()
        self._first = 1  # number of _spool[0]
        self._sent = 0  # how many of the spool are on their way
        self._link: Link | None = None
        self._flush_due: asyncio.TimerHandle | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def empty(self) -> None:
        """Wait until everything is acknowledged."""
        await self._empty.wait()

    def __len__(self) -> int:
        """How many entries are not acknowledged."""
        return len(self._spool)

    def write(self, effect: Journal) -> None:
        """Take one entry; an urgent one is handed over, with all before it, before this returns."""
        if len(self._spool) >= self._spool_entries:
            self._drop_oldest()
        self._empty.clear()
        self._spool.append(msgspec.Raw(msgspec.msgpack.encode((effect.kind, effect.entry))))
        if effect.urgent:
            self.flush()
        elif self._flush_due is None:
            self._flush_due = self._loop.call_later(FLUSH_AFTER_S, self._flush_timer)

    def attach(self, link: Link) -> None:
        """Use this connection from now on; sends again all that was never acknowledged."""
        self._link = link
        self._sent = 0
        self.flush()

    def detach(self) -> None:
        """Keep what comes until the control process is back."""
        self._link = None
        self._sent = 0

    def acknowledge(self, number: int) -> None:
        """Forget entries up to ``number``: they are in the store."""
        while self._spool and self._first <= number:
            self._spool.popleft()
            self._first += 1
            self._sent = max(0, self._sent - 1)
        if not self._spool:
            self._empty.set()
        elif self._sent < len(self._spool):
            self.flush()

    def flush(self) -> None:
        """Send what is unsent, as far as the connection takes it."""
        link = self._link
        while link is not None and self._sent < len(self._spool) and link.backlog_bytes < BACKLOG_BYTES:
            start = self._sent
            batch = [self._spool[index] for index in range(start, min(start + BATCH_ENTRIES, len(self._spool)))]
            self._sent += len(batch)
            link.send(["journal", self._first + start, batch])

    def _flush_timer(self) -> None:
        self._flush_due = None
        self.flush()
        if self._link is not None and self._sent < len(self._spool):
            self._flush_due = self._loop.call_later(FLUSH_AFTER_S, self._flush_timer)

    def _drop_oldest(self) -> None:
        self._spool.popleft()
        self._first += 1
        self._sent = max(0, self._sent - 1)
        self._counters.records_lost += 1
