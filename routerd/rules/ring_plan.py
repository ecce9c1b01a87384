"""The ring plan of an agent (routing.md 2.4): which numbers ring together, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.rules.decision import Decision, Target

if TYPE_CHECKING:
    from routerd.rules.tables import Agent


def ring_plan(d: Decision, agent: Agent, *, waiting: bool = False) -> tuple[tuple[Target, ...], ...]:
    """Return the stages to ring, without empty ones; ``waiting``: gate 8's call-waiting exception rings E only."""
    own = _own_phones(d, agent)
    if waiting:
        return (own,) if own else ()
    number = agent.call_forward_number
    primary = () if number is None or d.barred else (Target("number", number, agent.call_forward_digits),)
    sticky = agent.sticky
    if sticky is None or d.barred:
        if not agent.app_first:
            return (own + primary,) if own or primary else ()
        if own:
            return (own, primary) if primary else (own,)
        return (primary,) if primary else ()
    others = _alternates(agent)
    if sticky.strategy == "order":
        first = (own, primary) if agent.app_first else (own + primary,)
        stages = (*first, *((other,) for other in others))
    else:
        stages = (own, primary + others) if agent.app_first else (own + primary + others,)
    return tuple(stage for stage in stages if stage)


def internal_plan(d: Decision, extension: str) -> tuple[tuple[Target, ...], ...]:
    """Return the plan [E] of an internal call: that extension's contacts, or nothing when it is not registered."""
    return ((Target("extension", "extension:" + extension),),) if d.facts.registered(extension) else ()


def _own_phones(d: Decision, agent: Agent) -> tuple[Target, ...]:
    """E: the extension when a contact is registered, and the SIP address outside."""
    extension, address = agent.extension, agent.sip_address
    outside = () if address is None else (Target("sip", address),)
    if extension is None or not d.facts.registered(extension):
        return outside
    phone = Target("extension", "extension:" + extension)
    return (phone, *outside) if outside else (phone,)


def _alternates(agent: Agent) -> tuple[Target, ...]:
    """A1, A2, …: a number that stands twice rings once."""
    seen = {agent.call_forward_number}
    others = []
    for number in agent.alternate_numbers:
        if number not in seen:
            seen.add(number)
            others.append(Target("number", number))
    return tuple(others)
