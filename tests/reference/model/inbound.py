"""Sections 2.1, 2.3 and 2.8: before the destination, where a call goes from there, and how it ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model import departments, menu
from model.agents import gate, group_open, offer
from model.dialled import read
from model.hours import instant
from model.ringing import Goal, Offer, ring

if TYPE_CHECKING:
    from model.call import Call

Destination = dict[str, Any]
TRANSITIONS_MOST = 5
EXTERNAL_S = 60.0
BUSY = {"agent_busy", "busy", "do_not_disturb"}
# reason: (status before the answer, Q.850 before the answer, Q.850 of the BYE)
ENDS = {
    "unknown_number": (404, None, 1), "caller_blocked": (603, None, 21), "no_answer": (480, 19, 19),
    "declined": (480, 21, 21), "limit_reached": (503, 42, 42), "loop": (482, None, 25),
    "number_suspended": (480, 20, 16),
    "no_destination": (480, 20, 16), "hangup": (480, 20, 16), "queue_timeout": (480, 20, 16),
    "queue_full": (480, 20, 16), "invalid_input": (480, 20, 16), "input_timeout": (480, 20, 16),
    **dict.fromkeys(BUSY, (486, 17, 17)),
}  # fmt: skip


def end(call: Call, reason: str) -> None:
    """Section 2.8: the row of the last reason."""
    call.note(reason)
    status, before, after = ENDS.get(reason, (480, 20, 20))
    if call.answered:
        call.finish("hung_up", 200, after, "hangup", None)
    call.finish("rejected", status, before, "hangup", None)


def arrive(call: Call) -> None:
    """An inbound call at the account's door."""
    book, asked = call.book, call.asked
    caller = read(call.caller, book.country)
    if caller is not None and caller.possible:
        call.caller = caller.e164
    number = book.numbers.get(asked["to"]) or _written_otherwise(call, asked["to"])
    if number is None:
        end(call, "unknown_number")
        return
    enter_number(call, number, asked["trunk"])


def _written_otherwise(call: Call, text: str) -> dict[str, Any] | None:
    dialled = read(text, call.book.country)
    return call.book.numbers.get(dialled.e164) if dialled else None


def enter_number(call: Call, number: dict[str, Any], trunk: str | None) -> None:
    call.dialled = number["number"]
    if trunk is not None and _blocked(call, number["number"]):
        end(call, "caller_blocked")
    if number["status"] == "suspended":
        end(call, "number_suspended")
    if number["destination"] is None:
        end(call, "no_destination")
    if _full(call, number, trunk):
        end(call, "limit_reached")
    if number["affinity"]:
        try_affinity(call, number["affinity"])
    go(call, number["destination"], "number")


def _blocked(call: Call, number: str) -> bool:
    for entry in call.book.blocked:
        if entry.get("numbers") is not None and number not in entry["numbers"]:
            continue
        blocked = entry["number"]
        if blocked == call.caller or (blocked.endswith("*") and call.caller.startswith(blocked[:-1])):
            return True
    return False


def _full(call: Call, number: dict[str, Any], trunk: str | None) -> bool:
    limits = [(f"number:{number['number']}", number["max_channels"]), ("account", call.book.account["max_channels"])]
    if trunk is not None:
        limits.append((f"trunk:{trunk}", call.book.trunks[trunk]["max_channels"]))
    return any(most is not None and call.live.channels.get(key, 0) >= most for key, most in limits)


def try_affinity(call: Call, affinity: dict[str, Any]) -> None:
    """The agent whom this caller last spoke with, first; returns when the call falls through."""
    entries = [entry for entry in call.live.affinity if entry["caller"] == call.caller]
    if not entries:
        return
    last = max(entries, key=lambda entry: instant(entry["last_at"]))
    age_s = (call.wall() - instant(last["last_at"])).total_seconds()
    agent = call.book.agents.get(last["agent"])
    if agent is None or age_s > affinity["hours"] * 3600:
        return
    reason = ring_agent(call, agent, "affinity")
    if affinity.get("strict"):
        end(call, reason)


def ring_agent(call: Call, agent: dict[str, Any], context: str) -> str:
    """Why the agent did not get the call; who got it ends it."""
    node = call.visit("agent", agent["id"], context)
    reason = gate(call, agent, context)
    if reason is None:
        ringing = offer(call, agent, context)
        connect(call, ring(call, [ringing]))
        reason = ringing.reason
    assert reason is not None
    node["reason"] = reason
    return reason


def connect(call: Call, winner: Any) -> None:
    """End the call as answered when a leg has won."""
    if winner is None:
        return
    ringing, leg = winner
    call.answered_by = leg.record.target
    kind, name = ("agent", ringing.agent["id"]) if ringing.agent else ("external", leg.record.target)
    call.finish("answered", 200, None, kind, name)


def go(call: Call, destination: Destination, context: str) -> None:
    """Follow destinations until the call is over."""
    following: tuple[Destination, str] | None = (destination, context)
    while following is not None:
        following = _visit(call, *following)


def transition(call: Call, destination: Destination) -> tuple[Destination, str]:
    """Through a failover, a time condition or a router."""
    call.transitions += 1
    if call.transitions > TRANSITIONS_MOST:
        end(call, "loop")
    return destination, "nested"


def _visit(call: Call, destination: Destination, context: str) -> tuple[Destination, str] | None:
    kind, name = destination["type"], destination.get("id")
    match kind:
        case "agent":
            return _agent(call, call.book.agents[name], context)
        case "department":
            return _department(call, call.book.departments[name], context)
        case "ivr":
            call.visit(kind, name, context)
            chosen, how, reason = menu.choose(call, call.book.ivrs[name])
            if reason is not None:
                call.nodes[-1]["reason"] = reason
                call.note(reason)
            return chosen, how
        case "time_condition":
            call.visit(kind, name, context)
            return transition(call, _condition(call, call.book.time_conditions[name]))
        case "router":
            call.visit(kind, name, context)
            return transition(call, _rule(call, call.book.routers[name]))
        case "external":
            _external(call, destination["number"], context)
        case "hangup":
            end(call, "hangup")
        case _:
            call.visit(kind, name, context)
            call.finish(kind, 200, None, kind, name)
    return None


def _agent(call: Call, agent: dict[str, Any], context: str) -> tuple[Destination, str] | None:
    reason = ring_agent(call, agent, context)
    follows = context == "number" or (context == "ivr" and call.book.account["ivr_agent_unavailable"] == "failover")
    if follows and agent["failover"] and (agent["failover_on"] is None or reason in agent["failover_on"]):
        call.note(reason)
        return transition(call, agent["failover"])
    end(call, reason)
    return None


def _department(call: Call, department: dict[str, Any], context: str) -> tuple[Destination, str] | None:
    node = call.visit("department", department["id"], context)
    if department["affinity"]:
        try_affinity(call, department["affinity"])
    winner, reason = departments.offer_members(call, department)
    connect(call, winner)
    assert reason is not None
    node["reason"] = reason
    if department["failover"]:
        call.note(reason)
        return transition(call, department["failover"])
    end(call, reason)
    return None


def _condition(call: Call, condition: dict[str, Any]) -> Destination:
    side = condition["override"]
    if side == "auto":
        side = "matched" if group_open(call, condition["time_group"]) else "unmatched"
    return condition[side]


def _rule(call: Call, router: dict[str, Any]) -> Destination:
    returning = any(entry["caller"] == call.caller for entry in call.live.affinity)
    for rule in router["rules"]:
        prefixes = rule.get("caller_prefixes")
        if prefixes is not None and not call.caller.startswith(tuple(prefixes)):
            continue
        if rule.get("time_group") is not None and not group_open(call, rule["time_group"]):
            continue
        if rule.get("returning") is not None and rule["returning"] != returning:
            continue
        return rule["destination"]
    return router["otherwise"]


def _external(call: Call, number: str, context: str) -> None:
    node = call.visit("external", number, context)
    if not call.makes_pstn_calls:
        node["reason"] = "outbound_blocked"
        end(call, "outbound_blocked")
    ringing = Offer(call, None, [[Goal("number", number)]], EXTERNAL_S)
    connect(call, ring(call, [ringing]))
    node["reason"] = ringing.reason
    assert ringing.reason is not None
    end(call, ringing.reason)
