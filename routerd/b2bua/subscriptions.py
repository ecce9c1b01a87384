"""Subscriptions to an event package: the notifier's side of RFC 6665.

Theory of operation. A SUBSCRIBE that the package has admitted makes a dialog and a :class:`Subscription` to one
*subject* (whatever the package says it is; hashable). The subscriber hears at once, at each refresh, at each change
(at most one a second, one request on the way at a time), and once more when it ends: ``timeout`` when it ran out or was
given up, ``noresource`` when the subject is gone, ``giveup`` when newer subscriptions of the same phone crowd it out.
An answer that says that nobody is there, or silence, ends it at once (§4.2.2; RFC 5057 §5.1). Nothing is kept over a
restart: the next refresh is answered with 481 and the phone subscribes anew (§4.1.2.2).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Final

from routerd.b2bua.exchange import SERVER
from routerd.b2bua.outgoing import Outgoing
from routerd.errors import RemoteProtocolError
from routerd.sip import build
from routerd.sip.dialog import Dialog
from routerd.sip.message import delta_seconds
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.timers import Timer
    from routerd.sip.transaction_layer import ServerTransaction

MOST_OF_AN_OWNER: Final = 10
PAUSE_S: Final = 1.0  # RFC 3842 §3.10
BRIEF_BELOW_S: Final = 3600  # RFC 6665 §4.2.1.1: only what is shorter than an hour may be called too brief
NOBODY_THERE: Final = frozenset({404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604})

State = Callable[[Hashable], "bytes | None"]
"""Gives the body that says how the subject is; None: there is no such subject any more."""


class Subscriptions:
    """All subscriptions to one event package; ``begin`` what was admitted, ``serve`` what comes within a dialog."""

    __slots__ = ("_by_dialog", "_by_subject", "_exchange", "_owned", "content_type", "package", "state")

    def __init__(self, exchange: Exchange, package: str, content_type: str, state: State) -> None:
        self._exchange = exchange
        self.package = package
        self.content_type = content_type
        self.state = state
        self._by_dialog: dict[tuple[str, str, str], Subscription] = {}
        self._by_subject: dict[Hashable, list[Subscription]] = {}
        self._owned: dict[Hashable, list[Subscription]] = {}

    def __len__(self) -> int:
        return len(self._by_dialog)

    def begin(
        self, tx: ServerTransaction, request: Request, owner: Hashable, subject: Hashable, now: float
    ) -> Subscription | None:
        """Make a subscription of a SUBSCRIBE outside of dialogs, and answer it; None: refused, or fetched once.

        ``owner`` is the phone that asks. Raises ParseError when it cannot be reached by what it says.
        """
        expires_s = self._granted(tx, request, now)
        if expires_s is None:
            return None
        tag = self._exchange.tokens.tag()
        dialog = Dialog.as_uas(request, tag)
        Uri.parse(dialog.next_hop())
        subscription = Subscription(self, self._exchange, dialog, tx.flow, request.get("Event") or self.package)
        subscription.owner, subscription.subject = owner, subject
        self._make_room(subscription, now)
        self._accept(tx, request, expires_s, now, tag)
        if expires_s:
            self._by_dialog[dialog.key] = subscription
            self._by_subject.setdefault(subject, []).append(subscription)
            self._owned.setdefault(owner, []).append(subscription)
        subscription.refresh(expires_s, now)
        return subscription if expires_s else None

    def serve(self, tx: ServerTransaction, request: Request, now: float) -> bool:
        """Take a request within a dialog; False: the dialog is none of ours."""
        subscription = self._by_dialog.get((request.call_id, request.to.tag or "", request.from_.tag or ""))
        if subscription is None:
            return False
        if request.method != "SUBSCRIBE":
            self._refuse(tx, request, 405, now, ("Allow", "SUBSCRIBE"))
            return True
        try:
            subscription.dialog.check_request(request)
        except RemoteProtocolError as error:
            self._refuse(tx, request, error.status_hint, now)
            return True
        if event_of(request) != event_of(subscription.event):
            self._refuse(tx, request, 489, now, ("Allow-Events", self.package))
            return True
        expires_s = self._granted(tx, request, now)
        if expires_s is not None:
            subscription.dialog.refresh_target(request)
            subscription.flow = tx.flow
            self._accept(tx, request, expires_s, now)
            subscription.refresh(expires_s, now)
        return True

    def changed(self, subject: Hashable, now: float) -> None:
        """Tell whoever subscribed to ``subject`` how it is now."""
        for subscription in list(self._by_subject.get(subject, ())):
            subscription.changed(now)

    def reach(self, owner: Hashable, subject: Hashable, flow: Flow) -> bool:
        """Whether who is reached by ``flow`` hears of ``subject`` by a subscription of ``owner``."""
        return any(one.subject == subject and one.flow.remote == flow.remote for one in self._owned.get(owner, ()))

    def look_again(self, now: float) -> None:
        """The subjects may be others, or gone: tell of the former, end the subscriptions to the latter."""
        for subject in list(self._by_subject):
            body = self.state(subject)
            for subscription in list(self._by_subject[subject]):
                if body is None:
                    subscription.end("noresource", now)
                elif body != subscription.told:
                    subscription.changed(now)

    def gone(self, subscription: Subscription) -> None:
        """Forget a subscription that has ended."""
        if self._by_dialog.pop(subscription.dialog.key, None) is None:
            return
        for table, key in ((self._by_subject, subscription.subject), (self._owned, subscription.owner)):
            table[key].remove(subscription)
            if not table[key]:
                del table[key]

    # -- the answer to SUBSCRIBE --

    def _granted(self, tx: ServerTransaction, request: Request, now: float) -> int | None:
        """Return for how long: never longer than was asked (§4.2.1.1); refuses what is too brief."""
        settings = self._exchange.settings
        header = request.get("Expires")
        wanted_s = settings.default_expires_s if header is None else delta_seconds(header, settings.default_expires_s)
        if 0 < wanted_s < min(settings.min_expires_s, BRIEF_BELOW_S):
            self._refuse(tx, request, 423, now, ("Min-Expires", str(settings.min_expires_s)))
            return None
        return min(wanted_s, settings.max_expires_s)

    def _accept(self, tx: ServerTransaction, request: Request, expires_s: int, now: float, tag: str = "") -> None:
        contact = self._exchange.flows.contact(tx.flow)
        headers = [("Expires", str(expires_s)), ("Contact", contact), ("Allow-Events", self.package)]
        answer = build.response(request, 200, to_tag=tag or None, extra=[*headers, ("Server", SERVER)])
        self._exchange.layer.respond(tx, answer, now)

    def _refuse(
        self, tx: ServerTransaction, request: Request, status: int, now: float, *extra: tuple[str, str]
    ) -> None:
        tag = None if request.to.tag else self._exchange.tokens.tag()
        answer = build.response(request, status, to_tag=tag, extra=[("Server", SERVER), *extra])
        self._exchange.layer.respond(tx, answer, now)

    def _make_room(self, coming: Subscription, now: float) -> None:
        """A phone that was started again subscribes anew: its old subscription gives way, and the oldest of many."""
        owned = self._owned.get(coming.owner, [])
        for old in [one for one in owned if one.same_as(coming)]:
            old.close()
        if len(owned) >= MOST_OF_AN_OWNER:
            owned[0].end("giveup", now)


class Subscription:
    """One subscription; made by :class:`Subscriptions`."""

    __slots__ = (
        "_all",
        "_dirty",
        "_exchange",
        "_expires_at",
        "_last",
        "_outgoing",
        "_timer",
        "_waiting",
        "dialog",
        "event",
        "flow",
        "owner",
        "subject",
        "told",
    )

    def __init__(self, all_: Subscriptions, exchange: Exchange, dialog: Dialog, flow: Flow, event: str) -> None:
        self._all = all_
        self._exchange = exchange
        self.dialog = dialog
        self.flow = flow
        self.event = event
        self.owner: Hashable = None
        self.subject: Hashable = None
        self.told = b""
        self._expires_at = 0.0
        self._timer: Timer | None = None
        self._waiting: Timer | None = None
        self._outgoing: Outgoing | None = None
        self._dirty = False
        self._last = -math.inf

    def same_as(self, other: Subscription) -> bool:
        """Whether this is of the same phone and about the same."""
        mine, theirs = self.dialog.remote_target, other.dialog.remote_target
        return mine == theirs and self.subject == other.subject and event_of(self.event) == event_of(other.event)

    def refresh(self, expires_s: int, now: float) -> None:
        """Run for ``expires_s`` from now, and say how it is; 0: say it and end."""
        self._stop(self._timer)
        self._timer = None
        if not expires_s:
            self.end("timeout", now)
            return
        self._expires_at = now + expires_s
        self._timer = self._exchange.timers.after(expires_s, self, "expire", now)
        self._notify(now)

    def changed(self, now: float) -> None:
        """Tell of a change, but not more than once in ``PAUSE_S``."""
        if self._outgoing is not None or self._waiting is not None:
            self._dirty = True
        elif now - self._last < PAUSE_S:
            self._waiting = self._exchange.timers.after(self._last + PAUSE_S - now, self, "tell", now)
        else:
            self._notify(now)

    def timer_fired(self, name: str, now: float) -> None:
        """Take the end of the subscription, or of the pause after the last notification."""
        if name == "expire":
            self._timer = None
            self.end("timeout", now)
        else:
            self._waiting = None
            self._notify(now)

    def end(self, reason: str, now: float) -> None:
        """End it with a last word (§4.2.2)."""
        self.close()
        self._send(f"terminated;reason={reason}", Farewell(), now)

    def close(self) -> None:
        """End it without a word."""
        self._stop(self._timer)
        self._stop(self._waiting)
        self._timer = self._waiting = None
        if self._outgoing is not None:
            self._outgoing.close()
            self._outgoing = None
        self._all.gone(self)

    def _stop(self, timer: Timer | None) -> None:
        if timer is not None:
            timer.cancel()

    # -- NOTIFY --

    def _notify(self, now: float) -> None:
        self._dirty = False
        self._last = now
        if self._outgoing is not None:
            self._outgoing.close()
        self._stop(self._waiting)
        self._waiting = None
        left_s = max(1, math.ceil(self._expires_at - now))
        self._outgoing = self._send(f"active;expires={left_s}", self, now)

    def _send(self, state: str, sender: Subscription | Farewell, now: float) -> Outgoing:
        body = self.told = self._all.state(self.subject) or b""
        headers = [
            ("Event", self.event),
            ("Subscription-State", state),
            ("Allow-Events", self._all.package),
            ("User-Agent", SERVER),
        ]

        def recipe(flow: Flow, branch: str) -> Request:
            return self.dialog.next_request(
                "NOTIFY",
                via=self._exchange.flows.via(flow, branch),
                contact=self._exchange.flows.contact(flow),
                extra=headers,
                body=body,
                content_type=self._all.content_type if body else None,
            )

        outgoing = Outgoing(self._exchange, sender, recipe)
        outgoing.start(self.dialog.next_hop(), self.flow, now)
        return outgoing

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Go on, or end when nobody is there any more."""
        if response.status < 200 or outgoing is not self._outgoing:
            return
        outgoing.close()
        self._outgoing = None
        if response.status in NOBODY_THERE:
            self._exchange.note("subscription_refused", f"{response.status} {self.dialog.remote_target}")
            self.close()
        elif self._dirty:
            self._dirty = False
            self.changed(now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:  # noqa: ARG002 - a Sender's signature
        """Silence ends it."""
        if self._outgoing is None or outgoing is self._outgoing:
            self._outgoing = None
            self._exchange.note("subscription_lost", f"{cause} {self.dialog.remote_target}")
            self.close()


class Farewell:
    """Takes the answer to a last NOTIFY, which changes nothing any more."""

    __slots__ = ()

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:  # noqa: ARG002
        """Let go of the request."""
        if response.status >= 200:
            outgoing.close()

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Nobody listened."""


def event_of(asked: Request | str) -> tuple[str, str]:
    """Return an Event's package, in lower case, and its ``id`` ("" when there is none)."""
    text = asked if isinstance(asked, str) else asked.get("Event") or ""
    package, *parameters = [part.strip() for part in text.split(";")]
    found = dict(parameter.partition("=")[::2] for parameter in parameters)
    return package.lower(), found.get("id", "")


def accepts(request: Request, content_type: str) -> bool:
    """Whether the subscriber can read a body of that type; without Accept it must (RFC 6665 §3.1.3)."""
    if request.get("Accept") is None:
        return True
    kinds = [value.partition(";")[0].strip().lower() for value in request.values("Accept")]
    return not {content_type, "*/*", content_type.partition("/")[0] + "/*"}.isdisjoint(kinds)
