"""Old records, recordings, messages and events are deleted, by the days that the settings say.

Theory of operation. Once an hour (and a while after the start) each kind is looked at: a slice is taken from the store,
its files are deleted, and after a short pause the next slice follows, until nothing old is left. A message is deleted
by the switch, as if somebody had, so that lamps follow. A recording's file goes before its record: a record whose
recording is still there waits.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

from routerd.edge.logs import logger
from routerd.errors import StoreError
from routerd.store import retention

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from routerd.app.setup import RetentionSetup
    from routerd.store.spool import StoreWriter

log = logger("app.retention")

DAY_S: Final = 86400.0
FIRST_AFTER_S: Final = 60.0
EVERY_S: Final = 3600.0
PAUSE_S: Final = 0.2


class Retention:
    """Deletes what is old; ``start()``, later ``stop()``."""

    def __init__(
        self,
        writer: StoreWriter,
        days: RetentionSetup,
        command: Callable[[str, dict[str, Any]], Awaitable[dict[str, Any] | None]],
        *,
        pause_s: float = PAUSE_S,
    ) -> None:
        self._writer = writer
        self._days = days
        self._command = command
        self._pause_s = pause_s
        self._task: asyncio.Task[None] | None = None
        self.deleted: dict[str, int] = {}

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._work())

    def stop(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()

    async def _work(self) -> None:
        await asyncio.sleep(FIRST_AFTER_S)
        while True:
            try:
                await self.sweep(time.time())
            except (StoreError, OSError) as error:
                log.warning("old things stay until the next hour", error=str(error))
            await asyncio.sleep(EVERY_S)

    async def sweep(self, now: float) -> None:
        """Delete everything that is old at ``now`` (UTC seconds); raises ``StoreError``."""
        days = self._days
        kinds: tuple[tuple[str, int, Callable[[float], Awaitable[int]]], ...] = (
            ("recordings", days.recordings_days or days.records_days, self._recordings),
            ("records", days.records_days, self._records),
            ("messages", days.messages_days, self._messages),
            ("events", days.events_days, self._events),
        )
        for kind, kept_days, delete in kinds:
            if not kept_days:
                continue
            before = now - kept_days * DAY_S
            while gone := await delete(before):
                self.deleted[kind] = self.deleted.get(kind, 0) + gone
                await asyncio.sleep(self._pause_s)

    async def _recordings(self, before: float) -> int:
        found = await self._writer.run(retention.old_recordings, before)
        for call, file in found:
            await asyncio.to_thread(retention.delete_files, file)
            await self._writer.run(retention.forget_recording, call)
        return len(found)

    async def _records(self, before: float) -> int:
        return await self._writer.run(retention.forget_records, before)

    async def _messages(self, before: float) -> int:
        found = await self._writer.run(retention.old_messages, before)
        for account, box, name in found:
            await self._command("voicemail_delete", {"account": account, "voicemail": box, "id": name})
        await self._writer.settled()
        return 0 if len(found) < retention.SLICE_ROWS else len(found)

    async def _events(self, before: float) -> int:
        return await self._writer.run(retention.forget_events, before)
