"""One timer for everything that speaks: each slot is called when it is due, by absolute time.

Theory of operation. Times are whole milliseconds of the monotonic clock, which is what the loop's timers can keep.
Slots that are due together stand in one list, so a turn of the loop serves all of them; beginnings are rounded up to
``GRID_MS`` for that. What is called late is called at once and keeps its own time: the next deadline is counted from
the last one, not from now. Only after a standstill of ``BEHIND_MS`` is the lost time given up. No timer runs while
there is nothing to do.
"""

from __future__ import annotations

from heapq import heappop, heappush
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

GRID_MS: Final = 2
BEHIND_MS: Final = 200


class Slot(Protocol):
    """Who is called."""

    def step(self, due_ms: int) -> int | None:
        """Do what is due; when to be called again, None: no more."""


class Pacing(Protocol):
    """What a player needs of a pacer."""

    def add(self, slot: Slot) -> None:
        """Call ``slot`` as soon as may be, and from then on when it says."""


class Pacer:
    """The timer on a loop."""

    __slots__ = ("_armed_ms", "_clock", "_due", "_keys", "_loop", "_timer")

    def __init__(self, loop: asyncio.AbstractEventLoop, clock: Callable[[], float] = monotonic) -> None:
        """``clock`` must be the one of ``loop``."""
        self._loop: asyncio.AbstractEventLoop = loop
        self._clock: Callable[[], float] = clock
        self._due: dict[int, list[Slot]] = {}
        self._keys: list[int] = []
        self._timer: asyncio.TimerHandle | None = None
        self._armed_ms: int = 0

    def __len__(self) -> int:
        """Slots that wait."""
        return sum(len(slots) for slots in self._due.values())

    def add(self, slot: Slot) -> None:
        """Call ``slot`` as soon as may be, and from then on when it says."""
        now_ms = int(self._clock() * 1000)
        self._put(slot, now_ms + -now_ms % GRID_MS)
        self._arm()

    def close(self) -> None:
        """Call nobody any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._due = {}
        self._keys = []

    def _put(self, slot: Slot, due_ms: int) -> None:
        slots = self._due.get(due_ms)
        if slots is None:
            self._due[due_ms] = [slot]
            heappush(self._keys, due_ms)
        else:
            slots.append(slot)

    def _arm(self) -> None:
        if not self._keys:
            return
        first_ms = self._keys[0]
        if self._timer is not None:
            if self._armed_ms <= first_ms:
                return
            self._timer.cancel()
        self._armed_ms = first_ms
        self._timer = self._loop.call_at(first_ms / 1000, self._fire)

    def _fire(self) -> None:
        self._timer = None
        try:
            now_ms = int(self._clock() * 1000)
            while self._keys and self._keys[0] <= now_ms:
                due_ms = heappop(self._keys)
                for slot in self._due.pop(due_ms, ()):
                    next_ms = slot.step(due_ms)
                    if next_ms is not None:
                        self._put(slot, next_ms if next_ms > now_ms - BEHIND_MS else now_ms + -now_ms % GRID_MS)
        finally:
            self._arm()
