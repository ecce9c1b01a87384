"""Entering destinations and counting transitions (routing.md 2.3): the agent's, the external's, and the switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.rules import availability, endings
from routerd.rules.decision import Decision, Offer, Pending, Target
from routerd.rules.number import begins_with_any
from routerd.rules.stage import open_offer

if TYPE_CHECKING:
    from routerd.rules.tables import Affinity, Agent, Destination, RouterRule

LAST_TRANSITION: Final = 5
EXTERNAL_RING_S: Final = 60.0


def transit(d: Decision, destination: Destination) -> None:
    """Go on through a failover, a time condition or a router: counted, and what follows is nested."""
    d.transitions += 1
    if d.transitions > LAST_TRANSITION:
        d.note("transition", destination.type, d.transitions, "loop")
        endings.finish(d, "loop")
    else:
        d.go(destination, "nested")


def enter_agent(d: Decision, pending: Pending) -> None:
    """The agent's turn has come: look at the gates, ring the plan or go on."""
    agent = d.tables.agents[pending.destination.id or ""]
    context = pending.context
    node = d.visit("agent", agent.id, context)
    reason, stages = availability.look(d, agent, context)
    if reason is not None:
        d.leave(node, reason)
        _after_agent(d, agent, context, reason)
        return
    open_offer(d, "agent", agent.id, stages, agent.ring_timeout_s, node)


def agent_ended(d: Decision, offer: Offer, reason: str) -> None:
    """The agent did not answer, or went away while ringing."""
    d.leave(offer.node, reason)
    agent = d.tables.agents[offer.agent or ""]
    _after_agent(d, agent, d.nodes[offer.node].context or "", reason)


def _after_agent(d: Decision, agent: Agent, context: str, reason: str) -> None:
    """Context decides what happens next."""
    allowed = context == "number" or (context == "ivr" and d.tables.account.ivr_agent_unavailable == "failover")
    failover = agent.failover
    if allowed and failover is not None and (agent.failover_on is None or reason in agent.failover_on):
        d.note("failover", agent.id, (context, reason), failover.type)
        transit(d, failover)
        return
    d.note("failover", agent.id, (context, reason), None)
    endings.finish(d, reason)


def try_affinity(d: Decision, affinity: Affinity | None, subject: str) -> bool:
    """Ring the agent with whom this caller last spoke; returns whether that now rings (or has ended the call).

    When it returns False, or falls through later, the call goes to where it would have gone anyway.
    """
    if affinity is None or d.caller is None:
        return False
    since = d.now - affinity.hours * 3600.0
    entries = [e for e in d.facts.affinity(d.caller) if e.agent in d.tables.agents]
    newest = max(entries, key=lambda e: e.last_at, default=None)
    hit = newest is not None and newest.last_at >= since
    d.note(
        "affinity",
        subject,
        (d.caller, newest.last_at if newest else None, since),
        newest.agent if newest and hit else None,
    )
    if newest is None or not hit:
        return False
    agent = d.tables.agents[newest.agent]
    node = d.visit("agent", agent.id, "affinity")
    reason, stages = availability.look(d, agent, "affinity")
    if reason is not None:
        d.leave(node, reason, counts=affinity.strict)
        if affinity.strict:
            endings.finish(d, reason)
        return affinity.strict
    d.strict = affinity.strict
    open_offer(d, "affinity", agent.id, stages, agent.ring_timeout_s, node)
    return True


def enter_external(d: Decision, pending: Pending) -> None:
    """A plan of one stage towards a number outside."""
    number = pending.destination.number or ""
    node = d.visit("external", number, pending.context)
    if d.barred:
        d.leave(node, "outbound_blocked")
        endings.finish(d, "outbound_blocked")
        return
    open_offer(d, "external", None, ((Target("number", number),),), EXTERNAL_RING_S, node)


def external_ended(d: Decision, offer: Offer, reason: str) -> None:
    """Nobody took the call outside."""
    d.leave(offer.node, reason)
    endings.finish(d, reason)


def enter_time_condition(d: Decision, pending: Pending) -> None:
    """Matched or unmatched, by the time group or by hand."""
    condition = d.tables.time_conditions[pending.destination.id or ""]
    d.visit("time_condition", condition.id, pending.context)
    if condition.override == "auto":
        matched = availability.group_is_open(d, condition.time_group)
    else:
        matched = condition.override == "matched"
    d.note("time_condition", condition.id, condition.override, "matched" if matched else "unmatched")
    transit(d, condition.matched if matched else condition.unmatched)


def enter_router(d: Decision, pending: Pending) -> None:
    """The first rule whose conditions all hold."""
    router = d.tables.routers[pending.destination.id or ""]
    d.visit("router", router.id, pending.context)
    for index, rule in enumerate(router.rules):
        missed = _missed_condition(d, rule)
        d.note("router", router.id, index, missed or "holds")
        if missed is None:
            transit(d, rule.destination)
            return
    if router.otherwise is None:
        endings.finish(d, "no_destination")
    else:
        transit(d, router.otherwise)


def _missed_condition(d: Decision, rule: RouterRule) -> str | None:
    """Return the first condition that does not hold, None when all do."""
    if rule.caller_prefixes is not None and (
        d.caller is None or begins_with_any(d.caller, rule.caller_prefixes) is None
    ):
        return "caller_prefixes"
    if rule.time_group is not None and not availability.group_is_open(d, rule.time_group):
        return "time_group"
    if rule.returning is not None:
        returning = d.caller is not None and bool(d.facts.affinity(d.caller))
        if returning != rule.returning:
            return "returning"
    return None


def enter_voicemail(d: Decision, pending: Pending) -> None:
    """A mailbox takes the call."""
    endings.open_mailbox(d, pending.destination.id or "", pending.context)


def enter_announcement(d: Decision, pending: Pending) -> None:
    """An announcement is played, then the call ends."""
    endings.announce(d, pending.destination.id or "", pending.context)


def enter_hangup(d: Decision, pending: Pending) -> None:
    """The document says: hang up."""
    d.visit("hangup", None, pending.context)
    endings.finish(d, "hangup")
