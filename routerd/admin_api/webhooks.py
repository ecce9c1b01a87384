"""Webhooks over HTTP: who is told of events, how that goes, and the dead letters.

The secret of a webhook is shown once, when it is made; it is kept as it is, because signing needs it.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - litestar resolves annotations

from routerd.admin_api.authentication import needs
from routerd.admin_api.backend import backend_of, need_account
from routerd.admin_api.observation import observation_of
from routerd.admin_api.orders import NewWebhook, read_order, takes_order
from routerd.admin_api.problems import Problem, answers, no_such
from routerd.store import webhooks as stored
from routerd.store.outbox import NAMES, Delivery, Webhook

AnyRequest = Request[Any, Any, Any]
READ: Final = answers(404)
WRITE: Final = answers(404, 408, 409, 413, 415, 422)
MOST_WEBHOOKS: Final = 20  # an account
MOST_LETTERS: Final = 200
EXAMPLE: Final = {"url": "https://crm.example/routerd", "events": ["call.ended", "record.final"]}


class WebhookFacts(msgspec.Struct, frozen=True):
    """A webhook without its secret: how many events wait, how many are dead letters, since when the oldest waits."""

    id: str
    url: str
    events: tuple[str, ...]
    created_at: float
    waiting: int = 0
    dead: int = 0
    oldest_at: float | None = None


class MadeWebhook(msgspec.Struct, frozen=True):
    """A webhook that was made; ``secret`` is shown this once."""

    webhook: WebhookFacts
    secret: str


class Letter(msgspec.Struct, frozen=True):
    """An event that was given up: how often it was tried, and what went wrong last."""

    event: dict[str, Any]
    attempts: int
    error: str


async def _find(state: State, account: str, name: str) -> Webhook:
    need_account(state, account)
    found = await backend_of(state).run(stored.of_account, account)
    for webhook in found:
        if webhook.id == name:
            return webhook
    raise no_such("webhook", name)


@get("/v1/accounts/{account:str}/webhooks", guards=[needs("admin")], responses=READ, tags=["webhooks"])
async def listed(state: State, account: FromPath[str]) -> dict[str, list[WebhookFacts]]:
    """Give the account's webhooks and how far each is behind."""
    need_account(state, account)
    backend = backend_of(state)
    found, counts = await backend.run(stored.of_account, account), await backend.run(stored.counts)
    return {"webhooks": [_facts(webhook, *counts.get(webhook.id, (0, 0, None))) for webhook in found]}


@post("/v1/accounts/{account:str}/webhooks", guards=[needs("admin")], status_code=201, responses=WRITE,
      tags=["webhooks"], opt=takes_order(NewWebhook, EXAMPLE))  # fmt: skip
async def make(request: AnyRequest, state: State, account: FromPath[str]) -> Response[MadeWebhook]:
    """Tell a URL of events from now on; the answer is the only place where the secret ever stands."""
    need_account(state, account)
    wanted = await read_order(request, NewWebhook)
    for place, name in enumerate(wanted.events):
        if name not in NAMES:
            raise Problem(422, f"no event is called {name}", pointer=f"/events/{place}", hint=", ".join(NAMES))
    observation, backend = observation_of(state), backend_of(state)
    why = await observation.refuses(wanted.url)
    if why:
        raise Problem(422, why, pointer="/url")
    if len(await backend.run(stored.of_account, account)) >= MOST_WEBHOOKS:
        raise Problem(409, f"an account has {MOST_WEBHOOKS} webhooks at most", code="too_many")
    made = stored.new(account, wanted.url, tuple(dict.fromkeys(wanted.events)), backend.now())
    await backend.run(stored.put, made)
    await observation.webhooks_changed()
    headers = {"Location": f"/v1/accounts/{account}/webhooks/{made.id}", "Cache-Control": "no-store"}
    return Response(MadeWebhook(_facts(made), made.secret), status_code=201, headers=headers)


@get("/v1/accounts/{account:str}/webhooks/{name:str}", guards=[needs("admin")], responses=READ, tags=["webhooks"])
async def one(state: State, account: FromPath[str], name: FromPath[str]) -> WebhookFacts:
    """Give one webhook."""
    webhook = await _find(state, account, name)
    counts = await backend_of(state).run(stored.counts)
    return _facts(webhook, *counts.get(webhook.id, (0, 0, None)))


@delete("/v1/accounts/{account:str}/webhooks/{name:str}", guards=[needs("admin")], responses=READ, tags=["webhooks"])
async def remove(state: State, account: FromPath[str], name: FromPath[str]) -> None:
    """Tell it nothing more; what still waits is dropped."""
    webhook = await _find(state, account, name)
    await backend_of(state).run(stored.drop, webhook.id)
    await observation_of(state).webhooks_changed()


@get("/v1/accounts/{account:str}/webhooks/{name:str}/dead", guards=[needs("admin")], responses=READ,
     tags=["webhooks"])  # fmt: skip
async def dead(state: State, account: FromPath[str], name: FromPath[str]) -> dict[str, list[Letter]]:
    """Give the events that were given up, oldest first."""
    webhook = await _find(state, account, name)
    found = await backend_of(state).run(stored.dead, webhook.id, MOST_LETTERS)
    return {"dead": [_letter(delivery) for delivery in found]}


@post("/v1/accounts/{account:str}/webhooks/{name:str}/dead/retry", guards=[needs("admin")], status_code=200,
      responses=answers(404, 408, 409, 413, 422), tags=["webhooks"])  # fmt: skip
async def retry(state: State, account: FromPath[str], name: FromPath[str]) -> dict[str, int]:
    """Try all dead letters again."""
    webhook = await _find(state, account, name)
    backend = backend_of(state)
    revived = await backend.run(stored.revive, webhook.id, None, backend.now())
    await observation_of(state).webhooks_changed()
    return {"revived": revived}


@post("/v1/accounts/{account:str}/webhooks/{name:str}/dead/{event:int}/retry", guards=[needs("admin")],
      status_code=200, responses=answers(404, 408, 409, 413, 422), tags=["webhooks"])  # fmt: skip
async def retry_one(state: State, account: FromPath[str], name: FromPath[str], event: FromPath[int]) -> dict[str, int]:
    """Try one dead letter again."""
    webhook = await _find(state, account, name)
    backend = backend_of(state)
    revived = await backend.run(stored.revive, webhook.id, event, backend.now()) if 0 < event < 1 << 63 else 0
    if not revived:
        raise no_such("dead letter", str(event)[:30])
    await observation_of(state).webhooks_changed()
    return {"revived": revived}


def _facts(webhook: Webhook, waiting: int = 0, dead_: int = 0, oldest_at: float | None = None) -> WebhookFacts:
    return WebhookFacts(webhook.id, webhook.url, webhook.events, webhook.at, waiting, dead_, oldest_at)


def _letter(delivery: Delivery) -> Letter:
    return Letter(delivery.event.told(), delivery.attempts, delivery.error)


ROUTES: list[Any] = [listed, make, one, remove, dead, retry, retry_one]
