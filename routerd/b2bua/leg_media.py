"""Sessions of legs that hear something before the bridge: who must press 1, and a click-to-call's agent.

Theory of operation. Such a leg (a fork: all its branches) has a session of its own. Where the caller is not answered
yet and has offered, their offer goes through it, so that the leg's answer becomes the call's when it wins, with no
further INVITE; other legs ring on in the call's common session. Where the caller is with the house already, or there is
none, the house offers, and the winner is joined like any other answered leg. Without an engine the leg is offered what
it would have been offered anyway, and hears nothing. The session goes with the leg, whichever way it ends.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.b2bua import house, offering
from routerd.b2bua.anchoring import house_offer
from routerd.b2bua.call_media import HOUSE, CallMedia
from routerd.b2bua.call_states import DECIDING, ENDED, RINGING
from routerd.b2bua.playing import Player

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.call_media import Continue
    from routerd.b2bua.forking import BranchPlan, Fork
    from routerd.b2bua.offering import Offers
    from routerd.b2bua.outbound_leg import OutboundLeg


class LegMedia:
    """One leg's own session: what it was offered, what its answer made of it, and what it hears."""

    __slots__ = ("answer", "call", "for_caller", "media", "offers", "player")

    def __init__(self, call: Call, number: int) -> None:
        call.legs_heard += 1
        self.call = call
        self.media = CallMedia(call.exchange, call.id, f"leg{number}.{call.legs_heard}")
        self.media.detects = True
        self.media.want_relay()
        self.player = Player(call)
        self.offers: Offers = {}
        self.answer = b""
        self.for_caller = False

    def answered(self, leg: OutboundLeg, then: Continue, now: float) -> None:
        """Take the leg's answer through the engine; ``then(description, now)`` with what the caller may get."""
        if self.answer:
            then(self.answer, now)
            return

        def described(sdp: bytes | None, when: float) -> None:
            self.answer = sdp or b""
            then(sdp, when)

        offerer = self.call.caller if self.for_caller else HOUSE
        if offerer is None:
            then(None, now)
        else:
            self.media.answer(leg.remote_sdp, offerer, leg, described, now)

    def close(self, now: float) -> None:
        """Release the session."""
        self.player.close()
        self.media.close(_nothing, now)


def wanted(call: Call, fork: Fork) -> bool:
    """Whether a leg gets a session of its own."""
    first_of_click = call.caller is None and call.transfer is None
    if not (fork.ring.confirm or first_of_click) or not house.usable(call):
        return False
    delayed = call.state in {DECIDING, RINGING} and call.caller is not None and not call.caller.remote_sdp
    return fork.own is None and not delayed


def prepare(call: Call, fork: Fork, attempts: list[BranchPlan], now: float) -> None:
    """Make the leg's session, then ring it."""
    own = fork.own = LegMedia(call, fork.number)
    caller = call.caller

    def offered(offers: Offers | None, when: float) -> None:
        if call.state == ENDED or fork.user is None or fork.own is not own:
            return
        if offers is None:
            call.exchange.note("leg_without_session", fork.ring.target)
            fork.leave_session(when)
        else:
            own.offers = offers
            if own.for_caller:
                own.media.block()  # neither hears the other before the 1, least of all the greeting of a mailbox
        if offers is None and own.for_caller and call.media.relay:
            call.broken("media_timeout", 503, when)
            return
        fork.start(attempts, when)

    if call.transfer is None and caller is not None and call.state in {DECIDING, RINGING}:
        own.for_caller = True
        offering.ask_each(own.media, caller.remote_sdp, caller, attempts, offered, now)
    else:
        offering.ask_each(own.media, house_offer(), HOUSE, attempts, offered, now)


def _nothing(reply: dict[str, Any] | None, now: float) -> None:
    """Nobody keeps statistics of a session that nobody talked in."""
