"""The availability gates (routing.md 2.2): the first that fails names the reason. Internal calls use 1, 2, 7 and 8."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.rules import calendar
from routerd.rules.decision import Decision, Target
from routerd.rules.ring_plan import ring_plan

if TYPE_CHECKING:
    from routerd.rules.tables import Agent

Stages = tuple[tuple[Target, ...], ...]
_NOBODY: Stages = ()
_SLACK_S: Final = 0.002  # the timer of a wrap-up's end may fire a hair early


def group_is_open(d: Decision, group_id: str) -> bool:
    """Return whether the time group is open now; looked up once a step, with the nearest miss in the trace."""
    known = d.opened.get(group_id)
    if known is not None:
        return known
    group = d.tables.time_groups[group_id]
    zone = d.tables.zones[group.zone]
    opened = d.opened[group_id] = calendar.is_open(group, zone, d.now)
    missed = None if opened else calendar.minutes_missed(group, zone, d.now)
    moment = calendar.local(zone, d.now)
    d.trace.append(("time_group", group_id, (moment.ordinal, moment.minute, missed), opened))
    return opened


def look(d: Decision, agent: Agent, context: str, department: str | None = None) -> tuple[str | None, Stages]:
    """Try the gates of ``agent``; returns the first failing gate's reason, or None and the stages to ring.

    ``department`` is given when wrap-up counts (a member of a department with a queue).
    """
    reason, values, waiting = _gates(d, agent, context)
    if reason is None and department is not None:
        until = d.facts.wrap_up_until(agent.id, department)
        values = (*values, until)
        if until > d.now + _SLACK_S:
            reason = "wrap_up"
    stages = _NOBODY
    if reason is None:
        stages = ring_plan(d, agent, waiting=waiting)
        if not stages:
            reason = "no_reachable_number"
    d.trace.append(("agent", agent.id, (context, department, values, stages), reason))
    return reason, stages


def look_internal(d: Decision, agent: Agent) -> str | None:
    """Try gates 1, 2, 7 and 8 for an internal call; returns the reason that fails."""
    reason = None
    calls = None
    if agent.status != "enabled":
        reason = _STATUS_REASONS[agent.status]
    elif agent.do_not_disturb:
        reason = "do_not_disturb"
    else:
        calls = d.facts.calls_of(agent.id)
        if calls >= agent.max_calls:
            reason = "agent_busy"
    d.trace.append(("callee", agent.id, (agent.status, agent.do_not_disturb, calls, agent.max_calls), reason))
    return reason


_STATUS_REASONS = {"disabled": "agent_disabled", "blocked": "agent_blocked"}


def _gates(d: Decision, agent: Agent, context: str) -> tuple[str | None, tuple[Any, ...], bool]:
    """Gates 1 to 8; returns the reason, the compared values so far, whether call waiting let a busy agent pass."""
    status, calling = agent.status, agent.calling_agent
    if status != "enabled":
        return _STATUS_REASONS[status], (status,), False
    if not calling:
        return "not_calling_agent", (status, calling), False
    session: bool | None = None
    pause: bool | None = None
    if agent.login_based_calling:
        session = d.facts.has_session(agent.id)
        if not session:
            return "logged_out", (status, calling, session), False
        pause = d.facts.on_break(agent.id)
        if pause:
            return "on_break", (status, calling, session, pause), False
    group = agent.time_group
    if group is not None and not group_is_open(d, group):
        return "outside_time_group", (status, calling, session, pause, group), False
    if agent.do_not_disturb:
        return "do_not_disturb", (status, calling, session, pause, group, True), False
    calls = d.facts.calls_of(agent.id)
    values = (status, calling, session, pause, group, False, (calls, agent.max_calls))
    if calls < agent.max_calls:
        return None, values, False
    if context == "number" and agent.call_waiting and agent.extension and d.facts.registered(agent.extension):
        return None, values, True
    return "agent_busy", values, False
