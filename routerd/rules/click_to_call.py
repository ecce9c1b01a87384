"""Click-to-call (routing.md 4.1, 4.2): the agent's leg is picked first and never replaced; then the gates in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.rules import caller_id, endings, outbound
from routerd.rules.decision import Decision, Offer, Target, Wish
from routerd.rules.number import Dialled, outside
from routerd.rules.stage import open_offer

if TYPE_CHECKING:
    from routerd.rules.tables import Agent


class _Pick:
    """The agent's leg: a target, or the reason of gate 7; ``sources`` are the addresses that gate 4 tests."""

    __slots__ = ("allowed", "reason", "sources", "target")

    def __init__(
        self, target: Target | None, reason: str | None, sources: tuple[str, ...], allowed: tuple[str, ...]
    ) -> None:
        self.target = target
        self.reason = reason
        self.sources = sources
        self.allowed = allowed


def start(d: Decision) -> None:
    """Pass the gates as the agent, then ring the agent's leg (leg 0)."""
    agent = d.tables.agents.get(d.attempt.agent or "")
    if agent is None:
        outbound.deny(d, "not_calling_agent")
        return
    d.agent = agent.id
    dialled = _dialled(d)
    d.note("dialled", d.attempt.dialled, dialled.kind, dialled.value)
    pick = _pick(d, agent)
    reason = _first_gates(d, agent, dialled, pick)
    shown: str | None = None
    if reason is None:
        shown, reason = caller_id.choose(d, agent, dialled.value, d.attempt.caller_id)
    if reason is None:
        reason = outbound.limits_gate(d, dialled.value) or _busy_gate(d, agent)
    if reason is not None or pick.target is None:
        outbound.deny(d, reason or "agent_leg_unreachable")
        return
    restricted = pick.allowed if len(pick.allowed) < len(pick.sources) else ()
    d.wish = Wish(dialled.value, shown, "number", restricted)
    node = d.visit("agent", agent.id, "click_to_call")
    open_offer(d, "caller", agent.id, ((pick.target,),), agent.ring_timeout_s, node)


def _dialled(d: Decision) -> Dialled:
    """An intercom or an own number is a normal number here; an emergency number is possible, but every gate runs."""
    bare = d.attempt.dialled.strip()
    if bare in d.tables.account.emergency_numbers:
        return Dialled("emergency", bare)
    meant = outside(d.tables, bare)
    return Dialled("number", meant.value) if meant.kind == "own" else meant


def _first_gates(d: Decision, agent: Agent, dialled: Dialled, pick: _Pick) -> str | None:
    return (
        outbound.status_gate(d, agent)
        or outbound.calling_gate(d, agent)
        or _address_gate(d, agent, pick)
        or outbound.number_gate(d, agent, dialled)
        or outbound.block_gate(d, agent, from_softphone=False)
        or _leg_gate(d, agent, pick)
    )


def _pick(d: Decision, agent: Agent) -> _Pick:
    """Routing.md 4.2: the leg by route and wish, before any gate is looked at."""
    route, via = agent.click_to_call_route, d.attempt.via
    if route not in {"both", via} and via is not None:
        return _Pick(None, "route_not_permitted", (), ())
    choice = via or route
    mobile = (
        Target("number", agent.call_forward_number, agent.call_forward_digits) if agent.call_forward_number else None
    )
    if choice == "mobile":
        return _Pick(mobile, None if mobile else "agent_leg_unreachable", (), ())
    sources = d.facts.registered(agent.extension) if agent.extension is not None else ()
    allowed = _allowed_sources(d, agent, sources)
    phone = Target("extension", f"extension:{agent.extension}") if sources else None
    if choice == "extension":
        return _Pick(phone, None if phone else "agent_leg_unreachable", sources, allowed)
    if allowed:
        return _Pick(phone, None, sources, allowed)
    return _Pick(mobile, None if mobile else "agent_leg_unreachable", (), ())


def _allowed_sources(d: Decision, agent: Agent, sources: tuple[str, ...]) -> tuple[str, ...]:
    extension = d.tables.extensions.get(agent.extension or "")
    if extension is None:
        return ()
    return tuple(s for s in sources if outbound.address_gate(d, extension, s) is None)


def _address_gate(d: Decision, agent: Agent, pick: _Pick) -> str | None:
    """Gate 4: a binding of the chosen extension was registered from an allowed address."""
    if pick.target is None or pick.target.kind != "extension" or pick.allowed:
        return None
    d.note("gate", "4 address", (agent.extension, pick.sources), "address_not_allowed")
    return "address_not_allowed"


def _leg_gate(d: Decision, agent: Agent, pick: _Pick) -> str | None:
    name = pick.target.name if pick.target is not None else None
    d.note("gate", "7 agent's leg", (agent.click_to_call_route, d.attempt.via, name), pick.reason)
    return pick.reason


def _busy_gate(d: Decision, agent: Agent) -> str | None:
    calls = d.facts.calls_of(agent.id)
    reason = "agent_busy" if calls >= agent.max_calls else None
    d.note("gate", "9 agent in a call", (calls, agent.max_calls), reason)
    return reason


def agent_answered(d: Decision, offer: Offer) -> None:
    """The agent is there: dial the customer."""
    wish = d.wish
    assert wish is not None
    d.answered = True
    outbound.ring_customer(d, d.tables.agents[offer.agent or ""], wish)


def agent_ended(d: Decision, offer: Offer, reason: str) -> None:
    """The agent did not answer: the customer is never dialled."""
    d.leave(offer.node, reason)
    endings.finish(d, reason)
