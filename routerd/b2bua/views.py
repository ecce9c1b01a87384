"""Read-only looks at the switch for admins and metrics: plain values, made when asked for, nothing kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.switch import Switch


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


def agents(switch: Switch, account: str, now: float) -> list[dict[str, Any]]:
    """Return the account's agents with their state."""
    tables = switch.exchange.account(account)
    if tables is None:
        return []
    wall = switch.exchange.wall(now)
    return [
        {"id": agent.id, "name": agent.name, "state": _state(switch, account, agent.id, wall)}
        for agent in tables.agents.values()
    ]


def _state(switch: Switch, account: str, agent: str, wall: float) -> str:
    state = switch.state_of(account)
    tables = switch.exchange.account(account)
    assert tables is not None
    in_calls = state.agent_calls.get(agent)
    if in_calls:
        held = [switch.call_by_id[call].state for call in in_calls if call in switch.call_by_id]
        return "in_call" if "connected" in held or "joining" in held else "ringing"
    if agent in state.breaks:
        return "break"
    if any(name == agent and until > wall for (name, _), until in state.wrap_up.items()):
        return "wrap_up"
    if not tables.agents[agent].login_based_calling:
        return "not_tracked"
    return "available" if agent in state.sessions else "logged_out"


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
