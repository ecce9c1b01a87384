from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from routerd.store import webhooks
from routerd.store.outbox import Settled
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_webhook_from_its_making_to_its_end(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db")
    made, other = (webhooks.new(account, "https://x.example/", ("call.started",), 5.0) for account in ("acme", "beta"))
    assert len(base64.b64decode(made.secret.removeprefix(webhooks.SECRET_PREFIX))) == webhooks.SECRET_BYTES
    assert made.secret != other.secret
    for one in (made, other):
        webhooks.put(store, one)
    assert webhooks.every(store) == [made, other] or webhooks.every(store) == [other, made]
    assert webhooks.of_account(store, "acme") == [made]
    store.apply("p", 1, [("call.start", {"id": "c", "account": "acme", "at": 7.0})])
    (delivery,) = webhooks.due(store, made.id, 10.0, 5)
    assert webhooks.next_due(store, made.id) == 7.0
    assert webhooks.next_due(store, other.id) is None
    webhooks.settle(store, [Settled(made.id, delivery.event.id, "c", 3, 9.0, "status 500", dead=True)])
    assert webhooks.counts(store)[made.id][:2] == (0, 1)
    assert [letter.error for letter in webhooks.dead(store, made.id, 5)] == ["status 500"]
    assert webhooks.revive(store, made.id, None, 8.0) == 1
    webhooks.drop(store, made.id)
    assert webhooks.counts(store) == {}
    store.close()
    again = Store(tmp_path / "store.db")
    assert webhooks.every(again) == [other]
    assert again.events.hooked
    again.close()
