"""The deciding machine: ``start`` a decision, ``advance`` it by what happened; pure, and it never raises.

Call :func:`start` once with the call as somebody tries it, carry out ``step.commands`` in order, and feed what happens
to :func:`advance` until ``step.over``. A step is never changed afterwards; an event that means nothing any more (a late
answer, a stale timer) gives a step without commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.rules import (
    click_to_call,
    department,
    endings,
    inbound,
    internal,
    ivr,
    nodes,
    outbound,
    queue,
    redirect,
    rounds,
    stage,
)
from routerd.rules.decision import Decision, Leg, Node, Offer, Pending, TraceEntry
from routerd.rules.facts import Facts, RecordedState
from routerd.rules.places import IvrPlace
from routerd.rules.plan import (
    AgentFreed,
    AgentLoggedOut,
    AgentOnBreak,
    Attempt,
    Bridge,
    CallerGone,
    Command,
    Digit,
    Event,
    LegAnswered,
    LegConfirmed,
    LegFailed,
    LegRedirected,
    LegReleased,
    LegUnconfirmed,
    MailboxEnded,
    PlayEnded,
    TimerFired,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.rules.tables import AccountTables

_MOST_MOVES: Final = 64
_SPENT: Final = Facts(RecordedState({}), "")  # a finished step must not hold the live state


class Step:
    """What the machine wants done now, and where the decision stands.

    ``commands`` are to be carried out in order; ``over``: bridged or ended. ``nodes`` are the places visited,
    ``reason`` the first reason for which one was left, ``final`` where the call ended up (None while under way).
    """

    __slots__ = ("commands", "decision", "final", "nodes", "over", "reason", "trace")

    def __init__(self, decision: Decision, commands: tuple[Command, ...]) -> None:
        self.decision = decision
        self.commands = commands
        self.over: bool = decision.over
        self.trace: list[TraceEntry] = decision.trace
        self.nodes: tuple[Node, ...] = tuple(decision.nodes)
        self.reason: str | None = decision.reason
        self.final: Node | None = decision.final if decision.over else None


def start(tables: AccountTables, attempt: Attempt, facts: Facts) -> Step:
    """Decide the first step of ``attempt`` under ``tables``; afterwards call :func:`advance` with every event."""
    return begin(Decision(tables, attempt, facts, attempt.at))


def advance(step: Step, event: Event, facts: Facts, now: float) -> Step:
    """Decide what follows from ``event`` at wall time ``now``; ``step`` is the latest step of the call."""
    before = step.decision
    if before.over or type(event) not in _EVENTS:
        return Step(before, ())
    return follow(before.fork(facts, now), event)


def begin(d: Decision) -> Step:
    """Decide the first step of a fresh decision; for a replay, which looks at ``d`` when a fact is not known."""
    _STARTS[d.attempt.kind](d)
    return _settle(d)


def follow(d: Decision, event: Event) -> Step:
    """Decide what follows from ``event``; ``d`` is a fork of the latest step's decision, which is not over."""
    handler = _EVENTS.get(type(event))
    if handler is not None:
        handler(d, event)
    return _settle(d)


def _settle(d: Decision) -> Step:
    """Hand ended offers and pending destinations to their owners until nothing moves any more."""
    for _ in range(_MOST_MOVES):
        if d.over:
            break
        if d.ended:
            offer, reason = d.ended.pop(0)
            _OWNERS[offer.role](d, offer, reason)
        elif d.pending is not None:
            pending, d.pending = d.pending, None
            _ENTRANCES[pending.destination.type](d, pending)
        else:
            break
    else:
        endings.finish(d, "loop")
    commands = tuple(d.out)
    d.out = []
    d.facts = _SPENT
    return Step(d, commands)


def _leg_answered(d: Decision, event: Event) -> None:
    assert isinstance(event, LegAnswered)
    leg = d.legs.get(event.leg)
    if leg is not None and not leg.confirming and stage.leg_answered(d, leg):
        _win(d, leg)


def _leg_confirmed(d: Decision, event: Event) -> None:
    assert isinstance(event, LegConfirmed)
    leg = d.legs.get(event.leg)
    if leg is not None and leg.confirming:
        _win(d, leg)


def _win(d: Decision, leg: Leg) -> None:
    """The leg is the one: bridge it, or dial the customer when it is a click-to-call's agent."""
    offer = stage.take(d, leg)
    if offer.role == "caller":
        click_to_call.agent_answered(d, offer)
        return
    endings.leave_queue(d)
    endings.stop_playing(d)
    node = d.nodes[offer.node]
    d.final = Node(node.type, node.id, node.context, d.now)
    d.over = True
    d.out.append(Bridge(leg.number))


def _leg_unconfirmed(d: Decision, event: Event) -> None:
    assert isinstance(event, LegUnconfirmed)
    leg = d.legs.get(event.leg)
    if leg is not None and leg.confirming:
        stage.leg_failed(d, leg, "no_answer")


def _leg_failed(d: Decision, event: Event) -> None:
    assert isinstance(event, LegFailed)
    leg = d.legs.get(event.leg)
    if leg is not None:
        d.far_status = event.status
        stage.leg_failed(d, leg, event.result)


def _leg_redirected(d: Decision, event: Event) -> None:
    assert isinstance(event, LegRedirected)
    leg = d.legs.get(event.leg)
    if leg is not None and not leg.confirming and not redirect.follow(d, leg, event.target):
        stage.leg_failed(d, leg, "unreachable")


def _leg_released(d: Decision, event: Event) -> None:
    """A callee hung up while being asked to press 1, or a click-to-call's agent before the customer answered."""
    assert isinstance(event, LegReleased)
    leg = d.legs.get(event.leg)
    if leg is not None:
        stage.leg_failed(d, leg, "no_answer")
    elif d.attempt.kind == "click_to_call" and d.answered and event.leg == 0:
        endings.caller_gone(d)


def _timer_fired(d: Decision, event: Event) -> None:
    assert isinstance(event, TimerFired)
    name = event.name
    if name.startswith(stage.TIMER):
        stage.stage_timer(d, int(name[len(stage.TIMER) :]))
        return
    action = _TIMERS.get(name)
    if action is not None:
        action(d)


def _digits_timer(d: Decision) -> None:
    if isinstance(d.place, IvrPlace):
        ivr.timed_out(d, d.place)


def _digit(d: Decision, event: Event) -> None:
    assert isinstance(event, Digit)
    if isinstance(d.place, IvrPlace):
        ivr.digit(d, d.place, event.digit)


def _freed(d: Decision, event: Event) -> None:  # noqa: ARG001 - one signature for all events
    queue.woken(d)


def _play_ended(d: Decision, event: Event) -> None:  # noqa: ARG001 - one signature for all events
    if not d.playing:
        return
    d.playing = False
    if isinstance(d.place, IvrPlace):
        ivr.prompt_ended(d, d.place)
    elif not isinstance(d.place, endings.MailboxPlace):
        endings.played_out(d)


def _mailbox_ended(d: Decision, event: Event) -> None:  # noqa: ARG001 - one signature for all events
    endings.played_out(d)


def _caller_gone(d: Decision, event: Event) -> None:  # noqa: ARG001 - one signature for all events
    endings.caller_gone(d)


def _logged_out(d: Decision, event: Event) -> None:
    assert isinstance(event, AgentLoggedOut)
    _withdraw(d, event.agent, "logged_out")


def _on_break(d: Decision, event: Event) -> None:
    assert isinstance(event, AgentOnBreak)
    _withdraw(d, event.agent, "on_break")


def _withdraw(d: Decision, agent_id: str, reason: str) -> None:
    """Only who calls by log-in is gone with it; others count as always active."""
    agent = d.tables.agents.get(agent_id)
    if agent is not None and agent.login_based_calling:
        stage.withdraw(d, agent_id, reason)


def _affinity_ended(d: Decision, offer: Offer, reason: str) -> None:
    """The agent of the last talk did not take it: the end when strict, else on to where the call would have gone."""
    d.leave(offer.node, reason, counts=d.strict)
    if d.strict:
        endings.finish(d, reason)
        return
    if d.fallback is not None:
        d.pending, d.fallback = d.fallback, None
    else:
        department.begin(d)


_STARTS: Final[dict[str, Callable[[Decision], None]]] = {
    "inbound": inbound.start,
    "softphone": outbound.start,
    "click_to_call": click_to_call.start,
    "transfer": outbound.start,
}
_ENTRANCES: Final[dict[str, Callable[[Decision, Pending], None]]] = {
    "agent": nodes.enter_agent,
    "ivr": ivr.enter,
    "department": department.enter,
    "time_condition": nodes.enter_time_condition,
    "router": nodes.enter_router,
    "voicemail": nodes.enter_voicemail,
    "external": nodes.enter_external,
    "announcement": nodes.enter_announcement,
    "hangup": nodes.enter_hangup,
}
_OWNERS: Final[dict[str, Callable[[Decision, Offer, str], None]]] = {
    "agent": nodes.agent_ended,
    "affinity": _affinity_ended,
    "member": department.member_ended,
    "external": nodes.external_ended,
    "internal": internal.ended,
    "caller": click_to_call.agent_ended,
    "customer": outbound.customer_ended,
}
_EVENTS: Final[dict[type[Event], Callable[[Decision, Event], None]]] = {
    LegAnswered: _leg_answered,
    LegConfirmed: _leg_confirmed,
    LegUnconfirmed: _leg_unconfirmed,
    LegFailed: _leg_failed,
    LegRedirected: _leg_redirected,
    LegReleased: _leg_released,
    TimerFired: _timer_fired,
    PlayEnded: _play_ended,
    MailboxEnded: _mailbox_ended,
    CallerGone: _caller_gone,
    AgentLoggedOut: _logged_out,
    AgentOnBreak: _on_break,
    AgentFreed: _freed,
    Digit: _digit,
}
_TIMERS: Final[dict[str, Callable[[Decision], None]]] = {
    ivr.TIMER: _digits_timer,
    rounds.TIMEOUT_TIMER: queue.timed_out,
    rounds.WAKE_TIMER: queue.woken,
    rounds.POSITION_TIMER: queue.say_position,
}
