"""A call of a simulated phone: placing it, or being called, as a script says.

It does what a well-behaved user agent does: answers challenges once, acknowledges every 2xx each time it comes, PRACKs,
rings reliably where both sides can, and answers CANCEL with 487.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.simulation.phone_dialog import ANSWERED, CALLING, RINGING, SDP, PhoneDialog
from routerd.sip import build
from routerd.sip.dialog import Dialog
from routerd.sip.reliable_provisional import FIRST_RSEQ_BELOW, ReliableReceiver, ReliableSender

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.simulation.phone import Behaviour
    from routerd.sip.message import Request, Response
    from routerd.sip.transaction_layer import ClientTransaction, ServerTransaction

OPEN: Final = frozenset({CALLING, RINGING})


class PhoneCall(PhoneDialog):
    """A call of a phone: :meth:`dial` or :meth:`take`, then what its dialog can do."""

    __slots__ = ()

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
        if self._client is not None and self.state in OPEN:
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
        if response.status == 100 or self.state not in OPEN:
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
        if self.state in OPEN:
            cseq = 0 if self.dialog is None else self.dialog.local_cseq
            self.dialog = Dialog.as_uac(self.request, response)
            self.dialog.local_cseq = max(cseq, self.dialog.local_cseq)
            self.phone.dialogs[self.key] = self
            self.state = ANSWERED
            self.answered_at = now
            self._acknowledge(response, offered=bool(self.request is not None and self.request.body))
            if self.cancelled:
                self.bye(now)
            elif self.phone.answered is not None:
                self.phone.answered(self, now)
        else:
            self._acknowledge(response, offered=True)

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
        return self.tx is not None and self.state in OPEN and self.request is not None

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
        tx = self._renewing.pop(request.cseq.number, self.tx)
        if tx is not None:
            self.phone.layer.acknowledge(tx)
