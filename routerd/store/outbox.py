"""Events and who is still to be told of them: written in the same transaction as what they tell of.

Theory of operation. An event is a row with a number that only grows, so a watcher that says which one it saw last gets
all that came after, once. Events of a call are counted (``sequence``, from 1). ``call.started``, ``call.ended`` and
``record.final`` are made here, from the journal's entries, in the transaction that keeps the call's start or its
record: so a record has exactly one ``record.final``, whatever dies. Everything else comes as journal entries of the
kind ``event``. What comes for a call that has its record already is too late and is dropped.

Nothing is written for an account that nobody watches: :meth:`EventLog.watch` says that somebody looks on, webhooks
watch by being there. For each webhook that wants an event there is a *delivery*, until its receiver has said 2xx
(:meth:`EventLog.settle`), or until it is given up and waits among the dead letters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.store.entries import summary

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

WAITING: Final = "waiting"
DEAD: Final = "dead"
STARTED: Final = "call.started"
CALL_ENDED: Final = "call.ended"
FINAL: Final = "record.final"
NAMES: Final = (
    "call.started", "call.routed", "call.transferred", "call.held", "call.unheld", "call.ended", "record.final",
    "leg.ringing", "leg.answered", "leg.ended", "queue.joined", "queue.position", "queue.left", "registration.added",
    "registration.removed", "trunk.up", "trunk.down", "agent.login", "agent.logout", "agent.break", "agent.unbreak",
    "document.applied", "security.ban", "voicemail.message",
)  # fmt: skip
pack = msgspec.msgpack.encode
unpack = msgspec.msgpack.decode


class Event(msgspec.Struct, frozen=True):
    """One event as it is told: ``at`` in UTC seconds; ``call`` and ``sequence`` only where it belongs to a call."""

    id: int
    event: str
    account: str
    at: float
    call: str
    sequence: int
    data: dict[str, Any]

    def told(self) -> dict[str, Any]:
        """Give it as watchers and webhooks get it."""
        of_call = {"call": self.call, "sequence": self.sequence} if self.call else {}
        named = {"id": str(self.id), "event": self.event, "account": self.account, "at": round(self.at, 3)}
        return {**named, **of_call, "data": self.data}


class Wanted(msgspec.Struct, frozen=True):
    """Which events a watcher wants: of ``account`` (empty: all), of these names (empty: all), of one call."""

    account: str = ""
    names: frozenset[str] = frozenset()
    call: str = ""

    def matches(self, event: Event) -> bool:
        """Whether it wants this one."""
        return (
            (not self.account or event.account == self.account)
            and (not self.names or event.event in self.names)
            and (not self.call or event.call == self.call)
        )


class Webhook(msgspec.Struct, frozen=True):
    """Whom to tell: ``events`` are names, empty for all. ``secret`` signs; it is never shown again."""

    id: str
    account: str
    url: str
    secret: str
    events: tuple[str, ...]
    at: float


class Delivery(msgspec.Struct, frozen=True):
    """An event that a webhook is still to be told of, with how often that has been tried."""

    event: Event
    attempts: int
    due_at: float
    error: str = ""


class Settled(msgspec.Struct, frozen=True):
    """What came of trying one delivery: told (``due_at`` None, no error), to be tried again, or given up (``dead``)."""

    webhook: str
    event: int
    call: str
    attempts: int = 0
    due_at: float | None = None
    error: str = ""
    dead: bool = False


class EventLog:
    """The events' part of an open store; it belongs to the store's thread and is used within its transactions."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._live = False
        self._webhooks: dict[str, list[Webhook]] = {}
        self.read_webhooks()

    def watch(self, live: bool) -> None:
        """Say whether somebody looks on; from then on events of all accounts are kept."""
        self._live = live

    @property
    def hooked(self) -> bool:
        """Whether there is any webhook."""
        return bool(self._webhooks)

    def read_webhooks(self) -> None:
        """Take note of the webhooks that there are."""
        self._webhooks.clear()
        for webhook in self.webhooks():
            self._webhooks.setdefault(webhook.account, []).append(webhook)

    # -- what happens -------------------------------------------------------------------------------------------

    def heard(self, entry: dict[str, Any]) -> None:
        """Keep an event that the sip process told: ``event``, ``at``, and what is told of it."""
        data = dict(entry)
        name, at = str(data.pop("event")), float(data.pop("at", 0.0))
        call = str(data.pop("call", "") or "")
        account = data.pop("account", None)
        if call:
            found = self._database.execute("SELECT account FROM starts WHERE id = ?", (call,)).fetchone()
            if found is None:
                return
            account = found[0]
        self.add(str(account or ""), name, at, data, call)

    def started(self, start: dict[str, Any]) -> None:
        """Derive what is told of a call that begins."""
        account = str(start.get("account", ""))
        self.add(account, STARTED, float(start.get("at") or 0.0), start, str(start["id"]))

    def ended(self, record: dict[str, Any]) -> None:
        """Derive what is told of a call that is over: its end, then its record, which is the last event of it."""
        account, call = str(record.get("account", "")), str(record["id"])
        if not self._wanted(account):
            return
        at = float(record.get("ended_at") or record.get("at") or 0.0)
        shown = summary(record)
        told = ("kind", "from", "to", "outcome", "reason", "answered_by", "duration_s", "ended_by")
        self.add(account, CALL_ENDED, at, {name: shown.get(name) for name in told}, call)
        self.add(account, FINAL, at, shown, call)

    def add(self, account: str, name: str, at: float, data: dict[str, Any], call: str = "") -> None:
        """Keep an event, and a delivery for each webhook that wants it."""
        if not self._wanted(account):
            return
        sequence = 0
        if call:
            known = self._database.execute("SELECT max(sequence) FROM events WHERE call = ?", (call,)).fetchone()
            sequence = (known[0] or 0) + 1
        made = self._database.execute(
            "INSERT INTO events (account, call, sequence, event, at, data) VALUES (?, ?, ?, ?, ?, ?)",
            (account, call, sequence, name, at, pack(data)),
        )
        # not before an earlier one of the same call, which may wait for its next try
        self._database.executemany(
            "INSERT INTO deliveries VALUES (?, ?, ?, ?, 0, max(?, coalesce((SELECT max(due_at) FROM deliveries"
            " WHERE webhook = ? AND call = ? AND call <> '' AND state = 'waiting'), 0)), '')",
            [
                (webhook.id, made.lastrowid, call, WAITING, at, webhook.id, call)
                for webhook in self._webhooks.get(account, ())
                if not webhook.events or name in webhook.events
            ],
        )

    def _wanted(self, account: str) -> bool:
        return self._live or account in self._webhooks

    # -- watchers -----------------------------------------------------------------------------------------------

    def bounds(self) -> tuple[int, int]:
        """Give the numbers of the oldest event that is kept and of the newest that there ever was (0: none)."""
        oldest = self._database.execute("SELECT min(id) FROM events").fetchone()[0]
        newest = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        return int(oldest or 0), int(newest[0]) if newest else 0

    def after(self, number: int, limit: int) -> list[Event]:
        """Give the events after ``number``, oldest first."""
        rows = self._database.execute(f"SELECT {_EVENT} FROM events WHERE id > ? ORDER BY id LIMIT ?", (number, limit))  # noqa: S608
        return [_event(row) for row in rows]

    def forget(self, before: float, limit: int) -> int:
        """Delete up to ``limit`` events of before ``before`` (UTC seconds) of which nobody is still to be told."""
        gone = self._database.execute(
            "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE at < ? AND NOT EXISTS"
            " (SELECT 1 FROM deliveries WHERE deliveries.event = events.id) ORDER BY at LIMIT ?)",
            (before, limit),
        )
        return gone.rowcount

    # -- webhooks -----------------------------------------------------------------------------------------------

    def webhooks(self) -> list[Webhook]:
        """Give every webhook, oldest first."""
        rows = self._database.execute("SELECT id, account, url, secret, events, at FROM webhooks ORDER BY at, id")
        return [Webhook(row[0], row[1], row[2], row[3], tuple(unpack(row[4])), row[5]) for row in rows]

    def put_webhook(self, webhook: Webhook) -> None:
        """Keep a webhook; from now on it is told."""
        self._database.execute(
            "INSERT OR REPLACE INTO webhooks VALUES (?, ?, ?, ?, ?, ?)",
            (webhook.id, webhook.account, webhook.url, webhook.secret, pack(webhook.events), webhook.at),
        )
        self.read_webhooks()

    def drop_webhook(self, name: str) -> None:
        """Forget a webhook and all that it was still to be told."""
        self._database.execute("DELETE FROM deliveries WHERE webhook = ?", (name,))
        self._database.execute("DELETE FROM webhooks WHERE id = ?", (name,))
        self.read_webhooks()

    # -- deliveries ---------------------------------------------------------------------------------------------

    def due(self, webhook: str, now: float, limit: int) -> list[Delivery]:
        """Give what a webhook is to be told now: of each call only the earliest that waits."""
        rows = self._database.execute(
            f"SELECT d.attempts, d.due_at, d.error, {_EVENT} FROM deliveries d JOIN events ON events.id = d.event"  # noqa: S608
            " WHERE d.webhook = ? AND d.state = 'waiting' AND d.due_at <= ? AND (d.call = '' OR NOT EXISTS"
            " (SELECT 1 FROM deliveries e WHERE e.webhook = d.webhook AND e.call = d.call AND e.state = 'waiting'"
            " AND e.event < d.event)) ORDER BY d.event LIMIT ?",
            (webhook, now, limit),
        )
        return [_delivery(row) for row in rows]

    def next_due(self, webhook: str) -> float | None:
        """Give when something is to be tried next (UTC seconds); None: nothing waits."""
        row = self._database.execute(
            "SELECT min(due_at) FROM deliveries WHERE webhook = ? AND state = 'waiting'", (webhook,)
        ).fetchone()
        return None if row[0] is None else float(row[0])

    def settle(self, results: Iterable[Settled]) -> None:
        """Write down what came of deliveries; later events of a call wait as long as an earlier one does."""
        for one in results:
            key = (one.webhook, one.event)
            if one.dead:
                self._database.execute(
                    "UPDATE deliveries SET state = ?, attempts = ?, error = ? WHERE webhook = ? AND event = ?",
                    (DEAD, one.attempts, one.error, *key),
                )
            elif one.due_at is None:
                self._database.execute("DELETE FROM deliveries WHERE webhook = ? AND event = ?", key)
            else:
                self._database.execute(
                    "UPDATE deliveries SET attempts = ?, error = ?, due_at = ? WHERE webhook = ? AND event = ?",
                    (one.attempts, one.error, one.due_at, *key),
                )
                if one.call:
                    self._database.execute(
                        "UPDATE deliveries SET due_at = max(due_at, ?)"
                        " WHERE webhook = ? AND call = ? AND state = 'waiting'",
                        (one.due_at, one.webhook, one.call),
                    )

    def dead(self, webhook: str, limit: int) -> list[Delivery]:
        """Give the dead letters of a webhook, oldest first."""
        rows = self._database.execute(
            f"SELECT d.attempts, d.due_at, d.error, {_EVENT} FROM deliveries d JOIN events ON events.id = d.event"  # noqa: S608
            " WHERE d.webhook = ? AND d.state = 'dead' ORDER BY d.event LIMIT ?",
            (webhook, limit),
        )
        return [_delivery(row) for row in rows]

    def revive(self, webhook: str, event: int | None, now: float) -> int:
        """Try dead letters again, one or all; gives how many."""
        done = self._database.execute(
            "UPDATE deliveries SET state = ?, attempts = 0, due_at = ?"
            " WHERE webhook = ? AND state = 'dead' AND (? IS NULL OR event = ?)",
            (WAITING, now, webhook, event, event),
        )
        return done.rowcount

    def counts(self) -> dict[str, tuple[int, int, float | None]]:
        """Give for each webhook how many wait, how many are dead, and since when the oldest waits (UTC seconds)."""
        rows = self._database.execute(
            "SELECT d.webhook, sum(d.state = 'waiting'), sum(d.state = 'dead'),"
            " min(CASE WHEN d.state = 'waiting' THEN events.at END)"
            " FROM deliveries d JOIN events ON events.id = d.event GROUP BY d.webhook"
        )
        return {name: (int(waiting), int(dead), oldest) for name, waiting, dead, oldest in rows}


_EVENT: Final = "events.id, events.event, events.account, events.at, events.call, events.sequence, events.data"


def _event(row: Any) -> Event:
    return Event(row[0], row[1], row[2], row[3], row[4], row[5], unpack(row[6]))


def _delivery(row: Any) -> Delivery:
    return Delivery(_event(row[3:]), row[0], row[1], row[2])
