"""What a simulated phone does within a dialog, whoever began it: answers requests, sends them, hangs up.

The two ways into a dialog are :class:`~routerd.simulation.phone_call.PhoneCall`'s. Here is kept what the checkers
want to know: which finals came, when it was answered, when it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.errors import ParseError, RemoteProtocolError
from routerd.simulation import description
from routerd.sip import build
from routerd.sip.serializer import serialize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.simulation.phone import Behaviour, Phone
    from routerd.sip.dialog import Dialog
    from routerd.sip.message import Request, Response
    from routerd.sip.reliable_provisional import ReliableReceiver, ReliableSender
    from routerd.sip.transaction_layer import ClientTransaction, ServerTransaction

SDP: Final = "application/sdp"
CALLING: Final = "calling"
RINGING: Final = "ringing"
ANSWERED: Final = "answered"
OVER: Final = "over"
PATIENCE_S: Final = 0.5


class PhoneDialog:
    """A dialog of a phone; ``state`` is calling, ringing, answered or over."""

    __slots__ = (
        "_ack",
        "_answering",
        "_behaviour",
        "_client",
        "_credentials",
        "_delayed",
        "_port",
        "_receiver",
        "_refreshing",
        "_renewing",
        "_sender",
        "_version",
        "acked",
        "answered_at",
        "began_at",
        "by_us",
        "byes",
        "cancelled",
        "dialog",
        "ended_at",
        "events",
        "finals",
        "is_caller",
        "local_sdp",
        "lost",
        "moved",
        "phone",
        "reasons",
        "remote_sdp",
        "request",
        "severed",
        "silent",
        "state",
        "subject",
        "tx",
    )

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.state = CALLING
        self.is_caller = True
        self.dialog: Dialog | None = None
        self.request: Request | None = None
        self.tx: ServerTransaction | None = None
        self.subject = ""
        self.finals: list[tuple[int, str]] = []
        self.events: list[str] = []
        self.reasons: list[str] = []
        self.began_at = phone.world.now
        self.answered_at: float | None = None
        self.ended_at: float | None = None
        self.acked = False
        self.severed = False
        self.silent = False
        self.cancelled = False
        self.lost = False
        self.moved = False
        self.by_us = False
        self.byes = 0
        self.local_sdp = b""
        self.remote_sdp = b""
        self._port = phone.port()
        self._version = 0
        self._behaviour: Behaviour | None = None
        self._client: ClientTransaction | None = None
        self._credentials: tuple[str, str] | None = None
        self._delayed: set[int] = set()
        self._ack: dict[int, tuple[bytes, bool]] = {}
        self._receiver: ReliableReceiver | None = None
        self._sender: ReliableSender | None = None
        self._answering: tuple[int, bytes] | None = None
        self._renewing: dict[int, ServerTransaction] = {}
        self._refreshing = False

    @property
    def key(self) -> tuple[str, str]:
        """The dialog's name at its phone: Call-ID and the phone's own tag."""
        assert self.dialog is not None
        return self.dialog.call_id, self.dialog.local_tag

    @property
    def media_port(self) -> int:
        """Where this dialog's media are wanted: a port of its own."""
        return self._port

    def _describe(self, direction: str = "sendrecv") -> bytes:
        self._version += 1
        self.local_sdp = description.describe(self.phone.address[0], self._port, self._version, direction)
        return self.local_sdp

    def _answer_to(self, offer: bytes) -> bytes:
        self._version += 1
        self.remote_sdp = offer
        self.local_sdp = description.answer(offer, self.phone.address[0], self._port, self._version)
        return self.local_sdp

    def _over(self, now: float) -> None:
        if self.state != OVER:
            self.state = OVER
            self.ended_at = now
            if self._sender is not None:
                self._sender.stop()

    def _acknowledge(self, response: Response, *, offered: bool) -> None:
        """ACK a 2xx; where it bears an offer, the ACK bears the answer."""
        assert self.dialog is not None
        number = response.cseq.number
        if number not in self._ack:
            body = b""
            if not offered and response.body:
                body = self._answer_to(response.body)
            elif response.body:
                self.remote_sdp = response.body
            ack = self.dialog.ack(number, via=self.phone.via(), body=body, content_type=SDP if body else None)
            self._ack[number] = (serialize(ack), bool(body))
        self.phone.world.network.to_switch(self._ack[number][0], self.phone.flow, self.phone.world.now)
        self.acked = True

    def accept(self, now: float) -> None:  # noqa: ARG002 - PhoneCall's
        """Answer the INVITE of this dialog, where it is still open."""
        raise AssertionError

    def cancel_received(self, tx: ServerTransaction, request: Request, now: float) -> None:  # noqa: ARG002 - the same
        """Hear that the peer cancelled an INVITE."""
        raise AssertionError

    def ack_timed_out(self, tx: ServerTransaction, now: float) -> None:  # noqa: ARG002 - the same
        """Hear that a 2xx was never acknowledged."""
        raise AssertionError

    # -- within the dialog ---------------------------------------------------------------------------------------------

    def serve(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """Answer a request of the peer within the dialog."""
        assert self.dialog is not None
        method = request.method
        self.events.append(method)
        try:
            self.dialog.check_request(request)
        except RemoteProtocolError as error:
            self._reply(tx, request, error.status_hint, now)
            return
        if method == "BYE":
            self.reasons = request.get_all("Reason")
            self.byes += 1
            self._reply(tx, request, 200, now)
            self._over(now)
        elif method == "PRACK":
            self._pracked(tx, request, now)
        elif self.state == OVER:
            self._reply(tx, request, 481, now)
        elif method in {"INVITE", "UPDATE"}:
            self._renegotiated(tx, request, now)
        else:
            self._reply(tx, request, 200, now)

    def _pracked(self, tx: ServerTransaction, request: Request, now: float) -> None:
        matched = self._sender is not None and self._sender.prack(request, now)
        self._reply(tx, request, 200 if matched else 481, now)
        if matched and self._answering is not None:
            self._answering = None
            self.accept(now)

    def _renegotiated(self, tx: ServerTransaction, request: Request, now: float) -> None:
        assert self.dialog is not None
        if self._refreshing and request.body:
            self._reply(tx, request, 491, now)
            return
        self.dialog.refresh_target(request)
        body = b""
        if request.body:
            body = self._answer_to(request.body)
        elif request.method == "INVITE":
            body = self._describe()
        if request.method == "INVITE":
            tx.user = self
            self._renewing[request.cseq.number] = tx
        headers = [("Contact", self.phone.contact())]
        response = build.response(request, 200, extra=headers, body=body, content_type=SDP if body else None)
        self.phone.layer.respond(tx, response, now)

    def _reply(self, tx: ServerTransaction, request: Request, status: int, now: float) -> None:
        self.phone.layer.respond(tx, build.response(request, status), now)

    def send(
        self,
        method: str,
        now: float,
        *,
        extra: Sequence[tuple[str, str]] = (),
        body: bytes = b"",
        content_type: str | None = None,
    ) -> Sent:
        """Send a request within the dialog."""
        assert self.dialog is not None
        request = self.dialog.next_request(
            method,
            via=self.phone.via(),
            contact=self.phone.contact(),
            extra=extra,
            body=body,
            content_type=content_type,
        )
        sent = Sent(self, method)
        self.phone.layer.send_request(request, self.phone.flow, sent, now)
        return sent

    def bye(self, now: float) -> None:
        """Hang up; a callee waits for the ACK of its 2xx first (RFC 3261 §15)."""
        if self.state == ANSWERED and self.dialog is not None:
            if not (self.is_caller or self.acked or self.lost):
                self.phone.world.agenda.at(now + PATIENCE_S, self.bye)
                return
            self.by_us = True
            self.send("BYE", now)
            self._over(now)

    def press(self, digits: str, now: float) -> None:
        """Press keys: one INFO each (RFC 6086's legacy use)."""
        if self.state == ANSWERED:
            for digit in digits:
                body = f"Signal={digit}\r\nDuration=160\r\n".encode()
                self.send("INFO", now, body=body, content_type="application/dtmf-relay")

    def renegotiate(self, direction: str, now: float, method: str = "INVITE", *, offer: bool = True) -> None:
        """Send a re-INVITE (or UPDATE): hold with ``sendonly``, resume with ``sendrecv``; without offer: delayed."""
        if self.state == ANSWERED and not self._refreshing and (self.acked or self.is_caller):
            self._refreshing = True
            body = self._describe(direction) if offer else b""
            extra = (("Supported", "timer, replaces"),)
            self.send(method, now, extra=extra, body=body, content_type=SDP if body else None)
            if not offer and self.dialog is not None:
                self._delayed.add(self.dialog.local_cseq)

    def refer(self, target: str, now: float) -> None:
        """Ask for a transfer to the URI ``target`` (RFC 3515)."""
        if self.state == ANSWERED:
            self.moved = True
            self.send("REFER", now, extra=(("Refer-To", f"<{target}>"),))

    def replaces(self) -> str:
        """Return what a Refer-To's Replaces says of this dialog, escaped."""
        assert self.dialog is not None
        dialog = self.dialog
        text = f"{dialog.call_id};to-tag={dialog.remote_tag};from-tag={dialog.local_tag}"
        return text.replace(";", "%3B").replace("=", "%3D").replace("@", "%40")

    def response_to(self, method: str, response: Response, now: float) -> None:
        """Take a response to a request within the dialog."""
        status = response.status
        if status < 200:
            return
        self.events.append(f"{method} {status}")
        if method in {"INVITE", "UPDATE"}:
            self._refreshing = False
            if status < 300:
                self._renewed(method, response)
        if status in {481, 408} and method not in {"BYE", "PRACK"}:
            self._over(now)

    def _renewed(self, method: str, response: Response) -> None:
        assert self.dialog is not None
        try:
            self.dialog.refresh_target(response)
        except ParseError as error:
            self.phone.note("malformed", str(error))
        if method == "INVITE":
            self._acknowledge(response, offered=response.cseq.number not in self._delayed)


class Sent:
    """Takes the responses of one request within a dialog."""

    __slots__ = ("call", "method", "status")

    def __init__(self, call: PhoneDialog, method: str) -> None:
        self.call = call
        self.method = method
        self.status = 0

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:  # noqa: ARG002
        """Pass it to the call."""
        if response.status >= 200:
            self.status = response.status
        self.call.response_to(self.method, response, now)

    def timed_out(self, tx: ClientTransaction, now: float) -> None:  # noqa: ARG002
        """Nobody answered: the dialog is dead, unless it only said goodbye."""
        self.call.events.append(f"{self.method} timeout")
        if self.method != "BYE":
            self.call.lost = True
            self.call._over(now)  # noqa: SLF001 - the call's own part

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        """The stream was cut."""
        self.timed_out(tx, now)
