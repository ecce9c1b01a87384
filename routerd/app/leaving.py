"""How a sip process takes its leave: no new calls, those that are left are waited for, and what still lasts is hung up.

Theory of operation. ``drain`` makes the switch refuse new calls with 503; requests within calls are served as before,
so people can finish what they are saying. After ``drain_s``, or at once when ``hurry`` is set (a second signal), the
calls that are left are hung up: their peers must not wait for a dead daemon. A moment is left for engines to say what
became of recordings and messages, so that the records have it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua.effects import Command
from routerd.edge import clock
from routerd.edge.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable

log = logger("app.leaving")

NUMBER: Final = -1
"""The number of our own question which calls there are."""
LOOKS: Final = 30
LOOK_EVERY_S: Final = 0.05
CALLS_EVERY_S: Final = 0.2


class Leaving:
    """``await leave()`` once; ``told`` hears the answers to commands numbered :data:`NUMBER`."""

    def __init__(self, command: Callable[[Command], None], drain_s: float) -> None:
        self._command = command
        self._drain_s = drain_s
        self._left: list[str] = []
        self._unsettled = 0
        self.hurry = asyncio.Event()

    def told(self, result: dict[str, Any]) -> None:
        """Take the switch' calls."""
        self._left = [call["id"] for call in result.get("calls", ())]
        self._unsettled = result.get("unsettled", 0)

    async def leave(self) -> None:
        """Drain, wait, hang up."""
        self._command(Command(0, "drain", {}))
        if self._drain_s and self._calls():
            log.info("draining: no new calls", calls=len(self._left), longest_s=self._drain_s)
            await self._wait()
        await self._hang_up()

    def _calls(self) -> list[str]:
        self._left = []
        self._command(Command(NUMBER, "calls", {}))
        return self._left

    async def _wait(self) -> None:
        until = clock.monotonic() + self._drain_s
        while self._calls() and not self.hurry.is_set() and clock.monotonic() < until:
            try:
                async with asyncio.timeout(CALLS_EVERY_S):
                    await self.hurry.wait()
            except TimeoutError:
                continue

    async def _hang_up(self) -> None:
        told: set[str] = set()
        for _ in range(LOOKS):
            for call in [call for call in self._calls() if call not in told]:
                told.add(call)
                self._command(Command(0, "hang_up", {"call": call}))
            if not self._left and not self._unsettled:
                return
            await asyncio.sleep(LOOK_EVERY_S)
