"""Section 7 of the contract, sentence by sentence, as questions to one document, one scenario and its result."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from model.hours import instant, is_open

Table = dict[str, Any]
AWAY = {"logout", "break"}


def agent_of(made: Table, name: str | None) -> Table | None:
    return next((entry for entry in made["agents"] if entry["id"] == name), None)


def caller_of(made: Table, call: Table) -> Table | None:
    """The agent who makes the call; None in an inbound one."""
    if call["kind"] == "click_to_call":
        return agent_of(made, call["agent"])
    owned = (entry for entry in made["agents"] if entry.get("extension") == call["from"])
    return next(owned, None) if call["kind"] == "softphone" else None


def own_failover_is_used_only_where_allowed(made: Table, result: Table) -> None:
    contexts = {"number"}
    if made["account"].get("ivr_agent_unavailable") == "failover":
        contexts.add("ivr")
    for place, node in enumerate(result["nodes"]):
        for kind, prefix in (("router", "own-"), ("voicemail", "box-")):
            if node["type"] != kind or not node["id"].startswith(prefix):
                continue
            name = node["id"].removeprefix(prefix)
            allowed = contexts | ({"internal"} if kind == "voicemail" else set())
            agent = agent_of(made, name)
            assert agent is not None
            reasons = agent.get("failover_on")
            left = [n for n in result["nodes"][:place] if n["type"] == "agent" and n["id"] == name and n["reason"]]
            assert any(n["context"] in allowed for n in left), (node, result["nodes"])
            assert any(reasons is None or n["context"] == "internal" or n["reason"] in reasons for n in left)


def nobody_is_connected_who_was_not_there(made: Table, played: Table, result: Table) -> None:
    if played["call"]["kind"] != "inbound" or result["outcome"] != "answered":
        return
    leg = next(leg for leg in result["legs"] if leg["result"] == "answered")
    agent = agent_of(made, leg["agent"])
    if agent is None:
        return
    assert agent.get("status", "enabled") == "enabled"
    assert agent.get("calling_agent", True)
    if agent.get("time_group"):
        assert was_in_hours(made, played, result, agent)
    if agent.get("login_based_calling"):
        assert stayed(played, agent["id"], leg)


def was_in_hours(made: Table, played: Table, result: Table, agent: Table) -> bool:
    """Whether the agent was within hours at any moment that may have been their turn."""
    group = next(entry for entry in made["time_groups"] if entry["id"] == agent["time_group"])
    turns = [n["at_s"] for n in result["nodes"] if n["type"] == "agent" and n["id"] == agent["id"]]
    turns += [leg["start_s"] for leg in result["legs"] if leg["agent"] == agent["id"]]
    zone, began = made["account"]["timezone"], instant(played["at"])
    return any(is_open(group, zone, began + timedelta(seconds=turn)) for turn in turns)


def stayed(played: Table, name: str, leg: Table) -> bool:
    """Whether the agent was logged in when the leg began, and neither logged out nor took a break before its answer."""
    mine = [entry for entry in played["events"] if entry["agent"] == name]
    here = name in played["state"]["sessions"]
    for entry in mine:
        if entry["at_s"] <= leg["start_s"]:
            here = {"login": True, "logout": False}.get(entry["do"], here)
    away = [entry for entry in mine if entry["do"] in AWAY and leg["start_s"] < entry["at_s"] < leg["end_s"]]
    return here and not away


def blocks_and_routes_hold(made: Table, played: Table, result: Table) -> None:
    call = played["call"]
    agent = caller_of(made, call)
    if agent is None or call["to"] in made["account"]["emergency_numbers"]:
        return
    targets = [leg["target"] for leg in result["legs"]]
    pstn = [target for target in targets if target.startswith("+")]
    block = agent.get("block_outbound", "none")
    if block == "all" or (call["kind"] == "softphone" and block != "none"):
        assert pstn == []
    if call["kind"] == "click_to_call":
        route = agent.get("click_to_call_route", "both")
        mine = [leg["target"] for leg in result["legs"] if leg["agent"] == agent["id"]]
        assert route != "extension" or not [target for target in mine if target.startswith("+")]
        assert route != "mobile" or not [target for target in mine if target.startswith("extension:")]


def the_shown_number_was_allowed(made: Table, played: Table, result: Table) -> None:
    call = played["call"]
    agent = caller_of(made, call)
    inside = {entry["number"] for entry in made["numbers"]} | set(made["account"]["emergency_numbers"])
    inside |= {entry.get("intercom") for entry in made["agents"]} | {entry["id"] for entry in made["extensions"]}
    if agent is None or not result["legs"] or (call["to"] in inside and call["kind"] == "softphone"):
        return
    if call["to"] in made["account"]["emergency_numbers"]:
        return
    assert result["caller_id"] in allowed_numbers(made, agent), (result["caller_id"], allowed_numbers(made, agent))


def allowed_numbers(made: Table, agent: Table) -> set[str]:
    """The numbers that this agent may show (routing.md 4.3), active ones."""
    active = {n["number"]: n.get("department") for n in made["numbers"] if n.get("status", "active") == "active"}
    ids = agent.get("caller_ids", {})
    mode = ids.get("mode", "all")
    mine = {d["id"] for d in made["departments"] if agent["id"] in {member["agent"] for member in d["members"]}}
    allowed = set(active)
    if mode == "custom":
        allowed = set(ids.get("numbers", ()))
    elif mode == "department":
        allowed = {ids.get("default")} | {number for number, owner in active.items() if owner in mine}
    if agent.get("area_code_caller_ids"):
        allowed |= {entry["number"] for entry in made["area_code_caller_ids"][0]["entries"]}
    return allowed & set(active)


def every_leg_ends_once(result: Table) -> None:
    for leg in result["legs"]:
        assert leg["result"] is not None
        assert leg["start_s"] <= leg["end_s"]
    assert sum(leg["target"] == result["answered_by"] and leg["result"] == "answered" for leg in result["legs"]) <= 1
    assert result["outcome"]
    assert (result["outcome"] == "answered") == (result["answered_by"] is not None)


def hold(made: Table, played: Table, result: Table) -> None:
    """Ask everything."""
    own_failover_is_used_only_where_allowed(made, result)
    nobody_is_connected_who_was_not_there(made, played, result)
    blocks_and_routes_hold(made, played, result)
    the_shown_number_was_allowed(made, played, result)
    every_leg_ends_once(result)
