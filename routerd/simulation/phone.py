"""A scripted SIP user agent: retransmits, matches and acknowledges as RFC 3261 says, and does what its script says.

A :class:`Phone` sits at one address with one user, upon a TransactionLayer of its own. Each dialog of an INVITE is a
:class:`~routerd.simulation.phone_call.PhoneCall`. A trunk's far end is a phone that does not register.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from routerd.errors import ParseError
from routerd.simulation import phone_call
from routerd.simulation.network import switch_address
from routerd.sip import build, digest
from routerd.sip.flow import Address, Flow
from routerd.sip.framing import StreamFramer
from routerd.sip.parser import keepalive, parse
from routerd.sip.transaction_layer import TransactionLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.simulation.clock import Agenda
    from routerd.simulation.network import Network
    from routerd.simulation.phone_call import PhoneCall
    from routerd.sip.message import Request, Response
    from routerd.sip.timers import TimerQueue
    from routerd.sip.tokens import Tokens
    from routerd.sip.transaction_layer import ClientTransaction, ServerTransaction


class Behaviour(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a phone does with an INVITE; times in seconds from its arrival, None: never.

    ``status`` is the final response it gives after ``status_after_s`` (3xx with ``contact``); ``silent`` answers
    nothing at all. ``confirm_after_s``: presses 1 that long after the answer. ``hang_up_after_s``: BYE that long after
    the answer. ``reliable``: rings reliably (RFC 3262) where the caller supports it; ``early``: rings with a
    description.
    """

    ring_after_s: float | None = 0.0
    answer_after_s: float | None = None
    status: int | None = None
    status_after_s: float | None = None
    confirm_after_s: float | None = None
    silent: bool = False
    contact: str | None = None
    hang_up_after_s: float | None = None
    reliable: bool = False
    early: bool = False


RINGS: Behaviour = Behaviour()


class Surroundings(Protocol):
    """The world, as phones see it."""

    agenda: Agenda
    network: Network
    timers: TimerQueue
    now: float

    @property
    def tokens(self) -> Tokens:
        """Where branches and tags come from."""


class Phone:
    """One user agent; :meth:`register`, :meth:`call`; incoming calls do as ``behave(request)`` says."""

    __slots__ = (
        "_cseq",
        "_framer",
        "_port",
        "_register_id",
        "address",
        "answered",
        "behave",
        "calls",
        "dialogs",
        "domain",
        "flow",
        "layer",
        "notes",
        "password",
        "pracks",
        "registered_until",
        "responses",
        "user",
        "world",
    )

    def __init__(
        self,
        world: Surroundings,
        address: Address,
        user: str,
        *,
        domain: str = "sim.invalid",
        password: str = "",
        transport: str = "udp",
        behave: Callable[[Request], Behaviour] | None = None,
    ) -> None:
        self.world = world
        self.address = address
        self.user = user
        self.domain = domain
        self.password = password
        self.behave: Callable[[Request], Behaviour] = behave or _ring
        self.layer = TransactionLayer(self, self._send, world.timers)
        self.calls: list[PhoneCall] = []
        self.dialogs: dict[tuple[str, str], PhoneCall] = {}
        self.answered: Callable[[PhoneCall, float], None] | None = None
        self.pracks = True
        self.notes: list[tuple[str, str]] = []
        self.responses: list[tuple[str, int]] = []
        self.registered_until = 0.0
        self._register_id = ""
        self._cseq = 0
        self._port = 20_000
        self._framer = StreamFramer()
        if transport == "udp":
            self.flow = Flow("udp", address, switch_address(address))
        else:
            self.flow = world.network.connect(address, transport)
        world.network.attach(address, self)

    # -- the network ---------------------------------------------------------------------------------------------------

    def _send(self, data: bytes, flow: Flow) -> None:
        self.world.network.to_switch(data, flow, self.world.now)

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram, or bytes of the stream."""
        if flow.reliable:
            for message in self._framer.feed(data):
                self._receive(message, flow, now)
        elif not keepalive(data):
            self._receive(data, flow, now)

    def _receive(self, data: bytes, flow: Flow, now: float) -> None:
        try:
            message = parse(data)
        except ParseError as error:
            self.note("malformed", str(error))
            return
        self.layer.receive(message, flow, now)

    def lose_flow(self, flow: Flow, now: float) -> None:
        """Hear that the stream was cut: nothing of its calls can come to their end here."""
        for call in self.calls:
            call.severed = call.severed or call.ended_at is None
        self.layer.lose_flow(flow, now)

    def reconnect(self, now: float) -> None:
        """Open a new stream and register by it; the calls of the old one are lost to us."""
        self._framer = StreamFramer()
        self.flow = self.world.network.connect(self.address, self.flow.transport)
        self.register(3600, now)

    def host(self) -> str:
        """Return the address as it is written in Via, Contact and URIs."""
        host, port = self.address
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def via(self) -> str:
        """Return a Via value with a new branch."""
        return f"SIP/2.0/{self.flow.transport.upper()} {self.host()};rport;branch={self.world.tokens.branch()}"

    def contact(self) -> str:
        """Return the Contact value."""
        transport = f";transport={self.flow.transport}" if self.flow.transport != "udp" else ""
        return f"<sip:{self.user}@{self.host()}{transport}>" if self.user else f"<sip:{self.host()}{transport}>"

    def port(self) -> int:
        """Return a new port for media."""
        self._port += 2
        return self._port

    # -- registering ---------------------------------------------------------------------------------------------------

    def register(self, expires_s: int, now: float, contact: str | None = None) -> None:
        """Send REGISTER, with the digest dance; ``expires_s`` 0 leaves."""
        self._register_id = self._register_id or self.world.tokens.call_id()
        Registration(self, expires_s, contact or self.contact()).send((), now)

    def request(
        self, method: str, uri: str, now: float, *, extra: Sequence[tuple[str, str]] = (), **parts: Any
    ) -> None:
        """Send a request outside of any dialog; its final status goes into ``responses``."""
        self._cseq += 1
        request = build.request(
            method,
            uri,
            via=self.via(),
            from_=f"<sip:{self.user}@{self.domain}>;tag={self.world.tokens.tag()}",
            to=f"<{uri}>",
            call_id=parts.pop("call_id", None) or self.world.tokens.call_id(),
            cseq=self._cseq,
            extra=extra,
            **parts,
        )
        self.layer.send_request(request, self.flow, Loose(self, method), now)

    # -- calling -------------------------------------------------------------------------------------------------------

    def call(
        self,
        uri: str,
        now: float,
        *,
        headers: Sequence[tuple[str, str]] = (),
        offer: bool = True,
        reliable: bool = False,
        from_: str | None = None,
        routes: Sequence[str] = (),
        record_routes: Sequence[str] = (),
    ) -> PhoneCall:
        """Place a call; returns it at once."""
        made = phone_call.PhoneCall(self)
        self.calls.append(made)
        made.dial(
            uri, now, headers=headers, offer=offer, reliable=reliable, from_=from_, routes=routes,
            record_routes=record_routes,
        )  # fmt: skip
        return made

    def credentials(self, response: Response, method: str, uri: str) -> tuple[str, str] | None:
        """Return the header that answers a 401 or 407."""
        asked, given = ("WWW-Authenticate", "Authorization")
        if response.status == 407:
            asked, given = ("Proxy-Authenticate", "Proxy-Authorization")
        challenge = digest.choose_challenge(response.get_all(asked), None)
        if challenge is None or not self.password:
            return None
        value = digest.authorization(
            challenge,
            method=method,
            uri=uri,
            username=self.user,
            password=self.password,
            cnonce=self.world.tokens.nonce(),
        )
        return given, value

    # -- LayerUser -----------------------------------------------------------------------------------------------------

    def request_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        """Serve a request: a new call, one of a dialog, or OPTIONS and the like."""
        tag = request.to.tag
        found = self.dialogs.get((request.call_id, tag)) if tag else None
        if found is not None:
            found.serve(tx, request, now)
        elif tag:
            self.layer.respond(tx, build.response(request, 481), now)
        elif request.method == "INVITE":
            made = phone_call.PhoneCall(self)
            self.calls.append(made)
            made.take(tx, request, self.behave(request), now)
        else:
            status = 200 if request.method in {"OPTIONS", "REGISTER", "MESSAGE"} else 481
            self.layer.respond(tx, build.response(request, status, to_tag=self.world.tokens.tag()), now)

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        """Take the ACK of a 2xx."""
        found = self.dialogs.get((request.call_id, request.to.tag or ""))
        if found is None:
            self.note("ack_unmatched", f"{request.call_id} on {flow!r}")
        else:
            found.acknowledged(request, now)

    def stray_response(self, response: Response, flow: Flow, now: float) -> None:  # noqa: ARG002 - a LayerUser's signature
        """Count a response that nobody waits for."""
        self.note("stray_response", f"{response.status} {response.call_id}")

    def note(self, reason: str, detail: str) -> None:
        """Keep what was odd."""
        self.notes.append((reason, detail))


def _ring(_request: Request) -> Behaviour:
    return RINGS


class Loose:
    """Takes the responses of a request outside of dialogs."""

    __slots__ = ("_method", "_phone")

    def __init__(self, phone: Phone, method: str) -> None:
        self._phone = phone
        self._method = method

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:  # noqa: ARG002
        """Note the final status."""
        if response.status >= 200:
            self._phone.responses.append((self._method, response.status))

    def timed_out(self, tx: ClientTransaction, now: float) -> None:  # noqa: ARG002
        """Note that nothing came."""
        self._phone.responses.append((self._method, 0))

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        """Note the same."""
        self.timed_out(tx, now)


class Registration:
    """One REGISTER with its challenge."""

    __slots__ = ("_answered", "_contact", "_expires_s", "_phone")

    def __init__(self, phone: Phone, expires_s: int, contact: str) -> None:
        self._phone = phone
        self._expires_s = expires_s
        self._contact = contact
        self._answered = False

    def send(self, extra: Sequence[tuple[str, str]], now: float) -> None:
        """Send it."""
        phone = self._phone
        phone._cseq += 1  # noqa: SLF001 - the phone's own part
        uri = f"sip:{phone.domain}"
        party = f"<sip:{phone.user}@{phone.domain}>"
        star = self._contact == "*"
        request = build.request(
            "REGISTER",
            uri,
            via=phone.via(),
            from_=f"{party};tag={phone.world.tokens.tag()}",
            to=party,
            call_id=phone._register_id,  # noqa: SLF001
            cseq=phone._cseq,  # noqa: SLF001
            contact=self._contact or None,
            extra=[("Expires", "0" if star else str(self._expires_s)), *extra],
        )
        phone.layer.send_request(request, phone.flow, self, now)

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:  # noqa: ARG002
        """Answer a challenge once; note what came of it."""
        phone = self._phone
        if response.status < 200:
            return
        phone.responses.append(("REGISTER", response.status))
        if response.status in {401, 407} and not self._answered:
            self._answered = True
            header = phone.credentials(response, "REGISTER", f"sip:{phone.domain}")
            if header is not None:
                self.send((header,), now)
        elif response.status == 200:
            phone.registered_until = now + self._expires_s

    def timed_out(self, tx: ClientTransaction, now: float) -> None:  # noqa: ARG002
        """Note that nothing came."""
        self._phone.responses.append(("REGISTER", 0))

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        """Note the same."""
        self.timed_out(tx, now)
