"""A guest of the house renegotiates: hold, another codec, a session refresh with another description.

The offer goes through the engine and the house agrees to what it can; an INVITE without a description gets the house's
offer, whose answer comes in the ACK. One at a time, as between two parties (:mod:`routerd.b2bua.midcall`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua import house
from routerd.b2bua.anchoring import house_answer, house_offer
from routerd.b2bua.call_media import HOUSE
from routerd.b2bua.midcall import Renegotiation
from routerd.errors import SdpError
from routerd.media import offer_answer

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.leg import Leg
    from routerd.sip.message import Request


class HouseRenegotiation(Renegotiation):
    """One re-INVITE or UPDATE of a guest, on its way to the engine and back."""

    __slots__ = ()

    def __init__(self, call: Call, guest: Leg, method: str) -> None:
        super().__init__(call, guest, guest, method, 0)

    def start(self, offer: bytes, now: float) -> None:
        """Ask the engine."""
        if offer:
            self.call.media.offer(offer, self.offerer, HOUSE, self._offered, now, plain=True)
        else:
            self.call.media.offer(house_offer(), HOUSE, self.offerer, self._house_offered, now)

    def _offered(self, offer: bytes | None, now: float) -> None:
        if self.done:
            return
        try:
            answer = house_answer(offer) if offer else b""
        except SdpError:
            answer = b""
        if not answer:
            self._refuse(488 if offer else 500, now)
            return
        self.call.media.answer(answer, self.offerer, HOUSE, self._described, now)

    def _house_offered(self, sdp: bytes | None, now: float) -> None:
        if self.done:
            return
        if sdp is None:
            self._refuse(500, now)
            return
        self.answer_pending = True
        self.offerer.answer_offer(200, sdp, now)

    def ack_received(self, request: Request, now: float) -> None:
        """Take the answer to the house's offer."""
        if self.answer_pending and request.body:
            self.call.media.answer(request.body, HOUSE, self.offerer, self._answered, now)
        self._finish()

    def _answered(self, sdp: bytes | None, now: float) -> None:
        """The engine knows; there is nobody to tell."""

    def cancelled(self, now: float) -> None:  # noqa: ARG002 - a renegotiation's signature
        """The guest cancelled, and has its 487."""
        self._finish()

    def overtaken(self, now: float) -> None:
        """The guest is joined with somebody: they may ask again."""
        self._refuse(500, now)
        self._finish()

    def _abort(self) -> None:
        self._finish()


def offer_received(call: Call, leg: Leg, request: Request, now: float) -> None:
    """Answer a guest's re-INVITE or UPDATE; without an engine the same emptiness is agreed to again."""
    if call.renegotiation is not None or call.join is not None:
        leg.answer_offer(491, b"", now)
        return
    if request.body:
        try:
            offer_answer.check_offer(request.body)
        except SdpError as error:
            call.exchange.note("sdp_unusable", str(error))
            leg.answer_offer(488, b"", now)
            return
    if not call.media.opened:
        _agree_to_nothing(leg, request, now)
        return
    call.renegotiation = HouseRenegotiation(call, leg, request.method)
    call.renegotiation.start(request.body, now)


def _agree_to_nothing(leg: Leg, request: Request, now: float) -> None:
    sdp = offer_answer.make_black_hole(request.body) if request.body else leg.local_sdp or house.BLACK_HOLE
    leg.answer_offer(200, sdp, now)
