"""Webhooks: events told to other people's servers, at least once each, in order within a call, each signed.

Theory of operation. What is to be told stands in the store (:mod:`routerd.store.outbox`), written with the event
itself; so neither a crash of this process nor of the receiver loses any. Each webhook has a task of its own: it takes
what is due, of each call only the earliest event, posts some at once, and writes down what came of each as it comes. A
2xx is told; anything else is tried again after a pause that doubles, with chance in it, up to ``attempts`` times; then
the event waits among the dead letters until somebody wants it tried again, and the call's next event goes on. A
receiver may get an event twice (we died before writing down that it was told): its id tells.

Signed as Standard Webhooks has it: ``webhook-id``, ``webhook-timestamp``, and in ``webhook-signature`` the words
``v1,`` and base64 of HMAC-SHA256 over ``id.timestamp.body`` with the webhook's secret.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import random
import time
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from routerd.edge.logs import logger
from routerd.edge.poster import PostError
from routerd.errors import StoreError
from routerd.store import webhooks as stored
from routerd.store.outbox import Settled
from routerd.store.webhooks import SECRET_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from routerd.app.setup import WebhookSetup
    from routerd.store.outbox import Delivery, Webhook
    from routerd.store.spool import StoreWriter

log = logger("app.webhooks")

AT_ONCE: Final = 16  # posts of one webhook
STORE_PAUSE_S: Final = 1.0
SHORTEST_PAUSE_S: Final = 0.02
LONGEST_TURN_S: Final = 0.2  # a retry may become due while others fly


class Posts(Protocol):
    """What posts (:class:`routerd.edge.poster.Poster`)."""

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        """Post; gives the status. Raises ``PostError``."""


def signature(secret: str, event_id: str, timestamp: int, body: bytes) -> str:
    """Give the value of ``webhook-signature``."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    mac = hmac.digest(key, f"{event_id}.{timestamp}.".encode() + body, hashlib.sha256)
    return "v1," + base64.b64encode(mac).decode()


class Webhooks:
    """Tells every webhook what it is to be told. ``await start()``, ``wake()`` after each batch of the store."""

    def __init__(
        self, writer: StoreWriter, posts: Posts, settings: WebhookSetup, chance: random.Random | None = None
    ) -> None:
        self._writer = writer
        self._posts = posts
        self._settings = settings
        self._chance = chance or random.Random()  # noqa: S311 - spreads retries, hides nothing
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._awake: dict[str, asyncio.Event] = {}
        self.told = 0
        self.failed = 0

    async def start(self) -> None:
        """Serve all webhooks of the store; raises ``StoreError``."""
        await self.refresh()

    async def refresh(self) -> None:
        """Begin to serve new webhooks and leave those that are gone."""
        found = {webhook.id: webhook for webhook in await self._writer.run(stored.every)}
        for name in [name for name in self._serving if name not in found]:
            self._serving.pop(name).cancel()
            del self._awake[name]
        for name, webhook in found.items():
            if name not in self._serving:
                self._awake[name] = asyncio.Event()
                self._serving[name] = asyncio.get_running_loop().create_task(self._serve(webhook, self._awake[name]))

    def wake(self) -> None:
        """There may be something to tell."""
        for awake in self._awake.values():
            awake.set()

    async def stop(self) -> None:
        """Let go; what is not told stays in the store."""
        for task in self._serving.values():
            task.cancel()
        await asyncio.gather(*self._serving.values(), return_exceptions=True)
        self._serving.clear()

    async def _serve(self, webhook: Webhook, awake: asyncio.Event) -> None:
        flying: dict[int, asyncio.Task[Settled]] = {}
        try:
            while True:
                awake.clear()
                try:
                    wait_s = await self._turn(webhook, flying)
                except StoreError as error:
                    log.warning("webhooks wait for the store", error=str(error))
                    await asyncio.sleep(STORE_PAUSE_S)
                    continue
                await _either(awake, flying.values(), wait_s)
        finally:
            for task in flying.values():
                task.cancel()

    async def _turn(self, webhook: Webhook, flying: dict[int, asyncio.Task[Settled]]) -> float | None:
        """Write down what has landed, start what is due; gives after how long something will be (None: no idea)."""
        landed = [number for number, task in flying.items() if task.done()]
        if landed:
            await self._writer.run(stored.settle, [flying[number].result() for number in landed])
            for number in landed:
                del flying[number]
        due = await self._writer.run(stored.due, webhook.id, time.time(), AT_ONCE + len(flying))
        fresh = [delivery for delivery in due if delivery.event.id not in flying]
        for delivery in fresh[: AT_ONCE - len(flying)]:
            task = asyncio.get_running_loop().create_task(self._tell(webhook, delivery))
            flying[delivery.event.id] = task
        if flying:
            return LONGEST_TURN_S
        next_at = await self._writer.run(stored.next_due, webhook.id)
        return None if next_at is None else max(SHORTEST_PAUSE_S, next_at - time.time())

    async def _tell(self, webhook: Webhook, delivery: Delivery) -> Settled:
        event = delivery.event
        body = msgspec.json.encode(event.told())
        timestamp = int(time.time())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "routerd",
            "webhook-id": str(event.id),
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(webhook.secret, str(event.id), timestamp, body),
        }
        try:
            status = await self._posts.post(webhook.url, body, headers)
        except PostError as error:
            return self._failed(webhook, delivery, str(error))
        if 200 <= status < 300:
            self.told += 1
            return Settled(webhook.id, event.id, event.call)
        return self._failed(webhook, delivery, f"status {status}")

    def _failed(self, webhook: Webhook, delivery: Delivery, why: str) -> Settled:
        self.failed += 1
        event, attempts = delivery.event, delivery.attempts + 1
        dead = attempts >= self._settings.attempts
        if dead or attempts == 1:
            level = log.warning if dead else log.info
            level("event not told", webhook=webhook.id, event_id=event.id, call=event.call, why=why, given_up=dead)
        pause_s = min(self._settings.longest_retry_s, self._settings.first_retry_s * 2.0 ** min(attempts - 1, 30))
        due_at = time.time() + pause_s * self._chance.uniform(0.8, 1.2)
        return Settled(webhook.id, event.id, event.call, attempts, due_at, why, dead)


async def _either(awake: asyncio.Event, flying: Iterable[asyncio.Task[Settled]], within_s: float | None) -> None:
    """Wait until there is something new, something has landed, or the next is due."""
    waking = asyncio.ensure_future(awake.wait())
    try:
        await asyncio.wait([waking, *flying], timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        waking.cancel()
