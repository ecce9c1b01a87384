from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from routerd.admin_api.patience import Patience
from routerd.admin_api.problems import Problem
from routerd.admin_api.rates import Rates


def endless(messages: list[Any]) -> Any:
    async def receive() -> Any:
        if messages:
            return messages.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def read(receive: Any, *, times: int) -> list[Any]:
    found: list[Any] = []

    async def app(_scope: Any, receive: Any, _send: Any) -> None:
        found.extend([await receive() for _ in range(times)])

    handler = SimpleNamespace(resolve_guards=lambda: ["needs"])
    scope: Any = {"type": "http", "route_handler": handler}
    send: Any = None
    await Patience(0.05).handle(scope, receive, send, app)
    return found


async def test_a_body_that_does_not_come_is_refused() -> None:
    with pytest.raises(Problem) as late:
        await read(endless([{"type": "http.request", "body": b"a", "more_body": True}]), times=2)
    assert (late.value.status, late.value.headers) == (408, {"Connection": "close"})


async def test_afterwards_only_the_end_is_waited_for() -> None:
    whole = [{"type": "http.request", "body": b"a", "more_body": True}, {"type": "http.request", "body": b"b"}]
    assert len(await read(endless(list(whole)), times=2)) == 2
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await read(endless(list(whole)), times=3)


def test_what_needs_no_token_is_bounded_by_source(api: Any, gate: Any) -> None:
    gate._open = Rates(1.0, 2.0)
    assert [api.client.get("/health/live").status_code for _ in range(3)] == [200, 200, 429]
    refused = api.client.get("/schema")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
    assert api.get("/v1/accounts").status_code != 429
