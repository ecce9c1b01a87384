"""A department's round: the order of the five strategies, the offers, and how it is left (routing.md 2.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.rules import availability, endings, nodes
from routerd.rules.decision import NEVER, Decision
from routerd.rules.plan import Offered, Unwait
from routerd.rules.stage import WORDS, open_offer

if TYPE_CHECKING:
    from routerd.rules.places import DepartmentPlace
    from routerd.rules.tables import Department, Member

TIMEOUT_TIMER: Final = "queue"
WAKE_TIMER: Final = "wake"
POSITION_TIMER: Final = "position"
SLACK_S: Final = 0.002  # a timer may fire a hair before the moment that it was set for


def order_of(d: Decision, department: Department) -> tuple[Member, ...]:
    """Return the members in the order of the department's strategy."""
    members = department.members
    strategy = department.strategy
    if strategy == "round_robin":
        last = d.facts.last_offered(department.id)
        start = next((i + 1 for i, member in enumerate(members) if member.agent == last), 0)
        members = members[start:] + members[:start]
        d.note("strategy", department.id, last, strategy)
    elif strategy == "random":
        members = _shuffled(d, members)
        d.note("strategy", department.id, tuple(m.agent for m in members), strategy)
    elif strategy == "longest_idle":
        since = {member.agent: d.facts.idle_since(member.agent) for member in members}
        members = tuple(sorted(members, key=lambda member: since[member.agent] or 0.0))
        d.note("strategy", department.id, since, strategy)
    return members


def _shuffled(d: Decision, members: tuple[Member, ...]) -> tuple[Member, ...]:
    """A fresh Fisher-Yates shuffle from the injected chance."""
    items = list(members)
    for last in range(len(items) - 1, 0, -1):
        chosen = d.facts.draw(last + 1)
        items[last], items[chosen] = items[chosen], items[last]
    return tuple(items)


def offer_all(d: Decision, place: DepartmentPlace, department: Department) -> None:
    """Strategy ``simultaneous``: everyone who is eligible rings at once."""
    for member in department.members:
        if not place.retry or may_retry(d, place, member):
            offer_to(d, place, department, member)


def may_retry(d: Decision, place: DepartmentPlace, member: Member) -> bool:
    """Return whether the member may be offered this call (again) by now."""
    return d.now >= place.retry.get(member.agent, 0.0) - SLACK_S


def gate_of(d: Decision, department: Department, member: Member) -> str | None:
    """Return the gate reason of a member as of now, None when available."""
    return availability.look(d, d.tables.agents[member.agent], "department", _wrap_up_of(department))[0]


def _wrap_up_of(department: Department) -> str | None:
    """Wrap-up exists only where there is a queue with one."""
    return department.id if department.queue is not None and department.queue.wrap_up_s > 0 else None


def offer_to(d: Decision, place: DepartmentPlace, department: Department, member: Member) -> bool:
    """Look at the member's gates and ring their plan; returns whether it rings."""
    agent = d.tables.agents[member.agent]
    queued = department.queue is not None
    reason, stages = availability.look(d, agent, "department", _wrap_up_of(department) if queued else None)
    if reason is not None:
        place.gates[agent.id] = reason
        if not queued:
            d.visit("agent", agent.id, "department", reason)
        return False
    node = d.visit("agent", agent.id, "department")
    if department.strategy == "round_robin":
        d.out.append(Offered(department.id, agent.id))
    cap_s = NEVER if member.timeout_s is None else member.timeout_s
    if queued:
        cap_s = min(cap_s, place.deadline - d.now)  # the queue's timeout cuts the offer
    open_offer(d, "member", agent.id, stages, agent.ring_timeout_s, node, cap_s)
    return True


def reason_of(place: DepartmentPlace, department: Department) -> str:
    """Return the strongest ring result, else the gate reason of the first member in document order."""
    if place.strongest:
        return WORDS[place.strongest]
    known = (place.gates[m.agent] for m in department.members if m.agent in place.gates)
    return next(known, "no_reachable_number")


def leave(d: Decision, place: DepartmentPlace, reason: str) -> None:
    """The department is done with the call: its failover, or the end."""
    d.leave(place.node, reason)
    if place.queued:
        endings.leave_queue(d)
        endings.stop_playing(d)
        d.out += [Unwait(TIMEOUT_TIMER), Unwait(WAKE_TIMER), Unwait(POSITION_TIMER)]
    failover = d.tables.departments[place.id].failover
    d.note("failover", place.id, reason, failover.type if failover is not None else None)
    if failover is None:
        endings.finish(d, reason)
    else:
        nodes.transit(d, failover)
