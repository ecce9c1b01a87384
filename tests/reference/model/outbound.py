"""Section 4: calls that agents make."""

from __future__ import annotations

from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Any

from model import caller_id
from model.agents import busy, internal_gate
from model.dialled import Dialled, read
from model.inbound import end, enter_number
from model.ringing import Goal, Leg, Offer, ring

if TYPE_CHECKING:
    from model.call import Call

CUSTOMER_S = 120.0
BLOCKS_SOFTPHONE = {"all", "only_extension"}
Agent = dict[str, Any]


def deny(call: Call, reason: str, status: int) -> None:
    call.note(reason)
    call.finish("denied", status, None, "hangup", None)


def softphone(call: Call) -> None:
    book, to = call.book, call.asked["to"]
    agent = book.agent_of_extension(call.asked["from"])
    assert agent is not None
    if to in book.account["emergency_numbers"]:
        _emergency(call, agent, to)
    called = book.agent_of_intercom(to) or book.agent_of_extension(to)
    number = read(to, book.country)
    own = book.numbers.get(number.e164) if number else None
    _status(call, agent)
    inside = called is not None or own is not None
    if not inside:
        _calling_agent(call, agent)
    if not _address_allowed(call, agent, [call.asked.get("source") or ""]):
        deny(call, "address_not_allowed", 403)
    if inside:
        call.caller = agent["intercom"] or agent["extension"]
    if called is not None:
        _internal(call, called)
    if own is not None:
        call.makes_pstn_calls = agent["block_outbound"] not in BLOCKS_SOFTPHONE
        enter_number(call, own, None)
    number = _number(call, agent, number, 484)
    if agent["block_outbound"] in BLOCKS_SOFTPHONE:
        deny(call, "outbound_blocked", 403)
    shown = _caller_id(call, agent, number)
    if not _has_room(call, number.e164):
        deny(call, "limit_reached", 503)
    _customer(call, number.e164, shown)


def click_to_call(call: Call) -> None:
    book = call.book
    agent = book.agents[call.asked["agent"]]
    _status(call, agent)
    _calling_agent(call, agent)
    goal, refusal = _agent_leg(call, agent)
    sources = call.live.registered.get(agent["extension"], [])
    if goal is not None and goal.kind == "extension" and not _address_allowed(call, agent, sources):
        deny(call, "address_not_allowed", 403)
    to = call.asked["to"]
    if to in book.account["emergency_numbers"]:
        wanted = Dialled(to, to, own_country=True, possible=True)  # a number, but the gates run
    else:
        wanted = read(to, book.country)
    number = _number(call, agent, wanted, 422)
    if agent["block_outbound"] == "all":
        deny(call, "outbound_blocked", 403)
    if refusal is not None:
        deny(call, *refusal)
    shown = _caller_id(call, agent, number)
    if not _has_room(call, number.e164):
        deny(call, "limit_reached", 429)
    if busy(call, agent):
        deny(call, "agent_busy", 409)
    assert goal is not None
    mine = Goal(goal.kind, goal.target, shown)
    _both_legs(call, agent, mine, Goal("number", number.e164, shown))


def _both_legs(call: Call, agent: Agent, mine: Goal, customer: Goal) -> None:
    node = call.visit("agent", agent["id"], "click_to_call")
    first = Offer(call, agent, [[mine]], float(agent["ring_timeout_s"]), heeds_log_out=False)
    if ring(call, [first]) is None:
        assert first.reason is not None
        node["reason"] = first.reason
        end(call, first.reason)
    call.answered = True
    _ring_customer(call, customer)


def _ring_customer(call: Call, customer: Goal) -> None:
    node = call.visit("external", customer.target, "outbound")
    ringing = Offer(call, None, [[customer]], CUSTOMER_S)
    winner = ring(call, [ringing])
    if winner is None:
        assert ringing.reason is not None
        node["reason"] = ringing.reason
        end(call, ringing.reason)
    call.answered_by = customer.target
    call.finish("answered", 200, None, "external", customer.target)


def _customer(call: Call, number: str, shown: str | None) -> None:
    _ring_customer(call, Goal("number", number, shown))


# -- gates


def _status(call: Call, agent: Agent) -> None:
    if agent["status"] != "enabled":
        deny(call, f"agent_{agent['status']}", 403)


def _calling_agent(call: Call, agent: Agent) -> None:
    if not agent["calling_agent"]:
        deny(call, "not_calling_agent", 403)


def _address_allowed(call: Call, agent: Agent, sources: list[str]) -> bool:
    """One source from the extension's address list is enough; without a list every source is."""
    extension = call.book.extensions.get(agent["extension"], {})
    name = extension.get("addresses")
    if name is None:
        return True
    networks = [ip_network(text, strict=False) for text in call.book.address_lists[name]["addresses"]]
    return any(ip_address(source) in network for source in sources if source for network in networks)


def _number(call: Call, agent: Agent, number: Dialled | None, bad: int) -> Dialled:
    book = call.book
    if number is None or not number.possible:
        deny(call, "bad_number", bad)
    assert number is not None
    if not number.own_country and not (book.account["international_enabled"] and agent["international_outbound"]):
        deny(call, "international_not_allowed", 403)
    if book.policy is not None and number.e164 not in book.account["emergency_numbers"]:
        allow, refuse = book.policy.get("allow") or [], book.policy.get("deny") or []
        if number.e164.startswith(tuple(refuse)) or (allow and not number.e164.startswith(tuple(allow))):
            deny(call, "destination_denied", 403)
    return number


def _caller_id(call: Call, agent: Agent, number: Dialled) -> str:
    shown, reason = caller_id.choose(call, agent, number, call.asked.get("caller_id"))
    if reason is not None:
        deny(call, reason, 403)
    assert shown is not None
    return shown


def _has_room(call: Call, number: str) -> bool:
    book, used = call.book, call.live.channels
    most = book.account["max_channels"]
    if most is not None and used.get("account", 0) >= most:
        return False
    trunks = book.trunks_towards(number)
    return not trunks or any(
        trunk["max_channels"] is None or used.get(f"trunk:{trunk['id']}", 0) < trunk["max_channels"] for trunk in trunks
    )


def _agent_leg(call: Call, agent: Agent) -> tuple[Goal | None, tuple[str, int] | None]:
    """Section 4.2: the leg, or why there is none."""
    route, via = agent["click_to_call_route"], call.asked.get("via")
    if route != "both" and via is not None and via != route:
        return None, ("route_not_permitted", 403)
    registered = agent["extension"] in call.live.registered
    own = Goal("extension", f"extension:{agent['extension']}") if registered else None
    mobile = Goal("number", agent["call_forward_number"]) if agent["call_forward_number"] else None
    wanted = via or route
    if wanted == "both":
        allowed = own and _address_allowed(call, agent, call.live.registered[agent["extension"]])
        leg = own if allowed else mobile
    else:
        leg = own if wanted == "extension" else mobile
    return leg, None if leg else ("agent_leg_unreachable", 409)


# -- emergency and internal calls


def _emergency(call: Call, agent: Agent, number: str) -> None:
    call.uncounted = True
    _customer(call, number, caller_id.emergency(call, agent))


def _internal(call: Call, called: Agent) -> None:
    """Section 4.4."""
    node = call.visit("agent", called["id"], "internal")
    reason = internal_gate(call, called)
    if reason is None and called["extension"] not in call.live.registered:
        reason = "unreachable"
    if reason is None:
        goal = Goal("extension", f"extension:{called['extension']}", call.caller)
        ringing = Offer(call, called, [[goal]], float(called["ring_timeout_s"]), heeds_log_out=False)
        winner: tuple[Offer, Leg] | None = ring(call, [ringing])
        if winner is not None:
            call.answered_by = goal.target
            call.finish("answered", 200, None, "agent", called["id"])
        reason = ringing.reason
    assert reason is not None
    node["reason"] = reason
    failover = called["failover"]
    if failover and failover["type"] == "voicemail":
        call.note(reason)
        call.visit("voicemail", failover["id"], "internal")
        call.finish("voicemail", 200, None, "voicemail", failover["id"])
    end(call, reason)
