"""Files that are looked at every few seconds: who changes one need not say so.

A change is told when the file has been the same for one look more, so that one that is being written is read when it
is whole. Nothing is told of what changed before the watch began.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

State = tuple[tuple[int, int, int], ...]


class FileWatch:
    """Calls ``changed()`` after ``paths`` changed; looks every ``every_s`` seconds (0: never). ``start()`` it."""

    def __init__(self, paths: Iterable[str], every_s: float, changed: Callable[[], None]) -> None:
        self._paths = [Path(path) for path in paths]
        self._every_s = every_s
        self._changed = changed
        self._told = self._last = self._state()
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin to look."""
        if self._every_s and self._paths:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self._look)

    def stop(self) -> None:
        """Look no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _look(self) -> None:
        state = self._state()
        if state == self._last != self._told:
            self._told = state
            self._changed()
        self._last = state
        self.start()

    def _state(self) -> State:
        return tuple(_facts(path) for path in self._paths)


def _facts(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0, 0)
    return (found.st_mtime_ns, found.st_size, found.st_ino)
