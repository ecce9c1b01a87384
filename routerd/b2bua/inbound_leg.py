"""The caller's leg: the server side of an INVITE (RFC 3261 §13.3), with reliable provisionals (RFC 3262).

Theory of operation. ``take`` makes the dialog and sends 100; ``progress`` sends a 18x, ``answer`` the 2xx, ``reject``
any other final response. When a reliable 18x that carried a description is not yet acknowledged by PRACK, later
provisionals and the answer wait for it (RFC 3262 §3), at most 64*T1, after which the call is refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from routerd.b2bua.exchange import ALLOW, SERVER
from routerd.b2bua.leg import CLOSED, CONFIRMED, EARLY, RELEASING, Leg, LegUser
from routerd.errors import RemoteProtocolError
from routerd.sip import build, session_timer
from routerd.sip.dialog import Dialog
from routerd.sip.reliable_provisional import FIRST_RSEQ_BELOW, ReliableSender
from routerd.sip.server_location import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.exchange import Exchange
    from routerd.sip.message import Request, Response
    from routerd.sip.transaction_layer import ServerTransaction


class CallerUser(LegUser, Protocol):
    """The call, as its caller's leg sees it before the answer."""

    def caller_cancelled(self, why: Sequence[str], now: float) -> None:
        """Hear that the caller gave up; the CANCEL has been answered, the INVITE not."""


class InboundLeg(Leg):
    """The leg on which an INVITE came in; made by the switch, then :meth:`take`."""

    __slots__ = ("_described", "_held", "_reliable", "_wants_reliable", "request", "tx")

    def __init__(self, exchange: Exchange, call: CallerUser, tx: ServerTransaction, request: Request) -> None:
        super().__init__(exchange, call, "caller")
        self.tx: ServerTransaction | None = tx
        self.request: Request | None = request
        self.flow = tx.flow
        self._reliable: ReliableSender | None = None
        self._wants_reliable = False
        self._described = False
        self._held: tuple[bytes, tuple[tuple[str, str], ...]] | None = None

    def take(self, now: float) -> None:
        """Accept the INVITE for processing: dialog, 100, session timer. Raises RemoteProtocolError (422)."""
        tx, request = self.tx, self.request
        assert tx is not None
        assert request is not None
        tag = self.exchange.tokens.tag()
        session = session_timer.negotiate_uas(request, self.timer_offer())
        self.dialog = Dialog.as_uas(request, tag)
        self.session = session
        self.remote_sdp = request.body
        self.note_allowed(request)
        self.state = EARLY
        tx.user = self
        self._wants_reliable = "100rel" in request.require
        self.exchange.layer.respond(tx, build.response(request, 100, extra=[("Server", SERVER)]), now)

    @property
    def answered(self) -> bool:
        """Whether a 2xx has been sent."""
        return self.state in {CONFIRMED, RELEASING} or (self.state == CLOSED and self.tx is None)

    # -- provisional --

    def progress(self, status: int, sdp: bytes, now: float, extra: Sequence[tuple[str, str]] = ()) -> None:
        """Send a 18x; reliably when the caller requires it."""
        if self.state != EARLY or self.tx is None:
            return
        assert self.request is not None
        response = self._response(status, sdp, [*self._head(), *extra])
        if sdp:
            self.local_sdp = sdp
        if self._wants_reliable or (sdp and "100rel" in self.request.supported):
            self._send_reliably(response, bool(sdp), now)
        else:
            self._respond(self.tx, response, now)

    def _send_reliably(self, response: Response, described: bool, now: float) -> None:
        assert self.request is not None
        if self._reliable is None:
            first = self.exchange.tokens.number(FIRST_RSEQ_BELOW - 1) + 1
            self._reliable = ReliableSender(self, self.exchange.timers, self.request.cseq.number, first)
        self._described = self._described or described
        self._reliable.send(response, now)

    def send_reliable(self, response: Response, now: float) -> None:
        """Send or repeat a reliable provisional (ReliableSenderUser)."""
        if self.tx is not None and self.state == EARLY:
            self._respond(self.tx, response, now)

    def prack_timed_out(self, sender: ReliableSender, now: float) -> None:  # noqa: ARG002
        """Refuse the call when the caller never acknowledged a reliable provisional (RFC 3262 §3)."""
        self.exchange.note("prack_never_came", self.name)
        call = self.call
        if call is not None:
            call.leg_lost(self, "no_prack", now)

    def _respond(self, tx: ServerTransaction, response: Response, now: float) -> None:
        """Answer; where the caller's connection is gone, over one that we open to where its Via says (§18.2.2)."""
        if tx.flow_lost and self.request is not None:
            port = self.request.via.port or (5061 if tx.flow.secure else 5060)
            host = tx.flow.remote[0]
            flow = self.exchange.flows.towards(Target(tx.flow.transport, host, port, host))
            if flow is not None:
                self.flow = flow
                self.exchange.layer.reroute(tx, flow)
        self.exchange.layer.respond(tx, response, now)

    def _head(self) -> list[tuple[str, str]]:
        assert self.flow is not None
        contact = self.exchange.flows.contact(self.flow, self.party)
        return [("Contact", contact), ("Allow", ALLOW), ("Server", SERVER)]

    def _response(self, status: int, sdp: bytes, headers: Sequence[tuple[str, str]]) -> Response:
        assert self.request is not None
        assert self.dialog is not None
        return build.response(
            self.request,
            status,
            to_tag=self.dialog.local_tag,
            extra=headers,
            body=sdp,
            content_type="application/sdp" if sdp else None,
        )

    def prack_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """Acknowledge the reliable provisional; an answer that waited for it goes out (RFC 3262 §3)."""
        try:
            matched = self._reliable is not None and self._reliable.prack(request, now)
        except RemoteProtocolError as error:
            self.refuse(tx, request, error.status_hint, now)
            return
        if matched and request.body:
            self._offer_in_prack(tx, request, now)
        else:
            self.refuse(tx, request, 200 if matched else 481, now)
        held = self._held
        if held is not None and self._reliable is not None and not self._reliable.pending:
            self._held = None
            self.answer(held[0], now, held[1])

    def _offer_in_prack(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """Answer an offer within a PRACK (RFC 3262 §5): the old one is agreed to, a new one belongs in an UPDATE."""
        if not self._nothing_new(request):
            self.refuse(tx, request, 488, now)
            return
        body, headers = self.local_sdp, [("Server", SERVER)]
        answer = build.response(request, 200, extra=headers, body=body, content_type="application/sdp")
        self.exchange.layer.respond(tx, answer, now)

    # -- final --

    def answer(self, sdp: bytes, now: float, extra: Sequence[tuple[str, str]] = ()) -> None:
        """Send the 200; the dialog is confirmed."""
        if self.state != EARLY or self.tx is None:
            return
        if self._reliable is not None and self._reliable.pending and self._described:
            self._held = (sdp, tuple(extra))
            return
        assert self.request is not None
        assert self.dialog is not None
        headers = [
            *self._head(),
            ("Supported", "timer, replaces, 100rel"),
            *extra,
            *self._session_headers(self.request),
        ]
        if sdp:
            self.local_sdp = sdp
        self._stop_reliable()
        self._respond(self.tx, self._response(200, sdp, headers), now)
        self._await_ack(self.tx, self.request)
        self.tx, self.request = None, None
        self.state = CONFIRMED
        self.dialog.confirmed = True
        self.start_session(self.session, now)

    def reject(self, status: int, now: float, extra: Sequence[tuple[str, str]] = ()) -> None:
        """Refuse the INVITE with a final response of 300 or more; the leg is closed."""
        if self.state == EARLY and self.tx is not None:
            self._refuse(status, now, extra)
            self.close(now)

    def _refuse(self, status: int, now: float, extra: Sequence[tuple[str, str]] = ()) -> None:
        assert self.tx is not None
        self._held = None
        self._respond(self.tx, self._response(status, b"", [("Server", SERVER), *extra]), now)
        self.tx.user = None
        self.tx = None
        self.request = None

    def bye(self, now: float, reasons: Sequence[str] = ()) -> None:
        """Hang up; before the 200 is out that is a refusal (§15: a callee sends no BYE on an early dialog)."""
        if self.state == EARLY and self.tx is not None:
            self.reject(480, now, [("Reason", reason) for reason in reasons])
            return
        super().bye(now, reasons)

    def close(self, now: float) -> None:
        """Forget the dialog; an INVITE that is still open gets 487 (§15.1.2)."""
        self._stop_reliable()
        if self.tx is not None:
            self._refuse(487, now)
        super().close(now)

    def _stop_reliable(self) -> None:
        if self._reliable is not None:
            self._reliable.stop()

    # -- ServerUser --

    def cancel_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """The caller gives up: the call decides what that means in its state (one row of its table)."""
        if tx is self.tx:
            reasons, call = request.get_all("Reason"), self.call
            if call is not None and self._held is not None:
                # answered as far as the call knows, but the 200 still waits for a PRACK
                self.close(now)
                call.leg_hung_up(self, reasons, now)
            elif call is not None:
                cast("CallerUser", call).caller_cancelled(reasons, now)
            return
        super().cancel_received(tx, request, now)
