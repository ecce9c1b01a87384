"""One branch of a leg: the client side of an INVITE (RFC 3261 §13.2), with PRACK (RFC 3262) and downstream forks.

Theory of operation. :meth:`OutboundLeg.ring` sends the INVITE. The branch tells its fork what it hears: trying,
ringing (with or without a description), answered, failed, redirected; each at most once after the first final.
:meth:`OutboundLeg.give_up` CANCELs; whatever comes later is cleaned up here: a late 200 is ACKed, then BYEd, and so is
every further 200 of a fork downstream (§13.2.2.4).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol, cast

from routerd.b2bua.exchange import ALLOW, SERVER
from routerd.b2bua.leg import CLOSED, CONFIRMED, EARLY, RELEASING, Leg, LegUser, Watcher
from routerd.b2bua.outgoing import Outgoing
from routerd.errors import ParseError
from routerd.sip import build, digest, session_timer
from routerd.sip.dialog import Dialog
from routerd.sip.reliable_provisional import ReliableReceiver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.exchange import Exchange
    from routerd.b2bua.header_policy import InviteParts
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.timers import Timer


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
        "_authorization",
        "_challenged",
        "_from_tag",
        "_min_se",
        "_provisional_timer",
        "_reliable",
        "call_id",
        "cseq",
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
        self.outgoing: Outgoing | None = None
        self.given_up = False
        self.provisional_seen = False
        self.call_id = exchange.tokens.call_id()
        self.cseq = 0
        self._from_tag = exchange.tokens.tag()
        self._authorization: tuple[str, str] | None = None
        self._challenged = False
        self._min_se = 0
        self._provisional_timer: Timer | None = None
        self._reliable: ReliableReceiver | None = None

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
        if self._authorization is not None:
            extra.append(self._authorization)
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
            local_cseq = self.dialog.local_cseq
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
        if self.state in {CONFIRMED, RELEASING} and self.dialog is not None:
            if self.dialog.remote_tag == response.to.tag:
                self.repeat_ack(response)
            else:
                farewell(self.exchange, response, self, now)
            return
        self._confirm(response)
        if self.given_up or self.fork is None:
            self.exchange.note("answered_late", self.name)
            self.acknowledge_response(response)
            self.bye(now, ['SIP;cause=200;text="Call completed elsewhere"'])
            return
        self.start_session(session_timer.from_response(response, self.timer_offer(), insist=True), now)
        self.fork.branch_answered(self, response, now)

    def _confirm(self, response: Response) -> None:
        if self.dialog is None or self.dialog.remote_tag != (response.to.tag or ""):
            local_cseq = 0 if self.dialog is None else self.dialog.local_cseq
            self.dialog = Dialog.as_uac(None, response)
            self.dialog.local_cseq = max(local_cseq, self.dialog.local_cseq)
        else:
            self.dialog.confirm(response)
        self.state = CONFIRMED
        if response.body:
            self.remote_sdp = response.body

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
        self._authorization = answer_challenge(
            response, "INVITE", self.parts.uri, auth.username, auth.password, auth.realm, self.exchange.tokens.nonce()
        )
        if self._authorization is None:
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
        self.dialog = None
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
            self.outgoing.close()
        self.close(now)

    def _stop_provisional(self) -> None:
        if self._provisional_timer is not None:
            self._provisional_timer.cancel()
            self._provisional_timer = None

    def timer_fired(self, name: str, now: float) -> None:
        """After ``provisional_timeout_s`` of silence the leg counts as unreachable; the transaction lives to timer B."""
        if name != "silent":
            super().timer_fired(name, now)
            return
        self._provisional_timer = None
        fork, self.fork = self.fork, None
        if fork is not None:
            self.give_up(now)
            fork.branch_failed(self, 0, "silent", now)


def answer_challenge(
    response: Response, method: str, uri: str, username: str, password: str, realm: str | None, cnonce: str
) -> tuple[str, str] | None:
    """Return the header that answers a 401 or 407, or None when no challenge of that realm can be answered."""
    asked, given = ("WWW-Authenticate", "Authorization")
    if response.status == 407:
        asked, given = ("Proxy-Authenticate", "Proxy-Authorization")
    challenge = digest.choose_challenge(response.get_all(asked), realm)
    if challenge is None:
        return None
    value = digest.authorization(
        challenge, method=method, uri=uri, username=username, password=password, cnonce=cnonce, nc=1
    )
    return given, value


def farewell(exchange: Exchange, response: Response, leg: Leg, now: float) -> None:
    """ACK and BYE a 200 that nobody wants: a second branch of a fork downstream (RFC 3261 §13.2.2.4)."""
    stray = Leg(exchange, leg.call or NOBODY, "stray")
    stray.dialog = Dialog.as_uac(None, response)
    stray.flow = leg.flow
    stray.pinned = leg.pinned
    stray.state = CONFIRMED
    stray.acknowledge_response(response)
    stray.bye(now)


class _Nobody:
    """The call of a leg whose call is gone."""

    id = ""

    def leg_closed(self, leg: Leg, now: float) -> None:
        """Nothing waits for it."""


NOBODY: Final[LegUser] = cast("LegUser", _Nobody())
