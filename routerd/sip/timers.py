"""The one timer queue of a switch, and the durations of RFC 3261 §17 (table 4), RFC 6026 and RFC 4320.

Theory of operation
-------------------
Nearly every timer of a SIP server has one of a dozen durations. Timers of one fixed duration expire in the order in
which they were started, so a FIFO is all they need: starting one is an append. Odd durations (session timers, timer C
of a route, registrations) go to a heap. Cancelling only marks a timer; a dead one is dropped when its turn comes, and
the heap is swept when more than half of it is dead. A dead timer keeps no reference to its target, so that a cancelled
timer never holds a transaction in memory.

``now`` is monotonic seconds and comes from the caller. ``TimerQueue.next_deadline`` says when to call
``TimerQueue.run`` next.
"""

from __future__ import annotations

from collections import deque
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

T1: Final = 0.5
"""Round-trip estimate, seconds (RFC 3261 §17.1.1.1)."""
T2: Final = 4.0
"""Longest interval between retransmissions of non-INVITE requests and INVITE responses, seconds."""
T4: Final = 5.0
"""How long the network may keep a message, seconds."""
TIMEOUT: Final = 64 * T1
"""Timers B, F, H, J, L and M: 64*T1, seconds (RFC 3261 §17; RFC 6026 §8.4, §8.5)."""
TIMER_D: Final = 32.0
"""At least 32 s over unreliable transports (RFC 3261 §17.1.1.2)."""
TRYING_DELAY: Final = 3.5
"""When timer E of a client reaches T2: only then a 100 to a non-INVITE (RFC 4320 §4.1): 0.5 + 1 + 2 seconds."""

FIXED_DURATIONS: tuple[float, ...] = (T1, 2 * T1, 4 * T1, T2, T4, TIMEOUT, TRYING_DELAY)
"""Durations with a FIFO from the start; D is 64*T1 as well."""

_SWEEP_FROM: Final = 512

_order_of = attrgetter("deadline", "order")


class TimerTarget(Protocol):
    """Who is told that a timer fired."""

    def timer_fired(self, name: str, now: float) -> None:
        """Take note that the timer ``name`` has expired at ``now``."""


class Timer:
    """One running timer; made by ``TimerQueue.after``."""

    __slots__ = ("deadline", "live", "name", "order", "target")

    def __init__(self, deadline: float, target: TimerTarget, name: str, order: int) -> None:
        self.deadline: float = deadline
        self.target: TimerTarget | None = target
        self.name: str = name
        self.order: int = order
        self.live: bool = True

    def cancel(self) -> None:
        """Stop the timer; harmless when it has fired or was cancelled already."""
        self.live = False
        self.target = None

    def __repr__(self) -> str:
        return f"Timer({self.name!r}, {self.deadline:g}, {'live' if self.live else 'dead'})"


class TimerQueue:
    """All timers of one switch, fired in the order of their deadlines (ties: in the order of their starts).

    ``failed`` is the target that raised last, for whoever catches it.
    """

    __slots__ = ("_fifos", "_head", "_head_known", "_heap", "_order", "_sweep_at", "failed")

    def __init__(self, fixed_durations: Iterable[float] = FIXED_DURATIONS) -> None:
        self._fifos: dict[float, deque[Timer]] = {}
        self._heap: list[tuple[float, int, Timer]] = []
        self._order: int = 0
        self._head: Timer | None = None
        self._head_known: bool = True
        self._sweep_at: int = _SWEEP_FROM
        self.failed: TimerTarget | None = None
        for duration in fixed_durations:
            self.register(duration)

    def register(self, duration_s: float) -> None:
        """Give timers of ``duration_s`` a FIFO of their own; worth it for what is started many times a second."""
        self._fifos.setdefault(duration_s, deque())

    def after(self, delay_s: float, target: TimerTarget, name: str, now: float) -> Timer:
        """Start a timer that calls ``target.timer_fired(name, …)`` once, ``delay_s`` seconds after ``now``."""
        self._order = order = self._order + 1
        deadline = now + delay_s
        timer = Timer(deadline, target, name, order)
        self._put(timer, deadline, delay_s)
        return timer

    def again(self, timer: Timer, delay_s: float, target: TimerTarget, now: float) -> None:
        """Start a timer that has *fired* once more under its name; saves an object on every retransmission."""
        self._order += 1
        timer.deadline = now + delay_s
        timer.order = self._order
        timer.target = target
        timer.live = True
        self._put(timer, timer.deadline, delay_s)

    def next_deadline(self) -> float | None:
        """When ``run`` is due next; None when no timer is live."""
        head = self._head
        if head is not None and head.live:
            return head.deadline
        if head is None and self._head_known:
            return None
        head = self._find_head()
        return None if head is None else head.deadline

    def run(self, now: float) -> int:
        """Fire everything that is due at ``now``, also what the fired ones start with no delay; return how many."""
        fired = 0
        while True:
            due = self._take_due(now)
            if not due:
                return fired
            fired += self._fire(due, now)

    def __len__(self) -> int:
        """How many timers are live; counts them, so it is for leak checks and not for the hot path."""
        in_fifos = sum(1 for fifo in self._fifos.values() for timer in fifo if timer.live)
        return in_fifos + sum(1 for entry in self._heap if entry[2].live)

    def _put(self, timer: Timer, deadline: float, delay_s: float) -> None:
        """File a timer where its duration belongs and keep the head right."""
        fifo = self._fifos.get(delay_s)
        if fifo is not None and (not fifo or fifo[-1].deadline <= deadline):
            fifo.append(timer)
        else:
            self._push(timer)
        if self._head_known:
            head = self._head
            if head is None or deadline < head.deadline:
                self._head = timer

    def _push(self, timer: Timer) -> None:
        heap = self._heap
        heappush(heap, (timer.deadline, timer.order, timer))
        if len(heap) >= self._sweep_at:
            heap[:] = [entry for entry in heap if entry[2].live]
            heapify(heap)
            self._sweep_at = max(_SWEEP_FROM, 2 * len(heap))

    def _find_head(self) -> Timer | None:
        """Find the live timer with the earliest deadline, dropping dead ones on the way."""
        best: Timer | None = None
        for fifo in self._fifos.values():
            while fifo and not fifo[0].live:
                fifo.popleft()
            if fifo and (best is None or fifo[0].deadline < best.deadline):
                best = fifo[0]
        heap = self._heap
        while heap and not heap[0][2].live:
            heappop(heap)
        if heap and (best is None or heap[0][0] < best.deadline):
            best = heap[0][2]
        self._head = best
        self._head_known = True
        return best

    def _take_due(self, now: float) -> list[Timer]:
        """Take the live timers that are due out of the queue, in firing order."""
        due: list[Timer] = []
        for fifo in self._fifos.values():
            while fifo and fifo[0].deadline <= now:
                timer = fifo.popleft()
                if timer.live:
                    due.append(timer)
        heap = self._heap
        while heap and heap[0][0] <= now:
            timer = heappop(heap)[2]
            if timer.live:
                due.append(timer)
        if due:
            self._head = None
            self._head_known = False
            if len(due) > 1:
                due.sort(key=_order_of)
        return due

    def _fire(self, due: list[Timer], now: float) -> int:
        """Call the targets in order; should one raise, the rest goes back and fires at the next run."""
        fired = 0
        index = 0
        target: TimerTarget | None = None
        try:
            while index < len(due):
                timer = due[index]
                index += 1
                target = timer.target
                if not timer.live or target is None:
                    continue
                timer.live = False
                timer.target = None
                fired += 1
                target.timer_fired(timer.name, now)
        except Exception:
            self.failed = target
            raise
        finally:
            for timer in due[index:]:
                if timer.live:
                    heappush(self._heap, (timer.deadline, timer.order, timer))
        return fired
