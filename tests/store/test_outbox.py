from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.store.outbox import Settled, Wanted, Webhook
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path

HOOK = Webhook("wh", "acme", "https://crm.example/", "whsec_", (), 1.0)


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.close()


def start(name: str, account: str = "acme") -> tuple[str, dict[str, Any]]:
    return "call.start", {"id": name, "account": account, "at": 10.0, "from": "+911", "to": "+922"}


def end(name: str, account: str = "acme") -> tuple[str, dict[str, Any]]:
    shown = {**start(name, account)[1], "ended_at": 20.0, "outcome": "answered", "duration_s": 5.0}
    return "call.end", {**shown, "trace": ["long"], "steps": [], "ladder": {}, "legs": []}


def told(name: str, call: str, **facts: Any) -> tuple[str, dict[str, Any]]:
    return "event", {"event": name, "at": 15.0, "call": call, **facts}


def feed(store: Store, *entries: tuple[str, dict[str, Any]], process: str = "p") -> None:
    store.apply(process, store.position(process) + 1, entries)


def seen(store: Store) -> list[tuple[str, str, int]]:
    return [(event.event, event.call, event.sequence) for event in store.events.after(0, 100)]


def test_nothing_is_kept_while_nobody_watches(store: Store) -> None:
    feed(store, start("a"), told("leg.ringing", "a"), end("a"))
    assert seen(store) == []
    assert store.events.bounds() == (0, 0)


def test_a_calls_events_are_counted_and_end_with_its_record(store: Store) -> None:
    store.events.watch(live=True)
    feed(
        store,
        start("a"),
        told("leg.ringing", "a", target="extension:2001"),
        start("b"),
        end("a"),
        told("leg.ended", "a"),
    )
    assert seen(store) == [
        ("call.started", "a", 1), ("leg.ringing", "a", 2), ("call.started", "b", 1), ("call.ended", "a", 3),
        ("record.final", "a", 4),
    ]  # fmt: skip
    ringing, final = store.events.after(1, 1)[0], store.events.after(4, 1)[0]
    assert ringing.told() == {
        "id": "2", "event": "leg.ringing", "account": "acme", "at": 15.0, "call": "a", "sequence": 2,
        "data": {"target": "extension:2001"},
    }  # fmt: skip
    assert final.data["outcome"] == "answered"
    assert not {"trace", "steps", "ladder"} & set(final.data)


def test_a_record_has_one_final_event_however_often_it_is_told(store: Store) -> None:
    store.events.watch(live=True)
    feed(store, start("a"), end("a"), end("a"))
    feed(store, start("b"), start("c", "beta"))
    assert store.close_crashed("q", 99.0) == 2
    assert store.close_crashed("q", 99.0) == 0
    finals = [
        (event.call, event.data["outcome"]) for event in store.events.after(0, 99) if event.event == "record.final"
    ]
    assert sorted(finals) == [("a", "answered"), ("b", "crashed"), ("c", "crashed")]


def test_what_is_of_no_call_has_no_sequence(store: Store) -> None:
    store.events.watch(live=True)
    feed(store, ("event", {"event": "trunk.down", "at": 1.0, "account": "acme", "trunk": "pstn"}))
    (event,) = store.events.after(0, 9)
    assert event.told() == {
        "id": "1", "event": "trunk.down", "account": "acme", "at": 1.0, "data": {"trunk": "pstn"},
    }  # fmt: skip
    feed(store, ("event", {"at": 1.0}))
    assert store.refused == 1


def test_a_webhook_is_told_what_it_wants_of_its_account(store: Store) -> None:
    with store.transaction():
        store.events.put_webhook(HOOK)
        store.events.put_webhook(Webhook("few", "acme", "https://x.example/", "", ("call.ended",), 2.0))
    assert store.events.hooked
    feed(store, start("a"), start("b", "beta"), end("a"), end("b", "beta"))
    assert [one.event.event for one in store.events.due("few", 99.0, 10)] == ["call.ended"]
    assert store.events.counts() == {"wh": (3, 0, 10.0), "few": (1, 0, 20.0)}
    assert store.events.next_due("wh") == 10.0
    with store.transaction():
        store.events.drop_webhook("wh")
    assert list(store.events.counts()) == ["few"]
    assert [webhook.id for webhook in store.events.webhooks()] == ["few"]


def test_of_each_call_only_the_earliest_is_due(store: Store) -> None:
    with store.transaction():
        store.events.put_webhook(HOOK)
    feed(store, start("a"), start("b"), told("leg.ringing", "a"), end("b"))

    def due(now: float) -> list[int]:
        return [one.event.id for one in store.events.due("wh", now, 10)]

    assert due(99.0) == [1, 2]
    store.events.settle([Settled("wh", 1, "a", 1, 200.0, "status 500"), Settled("wh", 2, "b")])
    assert due(99.0) == [4]
    feed(store, end("a"))
    assert due(99.0) == [4]
    store.events.settle([Settled("wh", 4, "b")])
    assert store.events.next_due("wh") == 20.0
    store.events.settle([Settled("wh", 5, "b")])
    assert (store.events.next_due("wh"), due(99.0), due(201.0)) == (200.0, [], [1])
    store.events.settle([Settled("wh", 1, "a", 15, 300.0, "status 500", dead=True)])
    assert due(201.0) == [3]
    (letter,) = store.events.dead("wh", 10)
    assert (letter.event.id, letter.attempts, letter.error) == (1, 15, "status 500")
    assert (store.events.revive("wh", 9, 5.0), store.events.revive("wh", 1, 5.0)) == (0, 1)
    assert due(201.0) == [1]


def test_old_events_go_but_not_those_still_to_be_told(store: Store) -> None:
    store.events.watch(live=True)
    feed(store, start("a", "beta"), end("a", "beta"))
    with store.transaction():
        store.events.put_webhook(HOOK)
    feed(store, start("b"))
    assert store.events.forget(100.0, 2) == 2
    assert store.events.forget(100.0, 9) == 1
    assert seen(store) == [("call.started", "b", 1)]
    assert store.events.bounds() == (4, 4)


def test_watchers_want_some(store: Store) -> None:
    store.events.watch(live=True)
    feed(store, start("a"), start("b", "beta"), end("a"))
    events = store.events.after(0, 99)

    def wanted(**facts: Any) -> list[int]:
        return [event.id for event in events if Wanted(**facts).matches(event)]

    assert wanted() == [1, 2, 3, 4]
    assert wanted(account="beta") == [2]
    assert wanted(account="acme", names=frozenset({"call.ended"})) == [3]
    assert wanted(call="a") == [1, 3, 4]
