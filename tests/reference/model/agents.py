"""Sections 2.2 and 2.4: may an agent be rung now, and what is rung then?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model.hours import is_open
from model.ringing import Goal, Offer

if TYPE_CHECKING:
    from model.call import Call

Agent = dict[str, Any]


def group_open(call: Call, group: str) -> bool:
    return is_open(call.book.time_groups[group], call.book.account["timezone"], call.wall())


def busy(call: Call, agent: Agent) -> bool:
    return call.live.in_call[agent["id"]] >= agent["max_calls"]


def wraps_up_until(call: Call, agent: str, department: dict[str, Any]) -> float:
    wrap_up_s = (department["queue"] or {}).get("wrap_up_s") or 0
    freed = call.live.freed_at.get(agent)
    return 0.0 if freed is None or not wrap_up_s else freed + float(wrap_up_s)


def internal_gate(call: Call, agent: Agent) -> str | None:
    """Section 4.4: gates 1, 2, 7 and 8."""
    if agent["status"] != "enabled":
        return f"agent_{agent['status']}"
    if agent["do_not_disturb"]:
        return "do_not_disturb"
    return "agent_busy" if busy(call, agent) else None


def gate(call: Call, agent: Agent, context: str, department: dict[str, Any] | None = None) -> str | None:
    """The first gate that fails names the reason."""
    name = agent["id"]
    logs_in = agent["login_based_calling"]
    if agent["status"] != "enabled":
        return f"agent_{agent['status']}"
    if not agent["calling_agent"]:
        return "not_calling_agent"
    if logs_in and name not in call.live.sessions:
        return "logged_out"
    if logs_in and name in call.live.on_break:
        return "on_break"
    if agent["time_group"] and not group_open(call, agent["time_group"]):
        return "outside_time_group"
    if agent["do_not_disturb"]:
        return "do_not_disturb"
    if busy(call, agent) and not waits(call, agent, context):
        return "agent_busy"
    if department is not None and call.now < wraps_up_until(call, name, department):
        return "wrap_up"
    if not any(plan(call, agent, context)):
        return "no_reachable_number"
    return None


def waits(call: Call, agent: Agent, context: str) -> bool:
    """Gate 8's exception: a second call at the extension."""
    return context == "number" and agent["call_waiting"] and agent["extension"] in call.live.registered


def plan(call: Call, agent: Agent, context: str) -> list[list[Goal]]:
    """The stages; a number that stands twice rings once."""
    own = own_phones(call, agent)
    if busy(call, agent) and waits(call, agent, context):
        return [own]
    primary = [agent["call_forward_number"]] if agent["call_forward_number"] else []
    sticky = agent["sticky"]
    alternates = list(agent["alternate_numbers"]) if sticky else []
    together = bool(sticky) and sticky["strategy"] == "simultaneous"
    app_first = agent["app_first"] if agent["app_first"] is not None else not together
    numbers = [primary + alternates] if together else [primary] + [[alternate] for alternate in alternates]
    stages = [own] + [[] for _ in numbers]
    seen: set[str] = set()
    for index, stage in enumerate(numbers):
        for number in stage:
            if number not in seen:
                seen.add(number)
                stages[index + 1].append(Goal("number", number))
    if not app_first:
        stages[:2] = [stages[0] + stages[1]]
    return stages if call.makes_pstn_calls else [[g for g in s if g.kind != "number"] for s in stages]


def own_phones(call: Call, agent: Agent) -> list[Goal]:
    """E."""
    goals = []
    if agent["extension"] in call.live.registered:
        goals.append(Goal("extension", f"extension:{agent['extension']}", call.caller))
    if agent["sip_address"]:
        goals.append(Goal("sip", agent["sip_address"], call.caller))
    return goals


def offer(call: Call, agent: Agent, context: str, cap_s: float = float("inf")) -> Offer:
    return Offer(call, agent, plan(call, agent, context), float(agent["ring_timeout_s"]), cap_s)
