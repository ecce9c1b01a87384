"""Message-waiting lamps: the event package ``message-summary`` (RFC 3842) for the phones of the company.

Theory of operation. A *lamp* is what a phone shows: all mailboxes of the agent whose extension the phone is (``("acme",
"extension", "2001")``), or one shared mailbox that belongs to nobody, if a phone asks for it by its id (``("acme",
"box", "general")``). A phone asks by SUBSCRIBE for its own address, its intercom or the voicemail code. Many phones
never ask and yet want to be told: each registered contact of the mailbox' agent that has no subscription gets a NOTIFY
outside of any dialog at each change, and ``ARRIVAL_S`` after it came if there are messages; one that refuses it is left
alone until it registers anew. Changes that follow each other within a second are told together.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final, cast

from routerd.b2bua import subscriptions as subs
from routerd.b2bua.exchange import SERVER
from routerd.b2bua.outgoing import Outgoing
from routerd.sip import build

if TYPE_CHECKING:
    from collections.abc import Hashable

    from routerd.b2bua.admission import Party
    from routerd.b2bua.exchange import Exchange
    from routerd.b2bua.location import Binding, LocationService
    from routerd.b2bua.mailboxes import Mailboxes
    from routerd.rules.tables import AccountTables
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.transaction_layer import ServerTransaction

PACKAGE: Final = "message-summary"
SUMMARY: Final = "application/simple-message-summary"
ARRIVAL_S: Final = 2.0  # time for a phone that has just registered to subscribe by itself
DEAF: Final = 10_000
Lamp = tuple[str, str, str]  # account, "extension" or "box", id


class MessageWaiting:
    """Lights the lamps of one switch: watches its mailboxes, its bindings, and takes SUBSCRIBE."""

    __slots__ = ("_deaf", "_exchange", "_location", "_mailboxes", "_pauses", "subscriptions")

    def __init__(self, exchange: Exchange, mailboxes: Mailboxes, location: LocationService) -> None:
        self._exchange = exchange
        self._mailboxes = mailboxes
        self._location = location
        self._deaf: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._pauses: dict[Lamp, _Pause] = {}
        self.subscriptions = subs.Subscriptions(exchange, PACKAGE, SUMMARY, self._state)
        mailboxes.watch(self)
        location.hear_arrivals(self.arrived)

    # -- what a lamp shows --

    def summary(self, lamp: Lamp) -> bytes | None:
        """Return the body that says what a lamp shows (RFC 3842 §3.5); None: there is no such lamp."""
        account, kind, name = lamp
        tables = self._exchange.account(account)
        boxes = _boxes(tables, kind, name) if tables is not None else None
        if tables is None or boxes is None:
            return None
        counts = [self._mailboxes.counts(account, box) for box in boxes]
        new, heard = sum(count[0] for count in counts), sum(count[1] for count in counts)
        to_hear = tables.account.feature_codes.get("voicemail") or name
        return (
            f"Messages-Waiting: {'yes' if new else 'no'}\r\n"
            f"Message-Account: sip:{to_hear}@{self._domain(tables)}\r\n"
            f"Voice-Message: {new}/{heard} (0/0)\r\n"
        ).encode()

    def _state(self, subject: Hashable) -> bytes | None:
        return self.summary(cast("Lamp", subject))

    def _domain(self, tables: AccountTables) -> str:
        domains = tables.account.domains
        return domains[0] if domains else self._exchange.settings.realm

    # -- SUBSCRIBE --

    def subscribe_received(self, tx: ServerTransaction, request: Request, party: Party, now: float) -> int | None:
        """Take a SUBSCRIBE outside of dialogs; returns the status of a refusal that is still to be sent."""
        if party.extension is None:
            return 403
        if not subs.accepts(request, SUMMARY):
            return 406
        lamp = _lamp(party, request.request_uri.user or "")
        if isinstance(lamp, int):
            return lamp
        owner = (party.account.account.id, party.extension.id)
        self.subscriptions.begin(tx, request, owner, lamp, now)
        return None

    def install(self, now: float) -> None:
        """Hear that another snapshot is in force."""
        self.subscriptions.look_again(now)

    # -- changes --

    def box_changed(self, account: str, voicemail: str, now: float) -> None:
        """Hear that what a mailbox holds has changed: tell whoever looks at it."""
        tables = self._exchange.account(account)
        box = tables.voicemails.get(voicemail) if tables is not None else None
        if tables is None or box is None:
            return
        agent = tables.agents.get(box.agent or "")
        if agent is None:
            self.subscriptions.changed((account, "box", voicemail), now)
        elif agent.extension is not None:
            lamp = (account, "extension", agent.extension)
            self.subscriptions.changed(lamp, now)
            if lamp in self._pauses:
                self._pauses[lamp].changed = True
            else:
                self._tell_all(lamp, now)

    def arrived(self, binding: Binding, now: float) -> None:
        """Hear of a contact that was not there before."""
        self._deaf.pop(_contact_of(binding), None)
        tables = self._exchange.account(binding.account)
        if tables is not None and _boxes(tables, "extension", binding.extension):
            self._exchange.timers.after(ARRIVAL_S, _Arrival(self, binding), "arrival", now)

    def settled(self, binding: Binding, now: float) -> None:
        """A contact has been there for a while: if it has not subscribed, and there is something to show, tell it."""
        lamp = (binding.account, "extension", binding.extension)
        tables = self._exchange.account(binding.account)
        boxes = _boxes(tables, "extension", binding.extension) if tables is not None else None
        if any(self._mailboxes.counts(binding.account, box) != (0, 0) for box in boxes or ()):
            self._tell(lamp, binding, now)

    def pause_over(self, lamp: Lamp, now: float, *, changed: bool) -> None:
        """A second has gone by since the last telling."""
        del self._pauses[lamp]
        if changed:
            self._tell_all(lamp, now)

    # -- phones that did not subscribe --

    def _tell_all(self, lamp: Lamp, now: float) -> None:
        account, _, extension = lamp
        contacts = self._location.contacts(account, extension, now)
        for binding in contacts:
            self._tell(lamp, binding, now)
        if contacts:
            pause = self._pauses[lamp] = _Pause(self, lamp)
            self._exchange.timers.after(subs.PAUSE_S, pause, "pause", now)

    def _tell(self, lamp: Lamp, binding: Binding, now: float) -> None:
        account, _, extension = lamp
        body = self.summary(lamp)
        known = self.subscriptions.reach((account, extension), lamp, binding.flow)
        if not binding.live or body is None or known or _contact_of(binding) in self._deaf:
            return
        tables = self._exchange.account(account)
        assert tables is not None
        Unsolicited(self, self._exchange, binding, f"sip:{extension}@{self._domain(tables)}", body).start(now)

    def turned_away(self, binding: Binding, status: int) -> None:
        """Hear that a contact does not want to be told."""
        self._exchange.note("message_waiting_refused", f"{status} {binding!r}")
        self._deaf[_contact_of(binding)] = None
        if len(self._deaf) > DEAF:
            self._deaf.popitem(last=False)


class Unsolicited:
    """One NOTIFY outside of any dialog and subscription: what RFC 6665 has not, and phones of ten years want."""

    __slots__ = ("_address", "_binding", "_body", "_call_id", "_exchange", "_tag", "_waiting")

    def __init__(
        self, waiting: MessageWaiting, exchange: Exchange, binding: Binding, address: str, body: bytes
    ) -> None:
        self._waiting = waiting
        self._exchange = exchange
        self._binding = binding
        self._address = address
        self._body = body
        self._call_id = exchange.tokens.call_id()
        self._tag = exchange.tokens.tag()

    def start(self, now: float) -> None:
        """Send it by the way that the phone registered on."""
        Outgoing(self._exchange, self, self._recipe).start(self._binding.target, self._binding.flow, now)

    def _recipe(self, flow: Flow, branch: str) -> Request:
        return build.request(
            "NOTIFY",
            self._binding.target,
            via=self._exchange.flows.via(flow, branch),
            from_=f"<{self._address}>;tag={self._tag}",
            to=f"<{self._address}>",
            call_id=self._call_id,
            cseq=1,
            routes=self._binding.path,
            contact=self._exchange.flows.contact(flow),
            extra=[
                ("Event", PACKAGE),
                ("Subscription-State", "active"),
                ("Allow-Events", PACKAGE),
                ("User-Agent", SERVER),
            ],
            body=self._body,
            content_type=SUMMARY,
        )

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:  # noqa: ARG002
        """Leave a phone alone that does not want it; a moment's trouble (5xx) says nothing about the next one."""
        if response.status < 200:
            return
        outgoing.close()
        if 400 <= response.status < 500 or response.status in {501, 505} or response.status >= 600:
            self._waiting.turned_away(self._binding, response.status)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Nobody there at the moment: whether the contact is dead is for others to say."""


class _Arrival:
    """Waits until a contact that came has had time to subscribe."""

    __slots__ = ("_binding", "_waiting")

    def __init__(self, waiting: MessageWaiting, binding: Binding) -> None:
        self._waiting = waiting
        self._binding = binding

    def timer_fired(self, _name: str, now: float) -> None:
        """Time is over."""
        self._waiting.settled(self._binding, now)


class _Pause:
    """Waits until the phones of a lamp may be told again."""

    __slots__ = ("_lamp", "_waiting", "changed")

    def __init__(self, waiting: MessageWaiting, lamp: Lamp) -> None:
        self._waiting = waiting
        self._lamp = lamp
        self.changed = False

    def timer_fired(self, _name: str, now: float) -> None:
        """Time is over."""
        self._waiting.pause_over(self._lamp, now, changed=self.changed)


def _contact_of(binding: Binding) -> tuple[str, str, str]:
    return binding.account, binding.extension, binding.uri


def _boxes(tables: AccountTables, kind: str, name: str) -> tuple[str, ...] | None:
    """Return the mailboxes of a lamp; None when there is no such extension, or no shared mailbox, any more."""
    if kind == "box":
        box = tables.voicemails.get(name)
        return (name,) if box is not None and box.agent is None else None
    extension = tables.extensions.get(name)
    return tables.boxes_by_agent.get(extension.agent or "", ()) if extension is not None else None


def _lamp(party: Party, user: str) -> Lamp | int:
    """Return the lamp that a phone may look at by the address ``user``, or the status of the refusal."""
    tables, extension = party.account, party.extension
    assert extension is not None
    account = tables.account.id
    agent = tables.agents.get(extension.agent or "")
    own = {"", extension.id, extension.username, tables.account.feature_codes.get("voicemail", "")}
    if user in own or (agent is not None and user == agent.intercom):
        return (account, "extension", extension.id)
    box = tables.voicemails.get(user)
    if box is None:
        return 404
    if box.agent is None:
        return (account, "box", box.id)
    return (account, "extension", extension.id) if agent is not None and box.agent == agent.id else 403
