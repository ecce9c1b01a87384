"""Read-only looks at the switch for admins and metrics: plain values, made when asked for, nothing kept."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.live_state import AccountState
    from routerd.b2bua.record import LegEntry
    from routerd.b2bua.switch import Switch
    from routerd.rules.tables import Agent

AGENTS_A_PAGE: Final = 1000  # about a millisecond
CALLS_A_PAGE: Final = 500


def calls(switch: Switch, account: str | None, now: float, first: int = 0) -> tuple[list[dict[str, Any]], int | None]:
    """Return a page of an account's calls in progress, and where the next begins; those of all accounts at once."""
    if account is None:
        return [call_view(call, now) for call in switch.call_by_id.values()], None
    ours = (call for call in switch.call_by_id.values() if call.live.name == account)
    found = list(islice(ours, first, first + CALLS_A_PAGE + 1))
    rows = [call_view(call, now) for call in found[:CALLS_A_PAGE]]
    return rows, first + CALLS_A_PAGE if len(found) > CALLS_A_PAGE else None


def call_view(call: Call, now: float) -> dict[str, Any]:
    """Return one call with its legs, its place in a queue, and who carries its media."""
    attempt, record = call.record.attempt, call.record
    return {
        "id": call.id,
        "account": call.live.name,
        "kind": attempt.kind,
        "from": attempt.caller or attempt.extension or attempt.agent,
        "to": attempt.dialled,
        "trunk": attempt.trunk,
        "state": call.state,
        "since_s": round(now - record.start, 3),
        "started_at": call.exchange.wall(record.start),
        "answered_s": None if record.answered is None else round(now - record.answered, 3),
        "answered_by": record.answered_by,
        "agent": next((entry.agent for entry in record.legs if entry.result == "answered"), None) or attempt.agent,
        "queue": _queue(call, now),
        "media": "relay" if call.media.relay else "direct",
        "document_version": record.version,
        "legs": [_leg_view(entry, now) for entry in record.legs],
    }


def _leg_view(entry: LegEntry, now: float) -> dict[str, Any]:
    state = entry.result or ("confirming" if entry.answered else "ringing" if entry.ringing is not None else "trying")
    return {
        "target": entry.target,
        "agent": entry.agent,
        "trunk": entry.trunk,
        "caller_id": entry.shown,
        "state": state,
        "since_s": round(now - entry.start, 3),
        "result": entry.result,
        "status": entry.status,
    }


def _queue(call: Call, now: float) -> dict[str, Any] | None:
    """Where the call waits: department, place (1 is next) and for how long."""
    for department, waiting in call.live.waiting.items():
        since = waiting.get(call.id)
        if since is not None:
            position = list(waiting).index(call.id) + 1
            return {
                "department": department,
                "position": position,
                "of": len(waiting),
                "since_s": round(now - since, 3),
            }
    return None


def agents(switch: Switch, account: str, now: float, first: int = 0) -> tuple[list[dict[str, Any]], int | None]:
    """Return a page of the account's agents with their states, from place ``first`` on, and where the next begins."""
    tables = switch.exchange.account(account)
    if tables is None:
        return [], None
    state = switch.state_of(account)
    wrapping = _wrapping(state, switch.exchange.wall(now))
    rows = [
        _agent_view(switch, state, agent, wrapping)
        for agent in islice(tables.agents.values(), first, first + AGENTS_A_PAGE)
    ]
    return rows, first + AGENTS_A_PAGE if len(tables.agents) > first + AGENTS_A_PAGE else None


def _agent_view(switch: Switch, state: AccountState, agent: Agent, wrapping: set[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"id": agent.id, "name": agent.name, "state": _state(switch, state, agent, wrapping)}
    row["calls"] = list(state.agent_calls.get(agent.id, ()))
    row["logged_in"] = agent.id in state.sessions if agent.login_based_calling else None
    session = state.sessions.get(agent.id)
    if session is not None:
        row |= {"session_since": session.since, "session_expires_at": session.expires_at}
    if agent.id in state.breaks:
        row["break_reason"] = state.breaks[agent.id]
    if agent.id in state.idle_since:
        row["idle_since"] = state.idle_since[agent.id]
    return row


def agent(switch: Switch, account: str, name: str, now: float) -> dict[str, Any] | None:
    """Return one agent with their state; None when there is none of that name."""
    tables = switch.exchange.account(account)
    found = tables.agents.get(name) if tables is not None else None
    if found is None:
        return None
    state = switch.state_of(account)
    return _agent_view(switch, state, found, _wrapping(state, switch.exchange.wall(now)))


def waiting(switch: Switch, now: float) -> list[dict[str, Any]]:
    """Return each department in whose queue somebody waits: how many, and how long the first has."""
    return [
        {
            "account": state.name,
            "department": department,
            "waiting": len(calls),
            "longest_s": round(now - min(calls.values()), 3),
        }
        for state in switch.states.values()
        for department, calls in state.waiting.items()
        if calls
    ]


def agent_states(switch: Switch, account: str, now: float) -> dict[str, int]:
    """Return how many agents are in each state; looks only at those of whom something is known."""
    tables = switch.exchange.account(account)
    if tables is None:
        return {}
    state = switch.state_of(account)
    wrapping = _wrapping(state, switch.exchange.wall(now))
    known = {*state.agent_calls, *state.breaks, *wrapping, *state.sessions}
    seen = [tables.agents[name] for name in known if name in tables.agents]
    found = Counter(_state(switch, state, agent, wrapping) for agent in seen)
    silent = tables.login_based_agents - sum(agent.login_based_calling for agent in seen)
    found["logged_out"] += silent
    found["not_tracked"] += len(tables.agents) - len(seen) - silent
    return {name: count for name, count in sorted(found.items()) if count}


def _wrapping(state: AccountState, wall: float) -> set[str]:
    return {name for (name, _), until in state.wrap_up.items() if until > wall}


def _state(switch: Switch, state: AccountState, agent: Agent, wrapping: set[str]) -> str:
    in_calls = state.agent_calls.get(agent.id)
    if in_calls:
        held = [switch.call_by_id[call].state for call in in_calls if call in switch.call_by_id]
        return "in_call" if "connected" in held or "joining" in held else "ringing"
    if agent.id in state.breaks:
        return "break"
    if agent.id in wrapping:
        return "wrap_up"
    if not agent.login_based_calling:
        return "not_tracked"
    return "available" if agent.id in state.sessions else "logged_out"


def counters(switch: Switch) -> dict[str, int]:
    """Return the gauges and counters of this moment for the metrics page."""
    return {
        "transactions_active": len(switch.layer),
        "sip_retransmissions_total": switch.layer.retransmissions,
        "calls_active": len(switch.call_by_id),
        "dialogs_active": len(switch.dialogs),
        "registrations_active": len(switch.location),
        "timers_active": len(switch.exchange.timers),
        **{f"note:{reason}": count for reason, count in switch.exchange.counters.items()},
    }
