from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import random
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from routerd.app.setup import WebhookSetup
from routerd.app.webhooks import Webhooks, signature
from routerd.edge.poster import PostError
from routerd.store import webhooks as stored
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

QUICK = WebhookSetup(first_retry_s=0.01, longest_retry_s=0.02, attempts=3)


class World:
    """A store on its thread, and a receiver that does what the test says."""

    def __init__(self, path: Path) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.store = self.thread.submit(Store, path).result()
        self.answer: Callable[[dict[str, Any]], int] = lambda _: 200
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.headers: list[Any] = []
        self.hook = stored.new("acme", "https://crm.example/", (), 1.0)
        self.webhooks = Webhooks(self, self, QUICK, random.Random(1))  # type: ignore[arg-type]

    async def run(self, query: Any, *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.thread, query, self.store, *arguments)

    async def post(self, url: str, body: bytes, headers: Any) -> int:
        event = json.loads(body)
        self.told.append((url, event))
        self.headers.append((headers, body))
        await asyncio.sleep(0)
        return self.answer(event)

    async def calls(self, *names: str) -> None:
        entries = [("call.start", {"id": name, "account": "acme", "at": 5.0}) for name in names]
        entries += [("call.end", {"id": name, "account": "acme", "at": 5.0, "ended_at": 6.0}) for name in names]
        await self.run(lambda store: store.apply("p", store.position("p") + 1, entries))
        self.webhooks.wake()

    async def settled(self, waiting: int = 0, dead: int = 0) -> None:
        async with asyncio.timeout(20):
            while True:
                counts = await self.run(stored.counts)
                if counts.get(self.hook.id, (0, 0, None))[:2] == (waiting, dead):
                    return
                await asyncio.sleep(0.01)

    @property
    def names(self) -> list[str]:
        return [event["event"] for _, event in self.told]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "store.db")
    await made.run(stored.put, made.hook)
    await made.webhooks.start()
    yield made
    await made.webhooks.stop()
    await made.run(Store.close)
    made.thread.shutdown()


async def test_events_are_told_once_and_signed(world: World) -> None:
    await world.calls("a")
    await world.settled()
    assert world.names == ["call.started", "call.ended", "record.final"]
    assert [event["sequence"] for _, event in world.told] == [1, 2, 3]
    assert world.webhooks.told == 3
    for headers, body in world.headers:
        key = base64.b64decode(world.hook.secret.removeprefix("whsec_"))
        text = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
        assert headers["webhook-signature"] == f"v1,{expected}"
        assert headers["webhook-id"] == json.loads(body)["id"]


async def test_what_fails_is_told_again_in_order(world: World) -> None:
    chance = random.Random(4)
    world.answer = lambda _: chance.choice([200, 200, 500])
    taken: dict[str, list[int]] = {}
    calls = [f"call-{number}" for number in range(20)]

    def answer(event: dict[str, Any]) -> int:
        status = chance.choice([204, 500])
        if len([one for _, one in world.told if one["id"] == event["id"]]) == QUICK.attempts:
            status = 200
        if status < 300:
            taken.setdefault(event["call"], []).append(event["sequence"])
        return status

    world.answer = answer
    await world.calls(*calls)
    await world.settled()
    assert taken == {call: [1, 2, 3] for call in calls}
    assert world.webhooks.failed == len(world.told) - 60


async def test_what_never_works_becomes_a_dead_letter_and_the_next_goes_on(world: World) -> None:
    def answer(event: dict[str, Any]) -> int:
        if event["event"] == "call.started":
            raise PostError("no answer within 10 s")
        return 200

    world.answer = answer
    await world.calls("a")
    await world.settled(dead=1)
    assert world.names == ["call.started"] * 3 + ["call.ended", "record.final"]
    (letter,) = await world.run(stored.dead, world.hook.id, 9)
    assert (letter.attempts, letter.error) == (3, "no answer within 10 s")
    world.answer = lambda _: 200
    await world.run(stored.revive, world.hook.id, None, 0.0)
    world.webhooks.wake()
    await world.settled()
    assert world.names[-1] == "call.started"


async def test_webhooks_come_and_go(world: World) -> None:
    other = stored.new("acme", "https://other.example/", ("call.ended",), 2.0)
    await world.run(stored.put, other)
    await world.run(stored.drop, world.hook.id)
    await world.webhooks.refresh()
    await world.calls("a")
    async with asyncio.timeout(10):
        while not world.told:
            await world.run(stored.counts)
    assert [(url, event["event"]) for url, event in world.told] == [("https://other.example/", "call.ended")]


def test_a_signature_of_standard_webhooks() -> None:
    # the example of the specification's own test suite
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    body = b'{"test": 2432232314}'
    found = signature(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert found == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
