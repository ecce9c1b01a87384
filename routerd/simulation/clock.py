"""Virtual time: what is to happen, in the order of its instants; nothing here waits.

The :class:`Agenda` holds what the world itself has planned: packets on their way, answers of the DNS and of media
engines, what phones and people do. Equal instants keep the order in which they were planned, so a run is a function of
its seed.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Agenda:
    """Planned events; :meth:`at`, then :meth:`run_next` for each as time comes to it."""

    __slots__ = ("_heap", "_order")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._order = 0

    def at(self, when: float, action: Callable[..., None], *arguments: Any) -> None:
        """Plan ``action(*arguments, when)``: the instant is the last argument."""
        self._order += 1
        heappush(self._heap, (when, self._order, action, arguments))

    def next_at(self) -> float | None:
        """When the next event is due; None: nothing is planned."""
        return self._heap[0][0] if self._heap else None

    def run_next(self) -> float:
        """Let the next event happen; returns its instant."""
        when, _, action, arguments = heappop(self._heap)
        action(*arguments, when)
        return when

    def __len__(self) -> int:
        return len(self._heap)
