"""Departments (routing.md 2.6): the five strategies, one offer per member and call; queues go on in :mod:`queue`.

A round is a :class:`DepartmentPlace`. Members are offered the call as offers of role ``member``; one that ended tells
its result here. The department's reason is the strongest ring result, else the first member's gate reason (document
order).
"""

from __future__ import annotations

from routerd.rules import availability, nodes, queue
from routerd.rules.decision import Decision, Offer, Pending
from routerd.rules.places import DepartmentPlace
from routerd.rules.plan import Offered
from routerd.rules.stage import STRENGTHS, WORDS, open_offer
from routerd.rules.tables import Department, Member


def enter(d: Decision, pending: Pending) -> None:
    """The call comes to a department: the agent it last spoke with first (affinity), then the members."""
    department = d.tables.departments[pending.destination.id or ""]
    node = d.visit("department", department.id, pending.context)
    place = DepartmentPlace(department.id, pending.context, node)
    d.place = place
    d.fallback = None
    if not nodes.try_affinity(d, department.affinity, department.id):
        begin(d)


def begin(d: Decision) -> None:
    """Offer the call to the members (after the affinity did not help)."""
    place = d.place
    assert isinstance(place, DepartmentPlace)
    department = d.tables.departments[place.id]
    if department.queue is not None:
        queue.join(d, place, department, department.queue)
        return
    place.order = order_of(d, department)
    if department.strategy == "simultaneous":
        offer_all(d, place, department)
        if not d.offers:
            queue.leave(d, place, reason_of(place, department))
    else:
        _offer_next(d, place, department)


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


def _offer_next(d: Decision, place: DepartmentPlace, department: Department) -> None:
    """Offer to the next member who is available; none left: the department is done."""
    while place.cursor < len(place.order):
        member = place.order[place.cursor]
        place.cursor += 1
        if offer_to(d, place, department, member):
            return
    queue.leave(d, place, reason_of(place, department))


def offer_all(d: Decision, place: DepartmentPlace, department: Department) -> None:
    """Strategy ``simultaneous``: everyone who is eligible rings at once."""
    for member in department.members:
        if d.now >= place.retry.get(member.agent, 0.0):
            offer_to(d, place, department, member)


def gate_of(d: Decision, department: Department, member: Member) -> str | None:
    """Return the gate reason of a member as of now, None when available."""
    return availability.look(d, d.tables.agents[member.agent], "department", _wrap_up_of(department))[0]


def _wrap_up_of(department: Department) -> str | None:
    """Wrap-up exists only where there is a queue with one."""
    return department.id if department.queue is not None and department.queue.wrap_up_s > 0 else None


def offer_to(d: Decision, place: DepartmentPlace, department: Department, member: Member) -> bool:
    """Look at the member's gates and ring their plan; returns whether it rings."""
    agent = d.tables.agents[member.agent]
    reason, stages = availability.look(d, agent, "department", _wrap_up_of(department))
    if reason is not None:
        place.gates[agent.id] = reason
        if department.queue is None:
            d.visit("agent", agent.id, "department", reason)
        return False
    node = d.visit("agent", agent.id, "department")
    if department.strategy == "round_robin":
        d.out.append(Offered(department.id, agent.id))
    open_offer(d, "member", agent.id, stages, agent.ring_timeout_s, node, member.timeout_s)
    return True


def member_ended(d: Decision, offer: Offer, reason: str) -> None:
    """A member did not take the call (``reason`` is a ring result) or went away while ringing."""
    place = d.place
    if not isinstance(place, DepartmentPlace):
        return
    d.leave(offer.node, reason, counts=False)
    agent = offer.agent or ""
    if reason in STRENGTHS:
        place.strongest = max(place.strongest, STRENGTHS[reason])
    else:
        place.gates[agent] = reason
    department = d.tables.departments[place.id]
    if department.queue is not None:
        place.retry[agent] = d.now + department.queue.retry_after_s
        queue.look_again(d, place, department, department.queue)
    elif department.strategy != "simultaneous":
        _offer_next(d, place, department)
    elif not d.offers:
        queue.leave(d, place, reason_of(place, department))


def reason_of(place: DepartmentPlace, department: Department) -> str:
    """Return the strongest ring result, else the gate reason of the first member in document order."""
    if place.strongest:
        return WORDS[place.strongest]
    known = (place.gates[m.agent] for m in department.members if m.agent in place.gates)
    return next(known, "no_reachable_number")
