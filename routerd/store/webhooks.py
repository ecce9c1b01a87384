"""Webhooks and their dead letters, for the API and for whoever delivers: functions of the store, for its thread.

All raise ``StoreError``. What is delivered when stands in :mod:`routerd.store.outbox`.
"""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING, Final

from routerd.store.outbox import Delivery, Settled, Webhook

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.store.sqlite import Store

SECRET_BYTES: Final = 24
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - Standard Webhooks' mark of a secret, not one


def new(account: str, url: str, events: tuple[str, ...], at: float) -> Webhook:
    """Make a webhook with a name and a secret of its own; next: :func:`put`."""
    secret = SECRET_PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return Webhook(f"wh_{secrets.token_hex(8)}", account, url, secret, events, at)


def every(store: Store) -> list[Webhook]:
    """Give all webhooks, oldest first."""
    with store.reading() as events:
        return events.webhooks()


def of_account(store: Store, account: str) -> list[Webhook]:
    """Give an account's webhooks."""
    return [webhook for webhook in every(store) if webhook.account == account]


def put(store: Store, webhook: Webhook) -> None:
    """Keep a webhook."""
    with store.transaction():
        store.events.put_webhook(webhook)


def drop(store: Store, name: str) -> None:
    """Forget a webhook and what it was to be told."""
    with store.transaction():
        store.events.drop_webhook(name)


def counts(store: Store) -> dict[str, tuple[int, int, float | None]]:
    """Give how many events wait and how many are dead, and since when the oldest waits, by webhook."""
    with store.reading() as events:
        return events.counts()


def dead(store: Store, name: str, limit: int) -> list[Delivery]:
    """Give a webhook's dead letters."""
    with store.reading() as events:
        return events.dead(name, limit)


def revive(store: Store, name: str, event: int | None, now: float) -> int:
    """Try dead letters again; gives how many."""
    with store.transaction():
        return store.events.revive(name, event, now)


def due(store: Store, name: str, now: float, limit: int) -> list[Delivery]:
    """Give what a webhook is to be told now."""
    with store.reading() as events:
        return events.due(name, now, limit)


def next_due(store: Store, name: str) -> float | None:
    """Give when something is to be tried next."""
    with store.reading() as events:
        return events.next_due(name)


def settle(store: Store, results: Sequence[Settled]) -> None:
    """Write down what came of deliveries."""
    with store.transaction():
        store.events.settle(results)
