"""A snapshot on its way in: built part by part, with everything else of the loop in between.

Many parts arrive with one read of the socket. Before this process serves they are taken as they come, for what stands
behind them (registrations) needs them; afterwards one part a turn of the loop.
"""

from __future__ import annotations

import gc
from collections import deque
from typing import TYPE_CHECKING

from routerd.config.snapshot import SnapshotBuilder
from routerd.edge.logs import logger
from routerd.errors import ConfigError

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from routerd.rules.tables import Snapshot

YOUNG_OBJECTS = 2_000  # a tenth of a millisecond; tuples of plain values are then no longer tracked

log = logger("app.installing")


class Installing:
    """Feeds a builder: ``begin``, each ``part``, ``install``; ``done`` hears of the snapshot. ``paced``: in slices."""

    def __init__(self, loop: asyncio.AbstractEventLoop, done: Callable[[Snapshot], None]) -> None:
        self._loop = loop
        self._done = done
        self._builder: SnapshotBuilder | None = None
        self._waiting: deque[bytes | int] = deque()
        self.paced = False

    def begin(self, _version: int) -> None:
        """Begin a new snapshot; what was not finished is forgotten."""
        self._builder = SnapshotBuilder()
        self._waiting.clear()

    def part(self, part: bytes) -> None:
        """Take the next part."""
        self._take(part)

    def install(self, version: int) -> None:
        """Finish: it is the snapshot of that version."""
        self._take(version)

    def _take(self, step: bytes | int) -> None:
        if not self.paced and not self._waiting:
            self._do(step)
            return
        self._waiting.append(step)
        if len(self._waiting) == 1:
            self._loop.call_soon(self._turn)

    def _turn(self) -> None:
        if not self._waiting:
            return
        step = self._waiting[0]
        self._do(step)
        if self._waiting and self._waiting[0] is step:
            self._waiting.popleft()
        if gc.get_count()[0] > YOUNG_OBJECTS:  # or all of them wait for the collector's next look
            gc.collect(0)
        if self._waiting:
            self._loop.call_soon(self._turn)

    def _do(self, step: bytes | int) -> None:
        builder = self._builder
        if builder is None:
            return
        try:
            if isinstance(step, bytes):
                builder.feed(step)
                return
            snapshot = builder.finish(step)
        except ConfigError as error:
            self._builder = None
            log.error("a snapshot cannot be used: the one before stays", error=str(error))  # noqa: TRY400
            return
        self._builder = None
        self._done(snapshot)
