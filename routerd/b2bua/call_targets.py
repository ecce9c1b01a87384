"""From a target of the plan to the branches that ring it: contacts of an extension, trunks of a number, an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua import header_policy, media_profiles
from routerd.b2bua.forking import BranchPlan
from routerd.b2bua.outbound_leg import OutboundLeg
from routerd.errors import ParseError

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.forking import Fork
    from routerd.b2bua.location import Binding
    from routerd.rules.plan import Ring
    from routerd.rules.tables import Trunk

ADDRESS_PROVISIONAL_TIMEOUT_S = 4.0


def attempts(call: Call, fork: Fork, ring: Ring, now: float) -> list[BranchPlan]:
    """Return the branches for ``ring``: contacts all at once, trunks in their order; empty: unreachable."""
    if call.dialled_max_forwards < 0:
        return []
    if ring.kind == "extension":
        return _contacts(call, fork, ring, now)
    if ring.kind == "number":
        return [made for trunk in ring.trunks if (made := _trunk(call, fork, ring, call.tables.trunks[trunk]))]
    parts = header_policy.to_address(ring, _domain(call), call.dialled_max_forwards, _extra(call))
    return [BranchPlan(_branch(call, fork, ring.target, parts), None, ADDRESS_PROVISIONAL_TIMEOUT_S)]


def _contacts(call: Call, fork: Fork, ring: Ring, now: float) -> list[BranchPlan]:
    name = ring.target.partition(":")[2]
    extension = call.tables.extensions.get(name)
    if extension is None:
        return []
    bindings: list[Binding] = list(call.calls.contacts_of(call.live.name, name, now))
    if ring.sources:
        bindings = [binding for binding in bindings if binding.source in ring.sources]
    made = []
    for binding in bindings[: extension.max_contacts]:
        parts = header_policy.to_contact(
            ring, binding.target, name, _domain(call), binding.path, call.dialled_max_forwards, _extra(call)
        )
        branch = _branch(call, fork, f"{ring.target}@{binding.source}", parts)
        branch.media = extension.media
        branch.codecs = extension.codecs
        branch.profile = media_profiles.expected(extension.srtp, binding.flow)
        branch.extension = name
        made.append(BranchPlan(branch, binding.flow, extension.provisional_timeout_s))
    return made


def _trunk(call: Call, fork: Fork, ring: Ring, trunk: Trunk) -> BranchPlan | None:
    try:
        parts = header_policy.to_trunk(
            ring.through(trunk.id),
            trunk,
            call.tables.account.plan,
            _domain(call),
            call.dialled_max_forwards,
            _extra(call),
        )
    except ParseError as error:
        call.exchange.note("trunk_target_unusable", f"{trunk.id}: {error}")
        return None
    branch = _branch(call, fork, f"trunk:{trunk.id}", parts)
    branch.media = trunk.media
    branch.codecs = trunk.codecs
    branch.profile = media_profiles.expected(trunk.srtp, None)
    branch.trunk = trunk
    return BranchPlan(branch, None, trunk.provisional_timeout_s, trunk.id)


def _branch(call: Call, fork: Fork, name: str, parts: header_policy.InviteParts) -> OutboundLeg:
    call.branches += 1
    branch = OutboundLeg(call.exchange, call, fork, f"{name}#{call.branches}", parts)
    branch.media = "direct"
    return branch


def _domain(call: Call) -> str:
    domains = call.tables.account.domains
    return domains[0] if domains else call.exchange.settings.realm


def _extra(call: Call) -> list[tuple[str, str]]:
    return header_policy.crossing(call.request, trusted=call.trusted)
