"""What the callee of a leg is shown, and the Ring command that says so (routing.md: forwarded_identity, 4.2, 4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.rules import trunks
from routerd.rules.plan import Ring

if TYPE_CHECKING:
    from routerd.rules.decision import Decision, Target
    from routerd.rules.tables import Trunk


def make_ring(d: Decision, leg: int, role: str, agent: str | None, target: Target) -> Ring:
    """Return the command that starts leg ``leg`` towards ``target``, for an offer of ``role`` (and of ``agent``)."""
    if role in {"caller", "customer"}:
        return _outbound_ring(d, leg, role, agent, target)
    if target.kind != "number":
        confirm = target.kind == "sip" and _must_confirm(d, agent)
        return Ring(
            leg=leg,
            target=target.name,
            kind=target.kind,
            agent=agent,
            shown=d.caller,
            shown_name=d.caller_name,
            confirm=confirm,
        )
    return _forwarded_ring(d, leg, agent, target)


def _must_confirm(d: Decision, agent: str | None) -> bool:
    return agent is not None and d.tables.agents[agent].confirm_external


def _forwarded_ring(d: Decision, leg: int, agent: str | None, target: Target) -> Ring:
    """An inbound call goes out again: each trunk says who the mobile sees; Diversion says through which number."""
    chosen = trunks.usable(d, target.name)
    identities = tuple(_forwarded_identity(d, d.tables.trunks[trunk]) for trunk in chosen)
    shown = identities[0] if identities else d.caller
    return Ring(
        leg=leg,
        target=target.name,
        kind="number",
        agent=agent,
        trunks=chosen,
        shown=shown,
        shown_name=d.caller_name if shown == d.caller else None,
        diversion=d.number,
        identities=identities if len(set(identities)) > 1 else (),
        confirm=_must_confirm(d, agent),
    )


def _forwarded_identity(d: Decision, trunk: Trunk) -> str | None:
    if trunk.forwarded_identity == "number" and d.number is not None:
        return d.number
    if trunk.forwarded_identity == "pilot":
        return d.tables.account.pilot_number or d.number
    return d.caller


def _outbound_ring(d: Decision, leg: int, role: str, agent: str | None, target: Target) -> Ring:
    """Both legs of an outbound call show the caller ID that passed the gates, so nobody sees a number not allowed."""
    wish = d.wish
    shown = wish.shown if wish is not None else None
    emergency = wish is not None and wish.kind == "emergency"
    chosen: tuple[str, ...] = ()
    if target.kind == "number":
        chosen = trunks.for_emergency(d, target.name) if emergency else trunks.usable(d, target.name)
    is_agent = role == "caller"
    return Ring(
        leg=leg,
        target=target.name,
        kind=target.kind,
        agent=agent if is_agent else None,
        trunks=chosen,
        shown=shown,
        confirm=is_agent and target.kind != "extension" and _must_confirm(d, agent),
        customer=not is_agent,
        emergency=emergency,
        sources=wish.sources if is_agent and wish is not None else (),
    )
