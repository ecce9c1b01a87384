"""The garbage collector, kept off the calls: no collection by itself, small ones when nothing happens.

The call path makes no reference cycles, so reference counting frees it; what the collector finds are the odd cycles of
libraries. After start all that lives is frozen. From then on a look every ``LOOK_EVERY_S``: the young generation is
collected when it has grown, and when the loop was idle the rest too, the oldest generation at most every few minutes;
and an idle loop gives free memory back to the system.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from routerd.edge import clock
from routerd.edge.memory import Trimmer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

LOOK_EVERY_S = 0.25
YOUNG_OBJECTS = 20_000  # about a millisecond's work
YOUNG_OBJECTS_IDLE = 1_000
OLDEST_EVERY_S = 300.0
IDLE_MESSAGES = 3
WORTH_A_TRIM = 1_000  # messages


class Collector:
    """Collects in quiet moments; ``messages`` gives the running count of messages by which quiet is judged.

    ``lag`` hears how late each look came (seconds): the loop's lag. Call ``start`` when the process is set up.
    """

    __slots__ = (
        "_handle", "_lag", "_last_messages", "_loop", "_messages", "_oldest_at", "_planned", "_trimmer",
        "collections",
    )  # fmt: skip

    def __init__(
        self, loop: asyncio.AbstractEventLoop, messages: Callable[[], int], lag: Callable[[float], None]
    ) -> None:
        self._loop = loop
        self._messages = messages
        self._lag = lag
        self._last_messages = 0
        self._oldest_at = 0.0
        self._planned = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._trimmer = Trimmer(WORTH_A_TRIM)
        self.collections = 0

    def start(self) -> None:
        """Collect and freeze what start-up left, switch automatic collection off, begin to look."""
        gc.collect()
        gc.freeze()
        gc.disable()
        self._oldest_at = clock.monotonic()
        self._plan()

    def stop(self) -> None:
        """Give the collector back to the interpreter."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        gc.enable()
        gc.unfreeze()

    def _plan(self) -> None:
        self._planned = clock.monotonic() + LOOK_EVERY_S
        self._handle = self._loop.call_later(LOOK_EVERY_S, self.look)

    def look(self) -> None:
        """Collect what is worth collecting now."""
        now = clock.monotonic()
        self._lag(max(0.0, now - self._planned))
        messages = self._messages()
        idle = messages - self._last_messages < IDLE_MESSAGES
        self._last_messages = messages
        young = gc.get_count()[0]
        if idle and now - self._oldest_at > OLDEST_EVERY_S:
            self._oldest_at = now
            gc.collect()
            self.collections += 1
        elif young > (YOUNG_OBJECTS_IDLE if idle else YOUNG_OBJECTS):
            gc.collect(1 if idle else 0)
            self.collections += 1
        elif idle:
            self._trimmer.quiet(messages)
        self._plan()
