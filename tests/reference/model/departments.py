"""Section 2.6: departments, their strategies, and their queues."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

from model.agents import gate, group_open, offer, wraps_up_until
from model.call import EVER, TICK, Call
from model.hours import is_open
from model.ringing import STRENGTH, Offer, ring, strongest

Department = dict[str, Any]
Member = dict[str, Any]


def offer_members(call: Call, department: Department) -> tuple[Any, str | None]:
    """Who has answered, or why nobody did."""
    if department["queue"] is not None:
        return _queue(call, department, department["queue"])
    members = in_order(call, department)
    reasons: dict[str, str] = {}
    if department["strategy"] == "simultaneous":
        winner = _together(call, department, members, reasons)
    else:
        winner = _one_by_one(call, department, members, reasons)
    return winner, None if winner else _reason(department, reasons)


def in_order(call: Call, department: Department) -> list[Member]:
    members = list(department["members"])
    match department["strategy"]:
        case "round_robin":
            last = call.live.last_offered.get(department["id"])
            names = [member["agent"] for member in members]
            start = names.index(last) + 1 if last in names else 0
            return members[start:] + members[:start]
        case "random":
            random.Random(call.scenario.get("seed", 0)).shuffle(members)
        case "longest_idle":
            members.sort(key=lambda member: _idle_since(call, department, member["agent"]))
    return members


def _idle_since(call: Call, department: Department, agent: str) -> float:
    since = call.live.idle_since.get(agent, -EVER)
    return (
        max(since, call.began.timestamp() + wraps_up_until(call, agent, department))
        if since > -EVER and (agent in call.live.freed_at)
        else since
    )


def _offer(call: Call, department: Department, member: Member) -> Offer:
    cap = member.get("timeout_s")
    call.live.last_offered[department["id"]] = member["agent"]
    return offer(call, call.book.agents[member["agent"]], "department", EVER if cap is None else float(cap))


def _gate(call: Call, department: Department, member: Member) -> str | None:
    return gate(call, call.book.agents[member["agent"]], "department", department)


def _one_by_one(call: Call, department: Department, members: list[Member], reasons: dict[str, str]) -> Any:
    for member in members:
        name = member["agent"]
        node = call.visit("agent", name, "department")
        reason = _gate(call, department, member)
        if reason is None:
            ringing = _offer(call, department, member)
            winner = ring(call, [ringing])
            if winner:
                return winner
            reason = ringing.reason
        assert reason is not None
        node["reason"] = reasons[name] = reason
    return None


def _together(call: Call, department: Department, members: list[Member], reasons: dict[str, str]) -> Any:
    offers: dict[str, Offer] = {}
    nodes = {member["agent"]: call.visit("agent", member["agent"], "department") for member in members}
    for member in members:
        reason = _gate(call, department, member)
        if reason is None:
            offers[member["agent"]] = _offer(call, department, member)
            offers[member["agent"]].node = nodes[member["agent"]]
        else:
            nodes[member["agent"]]["reason"] = reasons[member["agent"]] = reason
    winner = ring(call, list(offers.values())) if offers else None
    for name, ringing in offers.items():
        if ringing.reason is not None:
            reasons[name] = ringing.reason
    return winner


def _reason(department: Department, reasons: dict[str, str]) -> str:
    """The strongest ring result, else the first member's gate reason."""
    rung = [reason for reason in reasons.values() if reason in STRENGTH]
    return strongest(rung) if rung else reasons[department["members"][0]["agent"]]


def _queue(call: Call, department: Department, queue: dict[str, Any]) -> tuple[Any, str | None]:
    gates = {member["agent"]: _gate(call, department, member) for member in department["members"]}
    hopeful = any(reason in {None, "agent_busy", "wrap_up"} for reason in gates.values())
    if not hopeful and not queue["join_empty"]:
        return None, gates[department["members"][0]["agent"]]
    if queue["max_waiting"] is not None and queue["max_waiting"] <= 0:
        return None, "queue_full"
    call.answered = True
    deadline = call.now + float(queue["timeout_s"]) if queue["timeout_s"] is not None else EVER
    return _wait_for_members(call, department, queue, deadline)


def _wait_for_members(
    call: Call, department: Department, queue: dict[str, Any], deadline: float
) -> tuple[Any, str | None]:
    again_at: dict[str, float] = {}
    while call.now < deadline - TICK:
        ready = [
            member
            for member in in_order(call, department)
            if again_at.get(member["agent"], 0.0) <= call.now + TICK and _gate(call, department, member) is None
        ]
        if department["strategy"] != "simultaneous":  # who was offered it longest ago
            ready.sort(key=lambda member: again_at.get(member["agent"], 0.0))
        if not ready:
            call.wait(min([deadline, *_moments(call, department, again_at)]))
            continue
        if department["strategy"] != "simultaneous":
            ready = ready[:1]
        nodes = [call.visit("agent", member["agent"], "department") for member in ready]
        offers = [_offer(call, department, member) for member in ready]
        for node, ringing in zip(nodes, offers, strict=True):
            ringing.node = node
        winner = ring(call, offers, deadline)
        if winner:
            return winner, None
        for member, ringing in zip(ready, offers, strict=True):
            again_at[member["agent"]] = ringing.ended_at + float(queue["retry_after_s"])
    return None, "queue_timeout"


def _moments(call: Call, department: Department, again_at: dict[str, float]) -> list[float]:
    """When a member may become free by time alone."""
    moments = list(again_at.values())
    moments += [wraps_up_until(call, member["agent"], department) for member in department["members"]]
    moments += [_opens_at(call, member["agent"]) for member in department["members"]]
    return [moment for moment in moments if moment > call.now + TICK]


def _opens_at(call: Call, agent: str) -> float:
    """When the member's hours begin, if that is within ten minutes; 0 for one who has no hours, or is within them."""
    group = call.book.agents[agent]["time_group"]
    if not group or group_open(call, group):
        return 0.0
    wall = call.wall()
    minute = wall.replace(second=0, microsecond=0)
    for later in range(1, 11):
        moment = minute + timedelta(minutes=later)
        if is_open(call.book.time_groups[group], call.book.account["timezone"], moment):
            return call.now + (moment - wall).total_seconds()
    return 0.0
