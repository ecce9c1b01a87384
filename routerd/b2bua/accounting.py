"""What is kept of a call: its legs' ends, whom an agent's time belongs to, affinity, counts, and the one record.

Functions of a call. Every leg of the plan gets one end here, every agent their freedom, every call one record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

from routerd.b2bua.media_facts import media_facts
from routerd.rules import calendar, plan
from routerd.rules.facts import AffinityEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.b2bua.call import Call
    from routerd.b2bua.record import LegEntry
    from routerd.rules.decision import Node
    from routerd.rules.tables import AccountTables, Department


class Late(Protocol):
    """What hears of its files only when the call is over."""

    def leave(self, now: float) -> None:
        """Hear that the call is over."""

    def settle(self, done: Callable[[float], None], now: float) -> None:
        """Call ``done(now)`` once it is known what became of every file."""


AFTER_ANSWER: Final = frozenset({"voicemail", "announcement", "hung_up", "abandoned"})


def account_day(tables: AccountTables, wall: float) -> int:
    """Return the account's local day at ``wall`` as a number of days (least-used caller IDs are counted by it)."""
    zone = tables.zones.get(tables.account.zone)
    return calendar.local(zone, wall).ordinal if zone is not None else int(wall // 86400)


# -- what is remembered --


def use_number(call: Call, shown: str, now: float) -> None:
    """Count that a number was shown today: the least used of an area code comes next (routing.md 4.3)."""
    day = account_day(call.tables, call.exchange.wall(now))
    call.live.use(shown, day)
    call.exchange.journal("used", {"account": call.live.name, "number": shown, "day": day})


def remember_talk(call: Call, now: float) -> None:
    """Remember who spoke with whom (routing.md 2.1, 4.3): returning callers, numbers that were shown."""
    attempt, fork = call.record.attempt, call.winner
    if fork is None:
        return
    wall = call.exchange.wall(now)
    if attempt.kind == "inbound" and fork.ring.agent is not None and attempt.caller is not None:
        number = call.step.decision.number if call.step is not None else None
        department = department_of(call)
        entered = department.id if department is not None else None
        keep_affinity(call, attempt.caller, AffinityEntry(fork.ring.agent, number, entered, wall, None))
    elif fork.ring.customer and fork.ring.shown is not None:
        agent = call.step.decision.agent if call.step is not None else None
        entry = AffinityEntry(agent or "", fork.ring.shown, None, wall, fork.ring.shown)
        keep_affinity(call, fork.ring.target, entry)


def keep_affinity(call: Call, customer: str, entry: AffinityEntry) -> None:
    """Remember whom a customer spoke with, here and in the journal."""
    call.live.remember(customer, entry)
    call.exchange.journal(
        "affinity",
        {
            "account": call.live.name,
            "caller": customer,
            "agent": entry.agent,
            "number": entry.number,
            "department": entry.department,
            "last_at": entry.last_at,
            "shown": entry.shown,
        },
    )


# -- legs and their agents --


def entry_of(call: Call, number: int) -> LegEntry | None:
    """Return the record's entry of a leg."""
    return call.record.legs[number] if number < len(call.record.legs) else None


def end_entry(call: Call, number: int, result: str, now: float, status: int | None = None) -> None:
    """End a leg's entry once; its agent is free of this leg."""
    entry = entry_of(call, number)
    if entry is None or entry.end is not None:
        return
    entry.finish(result, now, status)
    _vacate(call, entry.agent, now)


def finish_entries(call: Call, now: float) -> None:
    """Give every leg its end, and every agent their freedom, when the call is over."""
    for number, entry in enumerate(call.record.legs):
        answered = entry.result == "answered"
        end_entry(call, number, "cancelled", now)
        if answered:
            _vacate(call, entry.agent, now, answered=True)
    for department in [name for name, waiting in call.live.waiting.items() if call.id in waiting]:
        leave_queue(call, department)


def leave_queue(call: Call, department: str) -> None:
    """Take the call out of a department's queue."""
    waiting = call.live.waiting.get(department)
    since = None if waiting is None else waiting.pop(call.id, None)
    if waiting is not None and since is not None:
        wait_s = round(call.exchange.ladders.now - since, 3)
        call.record.waits.append({"department": department, "wait_s": wait_s})
        call.exchange.publish("queue.left", {"call": call.id, "department": department, "wait_s": wait_s})
        if not waiting:
            del call.live.waiting[department]


def _vacate(call: Call, agent: str | None, now: float, *, answered: bool = False) -> None:
    """Free an agent of one leg; idle time counts from the end of calls, not of ringing (routing.md 2.6)."""
    if agent is None:
        return
    if answered:
        call.live.idle_since[agent] = call.exchange.wall(now)
        department = department_of(call)
        queue = department.queue if department is not None else None
        if department is not None and queue is not None and queue.wrap_up_s > 0:
            call.calls.wrap_up(call.live, agent, department.id, queue.wrap_up_s, now)
    if call.live.vacate(agent, call.id):
        call.calls.agent_freed(call.live.name, agent, now)


def department_of(call: Call) -> Department | None:
    """Return the department through which the call went last."""
    nodes = call.step.nodes if call.step is not None else ()
    name = next((node.id for node in reversed(nodes) if node.type == "department"), None)
    return call.tables.departments.get(name) if name is not None else None


def write_record(call: Call, now: float) -> None:
    """Release the media; journal the finished call with its statistics, its trace, and what each step read."""
    record, exchange, ending = call.record, call.exchange, call.ending
    if record.answered is None or (ending is not None and ending.outcome in AFTER_ANSWER):
        record.ending = ending
    if call.step is not None:
        record.reason = record.reason or call.step.reason
    entry = described(call)

    recording, mailbox = call.recording, record.mailbox
    late = [one for one in (recording, mailbox) if one is not None]
    who = {leg.name: name for name, leg in (("caller", call.caller), ("callee", call.peer)) if leg is not None}
    record.mailbox = None
    for one in late:
        one.leave(now)

    def heard(reply: dict[str, Any] | None, when: float) -> None:
        entry["media"] = {**media_facts(reply, {"caller": "caller", **who}), **(entry["media"] or {})} or None
        _settle(late, written, when)

    def written(when: float) -> None:  # noqa: ARG001 - one signature for all
        _add_ladder(call, entry)
        exchange.ladders.forget(call.id)
        entry["recording"] = recording.facts() if recording is not None else None
        if mailbox is not None:
            entry["voicemail"] = mailbox.facts()
        exchange.journal("call.end", entry)
        exchange.publish("call.ended", entry)

    call.media.close(heard, now)


def _settle(late: Sequence[Late], done: Callable[[float], None], now: float) -> None:
    """Call ``done(now)`` when everybody knows what became of their files."""
    if late:
        late[0].settle(lambda when: _settle(late[1:], done, when), now)
    else:
        done(now)


def so_far(call: Call, now: float) -> dict[str, Any]:
    """Return what the record of a call that goes on would say by now: no outcome, no end."""
    entry = described(call)
    talk_s = 0.0 if call.record.answered is None else round(now - call.record.answered, 3)
    open_ended = {"outcome": None, "ended_at": None, "duration_s": talk_s, "sip_status": None, "state": call.state}
    _add_ladder(call, entry)
    return {**entry, **open_ended}


def described(call: Call) -> dict[str, Any]:
    """Return the record's entry with where the call went, its trace, and what each step of the decision read."""
    record, step = call.record, call.step
    entry = record.entry()
    if step is not None:
        entry["nodes"] = [_node(node, call) for node in step.nodes]
        entry["trace"] = step.trace
        entry["final"] = None if step.final is None else _node(step.final, call)
    entry["attempt"] = record.attempt
    entry["steps"] = [
        {"at": at, "event": None if event is None else [type(event).__name__, event], "reads": reads}
        for at, event, reads in call.steps
        if type(event) is not plan.LegRinging  # decides nothing, and the leg says when it rang
    ]
    return entry


def _add_ladder(call: Call, entry: dict[str, Any]) -> None:
    ladder = call.exchange.ladders.take(call.id)
    if ladder is not None:
        entry["ladder"] = ladder


def _node(node: Node, call: Call) -> dict[str, Any]:
    at_s = round(node.at - call.record.start - call.exchange.wall_offset, 3)
    return {"type": node.type, "id": node.id, "context": node.context, "at_s": at_s, "reason": node.reason}


def failed_status(call: Call) -> int:
    """Return the SIP status that says why a transfer's call was never joined, for whoever asked for it by REFER."""
    status = call.ending.status if call.ending is not None else None
    return status if status is not None and status >= 300 else 500
