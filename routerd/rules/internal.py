"""Calls inside the account (routing.md 4.4): an intercom or an extension rings that extension's contacts, no more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.rules import availability, endings
from routerd.rules.ring_plan import internal_plan
from routerd.rules.stage import open_offer

if TYPE_CHECKING:
    from routerd.rules.decision import Decision, Offer
    from routerd.rules.number import Dialled
    from routerd.rules.tables import Agent

UNOWNED_RING_S: Final = 30.0


def enter(d: Decision, dialled: Dialled) -> None:
    """Ring the dialled extension, or the extension of the agent with the dialled intercom."""
    agent = agent_of(d, dialled)
    extension = agent.extension if agent is not None else dialled.value
    name = agent.id if agent is not None else extension
    node = d.visit("agent" if agent is not None else "extension", name, "internal")
    reason = availability.look_internal(d, agent) if agent is not None else None
    stages = internal_plan(d, extension) if reason is None and extension is not None else ()
    if reason is None and not stages:
        reason = "unreachable"
    if reason is not None:
        d.leave(node, reason)
        _after(d, agent, reason)
        return
    ring_s = agent.ring_timeout_s if agent is not None else UNOWNED_RING_S
    open_offer(d, "internal", agent.id if agent is not None else None, stages, ring_s, node)


def agent_of(d: Decision, dialled: Dialled) -> Agent | None:
    """Return the agent of a dialled intercom or extension, None when the extension is nobody's."""
    owners = d.tables.agent_by_intercom if dialled.kind == "intercom" else d.tables.agent_by_extension
    return d.tables.agents.get(owners.get(dialled.value, ""))


def ended(d: Decision, offer: Offer, reason: str) -> None:
    """Nobody took it: no failover, unless it is a mailbox."""
    d.leave(offer.node, reason)
    _after(d, d.tables.agents.get(offer.agent or ""), reason)


def _after(d: Decision, agent: Agent | None, reason: str) -> None:
    failover = agent.failover if agent is not None else None
    if failover is not None and failover.type == "voicemail":
        d.go(failover, "internal")
    else:
        endings.finish(d, reason)


def enter_feature(d: Decision, name: str, agent: str | None) -> None:
    """A feature code: ``voicemail`` listens to the caller's own mailbox, or to one that number and PIN open."""
    box = next(iter(d.tables.boxes_by_agent.get(agent or "", ())), None)
    d.note("feature", name, agent, box)
    if name == "voicemail" and (box is not None or d.tables.boxes_with_pin):
        endings.check_mailbox(d, box or "")
    else:
        endings.finish(d, "no_destination")
