"""Calls that a softphone starts (routing.md 4.1, 4.4): the gates in order, then the customer's leg or one inside.

A transfer passes the same gates as the agent who makes it; a colleague whom it reaches is in context ``nested``. The
single gates are functions of their own: a click-to-call and a 3xx pass them too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from routerd.rules import addresses, caller_id, endings, inbound, internal, trunks
from routerd.rules.decision import Decision, Offer, Target, Wish
from routerd.rules.number import Dialled, begins_with_any, classify, is_international
from routerd.rules.stage import open_offer
from routerd.rules.tables import Destination

if TYPE_CHECKING:
    from routerd.rules.tables import Agent, Extension

CUSTOMER_RING_S: Final = 120.0
TRANSFER: Final = "transfer"


class Denial(msgspec.Struct, frozen=True, gc=False):
    """Why an outbound call is denied: the code, the SIP status and the status of the API."""

    reason: str
    status: int
    api_status: int


DENIALS: Final = {
    row[0]: Denial(*row)
    for row in (
        ("agent_disabled", 403, 403),
        ("agent_blocked", 403, 403),
        ("not_calling_agent", 403, 403),
        ("address_not_allowed", 403, 403),
        ("bad_number", 484, 422),
        ("international_not_allowed", 403, 403),
        ("destination_denied", 403, 403),
        ("outbound_blocked", 403, 403),
        ("route_not_permitted", 403, 403),
        ("agent_leg_unreachable", 480, 409),
        ("caller_id_not_allowed", 403, 403),
        ("no_caller_id", 403, 403),
        ("limit_reached", 503, 429),
        ("agent_busy", 486, 409),
    )
}
_PASSED_ON: Final = frozenset({404, 410, 480, 484, 486, 488, 600, 603, 604, 606})


def deny(d: Decision, reason: str) -> None:
    """End the call at a gate."""
    denial = DENIALS[reason]
    endings.deny(d, reason, denial.status, denial.api_status)


def start(d: Decision) -> None:
    """Decide a softphone's call or a transfer: an emergency, one inside, an own number, or a customer outside."""
    extension = d.tables.extensions.get(d.attempt.extension or "")
    owner = extension.agent if extension is not None else None
    transfer = d.attempt.kind == TRANSFER
    agent = d.tables.agents.get((d.attempt.agent if transfer else owner) or "")
    d.agent = agent.id if agent is not None else None
    dialled = classify(d.tables, d.attempt.dialled)
    d.note("dialled", d.attempt.dialled, dialled.kind, dialled.value)
    if dialled.kind == "emergency":
        ring_customer(d, agent, Wish(dialled.value, caller_id.for_emergency(d, agent), "emergency"))
    elif extension is None and (agent is None or not transfer):
        deny(d, "not_calling_agent")
    elif dialled.kind in {"number", "bad"}:
        _dial_outside(d, extension, agent, dialled)
    else:
        _dial_inside(d, extension, agent, dialled)


def _dial_outside(d: Decision, extension: Extension | None, agent: Agent | None, dialled: Dialled) -> None:
    if agent is None:
        deny(d, "not_calling_agent")
        return
    reason = (
        status_gate(d, agent)
        or calling_gate(d, agent)
        or address_gate(d, extension, d.attempt.source)
        or number_gate(d, agent, dialled)
        or block_gate(d, agent, from_softphone=extension is not None)
    )
    shown: str | None = None
    if reason is None:
        shown, reason = caller_id.choose(d, agent, dialled.value, d.attempt.caller_id)
    if reason is None:
        reason = limits_gate(d, dialled.value)
    if reason is not None:
        deny(d, reason)
        return
    ring_customer(d, agent, Wish(dialled.value, shown, "number"))


def _dial_inside(d: Decision, extension: Extension | None, agent: Agent | None, dialled: Dialled) -> None:
    """Gates 2 and 4 of the caller; shown is the caller's intercom and name."""
    reason = status_gate(d, agent) if agent is not None else None
    reason = reason or address_gate(d, extension, d.attempt.source)
    if reason is not None:
        deny(d, reason)
        return
    transfer = d.attempt.kind == TRANSFER
    if not transfer:
        own_id = extension.id if extension is not None else None
        d.caller = (agent.intercom if agent is not None else None) or own_id
        d.caller_name = agent.name if agent is not None else None
    if dialled.kind == "own":
        d.barred = agent is not None and agent.block_outbound != "none"
        inbound.enter_number(d, dialled.value)
    elif dialled.kind == "feature":
        internal.enter_feature(d, dialled.value, d.agent)
    else:
        colleague = internal.agent_of(d, dialled) if transfer else None
        if colleague is None:
            internal.enter(d, dialled)
        else:
            d.go(Destination(type="agent", id=colleague.id), "nested")


def ring_customer(d: Decision, agent: Agent | None, wish: Wish) -> None:
    """Ring the customer, at most 120 s."""
    d.wish = wish
    node = d.visit("external", wish.number, "outbound")
    agent_id = agent.id if agent is not None else None
    open_offer(d, "customer", agent_id, ((Target("number", wish.number),),), CUSTOMER_RING_S, node)


def customer_ended(d: Decision, offer: Offer, reason: str) -> None:
    """The customer did not answer: the far end's own final response goes back where it says something to a phone."""
    d.leave(offer.node, reason)
    status = d.far_status if d.far_status in _PASSED_ON else None
    endings.finish(d, reason, status)


def status_gate(d: Decision, agent: Agent) -> str | None:
    """Gate 2."""
    reason = {"disabled": "agent_disabled", "blocked": "agent_blocked"}.get(agent.status)
    d.note("gate", "2 status", agent.status, reason)
    return reason


def calling_gate(d: Decision, agent: Agent) -> str | None:
    """Gate 3."""
    reason = None if agent.calling_agent else "not_calling_agent"
    d.note("gate", "3 calling_agent", agent.calling_agent, reason)
    return reason


def address_gate(d: Decision, extension: Extension | None, source: str | None) -> str | None:
    """Gate 4: the source is in the extension's address list (no list: anywhere)."""
    if extension is None or extension.addresses is None:
        return None
    listed = d.tables.address_lists[extension.addresses]
    reason = None if addresses.contains(listed.networks, source) else "address_not_allowed"
    d.note("gate", "4 address " + listed.id, source, reason)
    return reason


def number_gate(d: Decision, agent: Agent, dialled: Dialled) -> str | None:
    """Gate 5: possible, international allowed on account and agent, destination policy."""
    reason = _number_refusal(d, agent, dialled)
    d.note("gate", "5 number", dialled.value, reason)
    return reason


def _number_refusal(d: Decision, agent: Agent, dialled: Dialled) -> str | None:
    if dialled.kind == "bad":
        return "bad_number"
    if dialled.kind == "emergency":
        return None
    account = d.tables.account
    abroad = is_international(account.plan, dialled.value)
    if abroad and not (account.international_enabled and agent.international_outbound):
        return "international_not_allowed"
    policy = d.tables.destination_policy
    if policy is None:
        return None
    denied = begins_with_any(dialled.value, policy.deny)
    allowed = not policy.allow or begins_with_any(dialled.value, policy.allow) is not None
    return None if allowed and denied is None else "destination_denied"


def block_gate(d: Decision, agent: Agent, *, from_softphone: bool) -> str | None:
    """Gate 6: ``all`` binds everything, ``only_extension`` the softphone."""
    blocked = agent.block_outbound == "all" or (from_softphone and agent.block_outbound == "only_extension")
    reason = "outbound_blocked" if blocked else None
    d.note("gate", "6 block_outbound", agent.block_outbound, reason)
    return reason


def limits_gate(d: Decision, number: str) -> str | None:
    """Gate 9: the account's channels, and room on a trunk of the route."""
    limit = d.tables.account.max_channels
    full = (limit is not None and inbound.is_reached(d, "account", limit)) or trunks.all_full(d, number)
    d.note("gate", "9 limits", number, "limit_reached" if full else None)
    return "limit_reached" if full else None
