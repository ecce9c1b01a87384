"""One call's decision while it is being made: the state that the pure machine carries from step to step.

Theory of operation. A decision walks *nodes* (an agent, a department, an IVR, …). What is going on at the present
node stands in ``place`` (a department's round, an IVR's entry, a queue); what rings stands in ``offers``: an
:class:`Offer` is one ring plan being worked through, its :class:`Leg` objects ring or wait to be confirmed. Nothing
calls upwards: an offer that has ended is put on ``ended`` and the next destination into ``pending``, and the machine
hands them to their owners until the call is bridged, over, or waits for an event.

``Offer``, ``Leg`` and ``Node`` are frozen, so a fork of the decision copies a few small containers and a step that was
handed out never changes. No object refers back to the decision: there is no reference cycle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from msgspec.structs import replace

if TYPE_CHECKING:
    from routerd.rules.facts import Facts
    from routerd.rules.plan import Attempt, Command
    from routerd.rules.tables import AccountTables, Destination, ForwardDigits

NEVER: Final = float("inf")
TraceEntry = tuple[str, str, Any, Any]


class Node(msgspec.Struct, frozen=True, gc=False):
    """A place where the call has been: ``context`` as in routing.md 2.3, ``reason`` why it was left."""

    type: str
    id: str | None
    context: str | None
    at: float
    reason: str | None = None


class Target(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Something to ring: ``kind`` is extension, number or sip; ``name`` as the record shows it."""

    kind: str
    name: str
    digits: ForwardDigits | None = None


class Leg(msgspec.Struct, frozen=True, gc=False):
    """A leg that rings, or that answered and is asked to press 1 (``confirming``)."""

    number: int
    offer: int
    target: Target
    redirected: bool = False
    confirming: bool = False


class Offer(msgspec.Struct, frozen=True, gc=False):
    """One ring plan at work; ``role`` is its owner: agent, affinity, member, external, internal, caller, customer."""

    key: int
    role: str
    agent: str | None
    stages: tuple[tuple[Target, ...], ...]
    ring_s: float
    cap_at: float
    node: int
    index: int = 0
    legs: tuple[int, ...] = ()
    strongest: int = 0


class Pending(msgspec.Struct, frozen=True, gc=False):
    """The next destination and the context in which it is entered."""

    destination: Destination
    context: str


class Place(msgspec.Struct, gc=False):
    """What goes on at the present node; subclasses live with their rules."""

    id: str
    context: str
    node: int
    queued: bool = False

    def fork(self) -> Place:
        """Return a copy that can be changed without changing this one."""
        return replace(self)


class Wish(msgspec.Struct, frozen=True, gc=False):
    """What an outbound call is after: the customer's number and the caller ID that passed the gates.

    ``kind`` is number or emergency; ``sources`` limits which contacts of the agent's own extension ring (empty: all).
    """

    number: str
    shown: str | None
    kind: str
    sources: tuple[str, ...] = ()


class Decision:
    """The whole state of one decision; see the module's theory of operation."""

    __slots__ = (
        "agent",
        "answered",
        "attempt",
        "barred",
        "caller",
        "caller_name",
        "ended",
        "facts",
        "fallback",
        "far_status",
        "final",
        "last_reason",
        "legs",
        "next_leg",
        "next_offer",
        "nodes",
        "now",
        "number",
        "offers",
        "opened",
        "out",
        "over",
        "pending",
        "place",
        "playing",
        "reason",
        "strict",
        "tables",
        "trace",
        "transitions",
        "wish",
    )

    def __init__(self, tables: AccountTables, attempt: Attempt, facts: Facts, now: float) -> None:
        self.tables = tables
        self.attempt = attempt
        self.facts = facts
        self.now = now
        self.out: list[Command] = []
        self.trace: list[TraceEntry] = []
        self.nodes: list[Node] = []
        self.legs: dict[int, Leg] = {}
        self.offers: dict[int, Offer] = {}
        self.ended: list[tuple[Offer, str]] = []
        self.opened: dict[str, bool] = {}
        self.pending: Pending | None = None
        self.fallback: Pending | None = None
        self.place: Place | None = None
        self.wish: Wish | None = None
        self.final: Node | None = None
        self.caller: str | None = attempt.caller
        self.caller_name: str | None = attempt.caller_name
        self.number: str | None = None
        self.far_status: int | None = None
        self.agent: str | None = None
        self.reason: str | None = None
        self.last_reason: str | None = None
        self.next_leg = 0
        self.next_offer = 0
        self.transitions = 0
        self.answered = False
        self.playing = False
        self.strict = False
        self.barred = False
        self.over = False

    def fork(self, facts: Facts, now: float) -> Decision:
        """Return a copy to work on at ``now``; this one stays as it is."""
        copy = Decision(self.tables, self.attempt, facts, now)
        copy.trace = self.trace.copy()
        copy.nodes = self.nodes.copy()
        copy.legs = self.legs.copy()
        copy.offers = self.offers.copy()
        copy.fallback = self.fallback
        copy.place = self.place.fork() if self.place is not None else None
        copy.wish = self.wish
        copy.final = self.final
        copy.caller = self.caller
        copy.caller_name = self.caller_name
        copy.number = self.number
        copy.far_status = self.far_status
        copy.agent = self.agent
        copy.reason = self.reason
        copy.last_reason = self.last_reason
        copy.next_leg = self.next_leg
        copy.next_offer = self.next_offer
        copy.transitions = self.transitions
        copy.answered = self.answered
        copy.playing = self.playing
        copy.strict = self.strict
        copy.barred = self.barred
        return copy

    def visit(self, kind: str, name: str | None, context: str, reason: str | None = None) -> int:
        """Note that the call has come to a node; returns its index for :meth:`leave`."""
        self.nodes.append(Node(kind, name, context, self.now, reason))
        return len(self.nodes) - 1

    def leave(self, node: int, reason: str, *, counts: bool = True) -> None:
        """Note why node ``node`` was left; with ``counts`` it is a reason of the call."""
        self.nodes[node] = replace(self.nodes[node], reason=reason)
        if counts:
            self.because(reason)

    def because(self, reason: str) -> None:
        """Note a reason of the call: the first is reported, the last chooses the status (routing.md 2.8)."""
        if self.reason is None:
            self.reason = reason
        self.last_reason = reason

    def note(self, code: str, subject: str, value: Any, outcome: Any) -> None:
        """Add an entry to the trace; rendered by :mod:`routerd.rules.trace`."""
        self.trace.append((code, subject, value, outcome))

    def go(self, destination: Destination, context: str) -> None:
        """Enter ``destination`` next (not a counted transition)."""
        self.place = None
        self.pending = Pending(destination, context)
