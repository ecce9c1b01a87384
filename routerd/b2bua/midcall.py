"""What crosses between the two sides of a call: provisionals, offers and answers, INFO and the like.

Theory of operation. A re-INVITE or UPDATE of one side becomes one of the other: a :class:`Renegotiation`, of which a
call has at most one, so glare is refused with 491 on whichever side comes second (RFC 3261 §14.1, RFC 3311 §5.2). An
offer passes the media engine on its way out, its answer on the way back. A re-INVITE without a description asks the
other side for its offer, whose ACK then waits for the answer in ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua import digits, holding, house, joining
from routerd.b2bua.call_media import filtered
from routerd.b2bua.call_states import CONNECTED, RINGING, TREATED
from routerd.b2bua.dialog_requests import Watcher
from routerd.b2bua.header_policy import hops_left
from routerd.b2bua.inbound_leg import InboundLeg
from routerd.b2bua.leg import CLOSED, CONFIRMED, EARLY
from routerd.errors import ParseError, SdpError
from routerd.media import offer_answer
from routerd.sip import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.call import Call
    from routerd.b2bua.leg import Leg
    from routerd.b2bua.outbound_leg import OutboundLeg
    from routerd.b2bua.outgoing import Outgoing
    from routerd.sip.message import Request, Response
    from routerd.sip.transaction_layer import ServerTransaction

SDP: Final = "application/sdp"
DTMF_TYPES: Final = frozenset({"application/dtmf-relay", "application/dtmf"})
INFO_TYPES: Final = DTMF_TYPES | {"application/media_control+xml", "application/broadsoft", "text/plain"}
NO_INFO: Final = frozenset({405, 415, 420, 501})
MAX_MESSAGE_BYTES: Final = 16_384
CROSSING_STATUS: Final = frozenset({400, 403, 415, 422, 480, 486, 488, 491, 500, 503, 504, 600, 603, 606})


def reject(leg: Leg, status: int, headers: Sequence[tuple[str, str]], now: float) -> None:
    """Refuse the caller's INVITE where it is still open."""
    if isinstance(leg, InboundLeg):
        leg.reject(status, now, headers)


# -- before the answer --


def progress(call: Call, branch: OutboundLeg, status: int, sdp: bytes, now: float) -> None:
    """Tell the caller that it rings; the first branch with early media is the one that is heard."""
    caller = call.caller
    if not isinstance(caller, InboundLeg):
        return
    if call.early is not None and call.early.state == CLOSED:
        call.early = None  # a trunk that played something and failed: the next one may be heard
    if sdp and (call.early is None or call.early is branch) and caller.remote_sdp:
        call.early = branch

        def described(answer: bytes | None, when: float) -> None:
            if call.state == RINGING and call.early is branch and answer:
                call.progress_sent = status
                caller.progress(status if status != 180 else 183, answer, when)

        if branch.direct:
            described(sdp, now)
        else:
            call.media.answer(sdp, caller, branch, described, now)
    elif call.progress_sent != status and call.early is None:
        call.progress_sent = status
        caller.progress(status, b"", now)


# -- offers across --


def offer_received(call: Call, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
    """Begin to pass a re-INVITE or UPDATE across, or refuse it."""
    other = call.other(leg)
    if other is None and leg is call.caller and call.state == TREATED:
        call.guest_offered(leg, request, now)
        return
    if other is None and leg is call.caller and call.state == RINGING:
        other = call.early
    if other is None or other.dialog is None or other.state not in {EARLY, CONFIRMED}:
        leg.answer_offer(491 if request.method == "INVITE" else 500, b"", now, [("Retry-After", "2")])
        return
    if call.renegotiation is not None or call.join is not None or other.incoming is not None or other.delayed:
        leg.answer_offer(491, b"", now)
        return
    if hops_left(request) < 0:
        leg.answer_offer(483, b"", now)
        return
    if request.body:
        if request.content_type != SDP:
            leg.answer_offer(415, b"", now, [("Accept", SDP)])
            return
        try:
            offer_answer.check_offer(request.body)
        except SdpError as error:
            call.exchange.note("sdp_unusable", str(error))
            leg.answer_offer(488, b"", now)
            return
    del tx
    call.renegotiation = Renegotiation(call, leg, other, request.method, hops_left(request))
    call.renegotiation.start(request.body, now)


class Renegotiation:
    """One re-INVITE or UPDATE on its way across and back."""

    __slots__ = (
        "_hops", "answer_pending", "asked", "call", "done", "method", "offer", "offerer", "outgoing", "receiver",
        "response",
    )  # fmt: skip

    def __init__(self, call: Call, offerer: Leg, receiver: Leg, method: str, hops: int) -> None:
        self.call = call
        self.offerer = offerer
        self.receiver = receiver
        self.method = method
        self._hops = hops
        if receiver.state != CONFIRMED:
            self.method = "UPDATE"
        elif not receiver.peer_updates:
            self.method = "INVITE"
        self.offer = b""
        self.asked = b""
        self.outgoing: Outgoing | None = None
        self.response: Response | None = None
        self.answer_pending = False
        self.done = False

    def start(self, offer: bytes, now: float) -> None:
        """Send the offer on (through the engine), or ask the other side for one."""
        if not offer:
            self._send(b"", now)
            return
        self.asked = offer
        offer = holding.offered_to_held(self.call, offer)
        self.call.media.offer(offer, self.offerer, self.receiver, self._offered, now)

    def _offered(self, offer: bytes | None, now: float) -> None:
        if self.done:
            return
        if offer is None:
            self._refuse(500, now)
            return
        try:
            self._send(filtered(offer, self.receiver.codecs), now)
        except SdpError:
            self._refuse(488, now)

    def _send(self, body: bytes, now: float) -> None:
        if self.receiver.state not in {EARLY, CONFIRMED}:
            self._refuse(481, now)
            return
        if self.method == "UPDATE" and not self.receiver.peer_updates:
            # before the answer there is no other way to change a session (RFC 3311 §5.1)
            self._refuse(488, now)
            return
        self.offer = body
        self.outgoing = self.receiver.outgoing_offer = self.receiver.send(
            self.method,
            now,
            extra=self.receiver.offer_headers(),
            body=body,
            content_type=SDP if body else None,
            sender=self,
            max_forwards=self._hops,
        )

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take the other side's answer."""
        if response.status < 200:
            return
        if self.response is not None:
            if 200 <= response.status < 300 and self.method == "INVITE":
                self.receiver.repeat_ack(response)
            return
        if self.done:
            self._after_cancel(outgoing, response, now)
            return
        if 200 <= response.status < 300:
            self._accepted(outgoing, response, now)
            return
        outgoing.close()
        self.receiver.outgoing_offer = None
        status = response.status
        self._refuse(status if status in CROSSING_STATUS else 488, now)
        if status in {481, 408}:
            Watcher(self.receiver).response_received(outgoing, response, now)

    def _accepted(self, outgoing: Outgoing, response: Response, now: float) -> None:
        receiver, offerer = self.receiver, self.offerer
        self.response = response
        receiver.outgoing_offer = None
        receiver.offer_accepted(response, now)
        receiver.local_sdp = self.offer or receiver.local_sdp
        if response.body:
            receiver.remote_sdp = response.body
        if self.method == "INVITE" and not self.offer and response.body:
            # the ACK waits: it must carry the answer that our own ACK will bring (RFC 3261 §13.2.1)
            self.answer_pending = True
            receiver.delayed = response
            self.call.media.offer(response.body, receiver, offerer, self._described, now)
            return
        if self.method == "INVITE":
            receiver.acknowledge_response(response)
        else:
            outgoing.close()
        self.call.media.answer(response.body, offerer, receiver, self._described, now)

    def cancelled(self, now: float) -> None:
        """The offerer cancelled (its INVITE has its 487): so do we; nobody may offer until the answer is in."""
        if self.done or self.method != "INVITE" or self.outgoing is None or self.response is not None:
            self._abort()
            return
        self.done = True
        self.outgoing.cancel(now)

    def _after_cancel(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take the end of what was cancelled; a 200 that crossed the CANCEL is acknowledged like any other."""
        self.response = response
        if self.receiver.outgoing_offer is outgoing:
            self.receiver.outgoing_offer = None
        if response.status < 300:
            self.receiver.offer_accepted(response, now)
            self.receiver.local_sdp = self.offer or self.receiver.local_sdp
        if response.status < 300 and self.method == "INVITE":
            self.receiver.acknowledge_response(response, body=joining.refusal_of(response) if not self.offer else b"")
        else:
            outgoing.close()
        self._finish()

    def _abort(self) -> None:
        """Leave a renegotiation whose offerer will send no answer: what the other side offered is refused."""
        if self.answer_pending and self.response is not None and self.receiver.state == CONFIRMED:
            self.answer_pending = False
            self.receiver.delayed = None
            self.receiver.acknowledge_response(self.response, body=joining.refusal_of(self.response))
        self._finish()

    def overtaken(self, now: float) -> None:
        """Its parties get another session: what the old one's engine was asked will never be answered."""
        if self.outgoing is not None and self.response is None:
            return  # the other side's answer is still to come, and ends it
        self._refuse(500, now)
        self._abort()

    def leave(self) -> None:
        """The call is over, but a party may live on in another: nothing more passes, every 2xx is acknowledged."""
        if self.answer_pending:
            self._abort()
        self.done = True

    def _described(self, sdp: bytes | None, now: float) -> None:
        if self.done:
            return
        if sdp is None:
            self._refuse(500, now)
            self._abort()
            return
        self.offerer.answer_offer(200, holding.answered_to_holder(self.asked, sdp) if self.asked else sdp, now)
        if not self.answer_pending:
            self._finish()
            if self.asked and self.call.state == CONNECTED:
                holding.renegotiated(self.call, self.offerer, self.receiver, self.asked, now)

    def ack_received(self, request: Request, now: float) -> None:
        """Take our ACK's answer across: the other side's ACK has waited for it."""
        if not self.answer_pending or self.response is None:
            return
        self.call.media.answer(request.body, self.receiver, self.offerer, self._answered, now)

    def _answered(self, sdp: bytes | None, now: float) -> None:  # noqa: ARG002 - one signature for all continuations
        if self.response is not None and self.receiver.state == CONFIRMED:
            self.receiver.delayed = None
            self.receiver.local_sdp = sdp or self.receiver.local_sdp
            self.receiver.acknowledge_response(self.response, body=sdp or b"")
        self._finish()

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Silence: the offer is refused, and the other side taken for dead (RFC 3261 §12.2.1.2)."""
        self.receiver.outgoing_offer = None
        self._refuse(504, now)
        self._finish()
        if cause != "cancelled":
            Watcher(self.receiver).unanswered(outgoing, cause, now)

    def _refuse(self, status: int, now: float) -> None:
        if not self.done:
            self._finish()
            self.offerer.answer_offer(status, b"", now)

    def _finish(self) -> None:
        self.done = True
        self.outgoing = None
        if self.call.renegotiation is self:
            self.call.renegotiation = None


def offer_cancelled(call: Call, leg: Leg, now: float) -> None:
    """Take the CANCEL of a re-INVITE across."""
    if call.renegotiation is not None and call.renegotiation.offerer is leg:
        call.renegotiation.cancelled(now)


def ack_received(call: Call, leg: Leg, request: Request, now: float) -> None:
    """Take the ACK of our 2xx: it may complete a delayed offer, or let a joining go on."""
    if call.join is not None:
        call.join.acknowledged(leg, now)
    house.acknowledged(call, leg, request, now)
    if call.renegotiation is not None and call.renegotiation.offerer is leg:
        call.renegotiation.ack_received(request, now)
        return
    peer = call.peer
    delayed = peer.delayed if peer is not None else None
    if leg is not call.caller or peer is None or delayed is None or call.state != CONNECTED:
        return

    def answered(sdp: bytes | None, when: float) -> None:  # noqa: ARG001 - one signature for all continuations
        peer.delayed = None
        if peer.state == CONFIRMED:
            peer.local_sdp = sdp or b""
            peer.acknowledge_response(delayed, body=sdp or b"")

    # until the answer is there the 2xx waits: should the call end first, its goodbye acknowledges it
    call.media.answer(request.body, peer, leg, answered, now)


# -- other requests across --


def request_received(call: Call, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
    """Pass INFO and MESSAGE across; digits for the engine stop here; NOTIFY is for transfers and answered."""
    method, kind = request.method, request.content_type
    if method == "NOTIFY":
        leg.refuse(tx, request, 200 if (request.get("Event") or "").lower().startswith("refer") else 489, now)
        return
    if len(request.body) > MAX_MESSAGE_BYTES:
        leg.refuse(tx, request, 413, now)
        return
    if method == "INFO" and request.body and kind not in INFO_TYPES:
        leg.refuse(tx, request, 415, now, [("Accept", ", ".join(sorted(INFO_TYPES)))])
        return
    if method == "INFO" and kind in DTMF_TYPES and _digit_taken(call, leg, tx, request, now):
        return
    other = call.other(leg)
    if other is None or other.state != CONFIRMED:
        leg.refuse(tx, request, 200 if method == "INFO" and not request.body else 481, now)
        return
    if hops_left(request) < 0:
        leg.refuse(tx, request, 483, now)
        return
    headers = [(name, value) for name in ("Info-Package", "Subject") for value in request.get_all(name)]
    other.send(
        method,
        now,
        extra=headers,
        body=request.body,
        content_type=request.get("Content-Type"),
        sender=DigitEcho(call, leg, tx, other, digit_of(request)) if kind in DTMF_TYPES else Echo(leg, tx, other),
        max_forwards=hops_left(request),
    )


def _digit_taken(call: Call, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> bool:
    """Whether an INFO's digit goes no further as INFO: it is for us, or the engine makes events of it."""
    digit = digit_of(request)
    other = call.other(leg)
    if not digit:
        return False
    if digits.for_us(call, leg):
        leg.refuse(tx, request, 200, now)  # first: what the digit does may end this dialog
        if not digits.repeated(call, leg, digit, digits.INFO, now):
            digits.take(call, leg, digit, now)
        return True
    if other is None or not digits.converts(call, other):
        return False
    leg.refuse(tx, request, 200, now)
    if not digits.repeated(call, leg, digit, digits.INFO, now):
        digits.inject(call, leg, digit)
    return True


def digit_of(request: Request) -> str | None:
    """Return the digit of a DTMF INFO: ``Signal=5`` or a bare digit."""
    text = request.body.decode("ascii", "replace").strip()
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and name.strip().lower() == "signal":
            text = value.strip()
            break
    return text.upper() if len(text) == 1 and text.upper() in "0123456789*#ABCD" else None


class Echo:
    """Carries the answer of a request that was passed across back to where it came from."""

    __slots__ = ("leg", "tx", "watcher")

    def __init__(self, leg: Leg, tx: ServerTransaction, other: Leg) -> None:
        self.leg = leg
        self.tx = tx
        self.watcher = Watcher(other)

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Answer with the same status."""
        if response.status >= 200:
            # a challenge is between us and the other side
            self._answer(500 if response.status in {401, 407} else response.status, now)
            self.watcher.response_received(outgoing, response, now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Silence on the other side is a 500 here: a 408 to a non-INVITE helps nobody (RFC 4320 §4.2)."""
        self._answer(500, now)
        self.watcher.unanswered(outgoing, cause, now)

    def _answer(self, status: int, now: float) -> None:
        request = self.tx.request
        if request is None:
            return
        status = 500 if status == 408 else status
        try:
            response = build.response(request, status)
        except ParseError as error:
            self.leg.exchange.note("answer_unusable", str(error))
            return
        self.leg.exchange.layer.respond(self.tx, response, now)


class DigitEcho(Echo):
    """The same for a digit: who refuses INFO after all gets it from the engine, this one and those that follow."""

    __slots__ = ("call", "digit", "other")

    def __init__(self, call: Call, leg: Leg, tx: ServerTransaction, other: Leg, digit: str | None) -> None:
        super().__init__(leg, tx, other)
        self.call = call
        self.digit = digit
        self.other = other

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Answer with the same status, unless the engine can do what the other side cannot."""
        if response.status in NO_INFO and self.digit is not None:
            self.other.peer_informs = False
            if digits.converts(self.call, self.other):
                outgoing.close()
                digits.inject(self.call, self.leg, self.digit)
                self._answer(200, now)
                return
        super().response_received(outgoing, response, now)
