"""Redirected legs (routing.md 2.5, 4.1): a 3xx is followed once, where the agent who made it may call its target.

The redirect passes the gates as that agent: the one whose phone or mobile it was, or the one who started the call. A
target of the outside rings through the trunks inside the same leg, one of the account rings that extension. Emergency
numbers, own numbers and feature codes are no targets of a redirect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from routerd.rules import availability, caller_id, outbound
from routerd.rules.decision import Decision, Leg, Offer, Target
from routerd.rules.identity import make_ring
from routerd.rules.internal import agent_of
from routerd.rules.number import Dialled, classify
from routerd.rules.ring_plan import internal_plan

if TYPE_CHECKING:
    from routerd.rules.tables import Agent

_SCHEMES = ("sip:", "sips:", "tel:")


def follow(d: Decision, leg: Leg, text: str) -> bool:
    """Ring ``text`` inside ``leg`` when it is permitted; returns False when the leg counts as unreachable."""
    offer = d.offers[leg.offer]
    agent = d.tables.agents.get(offer.agent or "")
    dialled = classify(d.tables, _dialled_part(text))
    permitted = not leg.redirected and offer.role != "caller"  # a click-to-call's leg is never replaced
    target = _permitted_target(d, leg, offer, agent, dialled) if agent is not None and permitted else None
    d.note("redirect", leg.target.name, dialled.value, target.name if target is not None else "unreachable")
    if target is None:
        return False
    d.legs[leg.number] = Leg(leg.number, leg.offer, target, redirected=True)
    ring = make_ring(d, leg.number, offer.role, offer.agent, target)
    if offer.role == "internal" and target.kind == "number" and agent is not None:
        ring = replace(ring, shown=caller_id.choose(d, agent, target.name, None)[0], shown_name=None)
    d.out.append(ring)
    return True


def _dialled_part(text: str) -> str:
    """The user part of a SIP or tel URI, or the text as it is."""
    for scheme in _SCHEMES:
        if text[: len(scheme)].lower() == scheme:
            rest = text[len(scheme) :].partition("?")[0]
            return rest.partition("@")[0].partition(";")[0].partition(":")[0]
    return text


def _permitted_target(d: Decision, leg: Leg, offer: Offer, agent: Agent, dialled: Dialled) -> Target | None:
    if dialled.kind == "number":
        return Target("number", dialled.value) if _may_call(d, leg, offer, agent, dialled) else None
    if dialled.kind not in {"extension", "intercom"} or _own_gates(d, leg, offer, agent) is not None:
        return None
    return _inside(d, offer, dialled)


def _own_gates(d: Decision, leg: Leg, offer: Offer, agent: Agent) -> str | None:
    """Gates 2 and 4 of the agent who redirects."""
    return outbound.status_gate(d, agent) or _address_gate(d, leg, offer, agent)


def _address_gate(d: Decision, leg: Leg, offer: Offer, agent: Agent) -> str | None:
    """Gate 4 looks at where the redirecting phone is registered; a mobile and a far end have no address list."""
    extension = d.tables.extensions.get(agent.extension or "")
    if extension is None or leg.target.kind != "extension" or offer.role == "customer":
        return None
    sources = d.facts.registered(extension.id)
    return outbound.address_gate(d, extension, sources[0] if sources else None)


def _may_call(d: Decision, leg: Leg, offer: Offer, agent: Agent, dialled: Dialled) -> bool:
    """All gates of 4.1 as that agent; who may cause no PSTN leg at all causes none here either."""
    softphone = leg.target.kind == "extension" or d.attempt.kind == "softphone"
    reason = (
        ("outbound_blocked" if d.barred else None)
        or outbound.status_gate(d, agent)
        or outbound.calling_gate(d, agent)
        or _address_gate(d, leg, offer, agent)
        or outbound.number_gate(d, agent, dialled)
        or outbound.block_gate(d, agent, from_softphone=softphone)
        or caller_id.choose(d, agent, dialled.value, None)[1]
        or outbound.limits_gate(d, dialled.value)
    )
    return reason is None


def _inside(d: Decision, offer: Offer, dialled: Dialled) -> Target | None:
    """The callee's own gates: those of 4.4 in an internal call, all of 2.2 in any other.

    An agent who works by log-in is no target there, since this leg would not follow their log-out.
    """
    callee = agent_of(d, dialled)
    extension = callee.extension if callee is not None else dialled.value
    if callee is not None:
        if offer.role == "internal":
            reason = availability.look_internal(d, callee)
        else:
            reason = "logged_out" if callee.login_based_calling else availability.look(d, callee, "nested")[0]
        if reason is not None:
            return None
    stages = internal_plan(d, extension) if extension is not None else ()
    return stages[0][0] if stages else None
