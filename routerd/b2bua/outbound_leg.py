"""One branch of a leg: the client side of an INVITE (RFC 3261 §13.2), with PRACK (RFC 3262) and downstream forks.

Theory of operation. :meth:`OutboundLeg.ring` sends the INVITE. The branch tells its fork what it hears: trying,
ringing (with or without a description), answered, failed, redirected; each at most once after the first final.
:meth:`OutboundLeg.give_up` CANCELs; whatever comes later is cleaned up here: a late 200 is ACKed, then BYEd, and so is
every further 200 of a fork downstream (§13.2.2.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from routerd.b2bua.dialog_requests import Watcher
from routerd.b2bua.exchange import ALLOW, SERVER
from routerd.b2bua.header_policy import ELSEWHERE
from routerd.b2bua.leg import CLOSED, CONFIRMED, EARLY, RELEASING, Leg, LegUser
from routerd.b2bua.outgoing import Outgoing, answer_challenge
from routerd.errors import ParseError
from routerd.sip import build, session_timer
from routerd.sip.dialog import Dialog
from routerd.sip.reliable_provisional import ReliableReceiver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.exchange import Exchange
    from routerd.b2bua.header_policy import InviteParts
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.timers import Timer
    from routerd.sip.transaction_layer import ServerTransaction


class BranchUser(Protocol):
    """The fork, as its branches see it."""

    def branch_ringing(self, branch: OutboundLeg, status: int, sdp: bytes, now: float) -> None:
        """Hear a provisional response above 100."""

    def branch_answered(self, branch: OutboundLeg, response: Response, now: float) -> None:
        """Hear the 2xx; ACK it by ``acknowledge_response``."""

    def branch_failed(self, branch: OutboundLeg, status: int, cause: str, now: float) -> None:
        """Hear the end without answer: a final status, or 0 with a ``cause`` (timeout, transport, dns, silent)."""

    def branch_redirected(self, branch: OutboundLeg, target: str, now: float) -> None:
        """Hear a 3xx with its first Contact."""


class OutboundLeg(Leg):
    """One INVITE of ours to one contact, trunk or address."""

    __slots__ = (
        "_challenged",
        "_from_tag",
        "_min_se",
        "_provisional_timer",
        "_reliable",
        "_strays",
        "call_id",
        "cseq",
        "direct",
        "fork",
        "given_up",
        "offer",
        "outgoing",
        "parts",
        "provisional_seen",
    )

    def __init__(self, exchange: Exchange, call: LegUser, fork: BranchUser, name: str, parts: InviteParts) -> None:
        super().__init__(exchange, call, name)
        self.fork: BranchUser | None = fork
        self.parts = parts
        self.party = parts.user
        self.offer = b""
        self.direct = False  # offered the caller's own description, perhaps before another branch wanted the relay
        self.outgoing: Outgoing | None = None
        self.given_up = False
        self.provisional_seen = False
        self.call_id = exchange.tokens.call_id()
        exchange.ladders.join(call.id, self.call_id, name)
        self.cseq = 0
        self._from_tag = exchange.tokens.tag()
        self._challenged = False
        self._min_se = 0
        self._provisional_timer: Timer | None = None
        self._reliable: ReliableReceiver | None = None
        self._strays: Strays | None = None

    # -- out --

    def ring(self, offer: bytes, flow: Flow | None, provisional_timeout_s: float, now: float) -> None:
        """Send the INVITE with ``offer`` (empty: a delayed offer), on ``flow`` where one is pinned."""
        self.offer = offer
        self.local_sdp = offer
        self.pinned = flow is not None
        self.flow = flow
        self.state = EARLY
        if provisional_timeout_s > 0:
            self._provisional_timer = self.exchange.timers.after(provisional_timeout_s, self, "silent", now)
        self._send(now)

    def _send(self, now: float) -> None:
        self.outgoing = Outgoing(self.exchange, self, self._recipe)
        self.outgoing.start(self.parts.next_hop, self.flow if self.pinned else None, now)

    def _recipe(self, flow: Flow, branch: str) -> Request:
        parts = self.parts
        self.flow = flow
        self.cseq += 1
        extra = [("Allow", ALLOW), ("User-Agent", SERVER), *self._options(), *parts.extra]
        if self.authorization is not None:
            extra.append(self.authorization)
        return build.request(
            "INVITE",
            parts.uri,
            via=self.exchange.flows.via(flow, branch),
            from_=f"{parts.from_};tag={self._from_tag}",
            to=parts.to,
            call_id=self.call_id,
            cseq=self.cseq,
            max_forwards=parts.max_forwards,
            routes=parts.routes,
            contact=self.exchange.flows.contact(flow, parts.user),
            extra=extra,
            body=self.offer,
            content_type="application/sdp" if self.offer else None,
        )

    def _options(self) -> list[tuple[str, str]]:
        # without an offer of ours a reliable 18x would carry one, and its answer would have to go into the PRACK
        supported = "timer, replaces, 100rel" if self.offer else "timer, replaces"
        expires = max(self.exchange.settings.session_expires_s, self._min_se)
        headers = [("Supported", supported), ("Session-Expires", str(expires))]
        headers.append(("Min-SE", str(max(self._min_se, session_timer.MIN_SE))))
        return headers

    def give_up(self, now: float, reasons: Sequence[str] = ()) -> None:
        """Stop ringing: CANCEL, with Reason; nothing more is told to the fork."""
        self.fork = None
        self._stop_provisional()
        if self.state in {CONFIRMED, RELEASING}:
            self.bye(now, reasons)
        elif self.state == EARLY and not self.given_up:
            self.given_up = True
            assert self.outgoing is not None
            self.outgoing.cancel(now, [("Reason", reason) for reason in reasons])

    # -- in --

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take one response to the INVITE."""
        status = response.status
        if outgoing is not self.outgoing:
            return
        try:
            if status < 200:
                self._provisional(response, now)
            elif status < 300:
                self._answered(response, now)
            else:
                self._refused(response, now)
        except ParseError as error:
            self.exchange.note("response_unusable", f"{status}: {error}")
            if 200 <= status < 300:
                self._fail(502, "malformed", now)

    def _provisional(self, response: Response, now: float) -> None:
        self._stop_provisional()
        if not self.provisional_seen and self.given_up:
            return
        self.provisional_seen = True
        if response.status == 100 or self.state != EARLY:
            return
        if response.to.tag is not None:
            self._early_dialog(response)
            self.note_allowed(response)
        if "100rel" in response.require and not self._prack(response, now):
            return
        sdp = response.body if response.content_type == "application/sdp" else b""
        if sdp:
            self.remote_sdp = sdp
        if self.fork is not None and not self.given_up:
            self.fork.branch_ringing(self, response.status, sdp, now)

    def _early_dialog(self, response: Response) -> None:
        if self.dialog is None:
            request = self.outgoing.tx.request if self.outgoing is not None and self.outgoing.tx is not None else None
            self.dialog = Dialog.as_uac(request, response)
        elif self.dialog.remote_tag != response.to.tag:
            self._reliable = None
            self._other_dialog(response)

    def _other_dialog(self, response: Response) -> None:
        """Go on with another dialog of the same INVITE: a fork downstream (§12.1.2)."""
        local_cseq = 0
        if self.dialog is not None:
            local_cseq = self.dialog.local_cseq
            if self.call is not None:
                self.call.leg_closed(self, 0.0)
        self.dialog = Dialog.as_uac(None, response)
        self.dialog.local_cseq = max(local_cseq, self.dialog.local_cseq)

    def _prack(self, response: Response, now: float) -> bool:
        """PRACK a reliable provisional (RFC 3262 §4); False when it is a copy or out of order."""
        if self.dialog is None:
            return False
        if self._reliable is None:
            self._reliable = ReliableReceiver()
        rack = self._reliable.take(response)
        if rack is None:
            return False
        self.send("PRACK", now, extra=[("RAck", rack)], sender=Watcher(self))
        return True

    def _answered(self, response: Response, now: float) -> None:
        self._stop_provisional()
        if self.state in {CONFIRMED, RELEASING, CLOSED} and self.dialog is not None:
            self._answered_again(response, now)
            return
        self._confirm(response)
        self.note_allowed(response)
        if self.given_up or self.fork is None:
            self.exchange.note("answered_late", self.name)
            self.acknowledge_response(response)
            self.bye(now, [ELSEWHERE])
            return
        self.start_session(session_timer.from_response(response, self.timer_offer(), insist=True), now)
        self.fork.branch_answered(self, response, now)

    def _answered_again(self, response: Response, now: float) -> None:
        """Take a further 2xx: a copy gets its ACK again, one of another fork downstream ACK and BYE."""
        assert self.dialog is not None
        if self.dialog.remote_tag == response.to.tag:
            self.repeat_ack(response)
            return
        if self._strays is None:
            self._strays = Strays(self)
        self._strays.dismiss(response, now)

    def _confirm(self, response: Response) -> None:
        if self.dialog is None or self.dialog.remote_tag != (response.to.tag or ""):
            self._other_dialog(response)
        else:
            self.dialog.confirm(response)
        self.state = CONFIRMED
        if response.body:
            self.remote_sdp = response.body

    def close(self, now: float) -> None:
        """Forget the dialog; what still comes for the INVITE is looked after without this leg."""
        outgoing, self.outgoing = self.outgoing, None
        if outgoing is not None and not outgoing.closed:
            strays = self._strays or Strays(self)
            strays.acks = self.acks
            outgoing.sender = strays
        self._strays = None
        self.fork = None
        super().close(now)

    def _bye_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        if self.state != EARLY:
            super()._bye_received(tx, request, now)
            return
        # a callee may not BYE before it has answered (§15); who does so all the same wants no call
        self.refuse(tx, request, 200, now)
        fork = self.fork
        if fork is not None:
            self.give_up(now)
            fork.branch_failed(self, 480, "bye", now)

    def _refused(self, response: Response, now: float) -> None:
        self._stop_provisional()
        if self._answer_challenge(response, now) or self._longer_session(response, now):
            return
        if 300 <= response.status < 400 and not self.given_up and self.fork is not None:
            contacts = response.contacts
            if contacts:
                fork, self.fork = self.fork, None
                self._end(now)
                fork.branch_redirected(self, contacts[0].uri_text, now)
                return
        self._fail(response.status, "", now)

    def _answer_challenge(self, response: Response, now: float) -> bool:
        """Answer 401/407 once, with this trunk's own credentials and to this trunk only (RFC 3261 §22.2)."""
        auth = self.trunk.auth if self.trunk is not None else None
        if response.status not in {401, 407} or auth is None or self._challenged or self.given_up:
            return False
        self._challenged = True
        self.authorization = answer_challenge(
            response, "INVITE", self.parts.uri, auth.username, auth.password, auth.realm, self.exchange.tokens.nonce()
        )
        if self.authorization is None:
            return False
        self._resend(now)
        return True

    def _longer_session(self, response: Response, now: float) -> bool:
        """Try once more with the interval that a 422 names (RFC 4028 §7.3)."""
        if response.status != 422 or self._min_se or self.given_up:
            return False
        text = (response.get("Min-SE") or "").partition(";")[0].strip()
        if not text.isdigit() or not session_timer.MIN_SE <= int(text) <= 86400:
            return False
        self._min_se = int(text)
        self._resend(now)
        return True

    def _resend(self, now: float) -> None:
        if self.outgoing is not None:
            self.outgoing.close()
        if self.dialog is not None and self.call is not None:
            self.call.leg_closed(self, now)
        self.dialog = None
        self._reliable = None
        self._send(now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Take silence, a lost transport or a name without address as failure."""
        if outgoing is self.outgoing:
            self._fail(408 if cause == "timeout" else 0, cause, now)

    def _fail(self, status: int, cause: str, now: float) -> None:
        if self.state in {CLOSED, RELEASING}:
            return
        fork, self.fork = self.fork, None
        self._end(now)
        if fork is not None:
            fork.branch_failed(self, status, cause, now)

    def _end(self, now: float) -> None:
        self._stop_provisional()
        if self.outgoing is not None:
            self.outgoing.drop(now)
        self.close(now)

    def _stop_provisional(self) -> None:
        if self._provisional_timer is not None:
            self._provisional_timer.cancel()
            self._provisional_timer = None

    def timer_fired(self, name: str, now: float) -> None:
        """After ``provisional_timeout_s`` of silence the leg is unreachable; the transaction lives to timer B."""
        if name != "silent":
            super().timer_fired(name, now)
            return
        self._provisional_timer = None
        fork, self.fork = self.fork, None
        if fork is not None:
            self.give_up(now)
            fork.branch_failed(self, 0, "silent", now)


class Strays:
    """Looks after further 2xx of an INVITE whose leg has its dialog, or is over (RFC 3261 §13.2.2.4, RFC 6026).

    A copy of the leg's own 2xx gets its ACK again; each other dialog gets ACK and BYE, once, and its copies their ACK.
    """

    __slots__ = ("_dismissed", "_exchange", "_flow", "_own_tag", "_pinned", "acks")

    def __init__(self, leg: OutboundLeg) -> None:
        self._exchange = leg.exchange
        self._flow = leg.flow
        self._pinned = leg.pinned
        self.acks = leg.acks
        self._own_tag = leg.dialog.remote_tag if leg.dialog is not None else ""
        self._dismissed: dict[str, Leg] = {}

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take a response after the leg's end."""
        if response.status < 200:
            return
        if response.status >= 300:
            outgoing.close()
        elif response.to.tag != self._own_tag:
            self.dismiss(response, now)
        for number, ack, flow in self.acks:
            if response.to.tag == self._own_tag and number == response.cseq.number:
                self._exchange.transmit(ack, flow)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Nothing more comes."""

    def dismiss(self, response: Response, now: float) -> None:
        """ACK a 2xx that nobody wants, then hang up."""
        tag = response.to.tag or ""
        stray = self._dismissed.get(tag)
        if stray is not None:
            stray.repeat_ack(response)
            return
        stray = self._dismissed[tag] = Leg(self._exchange, NOBODY, "stray")
        stray.dialog = Dialog.as_uac(None, response)
        stray.flow = self._flow
        stray.pinned = self._pinned
        stray.state = CONFIRMED
        stray.acknowledge_response(response)
        stray.bye(now, [ELSEWHERE])


class _Nobody:
    """The call of a leg whose call is gone."""

    id = ""

    def leg_closed(self, leg: Leg, now: float) -> None:
        """Nothing waits for it."""


NOBODY: Final[LegUser] = cast("LegUser", _Nobody())
