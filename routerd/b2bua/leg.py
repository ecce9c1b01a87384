"""One side of a call after its dialog exists: what may come in, what may go out, and how it ends.

Theory of operation. A leg owns one dialog, the flow by which its peer is reached, and the last session descriptions
seen and sent. Requests of the dialog are checked here (CSeq order, glare, reliability) and told to the call in neutral
words; the call never sees a CSeq. At most one renegotiation is open a leg: ``incoming`` is the peer's INVITE or
UPDATE that has no final response yet, ``outgoing_offer`` ours. RFC 3261 §12 to §15, RFC 3311, RFC 3264 §4.

The two kinds differ only before the dialog is confirmed: see :mod:`inbound_leg` and :mod:`outbound_leg`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from routerd.b2bua import dialog_requests
from routerd.b2bua.dialog_requests import Goodbye, Watcher
from routerd.b2bua.exchange import ALLOW, SERVER
from routerd.b2bua.leg_session import SessionLeg
from routerd.b2bua.outgoing import Credentials, Outgoing, Sender
from routerd.errors import ParseError, RemoteProtocolError
from routerd.media.profiles import PLAIN
from routerd.sip import build, session_timer
from routerd.sip.serializer import serialize
from routerd.sip.server_location import numeric_target
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.exchange import Exchange
    from routerd.rules.tables import Trunk
    from routerd.sip.dialog import Dialog
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.transaction_layer import ServerTransaction

IDLE: Final = "idle"
EARLY: Final = "early"
CONFIRMED: Final = "confirmed"
RELEASING: Final = "releasing"
CLOSED: Final = "closed"
EARLIER_ACKS: Final = 3


class LegUser(Protocol):
    """The call, as its legs see it; every method may end the leg."""

    id: str

    def leg_hung_up(self, leg: Leg, reasons: Sequence[str], now: float) -> None:
        """Hear that the peer sent BYE (already answered); ``reasons`` are its Reason header values."""

    def leg_closed(self, leg: Leg, now: float) -> None:
        """Hear that the leg is over: nothing more comes from it."""

    def leg_lost(self, leg: Leg, cause: str, now: float) -> None:
        """Hear that the peer is gone without BYE (481, 408, session expired, ACK never came)."""

    def offer_received(self, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
        """Take a re-INVITE or UPDATE that wants another session; answer it by :meth:`Leg.answer_offer`."""

    def offer_cancelled(self, leg: Leg, now: float) -> None:
        """Hear that the peer cancelled its re-INVITE, which has been answered with 487."""

    def ack_received(self, leg: Leg, request: Request, now: float) -> None:
        """Hear the ACK of a 2xx; its body is the answer of a delayed offer."""

    def request_received(self, leg: Leg, tx: ServerTransaction, request: Request, now: float) -> None:
        """Take INFO, MESSAGE, REFER or NOTIFY within the dialog; answer the transaction."""


class Leg(SessionLeg):
    """A dialog of ours with one peer; see the module's theory of operation."""

    __slots__ = (
        "authorization",
        "call",
        "codecs",
        "delayed",
        "dialog",
        "earlier_acks",
        "extension",
        "farewell",
        "flow",
        "incoming",
        "invite_cseq",
        "invite_tx",
        "last_ack",
        "local_sdp",
        "media",
        "outgoing_offer",
        "party",
        "peer_informs",
        "peer_updates",
        "pinned",
        "profile",
        "remote_sdp",
        "state",
        "trunk",
    )

    def __init__(self, exchange: Exchange, call: LegUser, name: str) -> None:
        super().__init__(exchange, name)
        self.call: LegUser | None = call
        self.party = ""
        self.trunk: Trunk | None = None
        self.extension: str | None = None
        self.media = "relay"
        self.profile = PLAIN
        self.codecs: tuple[str, ...] | None = None
        self.dialog: Dialog | None = None
        self.flow: Flow | None = None
        self.pinned = False
        self.peer_updates = False
        self.peer_informs = False
        self.authorization: tuple[str, str] | None = None
        self.state = IDLE
        self.delayed: Response | None = None
        self.farewell: tuple[str, ...] | None = None
        self.incoming: ServerTransaction | None = None
        self.invite_tx: ServerTransaction | None = None
        self.invite_cseq = 0
        self.outgoing_offer: Outgoing | None = None
        self.last_ack: tuple[int, bytes, Flow] | None = None
        self.earlier_acks: tuple[tuple[int, bytes, Flow], ...] = ()
        self.remote_sdp = b""
        self.local_sdp = b""

    # -- the dialog's requests come in --

    def handle(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """Serve a request within the dialog (the switch has matched it); every path answers ``tx``."""
        dialog = self.dialog
        if dialog is None or self.call is None:
            self.refuse(tx, request, 481, now)
            return
        try:
            dialog.check_request(request)
        except RemoteProtocolError as error:
            self.refuse(tx, request, error.status_hint, now)
            return
        self._follow(tx.flow, request.method)
        self._serve(tx, request, request.method, now)

    def _follow(self, flow: Flow, method: str) -> None:
        """Reach the peer where it is now: on its new connection, or behind what its NAT has become (RFC 5626 §5.3)."""
        if not self.pinned or self.flow is None:
            return
        if method in {"INVITE", "UPDATE"} or not self.exchange.flows.alive(self.flow):
            self.flow = flow

    def _serve(self, tx: ServerTransaction, request: Request, method: str, now: float) -> None:
        assert self.call is not None
        if method == "BYE":
            self._bye_received(tx, request, now)
        elif method in {"INVITE", "UPDATE"}:
            self._offer_received(tx, request, now)
        elif method == "PRACK":
            self.prack_received(tx, request, now)
        elif method == "OPTIONS":
            self.refuse(tx, request, 200, now)
        elif method in {"INFO", "MESSAGE", "REFER", "NOTIFY"}:
            self.call.request_received(self, tx, request, now)
        elif method == "SUBSCRIBE":
            self.refuse(tx, request, 489, now)
        else:
            self.refuse(tx, request, 405, now)

    def refuse(
        self,
        tx: ServerTransaction,
        request: Request,
        status: int,
        now: float,
        extra: Sequence[tuple[str, str]] = (),
    ) -> None:
        """Answer a request within the dialog without a body; Allow goes with 200 and 405."""
        headers = [("Server", SERVER), *extra]
        if status in {200, 405}:
            headers.append(("Allow", ALLOW))
        if status == 500 and not extra:
            headers.append(("Retry-After", str(self.exchange.tokens.number(11))))
        self.exchange.layer.respond(tx, build.response(request, status, extra=headers), now)

    def prack_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """Refuse a PRACK that belongs to no reliable provisional of ours (RFC 3262 §3)."""
        self.refuse(tx, request, 481, now)

    def _bye_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        self.refuse(tx, request, 200, now)
        if self.state in {RELEASING, CLOSED} or self.call is None:
            return
        reasons = request.get_all("Reason")
        call = self.call
        self._end_offers(now)
        self._acknowledge_delayed()
        self.close(now)
        call.leg_hung_up(self, reasons, now)

    def _offer_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        assert self.dialog is not None
        assert self.call is not None
        if self.incoming is not None:
            self.refuse(tx, request, 500, now, [("Retry-After", str(self.exchange.tokens.number(11)))])
            return
        if self.outgoing_offer is not None:
            self.refuse(tx, request, 491, now)
            return
        if self.state == RELEASING or (request.method == "INVITE" and self.state != CONFIRMED):
            self.refuse(tx, request, 491 if self.state == EARLY else 481, now)
            return
        try:
            self.start_session(session_timer.negotiate_uas(request, self.timer_offer()), now)
            self.dialog.refresh_target(request)
        except RemoteProtocolError as error:
            self.refuse(tx, request, error.status_hint, now, session_timer.too_small_headers(self.timer_offer()))
            return
        except ParseError as error:
            self.refuse(tx, request, error.status_hint, now)
            return
        self.incoming = tx
        self.note_allowed(request)
        if request.method == "INVITE":
            tx.user = self
        if self._nothing_new(request):
            self.answer_offer(200, self.local_sdp if request.body or request.method == "INVITE" else b"", now)
            return
        self.call.offer_received(self, tx, request, now)

    def _nothing_new(self, request: Request) -> bool:
        """Whether this only refreshes the session: no description at all, or the one that we know (RFC 4028 §7.4)."""
        if not request.body:
            return request.method == "UPDATE"
        return request.body == self.remote_sdp and bool(self.local_sdp)

    def answer_offer(self, status: int, sdp: bytes, now: float, extra: Sequence[tuple[str, str]] = ()) -> None:
        """Finish the peer's re-INVITE or UPDATE (RFC 3261 §14.2, RFC 3311 §5.2)."""
        tx = self.incoming
        if tx is None or tx.request is None:
            return
        request = tx.request
        self.incoming = None
        headers = [("Allow", ALLOW), ("Server", SERVER), *extra]
        if 200 <= status < 300:
            assert self.flow is not None
            headers.append(("Contact", self.exchange.flows.contact(self.flow, self.party)))
            headers.extend(self._session_headers(request))
            if request.method == "INVITE":
                self._await_ack(tx, request)
            if sdp:
                self.local_sdp = sdp
        if request.body and request.content_type == "application/sdp" and status < 300:
            self.remote_sdp = request.body
        content_type = "application/sdp" if sdp else None
        response = build.response(request, status, extra=headers, body=sdp, content_type=content_type)
        self.exchange.layer.respond(tx, response, now)

    def _await_ack(self, tx: ServerTransaction, request: Request) -> None:
        """Wait for the ACK of a 2xx; whoever sends another INVITE has had the 2xx before, whose ACK was lost."""
        if self.invite_tx is not None:
            self.exchange.layer.acknowledge(self.invite_tx)
        self.invite_tx, self.invite_cseq = tx, request.cseq.number

    # -- ServerUser: of the peer's INVITE transactions --

    def cancel_received(self, tx: ServerTransaction, request: Request, now: float) -> None:  # noqa: ARG002
        """Answer a cancelled re-INVITE with 487; the session stays as it was (RFC 3261 §9.2, §14.2)."""
        if tx is self.incoming:
            self.answer_offer(487, b"", now)
            if self.call is not None:
                self.call.offer_cancelled(self, now)

    def ack_timed_out(self, tx: ServerTransaction, now: float) -> None:
        """Give the peer up when it never acknowledges our 2xx (§13.3.1.4); a refused re-INVITE changes nothing."""
        if self.state == CONFIRMED and tx.last_status >= 300:
            return
        self.invite_tx = None
        self._say_goodbye(now)
        if self.state == CONFIRMED and self.call is not None:
            self.exchange.note("ack_never_came", self.name)
            self.call.leg_lost(self, "no_ack", now)

    def acknowledge(self, request: Request, now: float) -> None:
        """Take an ACK within the dialog; one of an earlier INVITE comes too late to matter."""
        if request.cseq.number < self.invite_cseq:
            return
        tx = self.invite_tx
        if tx is not None:
            self.exchange.layer.acknowledge(tx)
            self.invite_tx = None
        if self.farewell is not None:
            self._say_goodbye(now)
            return
        if request.body:
            self.remote_sdp = request.body
        if self.call is not None and tx is not None:
            self.call.ack_received(self, request, now)

    # -- requests go out --

    def send(
        self,
        method: str,
        now: float,
        *,
        extra: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
        sender: Sender | None = None,
        max_forwards: int = 70,
    ) -> Outgoing:
        """Send a request within the dialog; its responses go to ``sender`` (default: looked at only for death)."""
        dialog = self.dialog
        assert dialog is not None
        headers = list(extra)

        def recipe(flow: Flow, branch: str) -> Request:
            return dialog.next_request(
                method,
                via=self.exchange.flows.via(flow, branch),
                contact=self.exchange.flows.contact(flow, self.party),
                max_forwards=max_forwards,
                extra=headers,
                body=body,
                content_type=content_type,
            )

        outgoing = Outgoing(self.exchange, sender or Watcher(self), recipe, self._credentials())
        outgoing.start(dialog.next_hop(), self.flow if self.pinned else None, now)
        return outgoing

    def _credentials(self) -> Credentials | None:
        """The trunk's credentials, for challenges that come from where this leg's INVITE went to or came from."""
        auth = self.trunk.auth if self.trunk is not None else None
        if auth is None or self.flow is None:
            return None
        return Credentials(auth, self.flow.remote[0])

    def acknowledge_response(self, response: Response, *, body: bytes = b"") -> None:
        """ACK a 2xx of an INVITE of ours (§13.2.2.4); kept, because each further 2xx wants it again."""
        dialog = self.dialog
        if dialog is None or self.flow is None:
            return
        flow = self._flow_of_ack(dialog)
        via = self.exchange.flows.via(flow, self.exchange.tokens.branch())
        content_type = "application/sdp" if body else None
        extra = () if self.authorization is None else (self.authorization,)
        self.authorization = None
        ack = serialize(dialog.ack(response.cseq.number, via=via, extra=extra, body=body, content_type=content_type))
        if self.last_ack is not None and self.last_ack[0] != response.cseq.number:
            # an older 2xx may still be repeated, its ACK having been lost
            self.earlier_acks = (self.last_ack, *self.earlier_acks[: EARLIER_ACKS - 1])
        self.last_ack = (response.cseq.number, ack, flow)
        self.exchange.transmit(ack, flow)

    def _flow_of_ack(self, dialog: Dialog) -> Flow:
        assert self.flow is not None
        if self.pinned and self.exchange.flows.alive(self.flow):
            return self.flow
        target = numeric_target(Uri.parse(dialog.next_hop()))
        return (self.exchange.flows.towards(target) if target is not None else None) or self.flow

    @property
    def acks(self) -> tuple[tuple[int, bytes, Flow], ...]:
        """The ACKs of this dialog's 2xx, the newest first: CSeq number, bytes, flow."""
        return self.earlier_acks if self.last_ack is None else (self.last_ack, *self.earlier_acks)

    def repeat_ack(self, response: Response) -> bool:
        """Send the ACK of this very 2xx again; False when there was none, unless it crossed our BYE (§13.2.2.4)."""
        number = response.cseq.number
        for ack in self.acks:
            if ack[0] == number:
                self.exchange.transmit(ack[1], ack[2])
                return True
        if self.state == RELEASING:
            self.acknowledge_response(response)
        return self.state == RELEASING

    def bye(self, now: float, reasons: Sequence[str] = ()) -> None:
        """Hang up (§15): the leg is released at once, closed when the BYE is answered or given up."""
        if self.state in {RELEASING, CLOSED}:
            return
        self._end_offers(now)
        self._acknowledge_delayed()
        self.state = RELEASING
        self._stop_session()
        self.farewell = tuple(reasons)
        if self.invite_tx is None:
            self._say_goodbye(now)

    def _acknowledge_delayed(self) -> None:
        """ACK a 2xx whose offer will never be answered: it must be, all the same (§13.2.2.4)."""
        delayed, self.delayed = self.delayed, None
        if delayed is not None:
            self.acknowledge_response(delayed)

    def _say_goodbye(self, now: float) -> None:
        """Send the BYE that waited: not before our 2xx was acknowledged, or given up (§15)."""
        farewell, self.farewell = self.farewell, None
        if farewell is not None and self.state == RELEASING:
            self.send("BYE", now, extra=[("Reason", reason) for reason in farewell], sender=Goodbye(self))

    def _end_offers(self, now: float) -> None:
        if self.outgoing_offer is not None:
            self.outgoing_offer.drop(now)
            self.outgoing_offer = None
        if self.incoming is not None:
            self.answer_offer(487, b"", now)

    def close(self, now: float) -> None:
        """Forget the dialog; tells the call once."""
        if self.state == CLOSED:
            return
        self.state = CLOSED
        self._stop_session()
        call, self.call = self.call, None
        if self.invite_tx is not None:
            self.exchange.layer.acknowledge(self.invite_tx)
            self.invite_tx = None
        if call is not None:
            call.leg_closed(self, now)

    # -- the session timer (RFC 4028) --

    def timer_fired(self, name: str, now: float) -> None:
        """Refresh the session, or end it when the peer did not (RFC 4028 §10)."""
        if self.state != CONFIRMED or self.call is None:
            return
        if name == "expire":
            self.exchange.note("session_expired", self.name)
            self.call.leg_lost(self, "session_expired", now)
        elif name == "refresh" and self.session is not None:
            self.start_session(self.session, now)
            dialog_requests.refresh(self, now)

    def offer_accepted(self, response: Response, now: float) -> None:
        """Take the 2xx of a re-INVITE or UPDATE of ours: target (§12.2.1.2) and session timer (RFC 4028 §7.2) anew."""
        self.note_allowed(response)
        if self.dialog is not None:
            self.dialog.refresh_target(response)
        if self.talking and self.session is not None:
            self.start_session(session_timer.from_response(response, self.timer_offer()) or self.session, now)

    @property
    def goodbye(self) -> bool:
        """Whether a BYE of ours is on its way."""
        return self.state == RELEASING

    @property
    def talking(self) -> bool:
        """Whether the dialog is confirmed and not being hung up."""
        return self.state == CONFIRMED

    def note_allowed(self, message: Request | Response) -> None:
        """Remember whether the peer takes UPDATE and INFO: it says so in Allow, or sends one (RFC 3311 §4)."""
        allowed = message.get_all("Allow")
        if allowed:
            self.peer_updates = any("UPDATE" in value.upper() for value in allowed)
            self.peer_informs = any("INFO" in value.upper() for value in allowed)

    @property
    def key(self) -> tuple[str, str, str]:
        """The dialog's key; only when there is one."""
        assert self.dialog is not None
        return self.dialog.key
