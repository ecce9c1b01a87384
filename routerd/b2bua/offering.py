"""What the branches of a leg are offered: the caller's description, through the engine once for each profile.

Theory of operation. A leg that needs the engine waits in the call until there is a relayed offer for the profile of
each of its branches; one offer is asked for at a time, and every leg that has all of its own then starts. All branches
of one profile share one offer, whichever leg they belong to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua import house, media_profiles
from routerd.b2bua.call_media import CONVERTED, filtered
from routerd.b2bua.call_states import ENDED, RINGING
from routerd.errors import SdpError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.b2bua.call import Call
    from routerd.b2bua.call_media import CallMedia, Party
    from routerd.b2bua.forking import BranchPlan, Fork
    from routerd.b2bua.outbound_leg import OutboundLeg

Offers = dict[str, bytes]


def wants_relay(call: Call, attempts: Sequence[BranchPlan]) -> bool:
    """Whether a party's document says so, or parties could not talk directly because their profiles differ."""
    if any(attempt.branch.media == "relay" for attempt in attempts):
        return True
    caller = call.caller
    if caller is None:
        return False
    if caller.media == "relay":
        return True
    spoken = media_profiles.of_party(caller)
    return bool(caller.remote_sdp) and any(attempt.branch.profile != spoken for attempt in attempts)


def is_due(call: Call, attempts: Sequence[BranchPlan]) -> bool:
    """Whether the caller's description must go through the engine before these branches can be rung."""
    offers = call.caller is not None and bool(call.caller.remote_sdp)
    missing = any(attempt.branch.profile not in call.relayed_offers for attempt in attempts)
    return call.media.relay and call.state == RINGING and offers and missing


def prepare(call: Call, fork: Fork, attempts: list[BranchPlan], now: float) -> None:
    """Ask the engine for what is missing; the leg starts when it is there."""
    call.waiting_forks.append((fork, attempts))
    if len(call.waiting_forks) == 1:
        _go_on(call, now)


def _go_on(call: Call, now: float) -> None:
    waiting = call.waiting_forks
    missing = [plan for _, plans in waiting for plan in plans if plan.branch.profile not in call.relayed_offers]
    if not missing or call.caller is None:
        call.waiting_forks = []
        for fork, plans in waiting:
            if fork.user is not None and call.state != ENDED:
                fork.start(plans, now)
        return
    profile = missing[0].branch.profile

    def offered(sdp: bytes | None, when: float) -> None:
        if call.state == ENDED:
            return
        if sdp is None and call.state == RINGING:
            call.broken("media_timeout", 503, when)
            return
        call.relayed_offers[profile] = sdp or b""
        _go_on(call, when)

    caller, also = call.caller, wideband([plan for _, plans in waiting for plan in plans])
    call.media.offer(caller.remote_sdp, caller, None, offered, now, missing[0].peer_host(), profile=profile, also=also)


def wideband(attempts: Sequence[BranchPlan]) -> tuple[str, ...]:
    """G.722 where a branch may use nothing that is always offered: whoever may, would be converted for nothing."""
    lists = [{name.upper() for name in attempt.branch.codecs} for attempt in attempts if attempt.branch.codecs]
    return ("G722",) if any("G722" in names and names.isdisjoint(CONVERTED) for names in lists) else ()


def ask_each(
    media: CallMedia,
    sdp: bytes,
    sender: Party,
    attempts: Sequence[BranchPlan],
    then: Callable[[Offers | None, float], None],
    now: float,
) -> None:
    """Take an offer through a session once for each profile of ``attempts``; ``then(offers, now)``, None: refused."""
    offers: Offers = {}

    def next_offer(when: float) -> None:
        attempt = next((one for one in attempts if one.branch.profile not in offers), None)
        if attempt is None:
            then(offers, when)
            return
        profile = attempt.branch.profile

        def offered(relayed: bytes | None, later: float) -> None:
            if relayed is None:
                then(None, later)
                return
            offers[profile] = relayed
            next_offer(later)

        also = wideband(attempts)
        media.offer(sdp, sender, None, offered, when, attempt.peer_host(), profile=profile, also=also)

    next_offer(now)


def offer_for(call: Call, fork: Fork, branch: OutboundLeg) -> bytes:
    """Return the description that a branch is offered: the caller's, relayed where wanted, by the branch's codecs.

    Who will be joined later is asked for an offer, unless a question comes first: no 2xx may wait so long for its ACK.
    """
    if fork.own is not None and fork.own.offers:
        return _by_codecs(call, fork.own.offers.get(branch.profile, b""), branch)
    if call.caller is None and call.transfer is None:
        return house.BLACK_HOLE
    if call.transfer is not None or call.caller is None or call.state != RINGING:
        return house.BLACK_HOLE if fork.ring.confirm else b""
    relayed = call.relayed_offers.get(branch.profile, b"") if call.media.relay else b""
    sdp = relayed or call.caller.remote_sdp
    branch.direct = bool(sdp) and not relayed
    return _by_codecs(call, sdp, branch)


def _by_codecs(call: Call, sdp: bytes, branch: OutboundLeg) -> bytes:
    try:
        return filtered(sdp, branch.codecs)
    except SdpError:
        call.exchange.note("no_common_codec", branch.name)
        return sdp
