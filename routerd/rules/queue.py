"""Queues (routing.md 2.6 and 8): the call is answered and waits for busy members, not for unavailable ones.

The switch decides one event at a time and counts ringing legs as calls of their agent, so a member is reserved by the
first call that rings them; the next call finds them busy. ``AgentFreed`` goes to the waiting calls, the longest first.
Between those, the timer ``wake`` looks again: when a member may be offered the call once more, when a wrap-up ends,
when a member's hours begin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.rules import calendar, endings, rounds, stage
from routerd.rules.decision import NEVER, Decision
from routerd.rules.places import DepartmentPlace
from routerd.rules.plan import JoinQueue, Play, SayPosition, Wait
from routerd.rules.rounds import POSITION_TIMER, SLACK_S, TIMEOUT_TIMER, WAKE_TIMER

if TYPE_CHECKING:
    from routerd.rules.tables import Department, Member, Queue

_POLL_S: Final = 30.0  # a phone that registers frees nobody: look from time to time
_MINUTE_S: Final = 60.0  # time groups open on the minute
WAITED_FOR: Final = frozenset({"agent_busy", "wrap_up"})


def join(d: Decision, place: DepartmentPlace, department: Department, queue: Queue) -> None:
    """Join the queue unless it is empty (nobody would ever take the call) or full; empty wins over full."""
    if not queue.join_empty and not _somebody(d, place, department):
        d.note("queue", department.id, "empty", None)
        rounds.leave(d, place, rounds.reason_of(place, department))
        return
    if queue.max_waiting is not None:
        waiting = d.facts.waiting(department.id)
        full = waiting >= queue.max_waiting
        d.note("queue", department.id, (waiting, queue.max_waiting), "queue_full" if full else "joined")
        if full:
            rounds.leave(d, place, "queue_full")
            return
    endings.answer_caller(d)
    place.queued = True
    d.out.append(JoinQueue(department.id))
    if queue.music is not None:
        d.playing = True
        d.out.append(Play(queue.music, repeat=True))
    if queue.timeout_s is not None:
        place.deadline = d.now + queue.timeout_s
        d.out.append(Wait(TIMEOUT_TIMER, queue.timeout_s))
    if queue.announce_position_every_s:
        d.out.append(Wait(POSITION_TIMER, queue.announce_position_every_s))
    look_again(d, place, department, queue)


def _somebody(d: Decision, place: DepartmentPlace, department: Department) -> bool:
    """Return whether any member is free, or busy and so worth waiting for."""
    found = False
    for member in department.members:
        reason = rounds.gate_of(d, department, member)
        if reason is None or reason in WAITED_FOR:
            found = True
        if reason is not None:
            place.gates[member.agent] = reason
    return found


def look_again(d: Decision, place: DepartmentPlace, department: Department, queue: Queue) -> None:
    """Offer the call to whoever is free now, unless it is being offered; else wait."""
    if d.offers:
        return
    if d.now >= place.deadline - SLACK_S:
        expired(d, place)
        return
    if department.strategy == "simultaneous":
        rounds.offer_all(d, place, department)
    else:
        for member in _least_tried_first(place, rounds.order_of(d, department)):
            if rounds.may_retry(d, place, member) and rounds.offer_to(d, place, department, member):
                break
    if not d.offers:
        d.out.append(Wait(WAKE_TIMER, _next_look(d, place, department, queue)))


def _least_tried_first(place: DepartmentPlace, members: tuple[Member, ...]) -> list[Member]:
    """Order by how long ago each was offered this call, never first; otherwise two who never answer hide a third."""
    return sorted(members, key=lambda member: place.retry.get(member.agent, 0.0))


def _next_look(d: Decision, place: DepartmentPlace, department: Department, queue: Queue) -> float:
    """Return after how many seconds something may have changed without anybody being freed."""
    moments = [at for at in place.retry.values() if at > d.now]
    if queue.wrap_up_s > 0:
        ends = (d.facts.wrap_up_until(m.agent, department.id) for m in department.members)
        moments += [at for at in ends if at > d.now]
    opening = (d.now // _MINUTE_S + 1) * _MINUTE_S
    if opening - d.now < _POLL_S and any(_opens(d, member, opening) for member in department.members):
        moments.append(opening)
    return max(0.01, min(min(moments, default=NEVER) - d.now, _POLL_S))


def _opens(d: Decision, member: Member, at: float) -> bool:
    """Return whether the member's hours begin at ``at``, the next whole minute."""
    name = d.tables.agents[member.agent].time_group
    if name is None:
        return False
    group = d.tables.time_groups[name]
    zone = d.tables.zones[group.zone]
    return not calendar.is_open(group, zone, d.now) and calendar.is_open(group, zone, at)


def woken(d: Decision) -> None:
    """A member became free, or the time for another look has come."""
    place = d.place
    if isinstance(place, DepartmentPlace) and place.queued:
        department = d.tables.departments[place.id]
        if department.queue is not None:
            look_again(d, place, department, department.queue)


def say_position(d: Decision) -> None:
    """Tell the caller their place in the line, and again after the same time."""
    place = d.place
    if isinstance(place, DepartmentPlace) and place.queued:
        every = d.tables.departments[place.id].queue
        if every is not None and every.announce_position_every_s:
            d.out.append(SayPosition(place.id))
            d.out.append(Wait(POSITION_TIMER, every.announce_position_every_s))


def timed_out(d: Decision) -> None:
    """The wait is over: an offer that rings is cut."""
    place = d.place
    if isinstance(place, DepartmentPlace) and place.queued:
        expired(d, place)


def expired(d: Decision, place: DepartmentPlace) -> None:
    """Cut what rings and leave for the department's failover."""
    for offer in d.offers.values():
        d.leave(offer.node, "no_answer", counts=False)
    stage.cut(d, "no_answer")
    rounds.leave(d, place, "queue_timeout")
