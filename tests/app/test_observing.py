from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from routerd.app.observing import Observing
from routerd.app.setup import ControlSetup, WebhookSetup
from routerd.store import webhooks
from routerd.store.spool import StoreWriter

if TYPE_CHECKING:
    from pathlib import Path


LOCAL = WebhookSetup(("127.0.0.0/8",))


class Hub:
    """The sip process' other end."""

    def __init__(self) -> None:
        self.wishes: list[bool] = []
        self.watch = self.wishes.append
        self.stored: Any = None

    async def command(self, _verb: str, _arguments: dict[str, Any]) -> None:
        return None


async def test_the_parts_know_of_each_other(tmp_path: Path) -> None:
    hub = Hub()
    writer = StoreWriter(tmp_path / "store.db", lambda _process, _number: hub.stored())
    setup = ControlSetup(str(tmp_path / "store.db"), (), "", "", ("127.0.0.1", 1), "", webhooks=LOCAL)
    observing = Observing(setup, writer, hub)  # type: ignore[arg-type]
    await writer.open()
    await observing.start()
    assert hub.wishes == [False]
    await writer.run(webhooks.put, webhooks.new("acme", "http://127.0.0.1:1/", (), 1.0))
    await observing.webhooks_changed()
    assert hub.wishes[-1]
    writer.put("p", 1, [("call.start", {"id": "c", "account": "acme", "at": 5.0})])
    await writer.settled()
    samples = {name: value for name, labels, value in await observing.samples() if not labels}
    assert samples["outbox_waiting"] == 1.0
    assert samples["outbox_age_seconds"] > 1e6
    async with asyncio.timeout(10):
        while not observing.webhooks.failed:
            await writer.run(webhooks.counts)
    assert await observing.oldest_event() == 1
    assert await observing.refuses("ftp://x") != ""
    assert await observing.refuses("http://10.0.0.1/") != ""
    assert await observing.refuses("http://127.0.0.1/") == ""
    observing.trunks.hear("call.end", {"account": "acme", "trunk": "pstn"})
    assert observing.trunk_figures("acme")["pstn"]["inbound"] == 1
    waiting = [{"account": "acme", "department": "support", "waiting": 2}]
    assert observing.queues(waiting)[0][2] == 2.0
    assert observing.queues([]) == [("queue_waiting", {"account": "acme", "department": "support"}, 0.0)]
    await observing.stop()
    await writer.close()
