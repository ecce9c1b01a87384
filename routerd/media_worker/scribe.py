"""The thread that writes recordings, so that the loop which carries the packets never waits for a disk.

Theory of operation. The loop appends what it hears to a recording's inbox and never more; every ``PERIOD_S`` the thread
lets each recording decode, lay out and write what has become due. ``wake`` hurries it when something ends. A recording
whose file fails ends with that failure and no other; one disk that hangs stops them all, and their inboxes fill up to
their bound (see ``recording``).
"""

from __future__ import annotations

import threading
from time import monotonic
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

PERIOD_S: Final = 0.25
GOODBYE_S: Final = 5.0


class Work(Protocol):
    """What the thread does again and again."""

    def work(self, now: float) -> bool:
        """Write what is due; False: it is over. Must not raise."""


class Scribe:
    """One thread for all recordings of an engine, started with the first; ``add`` from the loop, ``close`` at last."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._work: list[Work] = []
        self._fresh: list[Work] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    def __len__(self) -> int:
        """Recordings being written."""
        with self._lock:
            return len(self._work) + len(self._fresh)

    def add(self, work: Work) -> None:
        """Write ``work`` from now on."""
        with self._lock:
            self._fresh.append(work)
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="recordings", daemon=True)
            self._thread.start()

    def now(self) -> float:
        """The clock of both threads."""
        return self._clock()

    def wake(self) -> None:
        """Something ended: look at once."""
        self._wake.set()

    def close(self) -> None:
        """Let what has ended be written, then end the thread; bounded, should a disk hang."""
        self._closing = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join(GOODBYE_S)

    def turn(self) -> None:
        """Let every recording write what is due, once."""
        now = self._clock()
        with self._lock:
            self._work += self._fresh
            self._fresh.clear()
        over = [work for work in self._work if not work.work(now)]
        with self._lock:
            self._work = [work for work in self._work if work not in over]

    def _run(self) -> None:
        while not self._closing:
            self._wake.wait(PERIOD_S if self._work else None)
            self._wake.clear()
            self.turn()
        self.turn()
