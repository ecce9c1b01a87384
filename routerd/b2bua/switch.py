"""The switch: the one door of the pure floors. Datagrams, answers, commands and time go in; effects come out.

Theory of operation. ``receive_datagram`` (and ``receive_stream`` for bytes of a connection) parses, lets admission look
at requests that begin something, and hands the message to the transaction layer, which calls back with what is new.
A request within a dialog goes to the leg that owns the dialog; one outside goes to the registrar, a new call, or gets
its answer from :mod:`routerd.b2bua.uas`. No sockets, no clock, no chance, no ``await``: the driver calls in with
``now`` (monotonic seconds), then takes the effects, then asks when to call :meth:`Switch.handle_deadline`.

One catch stands here: an exception in the handling of one message ends in a 500 and a note, and the daemon lives. With
``settings.strict`` (simulation, tests) it is raised.
"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua import commands, media_events, uas
from routerd.b2bua import effects as fx
from routerd.b2bua.admission import Admission
from routerd.b2bua.amplification import MOST_TIMES
from routerd.b2bua.call import Call
from routerd.b2bua.exchange import RTPENGINE, Exchange
from routerd.b2bua.flows import Flows
from routerd.b2bua.inbound_leg import InboundLeg
from routerd.b2bua.keepalive import Keepalive
from routerd.b2bua.live_state import AccountState
from routerd.b2bua.location import LocationService
from routerd.b2bua.mailboxes import Mailboxes
from routerd.b2bua.message_waiting import MessageWaiting
from routerd.b2bua.queues import Queues
from routerd.b2bua.registrar import Registrar
from routerd.b2bua.transfer import Transfers
from routerd.b2bua.trunk_upkeep import TrunkUpkeep
from routerd.errors import ParseError
from routerd.rules.tables import Snapshot
from routerd.sip import build
from routerd.sip.digest import Challenger
from routerd.sip.message import Request
from routerd.sip.parser import keepalive, parse
from routerd.sip.salvage import STAND_IN_VIA, salvage
from routerd.sip.salvage import tag as salvaged_tag
from routerd.sip.serializer import serialize
from routerd.sip.transaction_layer import TransactionLayer, fill_via, stateless_tag

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.b2bua.leg import Leg
    from routerd.b2bua.location import Binding
    from routerd.b2bua.settings import SwitchSettings
    from routerd.sip.flow import Flow
    from routerd.sip.message import Response
    from routerd.sip.tokens import Tokens
    from routerd.sip.transaction_layer import ServerTransaction

EMPTY: Final = Snapshot(accounts={}, account_by_number={}, account_by_domain={})
MOST_TIMER_ERRORS: Final = 1000
TOWARDS_CALL: Final = ("call", "leg", "user", "_user")


class Switch:
    """Registrar, B2BUA and trunks of one process; see the module's theory of operation."""

    __slots__ = (
        "_challenger",
        "admission",
        "call_by_id",
        "dialogs",
        "draining",
        "exchange",
        "keepalive",
        "layer",
        "location",
        "mailboxes",
        "queues",
        "registrar",
        "states",
        "transfers",
        "trunks",
        "waiting",
    )

    def __init__(
        self, settings: SwitchSettings, tokens: Tokens, *, wall_offset: float = 0.0, secret: bytes | None = None
    ) -> None:
        exchange = Exchange(settings, tokens, EMPTY, wall_offset)
        self.exchange = exchange
        self.layer = TransactionLayer(self, exchange.transmit, exchange.timers, settings.limits.max_transactions)
        exchange.layer = self.layer
        exchange.flows = Flows(settings.listeners, exchange.effects)
        self.states: dict[str, AccountState] = {}
        self._challenger = Challenger(secret or tokens.nonce().encode() * 2, settings.digest)
        self.location = LocationService(exchange)
        self.admission = Admission(exchange, self._challenger)
        self.registrar = Registrar(exchange, self.location)
        self.keepalive = Keepalive(exchange, self.location)
        self.trunks = TrunkUpkeep(exchange, self.state_of)
        self.mailboxes = exchange.mailboxes = Mailboxes(exchange)
        self.waiting = MessageWaiting(exchange, self.mailboxes, self.location)
        self.queues = Queues(self)
        self.transfers = Transfers(self)
        self.dialogs: dict[tuple[str, str, str], Leg] = {}
        self.call_by_id: dict[str, Call] = {}
        self.draining = False

    # -- what goes in --

    def receive_datagram(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram (or one WebSocket message)."""
        self.exchange.ladders.now = now
        if keepalive(data):
            return
        if flow.connection:
            self.exchange.flows.adopt(flow)
        self._guard(self._receive, data, flow, now)

    def receive_stream(self, data: bytes, flow: Flow, now: float) -> None:
        """Take bytes of a connection; on bytes that are no SIP the peer is told and the connection closed."""
        self.exchange.ladders.now = now
        messages: list[bytes] = []
        try:
            messages, pings = self.exchange.flows.split(flow, data)
            if pings:
                self.exchange.transmit(b"\r\n", flow)
        except ParseError as error:
            self.exchange.note("stream_broken", str(error))
        for message in messages:
            self._guard(self._receive, message, flow, now)
        broken = self.exchange.flows.broken(flow)
        if broken is not None:
            self._malformed(broken[1], flow, broken[0])
            self.exchange.effects.append(fx.CloseFlow(flow))
            self.lose_flow(flow, now)

    def lose_flow(self, flow: Flow, now: float) -> None:
        """Take note that a connection is gone, or that a datagram could not be sent there."""
        self.exchange.ladders.now = now
        self.exchange.flows.lose(flow)
        self._guard(self.layer.lose_flow, flow, now)
        self._guard(self.location.lose_flow, flow, now)
        self._guard(self.trunks.lose_flow, flow, now)

    def receive_answer(self, answer: fx.Answer, now: float) -> None:
        """Take the answer to a question, or what a media engine noticed by itself."""
        self.exchange.ladders.now = now
        if isinstance(answer, fx.MediaEvent):
            self._guard(self._media_event, answer, now)
        else:
            self._guard(self.exchange.answered, answer, now)

    def receive_command(self, command: fx.Command, now: float) -> None:
        """Take a command of an admin or of the control process; it is answered by a Reply effect."""
        self.exchange.ladders.now = now
        if not self._guard(commands.carry_out, self, command, now):
            self.exchange.effects.append(fx.Reply(command.number, commands.refused("internal", "see the notes", 500)))

    def install(self, snapshot: Snapshot, now: float) -> None:
        """Route new calls by ``snapshot``; calls in progress keep theirs."""
        self.exchange.snapshot = snapshot
        self._guard(self.trunks.install, snapshot, now)
        self._guard(self.waiting.install, now)

    def next_deadline(self) -> float | None:
        """Return when to call :meth:`handle_deadline` next; None: nothing is waited for."""
        return self.exchange.timers.next_deadline()

    def handle_deadline(self, now: float) -> None:
        """Let everything happen that is due."""
        self.exchange.ladders.now = now
        for _ in range(MOST_TIMER_ERRORS):
            if self._guard(self.exchange.timers.run, now):
                return

    def take_effects(self) -> list[fx.Effect]:
        """Return what is to be done now, in order, and forget it."""
        effects = self.exchange.effects
        taken = effects.copy()
        effects.clear()
        return taken

    def _guard(self, handler: Callable[..., Any], *arguments: Any) -> bool:
        try:
            handler(*arguments)
        except Exception:
            # the daemon outlives any bug in the handling of one message
            self.exchange.note("exception", traceback.format_exc(limit=-6))
            if self.exchange.strict:
                raise
            self._end_culprit(arguments[-1])
            return False
        return True

    def _end_culprit(self, now: float) -> None:
        """End the call whose handling raised; should that fail too, forget it."""
        who, self.exchange.culprit = self.exchange.culprit or self.exchange.timers.failed, None
        self.exchange.timers.failed = None
        call = self._call_of(who)
        if call is None:
            return
        try:
            call.stop("crashed", 500, 41, now)
            call.finish(now)
        except Exception:  # noqa: BLE001 - whatever it is, the other calls go on
            self.exchange.note("exception", traceback.format_exc(limit=-6))
        for leg in [leg for leg in self.dialogs.values() if leg.call is call and not leg.goodbye]:
            self.leg_gone(leg)
        self.call_by_id.pop(call.id, None)
        self.exchange.ladders.forget(call.id)

    def _call_of(self, who: object) -> Call | None:
        for _ in range(3):
            if isinstance(who, str):
                return self.call_by_id.get(who)
            if isinstance(who, Call):
                return who
            who = next((found for name in TOWARDS_CALL if (found := getattr(who, name, None)) is not None), None)
        return None

    def call_of(self, data: bytes) -> str:
        """Return the id of the call that a SIP message belongs to, else its Call-ID: for whoever captures SIP."""
        return self.exchange.ladders.call_of(data)

    # -- messages --

    def _receive(self, data: bytes, flow: Flow, now: float) -> None:
        if self.exchange.settings.captured:
            self.exchange.effects.append(fx.Captured(flow, data))
        try:
            message = parse(data)
        except ParseError as error:
            self._malformed(data, flow, error)
            return
        if isinstance(message, Request) and message.method not in {"ACK", "CANCEL"} and not message.to.tag:
            refusal = self.admission.quick(message, flow, now, len(data))
            if refusal is not None:
                fill_via(message, message.via, flow)
                self._reply(message, flow, refusal.status, refusal.headers)
                return
        if self.exchange.ladders.legs:
            self.exchange.ladders.heard(message)
        self.layer.receive(message, flow, now)

    def _malformed(self, data: bytes, flow: Flow, error: ParseError) -> None:
        """Answer a malformed request where an answer can be addressed, else count it; responses are dropped.

        Rubbish that is shorter than a third of its answer is only counted: see :mod:`routerd.b2bua.amplification`.
        """
        request = None if data[:4] == b"SIP/" else salvage(data)
        self.exchange.note("malformed", str(error))
        if request is not None and request.method != "ACK":
            if request.get("Via") != STAND_IN_VIA:
                fill_via(request, request.via, flow)
            answer = build.response(request, error.status_hint, to_tag=salvaged_tag(data))
            if flow.reliable or len(serialize(answer)) <= MOST_TIMES * len(data):
                self.layer.reply_stateless(request, answer, flow)

    def _reply(self, request: Request, flow: Flow, status: int, headers: Sequence[tuple[str, str]]) -> None:
        tag = stateless_tag(request)
        self.layer.reply_stateless(request, build.response(request, status, to_tag=tag, extra=headers), flow)

    # -- LayerUser --

    def request_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """Take a new request: within a dialog to its leg, otherwise to whom it concerns."""
        whose: object = None
        try:
            tag = request.to.tag
            if tag:
                leg = self.dialogs.get((request.call_id, tag, request.from_.tag or ""))
                if leg is None and not self.waiting.subscriptions.serve(tx, request, now):
                    # without a transaction: it would repeat its answer to whoever is named as the source
                    self.note("dialog_unknown", f"{request.method} {tx.flow!r}")
                    self.layer.reply_stateless(request, build.response(request, 481), tx.flow)
                elif leg is not None:
                    whose = leg.call
                    leg.handle(tx, request, now)
            else:
                uas.serve(self, tx, request, now)
        except ParseError as error:
            self.exchange.note("malformed", str(error))
            uas.respond(self, tx, request, error.status_hint, now)
        except Exception:
            calls = self.call_by_id.values()
            new = next((call for call in calls if isinstance(call.caller, InboundLeg) and call.caller.tx is tx), None)
            self.exchange.blame(new or whose)
            if new is None:
                uas.respond(self, tx, request, 500, now)
            raise

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        """Take an ACK of a 2xx."""
        leg = self.dialogs.get((request.call_id, request.to.tag or "", request.from_.tag or ""))
        if leg is None:
            self.exchange.note("ack_unmatched", repr(flow))
        else:
            try:
                leg.acknowledge(request, now)
            except Exception:
                self.exchange.blame(leg)
                raise

    def stray_response(self, response: Response, flow: Flow, now: float) -> None:  # noqa: ARG002
        """Take a response that nobody waits for: a repeated 2xx of a living leg gets its ACK again (§13.2.2.4).

        Anything else is counted and dropped; to answer it would let a stranger make us send ACK and BYE anywhere.
        """
        if 200 <= response.status < 300 and response.cseq.method == "INVITE":
            leg = self.dialogs.get((response.call_id, response.from_.tag or "", response.to.tag or ""))
            if leg is not None and leg.repeat_ack(response):
                return
        self.exchange.note("response_unmatched", f"{response.status} {flow!r}")

    def note(self, reason: str, detail: str) -> None:
        """Count something that was dropped or refused below the core."""
        self.exchange.note(reason, detail)

    # -- Calls: what calls need of the switch --

    def state_of(self, account: str) -> AccountState:
        """Return the live state of an account."""
        state = self.states.get(account)
        if state is None:
            state = self.states[account] = AccountState(account)
        return state

    def leg_known(self, leg: Leg) -> None:
        """A leg's dialog exists: its requests are to come to it."""
        self.dialogs[leg.key] = leg

    def leg_gone(self, leg: Leg) -> None:
        """A leg's dialog is over."""
        if leg.dialog is not None and self.dialogs.get(leg.key) is leg:
            del self.dialogs[leg.key]

    def call_over(self, call: Call, now: float) -> None:  # noqa: ARG002
        """Forget a call whose record is written."""
        self.call_by_id.pop(call.id, None)

    def agent_freed(self, account: str, agent: str, now: float) -> None:
        """Offer a freed agent to who waits longest."""
        self.queues.agent_freed(account, agent, now)

    def wrap_up(self, state: AccountState, agent: str, department: str, wrap_up_s: float, now: float) -> None:
        """Let an agent finish their notes before the department's next call."""
        self.queues.wrap_up(state, agent, department, wrap_up_s, now)

    def contacts_of(self, account: str, extension: str, now: float) -> Sequence[Binding]:
        """Return the live bindings of an extension."""
        return self.location.contacts(account, extension, now)

    def transfer_asked(self, call: Call, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
        """Take a REFER within a call."""
        self.transfers.refer_received(call, leg, tx, request, now)

    # -- media --

    def _media_event(self, event: fx.MediaEvent, now: float) -> None:
        if event.event == "lost":
            self.exchange.engines_down.add(event.number)
        elif event.event in {"restarted", "up"}:
            self.exchange.engines_down.discard(event.number)
            if event.facts:
                named = event.facts.get("capabilities")
                self.exchange.capabilities[event.number] = frozenset(named) if isinstance(named, list) else RTPENGINE
        if event.event in {"lost", "restarted", "up"}:
            affected = [call for call in self.call_by_id.values() if call.uses_engine(event.number)]
            for call in affected:
                self._guard(self._media_event_of, call, event, now)
            return
        session = str(event.facts.get("call-id", ""))
        found = self.call_by_id.get(session.partition("/")[0])
        if found is not None:
            self._media_event_of(found, event, now)
        elif event.event == "recording-ended":
            waiting = self.exchange.recordings.get(session)
            if waiting is not None:
                waiting(event.facts, now)
        elif event.event in media_events.UNHEARD:
            media_events.forget(self.exchange, event.number, session)

    def _media_event_of(self, call: Call, event: fx.MediaEvent, now: float) -> None:
        try:
            call.media_event(event.event, event.facts, now, event.number)
        except Exception:
            self.exchange.blame(call)
            raise

    def __len__(self) -> int:
        return len(self.call_by_id)
