"""Working through ring plans: stages, legs, their results and what they are worth (routing.md 2.4 and 2.5).

An offer's single timer ``stage:KEY`` runs to the end of the stage or to the offer's cap, whichever comes first, so
that a cap which falls on a stage's end starts no further leg. An offer that is done goes to ``Decision.ended`` with
the strongest of its results; its owner is told by the machine.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from routerd.rules.decision import NEVER, Decision, Leg, Offer, Target
from routerd.rules.identity import make_ring
from routerd.rules.plan import Cancel, Confirm, Release, SendDigits, Unwait, Wait

STRENGTHS: Final = {"unreachable": 1, "declined": 2, "busy": 3, "no_answer": 4}
WORDS: Final = ("unreachable", "unreachable", "declined", "busy", "no_answer")
CONFIRM_S: Final = 10.0
TIMER: Final = "stage:"
_SLACK_S: Final = 0.002
_CAUSES: Final = {"no_answer": 19, "answered_elsewhere": 26}


def open_offer(
    d: Decision,
    role: str,
    agent: str | None,
    stages: tuple[tuple[Target, ...], ...],
    ring_s: float,
    node: int,
    cap_s: float = NEVER,
) -> None:
    """Begin to ring ``stages`` (not empty) in order, each for ``ring_s`` seconds, all of them for at most ``cap_s``."""
    key = d.next_offer
    d.next_offer = key + 1
    cap_at = d.now + cap_s
    legs = _ring(d, key, role, agent, stages[0])
    d.offers[key] = Offer(key, role, agent, stages, ring_s, cap_at, node, 0, legs)
    d.out.append(Wait(TIMER + str(key), ring_s if ring_s < cap_s else max(0.0, cap_s)))


def _ring(d: Decision, offer: int, role: str, agent: str | None, targets: tuple[Target, ...]) -> tuple[int, ...]:
    """Start a leg towards each of ``targets``; returns their numbers."""
    first = d.next_leg
    if len(targets) == 1:  # the usual case, and fifty times in a department that rings together
        d.next_leg = first + 1
        d.legs[first] = Leg(first, offer, targets[0])
        d.out.append(make_ring(d, first, role, agent, targets[0]))
        return (first,)
    d.next_leg = first + len(targets)
    for number, target in enumerate(targets, first):
        d.legs[number] = Leg(number, offer, target)
        d.out.append(make_ring(d, number, role, agent, target))
    return tuple(range(first, d.next_leg))


def _start_stage(d: Decision, offer: Offer, index: int) -> None:
    legs = _ring(d, offer.key, offer.role, offer.agent, offer.stages[index])
    d.offers[offer.key] = replace(offer, index=index, legs=legs)
    d.out.append(Wait(TIMER + str(offer.key), max(0.0, min(offer.ring_s, offer.cap_at - d.now))))


def leg_failed(d: Decision, leg: Leg, result: str) -> None:
    """Take in that ``leg`` ended with ``result`` (busy, declined, unreachable, or no_answer of a confirmation)."""
    del d.legs[leg.number]
    offer = d.offers[leg.offer]
    strongest = max(offer.strongest, STRENGTHS.get(result, 1))
    left = tuple(n for n in offer.legs if n != leg.number)
    offer = d.offers[offer.key] = replace(offer, legs=left, strongest=strongest)
    d.trace.append(("leg", leg.target.name, result, WORDS[strongest]))
    if result == "declined" and offer.agent is not None and d.tables.agents[offer.agent].decline_ends_agent:
        _end(d, offer, WORDS[strongest], "cancelled")
    elif not left:
        _next_stage(d, offer)


def _next_stage(d: Decision, offer: Offer) -> None:
    if offer.index + 1 < len(offer.stages) and d.now < offer.cap_at - _SLACK_S:
        _start_stage(d, offer, offer.index + 1)
    else:
        _end(d, offer, WORDS[offer.strongest], "no_answer")


def stage_timer(d: Decision, key: int) -> None:
    """The stage's (or the cap's) time is up: who rings has not answered."""
    offer = d.offers.get(key)
    if offer is None:
        return
    _drop_legs(d, offer, "no_answer")
    offer = d.offers[key] = replace(offer, legs=(), strongest=STRENGTHS["no_answer"])
    d.trace.append(("stage", offer.agent or offer.role, offer.index, "no_answer"))
    _next_stage(d, offer)


def cut(d: Decision, result: str) -> None:
    """End all offers at once, each leg with ``result``; their owners are not told."""
    for offer in tuple(d.offers.values()):
        _close(d, offer, result)


def withdraw(d: Decision, agent: str, reason: str) -> None:
    """The agent logged out or took a break: their legs are cancelled, the offer ends with ``reason``."""
    for offer in tuple(d.offers.values()):
        if offer.agent == agent and offer.role in {"agent", "affinity", "member"}:
            _end(d, offer, reason, "cancelled")


def _end(d: Decision, offer: Offer, reason: str, result: str) -> None:
    _close(d, offer, result)
    d.ended.append((offer, reason))


def _close(d: Decision, offer: Offer, result: str) -> None:
    _drop_legs(d, offer, result)
    d.offers.pop(offer.key, None)
    d.out.append(Unwait(TIMER + str(offer.key)))


def _drop_legs(d: Decision, offer: Offer, result: str) -> None:
    for number in offer.legs:
        leg = d.legs.pop(number, None)
        if leg is None:
            continue
        if leg.confirming:
            d.out.append(Release(number, result, _CAUSES.get(result, 16)))
        else:
            d.out.append(Cancel(number, result))


def leg_answered(d: Decision, leg: Leg) -> bool:
    """Take in a 2xx; returns whether the leg has won (it has not while it must still be confirmed)."""
    digits = leg.target.digits
    if digits is not None and not leg.redirected:
        d.out.append(SendDigits(leg.number, digits.digits, digits.after_s))
    offer = d.offers[leg.offer]
    external = leg.target.kind != "extension" and offer.role != "customer"
    if external and offer.agent is not None and d.tables.agents[offer.agent].confirm_external:
        d.legs[leg.number] = replace(leg, confirming=True)
        d.out.append(Confirm(leg.number, CONFIRM_S))
        return False
    return True


def take(d: Decision, leg: Leg) -> Offer:
    """The leg has won: everything else that rings is given up; returns its offer, which is closed."""
    offer = d.offers[leg.offer]
    del d.legs[leg.number]
    for other in tuple(d.offers.values()):
        _close(d, other, "answered_elsewhere")
    d.trace.append(("leg", leg.target.name, "answered", offer.agent))
    return offer
