"""Those who watch calls, put together: the feed of events, webhooks, exports, figures of trunks, retention.

Implements ``routerd.admin_api.observation.Observation`` for the API; the control process owns one.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from routerd.app.events import EventFeed
from routerd.app.exporting import Exports
from routerd.app.retention import Retention
from routerd.app.trunk_figures import TrunkFigures
from routerd.app.webhooks import Webhooks
from routerd.edge import clock
from routerd.edge.poster import Poster, PostError, place_of
from routerd.errors import StoreError
from routerd.store import webhooks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractContextManager

    from routerd.app.hub import SipHub
    from routerd.app.setup import ControlSetup
    from routerd.edge.metrics import Sample
    from routerd.store.outbox import Event, Wanted
    from routerd.store.queries import RecordFilter
    from routerd.store.spool import StoreWriter


class Observing:
    """What is seen of calls; ``await start()`` once the store is open, later ``await stop()``."""

    def __init__(self, setup: ControlSetup, writer: StoreWriter, hub: SipHub) -> None:
        self._writer = writer
        self._poster = Poster(setup.webhooks.networks, setup.webhooks.timeout_s)
        self.feed = EventFeed(writer, hub.watch)
        self.webhooks = Webhooks(writer, self._poster, setup.webhooks)
        self.trunks = TrunkFigures(clock.monotonic)
        self.retention = Retention(writer, setup.retention, hub.command)
        self._exports = Exports(Path(setup.store))
        self._queues: set[tuple[str, str]] = set()
        hub.stored = self.stored

    async def start(self) -> None:
        """Begin; raises ``StoreError``."""
        await self.feed.start()
        await self.webhooks.start()
        self.retention.start()

    async def stop(self) -> None:
        """Let go of everything."""
        self.feed.stop()
        self.retention.stop()
        await self.webhooks.stop()

    def stored(self) -> None:
        """Something new is in the store."""
        self.feed.look()
        self.webhooks.wake()

    async def samples(self) -> list[Sample]:
        """Give the counts of events and webhooks."""
        try:
            counts = await self._writer.run(webhooks.counts)
        except StoreError:
            counts = {}  # told by store_failing
        oldest = [since for _, _, since in counts.values() if since is not None]
        return [
            ("outbox_age_seconds", {}, max(0.0, time.time() - min(oldest)) if oldest else 0.0),
            ("outbox_waiting", {}, float(sum(waiting for waiting, _, _ in counts.values()))),
            ("outbox_dead", {}, float(sum(dead for _, dead, _ in counts.values()))),
            ("webhooks_told_total", {}, float(self.webhooks.told)),
            ("webhooks_failed_total", {}, float(self.webhooks.failed)),
            ("event_watchers", {}, float(self.feed.watchers)),
            *(("retention_deleted_total", {"kind": kind}, float(n)) for kind, n in self.retention.deleted.items()),
        ]

    def queues(self, rows: list[dict[str, Any]]) -> list[Sample]:
        """Give how many wait in each queue; one where somebody has waited stays, with nobody in it."""
        now = {(str(row["account"]), str(row["department"])): float(row["waiting"]) for row in rows}
        self._queues |= now.keys()
        return [
            ("queue_waiting", {"account": account, "department": department}, now.get((account, department), 0.0))
            for account, department in sorted(self._queues)
        ]

    # -- for the API --------------------------------------------------------------------------------------------

    def watching(self) -> AbstractContextManager[None]:
        """Have events made within."""
        return self.feed.watching()

    def follow(self, wanted: Wanted, after: int | None, idle_s: float) -> AsyncIterator[Event | None]:
        """Give events as they come."""
        return self.feed.follow(wanted, after, idle_s)

    async def oldest_event(self) -> int:
        """Give the number of the oldest event that is kept."""
        return await self.feed.oldest()

    async def emit(self, account: str, name: str, data: dict[str, Any]) -> None:
        """Tell of something that this process did."""
        await self.feed.emit(account, name, time.time(), data)
        self.webhooks.wake()

    async def webhooks_changed(self) -> None:
        """Serve the webhooks that the store has now."""
        await self.webhooks.refresh()
        await self.feed.hook()
        self.webhooks.wake()

    def export(self, wanted: RecordFilter, form: str) -> AsyncIterator[bytes]:
        """Give all records of a filter, in pieces."""
        return self._exports.export(wanted, form)

    def trunk_figures(self, account: str) -> Mapping[str, dict[str, Any]]:
        """Give the figures of an account's trunks."""
        measured_s = round(self.trunks.measured_s)
        return {name: {**figures, "measured_s": measured_s} for name, figures in self.trunks.of(account).items()}

    async def refuses(self, url: str) -> str:
        """Say why no webhook may lead there."""
        try:
            place_of(url)
        except PostError as error:
            return str(error)
        return await self._poster.refuses(url)
