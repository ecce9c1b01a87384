"""One dialog of a simulated phone, from INVITE to BYE, on either side of it.

It does what a well-behaved user agent does: answers challenges once, acknowledges every 2xx each time it comes, PRACKs,
answers re-INVITEs, and keeps what the checkers want to know: which finals came, when it was answered, when it ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.errors import ParseError, RemoteProtocolError
from routerd.sip import build
from routerd.sip.dialog import Dialog
from routerd.sip.message import Request, Response
from routerd.sip.reliable_provisional import FIRST_RSEQ_BELOW, ReliableReceiver, ReliableSender
from routerd.sip.serializer import serialize
from routerd.simulation import description

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.simulation.phone import Behaviour, Phone
    from routerd.sip.transaction_layer import ClientTransaction, ServerTransaction

SDP: Final = "application/sdp"
CALLING: Final = "calling"
RINGING: Final = "ringing"
ANSWERED: Final = "answered"
OVER: Final = "over"
PATIENCE_S: Final = 0.5


class PhoneCall:
    """A call of a phone; ``state`` is calling, ringing, answered or over."""

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
        self._renewing: ServerTransaction | None = None
        self._refreshing = False

    @property
    def key(self) -> tuple[str, str]:
        """The dialog's name at its phone: Call-ID and the phone's own tag."""
        assert self.dialog is not None
        return self.dialog.call_id, self.dialog.local_tag

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

    # -- calling -------------------------------------------------------------------------------------------------------

    def dial(
        self,
        uri: str,
        now: float,
        *,
        headers: Sequence[tuple[str, str]],
        offer: bool,
        reliable: bool,
        from_: str | None,
        routes: Sequence[str],
        record_routes: Sequence[str],
    ) -> None:
        """Send the INVITE; see :meth:`routerd.simulation.phone.Phone.call`."""
        phone = self.phone
        self.subject = next((value for name, value in headers if name == "Subject"), "")
        supported = "100rel, timer, replaces" if reliable else "timer, replaces"
        extra = [("Supported", supported), *headers, *(("Record-Route", route) for route in record_routes)]
        body = self._describe() if offer else b""
        party = from_ or f"<sip:{phone.user}@{phone.domain}>"
        self.request = build.request(
            "INVITE",
            uri,
            via=phone.via(),
            from_=f"{party};tag={phone.world.tokens.tag()}",
            to=f"<{uri.partition(';')[0]}>",
            call_id=phone.world.tokens.call_id(),
            cseq=1,
            routes=routes,
            contact=phone.contact(),
            extra=extra,
            body=body,
            content_type=SDP if body else None,
        )
        self._client = phone.layer.send_request(self.request, phone.flow, self, now)

    def cancel(self, now: float) -> None:
        """Give up before the answer."""
        if self._client is not None and self.state in {CALLING, RINGING}:
            self.cancelled = True
            self.phone.layer.cancel(self._client, now)

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:
        """Take a response to the INVITE."""
        status = response.status
        self.events.append(str(status))
        if status < 200:
            self._provisional(response, now)
        elif status < 300:
            self._accepted(response, now)
        elif status in {401, 407} and self._credentials is None and self._authorize(response, now):
            pass
        elif tx is self._client:
            self.finals.append((status, response.to.tag or ""))
            self.reasons = response.get_all("Reason")
            self._over(now)

    def _provisional(self, response: Response, now: float) -> None:
        if response.status == 100 or self.state not in {CALLING, RINGING}:
            return
        self.state = RINGING
        if response.body:
            self.remote_sdp = response.body
        if "100rel" in response.require and response.to.tag is not None and self.request is not None:
            if self.dialog is None:
                self.dialog = Dialog.as_uac(self.request, response)
                self.phone.dialogs[self.key] = self
            self._receiver = self._receiver or ReliableReceiver()
            rack = self._receiver.take(response)
            if rack is not None and self.phone.pracks:
                self.send("PRACK", now, extra=(("RAck", rack),))

    def _accepted(self, response: Response, now: float) -> None:
        tag = response.to.tag or ""
        if (200, tag) not in self.finals:
            self.finals.append((200, tag))
        if self.state in {CALLING, RINGING}:
            cseq = 0 if self.dialog is None else self.dialog.local_cseq
            self.dialog = Dialog.as_uac(self.request, response)
            self.dialog.local_cseq = max(cseq, self.dialog.local_cseq)
            self.phone.dialogs[self.key] = self
            self.state = ANSWERED
            self.answered_at = now
            self._acknowledge(response, offered=bool(self.request is not None and self.request.body), now=now)
            if self.cancelled:
                self.bye(now)
            elif self.phone.answered is not None:
                self.phone.answered(self, now)
        else:
            self._acknowledge(response, offered=True, now=now)

    def _acknowledge(self, response: Response, *, offered: bool, now: float) -> None:
        """ACK a 2xx; where it bears an offer, the ACK bears the answer."""
        del now
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

    def _authorize(self, response: Response, now: float) -> bool:
        request = self.request
        assert request is not None
        self._credentials = self.phone.credentials(response, "INVITE", request.uri)
        if self._credentials is None:
            return False
        again = request.copy()
        again.set("Via", self.phone.via())
        again.set("CSeq", f"{request.cseq.number + 1} INVITE")
        again.add(*self._credentials)
        self.request = again
        self._client = self.phone.layer.send_request(again, self.phone.flow, self, now)
        if self.cancelled:
            self.phone.layer.cancel(self._client, now)
        return True

    def timed_out(self, tx: ClientTransaction, now: float) -> None:
        """Nothing came: the call is over."""
        if tx is self._client:
            self.lost = True
            self._over(now)

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        """The stream was cut: what comes now comes to nobody."""
        self.severed = True
        self.timed_out(tx, now)

    # -- being called --------------------------------------------------------------------------------------------------

    def take(self, tx: ServerTransaction, request: Request, behaviour: Behaviour, now: float) -> None:
        """Take an INVITE, and plan what the script says."""
        self.is_caller = False
        self.tx = tx
        self.request = request
        self.remote_sdp = request.body
        self.subject = request.get("Subject") or ""
        self._behaviour = behaviour
        self.silent = behaviour.silent
        if behaviour.silent:
            return
        tx.user = self
        self.dialog = Dialog.as_uas(request, self.phone.world.tokens.tag())
        self.phone.dialogs[self.key] = self
        agenda = self.phone.world.agenda
        final = behaviour.status_after_s or 0.0 if behaviour.status is not None else behaviour.answer_after_s
        if behaviour.ring_after_s is not None and (final is None or behaviour.ring_after_s < final):
            agenda.at(now + behaviour.ring_after_s, self.ring)
        if behaviour.status is not None:
            agenda.at(now + (final or 0.0), self.refuse, behaviour.status)
        elif final is not None:
            agenda.at(now + final, self.accept)

    def _open(self) -> bool:
        return self.tx is not None and self.state in {CALLING, RINGING} and self.request is not None

    def _response(self, status: int, body: bytes = b"", extra: Sequence[tuple[str, str]] = ()) -> Response:
        assert self.request is not None
        assert self.dialog is not None
        headers = [("Contact", self.phone.contact()), *extra] if 100 < status < 300 else list(extra)
        return build.response(
            self.request,
            status,
            to_tag=self.dialog.local_tag,
            extra=headers,
            body=body,
            content_type=SDP if body else None,
        )

    def ring(self, now: float) -> None:
        """Send 180, or 183 with a description; reliably where both want it."""
        if not self._open() or self.state == RINGING:
            return
        behaviour, request = self._behaviour, self.request
        assert behaviour is not None
        assert request is not None
        assert self.tx is not None
        self.state = RINGING
        body = self._answer_to(request.body) if behaviour.early and request.body else b""
        response = self._response(183 if body else 180, body)
        if behaviour.reliable and "100rel" in request.supported:
            first = self.phone.world.tokens.number(FIRST_RSEQ_BELOW - 1) + 1
            self._sender = ReliableSender(self, self.phone.world.timers, request.cseq.number, first)
            self._sender.send(response, now)
        else:
            self.phone.layer.respond(self.tx, response, now)

    def send_reliable(self, response: Response, now: float) -> None:
        """Send or repeat a reliable provisional."""
        if self.tx is not None and self._open():
            self.phone.layer.respond(self.tx, response, now)

    def prack_timed_out(self, sender: ReliableSender, now: float) -> None:  # noqa: ARG002
        """No PRACK came."""
        self.refuse(504, now)

    def accept(self, now: float) -> None:
        """Answer with 200; an INVITE without an offer gets ours."""
        if not self._open():
            return
        assert self.request is not None
        assert self.tx is not None
        if self._sender is not None and self._sender.pending:
            self._answering = (200, b"")
            return
        if self.local_sdp and self.request.body:
            body = self.local_sdp
        else:
            body = self._answer_to(self.request.body) if self.request.body else self._describe()
        if self._sender is not None:
            self._sender.stop()
        self.finals.append((200, ""))
        self.state = ANSWERED
        self.answered_at = now
        self.phone.layer.respond(self.tx, self._response(200, body), now)
        agenda, behaviour = self.phone.world.agenda, self._behaviour
        if behaviour is not None and behaviour.confirm_after_s is not None:
            agenda.at(now + behaviour.confirm_after_s, self.press, "1")
        if behaviour is not None and behaviour.hang_up_after_s is not None:
            agenda.at(now + behaviour.hang_up_after_s, self.bye)
        if self.phone.answered is not None:
            self.phone.answered(self, now)

    def refuse(self, status: int, now: float) -> None:
        """Refuse with a final status."""
        if not self._open():
            return
        assert self.tx is not None
        target = self._behaviour.contact if self._behaviour is not None else None
        extra = [("Contact", f"<{target}>")] if target and 300 <= status < 400 else []
        self.finals.append((status, ""))
        self._over(now)
        self.phone.layer.respond(self.tx, self._response(status, b"", extra), now)

    def cancel_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """The caller gave up: 487."""
        self.reasons = request.get_all("Reason")
        if tx is self.tx and self._open():
            self.cancelled = True
            self.finals.append((487, ""))
            self._over(now)
            self.phone.layer.respond(tx, self._response(487), now)
        elif tx is self._renewing:
            self._renewing = None

    def ack_timed_out(self, tx: ServerTransaction, now: float) -> None:
        """No ACK came for a 2xx: hang up."""
        if not self.severed and (tx is self.tx or self.state == ANSWERED):
            self.phone.note("no_ack", f"{self.key[0]} {'first' if tx is self.tx else 'later'}")
        if self.state == ANSWERED and tx is self.tx and not self.acked:
            self.lost = True
            self.bye(now)

    def acknowledged(self, request: Request, now: float) -> None:
        """Take the ACK of our 2xx."""
        del now
        self.acked = True
        if request.body:
            self.remote_sdp = request.body
        for tx in (self.tx, self._renewing):
            if tx is not None:
                self.phone.layer.acknowledge(tx)
        self._renewing = None

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
            self._renewing = tx
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
                self._renewed(method, response, now)
        if status in {481, 408} and method != "BYE" and method != "PRACK":
            self._over(now)

    def _renewed(self, method: str, response: Response, now: float) -> None:
        assert self.dialog is not None
        try:
            self.dialog.refresh_target(response)
        except ParseError as error:
            self.phone.note("malformed", str(error))
        if method == "INVITE":
            self._acknowledge(response, offered=response.cseq.number not in self._delayed, now=now)


class Sent:
    """Takes the responses of one request within a dialog."""

    __slots__ = ("call", "method", "status")

    def __init__(self, call: PhoneCall, method: str) -> None:
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
