"""Old snapshots, taken apart in slices once no call pins them: dropping 100,000 agents at once would hold the loop."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from routerd.config.snapshot import Retirement

if TYPE_CHECKING:
    import asyncio

    from routerd.rules.tables import AccountTables, Snapshot

LOOK_EVERY_S = 5.0
SLICE_EVERY_S = 0.01
OWN_REFERENCES = 3  # the snapshot's dictionary, the loop's name below, getrefcount's argument


def pinned(snapshot: Snapshot, current: Snapshot) -> bool:
    """Whether anybody else than ``snapshot`` and ``current`` holds one of the accounts' tables."""
    tables: AccountTables
    for tables in snapshot.accounts.values():
        shared = current.accounts.get(tables.account.id) is tables
        if not shared and sys.getrefcount(tables) > OWN_REFERENCES:
            return True
    return False


class Retiring:
    """Keeps what was replaced until nobody uses it; call ``replace`` with each snapshot that comes into force."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._current: Snapshot | None = None
        self._old: list[Snapshot] = []

    def __len__(self) -> int:
        """How many old snapshots still live."""
        return len(self._old)

    def replace(self, snapshot: Snapshot) -> None:
        """Know that ``snapshot`` is in force and the one before is not."""
        if self._current is not None:
            self._old.append(self._current)
            if len(self._old) == 1:
                self._loop.call_later(LOOK_EVERY_S, self.look)
        self._current = snapshot

    def look(self) -> None:
        """Begin to take apart the first old snapshot that nobody pins; look again while there are others."""
        assert self._current is not None
        for index, old in enumerate(self._old):
            if not pinned(old, self._current):
                del self._old[index]
                self._slice(Retirement(old, self._current))
                break
        if self._old:
            self._loop.call_later(LOOK_EVERY_S, self.look)

    def _slice(self, retirement: Retirement) -> None:
        if not retirement.step():
            self._loop.call_later(SLICE_EVERY_S, self._slice, retirement)
