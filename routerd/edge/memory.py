"""Memory that is free inside the process, given back to the system in quiet moments (malloc_trim(3)).

The C library and the interpreter keep what a busy hour needed: without this a process looks for ever as large as in
its busiest moment. The interpreter's own free lists pin its arenas; a full collection empties them first.
"""

from __future__ import annotations

import ctypes
import gc

from routerd.edge import clock

EVERY_S = 5.0
TIMES = 10  # what lingers after work (transactions, closed sockets) is free only half a minute later
LONGEST_COLLECTION_S = 0.005

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only


class Trimmer:
    """Gives back while nothing happens, a few times after each piece of work; ``quiet`` is cheap in between."""

    __slots__ = ("_at_s", "_done", "_left", "_took_s", "_worth")

    def __init__(self, worth: int) -> None:
        """Take ``worth``: so much work makes it worth while."""
        self._worth = worth
        self._done = 0
        self._left = 0
        self._took_s = 0.0
        self._at_s = clock.monotonic()

    def quiet(self, work: int) -> bool:
        """Say that nothing happens now; ``work`` is a running count of what happened. Whether memory was given back."""
        if work - self._done >= self._worth:
            self._done, self._left = work, TIMES
        now = clock.monotonic()
        if not self._left or now - self._at_s < EVERY_S:
            return False
        self._at_s = now
        self._left -= 1
        if self._took_s < LONGEST_COLLECTION_S:
            gc.collect()
            self._took_s = clock.monotonic() - now
        if _trim is not None:
            _trim(0)
        return True
