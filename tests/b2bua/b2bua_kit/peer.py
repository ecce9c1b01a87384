"""Phones and trunks that speak by hand: what they send are real messages, what they get they keep to be asserted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2bua_kit.documents import ACCOUNT
from b2bua_kit.wire import LOCAL, WALL, Wire

from routerd.sip import build, digest
from routerd.sip.dialog import Dialog
from routerd.sip.flow import Flow
from routerd.sip.message import Request, Response
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize

if TYPE_CHECKING:
    from collections.abc import Sequence

Headers = list[tuple[str, str]]
SDP_TYPE = "application/sdp"


def sdp(port: int = 4000, host: str = "198.51.100.1", version: int = 1, direction: str = "sendrecv") -> bytes:
    """An audio description."""
    return (
        f"v=0\r\no=- 77 {version} IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
    ).encode()


def line(message: Request | Response) -> str:
    """A message in a few words: ``INVITE``, ``180 INVITE``."""
    return message.method if isinstance(message, Request) else f"{message.status} {message.cseq.method}"


class Peer:
    """Somebody at ``address``. Requests in ``auto`` are answered with 200 at once (CANCEL: and its INVITE 487)."""

    def __init__(self, wire: Wire, host: str, port: int = 5060, transport: str = "udp") -> None:
        self.wire = wire
        self.address = (host, port)
        self.flow = Flow(transport, LOCAL, self.address, 0 if transport == "udp" else port)
        self.contact = f"<sip:{host}:{port}>"
        self.inbox: list[Request | Response] = []
        self.auto = {"BYE", "CANCEL", "OPTIONS", "PRACK", "NOTIFY", "INFO"}
        self.repeats = 0
        self._seen: set[bytes] = set()
        self._invites: dict[str, Incoming] = {}
        self._names = 0
        wire.peers[self.address] = self

    # -- in --

    def deliver(self, data: bytes) -> None:
        """Get something from the switch; a retransmission is only counted."""
        if data in self._seen:
            self.repeats += 1
            return
        self._seen.add(data)
        message = parse(data)
        self.inbox.append(message)
        if isinstance(message, Request) and message.method in self.auto:
            if message.method == "CANCEL":
                incoming = self._invites.get(message.via.branch or "")
                if incoming is None or incoming.final:
                    self.reply(message, 481 if incoming is None else 200)
                    return
                self.reply(message, 200, tag=incoming.tag)
                incoming.send(487)
            else:
                self.reply(message, 200)
        elif isinstance(message, Request) and message.method == "INVITE" and not message.to.tag:
            self._invites[message.via.branch or ""] = Incoming(self, message)

    def expect(self, what: str) -> Any:
        """The first message of that kind; it is taken out of the inbox."""
        for message in self.inbox:
            words = line(message)
            if words == what or words.partition(" ")[0] == what:
                self.inbox.remove(message)
                return message
        raise AssertionError(f"no {what} among {[line(message) for message in self.inbox]}")

    def assert_sent(self, start_line: str) -> Any:
        """The first message with this start line (without version), as ``180 Ringing`` or ``BYE``."""
        for message in self.inbox:
            start = message.method if isinstance(message, Request) else f"{message.status} {message.reason}"
            if start == start_line:
                self.inbox.remove(message)
                return message
        raise AssertionError(f"no {start_line!r} among {[line(message) for message in self.inbox]}")

    def lines(self) -> list[str]:
        """What is in the inbox, in few words."""
        return [line(message) for message in self.inbox]

    def nothing(self) -> None:
        """Assert that nothing came that was not expected."""
        assert self.lines() == []

    def called(self) -> Incoming:
        """The INVITE that came, as something to be answered."""
        invite = self.expect("INVITE")
        return self._invites[invite.via.branch]

    # -- out --

    def send(self, message: Request | Response) -> None:
        """Send a message to the switch."""
        self.wire.receive(serialize(message), self.flow)

    def branch(self) -> str:
        """A Via value of a new transaction."""
        self._names += 1
        host, port = self.address
        transport = self.flow.transport.upper()
        return f"SIP/2.0/{transport} {host}:{port};branch=z9hG4bK-{host}-{port}-{self._names};rport"

    def name(self, kind: str) -> str:
        """A fresh tag or Call-ID."""
        self._names += 1
        return f"{kind}-{self.address[0]}-{self.address[1]}-{self._names}"

    def reply(
        self, request: Request, status: int, extra: Headers | None = None, body: bytes = b"", tag: str | None = None
    ) -> Response:
        """Answer a request of the switch."""
        kind = SDP_TYPE if body else None
        answer = build.response(
            request, status, to_tag=tag or request.to.tag or None, extra=extra or [], body=body, content_type=kind
        )
        self.send(answer)
        return answer

    def invite(self, user: str, body: bytes | None = None, extra: Headers | None = None, **parts: Any) -> Outgoing:
        """Call ``user``; digest is answered where it is asked for."""
        call = Outgoing(self, user, sdp(host=self.address[0]) if body is None else body, extra or [], parts)
        call.start()
        return call

    def request(self, method: str, uri: str, extra: Headers | None = None, **parts: Any) -> Request:
        """Send a request outside of dialogs."""
        who = parts.pop("from_", f"<sip:{self.user}@acme.test>")
        made = build.request(
            method,
            uri,
            via=self.branch(),
            from_=f"{who};tag={self.name('tag')}",
            to=parts.pop("to", f"<{uri}>"),
            call_id=self.name("id"),
            cseq=1,
            extra=extra or [],
            **parts,
        )
        self.send(made)
        return made

    user = "+919812345678"
    password = ""


class Phone(Peer):
    """A registered phone of an extension."""

    def __init__(self, wire: Wire, user: str, host: str, port: int = 5060, *, register: bool = True) -> None:
        super().__init__(wire, host, port)
        self.user = user
        self.password = f"secret-{user}"
        self.contact = f"<sip:{user}@{host}:{port}>"
        if register:
            self.register()

    def register(self) -> None:
        """Be reachable, as after a restart."""
        self.wire.command(
            "restore_binding",
            account=ACCOUNT,
            extension=self.user,
            uri=f"sip:{self.user}@{self.address[0]}:{self.address[1]}",
            transport=self.flow.transport,
            local=LOCAL,
            remote=self.address,
            path=[],
            expires_at=WALL + self.wire.now + 100_000,
            q=1.0,
            instance=None,
            reg_id=None,
            call_id="restored",
            cseq=1,
            user_agent="phone",
            registered_at=WALL,
        )
        self.wire.timers_at_rest = len(self.wire.switch.exchange.timers)

    def authorized(self, method: str, uri: str, extra: Headers | None = None, **parts: Any) -> Response:
        """Send a request outside of dialogs with credentials; the final response."""
        self.request(method, uri, extra, **parts)
        challenge = self.expect("401")
        value = self.credentials(challenge, method, uri)
        self.request(method, uri, [*(extra or []), ("Authorization", value)], **parts)
        return self.inbox.pop()  # type: ignore[return-value]

    def credentials(self, challenge: Response, method: str, uri: str) -> str:
        """The Authorization value that answers a 401."""
        chosen = digest.choose_challenge(challenge.get_all("WWW-Authenticate"), None)
        assert chosen is not None
        return digest.authorization(
            chosen, method=method, uri=uri, username=self.user, password=self.password, cnonce="0a", nc=1
        )


class Side:
    """One end of a dialog with the switch."""

    def __init__(self, peer: Peer) -> None:
        self.peer = peer
        self.dialog: Dialog | None = None
        self.sdp = b""

    def request(self, method: str, body: bytes = b"", extra: Headers | None = None, kind: str = SDP_TYPE) -> Request:
        """Send a request within the dialog."""
        made = self.make(method, body, extra, kind)
        self.peer.send(made)
        return made

    def make(self, method: str, body: bytes = b"", extra: Headers | None = None, kind: str = SDP_TYPE) -> Request:
        """Make a request within the dialog."""
        assert self.dialog is not None
        return self.dialog.next_request(
            method,
            via=self.peer.branch(),
            contact=self.peer.contact,
            extra=extra or [],
            body=body,
            content_type=kind if body else None,
        )

    def ack(self, response: Response, body: bytes = b"") -> None:
        """Acknowledge a 2xx of an INVITE."""
        assert self.dialog is not None
        self.peer.send(
            self.dialog.ack(
                response.cseq.number, via=self.peer.branch(), body=body, content_type=SDP_TYPE if body else None
            )
        )

    def bye(self, extra: Headers | None = None) -> None:
        """Hang up, and hear that it was heard."""
        self.request("BYE", extra=extra)
        self.peer.expect("200 BYE")


class Outgoing(Side):
    """A call that a peer makes."""

    def __init__(self, peer: Peer, user: str, body: bytes, extra: Headers, parts: dict[str, Any]) -> None:
        super().__init__(peer)
        self.user = user
        self.sdp = body
        self.extra = extra
        self.parts = parts
        self.call_id = parts.pop("call_id", peer.name("call"))
        self.tag = peer.name("tag")
        self.cseq = 0
        self.invite: Request = self._make([])

    def _make(self, more: Headers) -> Request:
        self.cseq += 1
        peer = self.peer
        who = self.parts.get("from_") or f"<sip:{peer.user}@acme.test>"
        domain = self.parts.get("domain", "acme.test")
        return build.request(
            "INVITE",
            self.parts.get("uri") or f"sip:{self.user}@{domain}",
            via=peer.branch(),
            from_=f"{who};tag={self.tag}",
            to=f"<sip:{self.user}@{domain}>",
            call_id=self.call_id,
            cseq=self.cseq,
            max_forwards=self.parts.get("max_forwards", 70),
            contact=peer.contact,
            extra=[*self.extra, *more],
            body=self.sdp,
            content_type=self.parts.get("content_type", SDP_TYPE) if self.sdp else None,
        )

    def start(self) -> None:
        """Send the INVITE; answer a challenge."""
        peer = self.peer
        peer.send(self.invite)
        if isinstance(peer, Phone) and "401 INVITE" in peer.lines():
            challenge = peer.expect("401 INVITE")
            peer.send(build.ack_for_failure(self.invite, challenge))
            value = peer.credentials(challenge, "INVITE", self.invite.uri)
            self.invite = self._make([("Authorization", value)])
            peer.send(self.invite)

    def cancel(self, extra: Headers | None = None) -> None:
        """Give up."""
        request = build.cancel(self.invite)
        for name, value in extra or []:
            request.add(name, value)
        self.peer.send(request)

    def refused(self, status: int) -> Response:
        """Hear the final response and acknowledge it."""
        response: Response = self.peer.expect(f"{status} INVITE")
        self.peer.send(build.ack_for_failure(self.invite, response))
        return response

    def early(self, response: Response) -> Response:
        """Make the early dialog of a provisional response."""
        self.dialog = Dialog.as_uac(self.invite, response)
        return response

    def prack(self, response: Response) -> None:
        """Acknowledge a reliable provisional response."""
        self.early(response) if self.dialog is None else None
        rack = f"{response.get('RSeq')} {response.cseq.number} INVITE"
        self.request("PRACK", extra=[("RAck", rack)])
        self.peer.expect("200 PRACK")

    def answered(self, body: bytes = b"", *, ack: bool = True) -> Response:
        """Hear the 200 and acknowledge it (with ``body`` as the answer of a delayed offer)."""
        response: Response = self.peer.expect("200 INVITE")
        if self.dialog is None:
            self.dialog = Dialog.as_uac(self.invite, response)
        else:
            self.dialog.confirm(response)
        if ack:
            self.ack(response, body)
        return response


class Incoming(Side):
    """A call that a peer gets."""

    def __init__(self, peer: Peer, invite: Request) -> None:
        super().__init__(peer)
        self.invite = invite
        self.tag = peer.name("tag")
        self.final = 0
        self.last: Response | None = None

    def send(
        self, status: int, body: bytes = b"", extra: Sequence[tuple[str, str]] = (), tag: str | None = None
    ) -> Response:
        """Answer the INVITE."""
        if status >= 200:
            self.final = status
        headers = list(extra)
        if 100 < status < 300 and all(name != "Contact" for name, _ in extra):
            headers.append(("Contact", self.peer.contact))
        self.last = self.peer.reply(self.invite, status, headers, body, None if status == 100 else tag or self.tag)
        if status > 100 and self.dialog is None:
            self.dialog = Dialog.as_uas(self.invite, tag or self.tag)
        return self.last

    def ring(self) -> None:
        """180."""
        self.send(180)

    def answer(self, body: bytes | None = None, extra: Sequence[tuple[str, str]] = ()) -> None:
        """200."""
        self.send(200, sdp(host=self.peer.address[0]) if body is None else body, extra)

    def acked(self) -> Request:
        """The ACK of our 2xx."""
        request: Request = self.peer.expect("ACK")
        return request

    def repeat(self) -> None:
        """Send the last answer once more."""
        assert self.last is not None
        self.peer.send(self.last)


def trunk(wire: Wire, host: str = "192.0.2.10") -> Peer:
    """The first trunk (or the one at ``host``)."""
    return Peer(wire, host)


def connect(caller: Peer, callee: Peer, user: str, **parts: Any) -> tuple[Outgoing, Incoming]:
    """A call that is answered."""
    out = caller.invite(user, **parts)
    come = callee.called()
    come.ring()
    caller.expect("180")
    come.answer()
    come.acked()
    out.answered()
    if "100 INVITE" in caller.lines():
        caller.expect("100")
    return out, come
