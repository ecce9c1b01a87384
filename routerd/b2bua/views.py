"""Read-only looks at the switch for admins and metrics: plain values, made when asked for, nothing kept."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.live_state import AccountState
    from routerd.b2bua.switch import Switch
    from routerd.rules.tables import Agent

AGENTS_A_PAGE: Final = 1000  # about a millisecond


def calls(switch: Switch, account: str | None, now: float) -> list[dict[str, Any]]:
    """Return the calls in progress, of one account or all."""
    found = [call for call in switch.call_by_id.values() if account is None or call.live.name == account]
    return [call_view(call, now) for call in found]


def call_view(call: Call, now: float) -> dict[str, Any]:
    """Return one call with its legs."""
    attempt = call.record.attempt
    return {
        "id": call.id,
        "account": call.live.name,
        "kind": attempt.kind,
        "from": attempt.caller or attempt.extension or attempt.agent,
        "to": attempt.dialled,
        "state": call.state,
        "since_s": round(now - call.record.start, 3),
        "answered_by": call.record.answered_by,
        "legs": [
            {"target": entry.target, "agent": entry.agent, "trunk": entry.trunk, "result": entry.result}
            for entry in call.record.legs
        ],
    }


def agents(switch: Switch, account: str, now: float, first: int = 0) -> tuple[list[dict[str, Any]], int | None]:
    """Return a page of the account's agents with their states, from place ``first`` on, and where the next begins."""
    tables = switch.exchange.account(account)
    if tables is None:
        return [], None
    state = switch.state_of(account)
    wrapping = _wrapping(state, switch.exchange.wall(now))
    rows = [
        {"id": agent.id, "name": agent.name, "state": _state(switch, state, agent, wrapping)}
        for agent in islice(tables.agents.values(), first, first + AGENTS_A_PAGE)
    ]
    return rows, first + AGENTS_A_PAGE if len(tables.agents) > first + AGENTS_A_PAGE else None


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
        "calls_active": len(switch.call_by_id),
        "dialogs_active": len(switch.dialogs),
        "registrations_active": len(switch.location),
        "timers_active": len(switch.exchange.timers),
        **{f"note:{reason}": count for reason, count in switch.exchange.counters.items()},
    }
