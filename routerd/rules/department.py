"""Departments (routing.md 2.6): entering one, and what follows when a member did not take the call.

A round is a :class:`DepartmentPlace`. Members are offered the call as offers of role ``member``; one that ended tells
its result here. The department's reason is the strongest ring result, else the first member's gate reason (document
order).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.rules import nodes, queue, rounds
from routerd.rules.places import DepartmentPlace
from routerd.rules.stage import STRENGTHS

if TYPE_CHECKING:
    from routerd.rules.decision import Decision, Offer, Pending
    from routerd.rules.tables import Department


_LEAST_RETRY_S: Final = 1.0  # a phone that fails at once must not be rung in a ring without end


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
    place.order = rounds.order_of(d, department)
    if department.strategy == "simultaneous":
        rounds.offer_all(d, place, department)
        if not d.offers:
            rounds.leave(d, place, rounds.reason_of(place, department))
    else:
        _offer_next(d, place, department)


def _offer_next(d: Decision, place: DepartmentPlace, department: Department) -> None:
    """Offer to the next member who is available; none left: the department is done."""
    while place.cursor < len(place.order):
        member = place.order[place.cursor]
        place.cursor += 1
        if rounds.offer_to(d, place, department, member):
            return
    rounds.leave(d, place, rounds.reason_of(place, department))


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
        if reason in STRENGTHS:
            place.retry[agent] = d.now + max(department.queue.retry_after_s, _LEAST_RETRY_S)
        queue.look_again(d, place, department, department.queue)
    elif department.strategy != "simultaneous":
        _offer_next(d, place, department)
    elif not d.offers:
        rounds.leave(d, place, rounds.reason_of(place, department))
