"""A phone that speaks SIP over WebSocket (RFC 7118), as a browser would: registers, dials, answers, hangs up."""

from __future__ import annotations

import hashlib
import re
import secrets
import ssl
import threading
from typing import TYPE_CHECKING, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from kit.ports import HOST
from kit.program import EventLog

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SDP = """v=0\r
o=ws 1 1 IN IP4 127.0.0.1\r
s=-\r
c=IN IP4 127.0.0.1\r
t=0 0\r
m=audio {port} RTP/AVP 8\r
a=rtpmap:8 PCMA/8000\r
"""


class Message:
    """A received message, split no further than a test needs."""

    def __init__(self, text: str) -> None:
        head, _, self.body = text.partition("\r\n\r\n")
        self.first, *lines = head.split("\r\n")
        self.fields = [
            (name.strip().lower(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
        ]

    def __str__(self) -> str:
        return f"{self.first} {dict(self.fields)}"

    @property
    def status(self) -> int:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return self.get("cseq").split()[1]

    def get(self, name: str) -> str:
        return next((value for key, value in self.fields if key == name.lower()), "")

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name.lower()]


class WebSocketPhone:
    """One registered line and at most one call; everything received is in ``received``."""

    def __init__(
        self,
        user: str,
        *,
        server: int,
        domain: str = "acme.test",
        password: str = "secret",
        authority: Path | None = None,
        rtp: int = 40000,
        auto_answer: bool = True,
    ) -> None:
        self.user, self.domain, self.password, self.rtp, self.auto_answer = user, domain, password, rtp, auto_answer
        self.host = f"{secrets.token_hex(6)}.invalid"  # RFC 7118, section 5: a browser has no address to tell
        context = ssl.create_default_context(cafile=str(authority)) if authority else None
        scheme = "wss" if authority else "ws"
        self.received = EventLog()
        self.socket = connect(f"{scheme}://{HOST}:{server}", subprotocols=["sip"], ssl=context, open_timeout=10)
        assert self.socket.subprotocol == "sip"
        self.cseq = 0
        self.dialog: Dialog | None = None
        self._reader = threading.Thread(target=self._read, name=f"ws-{user}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        self._reader.join(5)

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    @property
    def contact(self) -> str:
        return f"<sip:{self.user}@{self.host};transport=ws>"

    def _read(self) -> None:
        try:
            for frame in self.socket:
                message = Message(frame if isinstance(frame, str) else frame.decode())
                if not message.status:
                    self._serve(message)
                self.received.add(message)
        except ConnectionClosed:
            return

    def _serve(self, request: Message) -> None:
        if request.method == "INVITE" and self.auto_answer:
            tag = request.get("to").partition(";tag=")[2] or secrets.token_hex(4)
            self.dialog = Dialog.answered(request, tag)
            self.answer(request, 180, tag=tag)
            self.answer(request, 200, tag=tag, body=SDP.format(port=self.rtp))
        elif request.method in {"BYE", "OPTIONS", "CANCEL", "UPDATE", "INFO"}:
            self.answer(request, 200)

    def answer(self, request: Message, status: int, *, tag: str = "", body: str = "") -> None:
        to = request.get("to") + (f";tag={tag}" if tag and ";tag=" not in request.get("to") else "")
        copied = [f"Via: {via}" for via in request.get_all("via")]
        copied += [f"Record-Route: {route}" for route in request.get_all("record-route")]
        copied += [f"From: {request.get('from')}", f"To: {to}", f"Call-ID: {request.get('call-id')}"]
        self._send(
            [f"SIP/2.0 {status} Told", *copied, f"CSeq: {request.get('cseq')}", f"Contact: {self.contact}"], body
        )

    def _send(self, lines: list[str], body: str = "") -> None:
        typed = ["Content-Type: application/sdp"] if body else []
        self.socket.send("\r\n".join([*lines, *typed, f"Content-Length: {len(body)}", "", body]))

    def request(self, method: str, uri: str, dialog: Dialog, *, extra: tuple[str, ...] = (), body: str = "") -> int:
        """Send a request in (or beginning) a dialog; gives its CSeq number."""
        if method != "ACK":
            dialog.cseq += 1
        lines = [
            f"{method} {uri} SIP/2.0",
            f"Via: SIP/2.0/WS {self.host};branch=z9hG4bK{secrets.token_hex(8)}",
            *[f"Route: {route}" for route in dialog.routes],
            "Max-Forwards: 70",
            f"From: {dialog.local}",
            f"To: {dialog.remote}",
            f"Call-ID: {dialog.call_id}",
            f"CSeq: {dialog.cseq} {method}",
            f"Contact: {self.contact}",
            "Supported: path, outbound",
            *extra,
        ]
        self._send(lines, body)
        return dialog.cseq

    def _final(self, dialog: Dialog, number: int, timeout_s: float) -> Message:
        def matches(message: Message) -> bool:
            mine = message.get("call-id") == dialog.call_id and message.get("cseq").split()[0] == str(number)
            return mine and message.status >= 200

        final: Message = self.received.wait(matches, timeout_s, what=f"final response to {dialog.call_id} {number}")
        return final

    def _with_digest(
        self, method: str, uri: str, dialog: Dialog, *, body: str = "", extra: tuple[str, ...] = ()
    ) -> Message:
        final = self._final(dialog, self.request(method, uri, dialog, body=body, extra=extra), 10)
        if final.status not in {401, 407}:
            return final
        if method == "INVITE":
            self._acknowledge_failure(uri, dialog, final)
        name, header = (
            ("Authorization", "www-authenticate")
            if final.status == 401
            else ("Proxy-Authorization", "proxy-authenticate")
        )
        credentials = f"{name}: {self.credentials(method, uri, final.get_all(header)[0])}"
        return self._final(dialog, self.request(method, uri, dialog, body=body, extra=(*extra, credentials)), 10)

    def _acknowledge_failure(self, uri: str, dialog: Dialog, final: Message) -> None:
        number = final.get("cseq").split()[0]
        lines = [f"ACK {uri} SIP/2.0", f"Via: {final.get('via')}", "Max-Forwards: 70", f"From: {dialog.local}"]
        self._send([*lines, f"To: {final.get('to')}", f"Call-ID: {dialog.call_id}", f"CSeq: {number} ACK"])

    def credentials(self, method: str, uri: str, challenge: str) -> str:
        """RFC 7616, qop auth."""
        told = {
            key.lower(): quoted or bare for key, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)
        }
        digest: Callable[[str], str] = _sha256 if told.get("algorithm", "MD5").upper() == "SHA-256" else _md5
        cnonce = secrets.token_hex(8)
        first = digest(f"{self.user}:{told['realm']}:{self.password}")
        response = digest(f"{first}:{told['nonce']}:00000001:{cnonce}:auth:{digest(f'{method}:{uri}')}")
        opaque = f', opaque="{told["opaque"]}"' if "opaque" in told else ""
        parts = [f'username="{self.user}"', f'realm="{told["realm"]}"', f'nonce="{told["nonce"]}"', f'uri="{uri}"']
        parts += [f'response="{response}"', f"algorithm={told.get('algorithm', 'MD5')}", f'cnonce="{cnonce}"']
        return "Digest " + ", ".join(parts) + ", qop=auth, nc=00000001" + opaque

    def register(self, expires_s: int = 300) -> Message:
        dialog = Dialog.to(self.uri, self.uri)
        return self._with_digest("REGISTER", f"sip:{self.domain}", dialog, extra=(f"Expires: {expires_s}",))

    def dial(self, target: str) -> Message:
        """Place a call and acknowledge its answer; gives the final response."""
        dialog = Dialog.to(self.uri, target)
        final = self._with_digest("INVITE", target, dialog, body=SDP.format(port=self.rtp))
        if final.status < 300:
            dialog.learn(final)
            self.dialog = dialog
            self.request("ACK", dialog.target, dialog)
        else:
            self._acknowledge_failure(target, dialog, final)
        return final

    def hang_up(self) -> Message:
        assert self.dialog is not None
        return self._final(self.dialog, self.request("BYE", self.dialog.target, self.dialog), 10)

    def wait_request(self, method: str, timeout_s: float = 30) -> Message:
        request: Message = self.received.wait(
            lambda message: not message.status and message.method == method, timeout_s, what=f"{method} at {self.user}"
        )
        return request


class Dialog:
    """The few facts by which requests of one dialog are addressed."""

    def __init__(self, call_id: str, local: str, remote: str, target: str, cseq: int = 0) -> None:
        self.call_id, self.local, self.remote, self.target, self.cseq = call_id, local, remote, target, cseq
        self.routes: list[str] = []

    @classmethod
    def to(cls, mine: str, theirs: str) -> Dialog:
        return cls(secrets.token_hex(10), f"<{mine}>;tag={secrets.token_hex(4)}", f"<{theirs}>", theirs)

    @classmethod
    def answered(cls, invite: Message, tag: str) -> Dialog:
        dialog = cls(
            invite.get("call-id"), f"{invite.get('to')};tag={tag}", invite.get("from"), _uri(invite.get("contact"))
        )
        dialog.routes = invite.get_all("record-route")
        return dialog

    def learn(self, answer: Message) -> None:
        self.remote, self.target = answer.get("to"), _uri(answer.get("contact"))
        self.routes = answer.get_all("record-route")[::-1]


def _uri(address: str) -> str:
    return address.partition("<")[2].partition(">")[0] if "<" in address else address.partition(";")[0]


def _md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
