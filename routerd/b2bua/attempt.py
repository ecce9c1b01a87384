"""From an INVITE to a plain attempt: who calls, what was dialled, by which way (values only, no SIP beyond here)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua import header_policy
from routerd.errors import ParseError
from routerd.rules import number
from routerd.rules.plan import Attempt

if TYPE_CHECKING:
    from routerd.b2bua.admission import Party
    from routerd.sip.message import Request


def from_invite(request: Request, party: Party, at: float) -> Attempt:
    """Return the attempt of an INVITE whose sender is known; ``at`` is wall time (UTC seconds)."""
    tables = party.account
    if party.trunk is not None:
        caller = header_policy.caller_of(request, trusted=True)
        if caller is not None:
            caller = number.to_e164(tables.account.plan, caller) or caller
        return Attempt(
            kind="inbound",
            account=tables.account.id,
            at=at,
            dialled=header_policy.dialled_of(request, party.trunk.number_source),
            caller=caller if caller is not None else "anonymous",
            caller_name=_name(request),
            trunk=party.trunk.id,
            source=party.source,
        )
    assert party.extension is not None
    return Attempt(
        kind="softphone",
        account=tables.account.id,
        at=at,
        dialled=header_policy.dialled_of(request, "request_uri"),
        extension=party.extension.id,
        source=party.source,
        caller_id=_wish(request, party),
    )


def _name(request: Request) -> str | None:
    try:
        return request.from_.display or None
    except ParseError:
        return None


def _wish(request: Request, party: Party) -> str | None:
    """Return the number that a softphone asks to show (RFC 3325 §9.2, P-Preferred-Identity)."""
    for address in request.addresses("P-Preferred-Identity"):
        user = address.uri.user
        if user:
            return number.to_e164(party.account.account.plan, user) or user
    return None
