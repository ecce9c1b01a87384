"""One call: its caller's leg, the legs that the rules ring for it, and what joins them.

Theory of operation. A call is driven from three sides. *Legs* say in neutral words what their peers did. The *rules*
(:mod:`routerd.rules.machine`) are told of it as events and say by commands what to do next; commands are carried out by
:mod:`routerd.b2bua.carrying`. What either means for the caller in the call's present state stands in one table,
:mod:`routerd.b2bua.call_states`; its actions are the ``_do_`` methods here. Once two legs are joined the rules are out
of it: :mod:`routerd.b2bua.midcall` passes requests across, :mod:`routerd.b2bua.joining` joins legs anew.

A call pins the snapshot with which it began. When it is over it lets go of everything it refers to, so that no cycle
is left for the collector.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from routerd.b2bua import (
    accounting,
    call_actions,
    carrying,
    holding,
    house,
    house_offers,
    media_events,
    midcall,
    ringback,
)
from routerd.b2bua.call_media import CallMedia
from routerd.b2bua.call_states import ANSWERING, BRIEFING, DECIDING, ENDED, GREETING, RINGING, TABLE
from routerd.b2bua.leg import CLOSED
from routerd.b2bua.offering import offer_for
from routerd.b2bua.record import CallRecord
from routerd.rules import machine, plan
from routerd.rules.facts import Facts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.digits import Press
    from routerd.b2bua.exchange import Exchange
    from routerd.b2bua.forking import BranchPlan, Fork
    from routerd.b2bua.holding import Hold
    from routerd.b2bua.house import Guest
    from routerd.b2bua.joining import Join
    from routerd.b2bua.leg import Leg
    from routerd.b2bua.live_state import AccountState, LiveView
    from routerd.b2bua.location import Binding
    from routerd.b2bua.outbound_leg import OutboundLeg
    from routerd.b2bua.playing import Player
    from routerd.b2bua.recording import CallRecording
    from routerd.rules.tables import AccountTables
    from routerd.sip.message import Request, Response
    from routerd.sip.timers import Timer
    from routerd.sip.transaction_layer import ServerTransaction

RULES_TIMER: Final = "rules:"


class Calls(Protocol):
    """The switch, as a call sees it."""

    exchange: Exchange

    def leg_known(self, leg: Leg) -> None:
        """Hear that the leg's dialog exists: its requests are to come to it."""

    def leg_gone(self, leg: Leg) -> None:
        """Hear that the leg's dialog is over."""

    def call_over(self, call: Call, now: float) -> None:
        """Hear that the call is over, its record written."""

    def agent_freed(self, account: str, agent: str, now: float) -> None:
        """Hear that an agent has no call any more."""

    def wrap_up(self, state: AccountState, agent: str, department: str, wrap_up_s: float, now: float) -> None:
        """Hear that an agent's call through a department with wrap-up has ended."""

    def contacts_of(self, account: str, extension: str, now: float) -> Sequence[Binding]:
        """Return the live bindings of an extension."""

    def transfer_asked(self, call: Call, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
        """Take a REFER within a call."""


class Borrower(Protocol):
    """A transfer that this call carries out: it lends the party that stays."""

    def ringing(self, status: int, now: float) -> None:
        """Hear that the transfer's target rings."""

    def lend(self, call: Call, now: float) -> Leg | None:
        """Return the party that stays, to be joined with the target; None when it has gone."""

    def ended(self, status: int, now: float) -> None:
        """Hear how it ended: 200 when joined, else why not."""


class Lender(Protocol):
    """A transfer that a party of this call has asked for, while another call carries it out."""

    def party_gone(self, leg: Leg, now: float) -> bool:
        """Hear that a party is gone; True: the other one goes on in the carrying call, this one is over."""

    def call_over(self, now: float) -> None:
        """Hear that the call is over, and nobody left in it to be lent."""


class Call:
    """A call from its INVITE (or click) to its record; :meth:`start`, then events until it is over."""

    __slots__ = (
        "_advancing",
        "_channels",
        "_events",
        "branches",
        "caller",
        "calls",
        "dialled_max_forwards",
        "early",
        "ending",
        "exchange",
        "forks",
        "guest",
        "heard",
        "holds",
        "id",
        "join",
        "later",
        "leaving",
        "legs_heard",
        "live",
        "media",
        "peer",
        "players",
        "presses",
        "progress_sent",
        "record",
        "recording",
        "relayed_offers",
        "renegotiation",
        "request",
        "state",
        "step",
        "steps",
        "stopping",
        "tables",
        "timers",
        "transfer",
        "trusted",
        "view",
        "waiting_forks",
        "winner",
    )

    def __init__(
        self,
        calls: Calls,
        tables: AccountTables,
        attempt: plan.Attempt,
        live: AccountState,
        view: LiveView,
        now: float,
    ) -> None:
        self.calls: Calls = calls
        self.exchange = calls.exchange
        self.id = self.exchange.tokens.call_id()
        self.tables = tables
        self.live = live
        self.view = view
        self.caller: Leg | None = None
        self.peer: Leg | None = None
        self.request: Request | None = None
        self.trusted = False
        self.dialled_max_forwards = 70
        self.state = DECIDING
        self.step: machine.Step | None = None
        self.forks: dict[int, Fork] = {}
        self.winner: Fork | None = None
        self.timers: dict[str, Timer] = {}
        self.media = CallMedia(self.exchange, self.id)
        self.recording: CallRecording | None = None
        self.record = CallRecord(self.id, attempt, tables.version, now, self.exchange.wall_offset)
        self.ending: plan.End | None = None
        self.stopping: tuple[str, int, int] = ("", 500, 38)
        self.early: OutboundLeg | None = None
        self.progress_sent = 0
        self.branches = 0
        self.relayed_offers: dict[str, bytes] = {}
        self.waiting_forks: list[tuple[Fork, list[BranchPlan]]] = []
        self.renegotiation: midcall.Renegotiation | None = None
        self.join: Join | None = None
        self.guest: Guest | None = None
        self.players: list[Player] = []
        self.holds: list[Hold] = []
        self.presses: list[Press] = []
        self.legs_heard = 0
        self.later = ""
        self.transfer: Borrower | None = None
        self.leaving: Lender | None = None
        self._events: list[plan.Event] = []  # a deque would be 600 bytes for the one or two that ever wait
        self._advancing = False
        self.heard: list[str] = []
        self._channels = view.held  # the limits at which this call counts
        self.steps: list[tuple[float, plan.Event | None, dict[str, Any]]] = []

    # -- starting and deciding --

    def start(self, now: float) -> None:
        """Journal the start, then let the rules begin."""
        attempt = self.record.attempt
        self.exchange.journal("call.start", self.record.started(), urgent=True)
        self.exchange.publish("call.started", self.record.started())
        facts = self.facts(now)
        self._advancing = True
        self.step = machine.start(self.tables, attempt, facts)
        self.steps.append((self.record.attempt.at, None, facts.reads))
        self._hold_channels(self.step)
        self._carry_out(now)

    def _hold_channels(self, step: machine.Step) -> None:
        """Count for the limits of account, trunk and number, once the decision has not counted this call itself."""
        wish, number, trunk = step.decision.wish, step.decision.number, self.record.attempt.trunk
        if wish is not None and wish.kind == "emergency":
            return
        self.hold_channel("account")
        if trunk is not None:
            self.hold_channel(f"trunk:{trunk}")
        if number is not None:
            self.hold_channel(f"number:{number}")

    def facts(self, now: float) -> Facts:
        """Return the live facts for one decision of this instant."""
        wall = self.exchange.wall(now)
        return Facts(self.view.at(now, accounting.account_day(self.tables, wall)), self.tables.account.id)

    def advance(self, event: plan.Event, now: float) -> None:
        """Tell the rules what happened; carry out what they say. Events that come meanwhile wait their turn."""
        self._events.append(event)
        if not self._advancing:
            self._advancing = True
            self._carry_out(now, fresh=False)

    def _carry_out(self, now: float, *, fresh: bool = True) -> None:
        try:
            if fresh:
                self._perform(now)
            while self._events and self.step is not None:
                event = self._events.pop(0)
                facts = self.facts(now)
                wall = self.exchange.wall(now)
                self.step = machine.advance(self.step, event, facts, wall)
                self.steps.append((wall, event, facts.reads))
                self._perform(now)
        finally:
            self._advancing = False

    def _perform(self, now: float) -> None:
        assert self.step is not None
        for command in self.step.commands:
            carrying.perform(self, command, now)

    # -- the table --

    def happen(self, event: str, now: float) -> None:
        """Do what the table of call states says for ``event``."""
        row = TABLE.get((self.state, event))
        if self.exchange.rows is not None:
            self.exchange.rows.add((self.state, event))
        if row is None:
            self.exchange.note("event_without_row", f"{self.state}:{event}")
            if self.exchange.strict:
                raise AssertionError(f"no row for {event} in state {self.state}")
            return
        self.state = row.after
        call_actions.ACTIONS[row.action](self, now)

    def reject_caller(self, status: int, headers: Sequence[tuple[str, str]], now: float) -> None:
        """Refuse the caller's INVITE where it is still open."""
        if self.caller is not None:
            midcall.reject(self.caller, status, headers, now)

    def stop(self, reason: str, status: int, cause: int, now: float) -> None:
        """End the call from our side: an admin, ``max_duration``, ``media_timeout``, ``overload``."""
        self.stopping = (reason, status, cause)
        self.happen("stop", now)

    def broken(self, reason: str, status: int, now: float) -> None:
        """End the call because it cannot be: no agreement on media, no engine."""
        self.stopping = (reason, status, 88 if status == 488 else 38)
        self.happen("broken", now)

    # -- the end --

    def finish(self, now: float) -> None:
        """Write the record once and let go of everything; legs that are still saying goodbye live on alone."""
        if self.record.ended is not None:
            return
        self.record.ended = now
        for timer in self.timers.values():
            timer.cancel()
        self.timers.clear()
        house.forget(self)
        holding.forget(self)
        for fork in self.forks.values():
            fork.leave_session(now)
        for player in tuple(self.players):
            player.close()
        if self.renegotiation is not None:
            self.renegotiation.leave()
            self.renegotiation = None
        accounting.finish_entries(self, now)
        for key in self._channels:
            self.live.count(key, -1)
        accounting.write_record(self, now)
        if self.transfer is not None:
            self.transfer.ended(accounting.failed_status(self), now)
        if self.leaving is not None:
            self.leaving.call_over(now)
        self.calls.call_over(self, now)
        self._let_go()

    def hold_channel(self, key: str) -> None:
        """Count this call for a limit until it is over."""
        self._channels.append(key)
        self.live.count(key, 1)

    def _let_go(self) -> None:
        self.step = None
        self.recording = None
        self.forks.clear()
        self.winner = None
        self.early = None
        self.steps = []
        self.request = None
        self.transfer = None
        self.leaving = None
        self.waiting_forks = []

    def give_up_leg(self, leg: Leg) -> None:
        """Let a leg go to another call, or to its goodbye, without ending it."""
        if leg is self.caller:
            self.caller = None
        if leg is self.peer:
            self.peer = None
        for fork in self.forks.values():
            if fork.winner is leg:
                fork.winner = None

    # -- LegUser: what legs say --

    def leg_hung_up(self, leg: Leg, why: Sequence[str], now: float) -> None:
        """Take a BYE: the other side is released with the same Reason."""
        self.heard = list(why[:2])
        self._gone(leg, now)

    def leg_lost(self, leg: Leg, cause: str, now: float) -> None:
        """Take a dead dialog as if it had said BYE; what is left of it is hung up too."""
        self.exchange.note("leg_lost", f"{leg.name}: {cause}")
        midcall.reject(leg, 500, [], now)
        leg.bye(now)
        self._gone(leg, now)

    def _gone(self, leg: Leg, now: float) -> None:
        if self.leaving is not None and self.leaving.party_gone(leg, now):
            return
        if self.join is not None:
            self.join.leg_gone(leg, now)
        if leg is self.caller:
            self.happen("caller_gone", now)
        elif leg is self.peer:
            self.happen("callee_gone", now)
        else:
            carrying.leg_released(self, leg, now)

    def leg_closed(self, leg: Leg, now: float) -> None:  # noqa: ARG002
        """Forget a leg's dialog."""
        self.calls.leg_gone(leg)

    def caller_cancelled(self, why: Sequence[str], now: float) -> None:
        """Take the caller's CANCEL: one row a state."""
        self.heard = list(why[:2])
        self.happen("cancel", now)

    def offer_received(self, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
        """Pass a re-INVITE or UPDATE across."""
        midcall.offer_received(self, leg, tx, request, now)

    def offer_cancelled(self, leg: Leg, now: float) -> None:
        """Cancel across what was passed across."""
        midcall.offer_cancelled(self, leg, now)

    def ack_received(self, leg: Leg, request: Request, now: float) -> None:
        """Take the ACK of a 2xx: it may carry the answer of a delayed offer."""
        midcall.ack_received(self, leg, request, now)

    def request_received(self, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
        """Take INFO, MESSAGE, NOTIFY or REFER within the dialog."""
        if request.method == "REFER":
            self.calls.transfer_asked(self, leg, tx, request, now)
        else:
            midcall.request_received(self, leg, tx, request, now)

    def other(self, leg: Leg) -> Leg | None:
        """Return the leg on the other side, once there is one."""
        if leg is self.caller:
            return self.peer
        return self.caller if leg is self.peer else None

    # -- ForkUser: what forks say --

    def offer_for(self, fork: Fork, branch: OutboundLeg) -> bytes:
        """Return what this branch is offered."""
        return offer_for(self, fork, branch)

    def fork_started(self, fork: Fork, attempt: BranchPlan, now: float) -> None:
        """Note which trunk a leg goes by, and count its channel."""
        carrying.branch_started(self, fork, attempt, now)

    def fork_ringing(self, fork: Fork, branch: OutboundLeg, status: int, sdp: bytes, now: float) -> None:
        """Tell the caller that it rings, by the early media policy."""
        if branch.dialog is not None:
            self.calls.leg_known(branch)
        entry = accounting.entry_of(self, fork.number)
        if entry is not None and entry.ringing is None:
            entry.ringing = now
            self.exchange.publish("leg.ringing", {"call": self.id, **fork.named})
            self.advance(plan.LegRinging(fork.number), now)
        if self.transfer is not None:
            self.transfer.ringing(status, now)
        elif self.state == RINGING and self.caller is not None:
            midcall.progress(self, branch, status, b"" if fork.own is not None else sdp, now)
        ringback.refresh(self, now)

    def fork_answered(self, fork: Fork, branch: OutboundLeg, response: Response, now: float) -> None:
        """Acknowledge an answer (unless it carries an offer that must wait), then let the rules decide."""
        self.calls.leg_known(branch)
        if self.state == ENDED:
            branch.acknowledge_response(response)
            branch.bye(now)
            return
        carrying.branch_answered(self, fork, branch, response, now)

    def fork_failed(self, fork: Fork, result: str, status: int, now: float) -> None:
        """Tell the rules that a leg ended without answer; early media of the next one may be heard."""
        if self.early is not None and self.early.state == CLOSED:
            self.early = None
        accounting.end_entry(self, fork.number, result, now, status)
        self.exchange.publish("leg.ended", {"call": self.id, **fork.named, "result": result})
        self.advance(plan.LegFailed(fork.number, result, status or None), now)
        ringback.refresh(self, now)

    def fork_redirected(self, fork: Fork, target: str, now: float) -> None:
        """Ask the rules whether a 3xx may be followed."""
        self.advance(plan.LegRedirected(fork.number, target), now)

    # -- timers and media --

    def timer_fired(self, name: str, now: float) -> None:
        """Take one of the call's timers; those of the rules are theirs."""
        self.timers.pop(name, None)
        if name.startswith(RULES_TIMER):
            self.advance(plan.TimerFired(name[len(RULES_TIMER) :]), now)
        else:
            carrying.timer_fired(self, name, now)

    def media_event(self, event: str, facts: dict[str, Any], now: float, engine: int = 0) -> None:
        """Take what engine number ``engine`` noticed (:class:`routerd.b2bua.effects.MediaEvent`)."""
        media_events.take(self, event, facts, now, engine)

    def uses_engine(self, engine: int) -> bool:
        """Whether a session of this call may be at that engine."""
        return media_events.uses_engine(self, engine)

    def guest_offered(self, leg: Leg, request: Request, now: float) -> None:
        """Answer a guest of the house who renegotiates."""
        house_offers.offer_received(self, leg, request, now)

    def mark(self, what: str, detail: str, now: float) -> None:
        """Write into the record when something was heard, pressed or recorded; of very many the first ones stay."""
        self.record.mark(what, detail, now)

    @property
    def unanswered(self) -> bool:
        """Whether the caller's INVITE still waits for its final response."""
        return self.state in {DECIDING, RINGING, ANSWERING, GREETING, BRIEFING}
