"""The two clocks of a process: monotonic seconds for everything that is timed, one offset to reach wall time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

monotonic: Callable[[], float] = time.monotonic


def wall_offset() -> float:
    """Give the seconds to add to :data:`monotonic` for UTC seconds; the narrowest of a few readings.

    Taken once at start and handed to the switch: a wall clock that is set later moves no timer.
    """
    best = (float("inf"), 0.0)
    for _ in range(5):
        before = time.monotonic()
        wall = time.time()
        after = time.monotonic()
        best = min(best, (after - before, wall - (before + after) / 2))
    return best[1]
