"""Joining two answered legs that did not answer each other: third-party call control (RFC 3725 §4.4).

Theory of operation. One leg is asked for an offer (or has one pending in its unacknowledged 200), the other gets it in
a re-INVITE, and its answer goes into the first one's ACK::

    second <-- INVITE (no SDP) --          (left out when its 200 with an offer waits for the ACK)
    second --- 200 (offer) ------>
                        first <-- INVITE (offer) ---
                        first --- 200 (answer) ---->   ACK
    second <-- ACK (answer) ------

Used by click-to-call, by queues and menus that lead to an agent, by transfers, and when an engine was lost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua import holding
from routerd.b2bua.call_media import filtered
from routerd.b2bua.leg import CONFIRMED
from routerd.errors import SdpError
from routerd.media import offer_answer, sdp

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.call import Call
    from routerd.b2bua.leg import Leg
    from routerd.b2bua.outgoing import Outgoing
    from routerd.sip.message import Response

GLARE_RETRIES = 4
GLARE_WAIT_S = 1.5


def join(call: Call, first: Leg, second: Leg, now: float) -> None:
    """Join two answered legs of ``call``; it hears ``joined``, or ``broken`` when they cannot agree."""
    if call.join is not None and call.join.follow(lambda when: join(call, first, second, when)):
        return
    holding.forget(call)
    call.media.renew()
    if call.media.forced or "relay" in {first.media, second.media}:
        call.media.want_relay()
    else:
        call.media.go_direct()
    if call.renegotiation is not None:
        call.renegotiation.overtaken(now)
    call.join = Join(call, first, second)
    call.join.start(now)


class Join:
    """One joining under way; the call holds it until it is done."""

    __slots__ = ("call", "done", "first", "offer", "pending", "phase", "retries", "second", "waiting")

    def __init__(self, call: Call, first: Leg, second: Leg) -> None:
        self.call = call
        self.first = first
        self.second = second
        self.pending: Response | None = None
        self.offer = b""
        self.phase = "asking"
        self.retries = 0
        self.waiting: Leg | None = None
        self.done = False

    # -- the second leg's offer --

    def start(self, now: float) -> None:
        """Ask the second leg for its offer, unless its 200 brought one that nobody has answered."""
        self.pending = self.second.delayed
        if self.pending is not None:
            self.second.delayed = None
            self._offered(self.pending, now)
            return
        self.phase = "asking"
        self._invite(self.second, b"", now)

    def _invite(self, leg: Leg, body: bytes, now: float) -> None:
        if leg.incoming is not None or leg.outgoing_offer is not None:
            self._again(now)
            return
        if leg.invite_tx is not None:
            self.waiting = leg  # no INVITE while ours still wants its ACK (RFC 3261 §14.1): see acknowledged
            return
        leg.outgoing_offer = leg.send(
            "INVITE",
            now,
            extra=leg.offer_headers(),
            body=body,
            content_type="application/sdp" if body else None,
            sender=self,
        )

    def _again(self, now: float) -> None:
        """Glare: the peer renegotiates by itself; wait and try again (RFC 3261 §14.1)."""
        self.retries += 1
        if self.retries > GLARE_RETRIES:
            self._fail(491, now)
            return
        wait = GLARE_WAIT_S + self.call.exchange.tokens.number(200) / 100
        self.call.exchange.timers.after(wait, self, "glare", now)

    def acknowledged(self, leg: Leg, now: float) -> None:
        """Go on with the leg that has now acknowledged our 2xx."""
        if leg is self.waiting:
            self.waiting = None
            self._invite_next(now)

    def timer_fired(self, name: str, now: float) -> None:  # noqa: ARG002
        """Try again after glare."""
        self._invite_next(now)

    def _invite_next(self, now: float) -> None:
        if self.done:
            return
        if self.phase == "asking":
            self._invite(self.second, b"", now)
        else:
            self._invite(self.first, self.offer, now)

    def _offered(self, response: Response, now: float) -> None:
        self.pending = response
        if not response.body:
            self._fail(488, now)
            return
        self.second.remote_sdp = response.body
        self.phase = "offering"
        self.call.media.offer(response.body, self.second, self.first, self._relayed, now)

    def _relayed(self, offer: bytes | None, now: float) -> None:
        if self.done:
            return
        if offer is None:
            self._fail(500, now)
            return
        try:
            self.offer = filtered(offer, self.first.codecs)
        except SdpError:
            self._fail(488, now)
            return
        self._invite(self.first, self.offer, now)

    # -- the first leg's answer --

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take a response of either leg."""
        leg = self.second if self.phase == "asking" else self.first
        if response.status < 200:
            return
        if self.done or outgoing is not leg.outgoing_offer:
            self._too_late(outgoing, response, now)
            return
        leg.outgoing_offer = None
        if response.status == 491:
            outgoing.close()
            self._again(now)
        elif response.status >= 300:
            outgoing.close()
            self._fail(response.status, now)
        else:
            leg.offer_accepted(response, now)
            self._accepted(response, now)

    def _too_late(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take a repeated 2xx, or the first answer to what was given up meanwhile: its leg may live on."""
        leg = self._whose(response)
        if outgoing is not leg.outgoing_offer:
            if response.status < 300:
                leg.repeat_ack(response)
            return
        leg.outgoing_offer = None
        if response.status >= 300:
            outgoing.close()
        else:
            leg.offer_accepted(response, now)
            leg.acknowledge_response(response, body=refusal_of(response) if self.phase == "asking" else b"")

    def follow(self, step: Callable[[float], None]) -> bool:  # noqa: ARG002 - see Anchor
        """Whether another joining must wait for this one, and ``step(now)`` will come: not here."""
        return False

    def _accepted(self, response: Response, now: float) -> None:
        if self.phase == "asking":
            self._offered(response, now)
        else:
            self._answered(response, now)

    def _whose(self, response: Response) -> Leg:
        """Return the leg to whose INVITE a repeated 2xx belongs."""
        dialog = self.second.dialog
        return self.second if dialog is not None and dialog.call_id == response.call_id else self.first

    def _answered(self, response: Response, now: float) -> None:
        self.first.acknowledge_response(response)
        if not response.body:
            self._fail(488, now)  # an offer without an answer (RFC 3264 §5): nobody would hear anybody
            return
        self.first.local_sdp = self.offer
        self.first.remote_sdp = response.body
        self.phase = "answering"
        self.call.media.answer(response.body, self.second, self.first, self._finished, now)

    def _finished(self, answer: bytes | None, now: float) -> None:
        if self.done:
            return
        if answer is None:
            self._fail(500, now)
            return
        assert self.pending is not None
        self.second.local_sdp = answer
        self.second.acknowledge_response(self.pending, body=answer)
        self._end()
        self.call.media.leave_old()
        self.call.happen("joined", now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:  # noqa: ARG002
        """One of the two is silent."""
        if not self.done:
            self._fail(504, now)

    # -- ends --

    def leg_gone(self, leg: Leg, now: float) -> None:
        """One of the two hung up meanwhile; the call deals with it."""
        if leg in {self.first, self.second}:
            self.stop(now)

    def stop(self, now: float) -> None:  # noqa: ARG002 - one signature for all ends
        """Give up joining; an offer that waits for its answer is refused, so that its leg can be hung up."""
        if self.done:
            return
        self._end()
        if self.pending is not None and self.phase != "done" and self.second.state == CONFIRMED:
            self.second.acknowledge_response(self.pending, body=refusal_of(self.pending))

    def _fail(self, status: int, now: float) -> None:
        self.stop(now)
        reason = "media_timeout" if self.call.media.silent else "unreachable"
        self.call.broken(reason, status if status in {488, 491, 504} else 500, now)

    def _end(self) -> None:
        self.done = True
        if self.call.join is self:
            self.call.join = None


def refusal_of(response: Response) -> bytes:
    """Return the answer that refuses every line of the offer in a 2xx (RFC 3264 §6), for an ACK that must bear one."""
    try:
        return offer_answer.refuse_all(response.body, sdp.parse(response.body).origin)
    except SdpError:
        return b""
