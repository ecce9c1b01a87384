"""One request on its way out: where it goes (RFC 3263), over which flow, and to whom next when that fails.

Theory of operation. The owner gives a URI (or a flow that is already known) and a recipe that makes the request once
the flow is chosen, since Via and Contact depend on it. Targets are tried in order: the next one on 503, timeout, a
lost transport or silence (§4.3), each with a fresh branch. CANCEL and ACK follow the transaction and so the same
host. The owner hears of each response, or once that nothing more can be tried.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from routerd.errors import ParseError
from routerd.sip import digest
from routerd.sip.flow import Flow
from routerd.sip.message import Request, Response
from routerd.sip.serializer import serialize
from routerd.sip.server_location import DnsQuestion, Location, Target, numeric_target
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange
    from routerd.rules.tables import TrunkAuth
    from routerd.sip.transaction_layer import ClientTransaction

Recipe = Callable[[Flow, str], Request]


class Sender(Protocol):
    """Who owns an outgoing request."""

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Hear a provisional or final response (for INVITE: also further 2xx)."""

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Hear once that every target failed: ``cause`` is ``timeout``, ``transport`` or ``dns``."""


class Credentials:
    """A trunk's credentials and the one address that may hear them (a challenge from elsewhere is not answered)."""

    __slots__ = ("auth", "host")

    def __init__(self, auth: TrunkAuth, host: str) -> None:
        self.auth = auth
        self.host = host


class Outgoing:
    """A request being sent; see :meth:`start`, then :meth:`cancel` or :meth:`abandon`."""

    __slots__ = (
        "_authorization",
        "_cause",
        "_credentials",
        "_exchange",
        "_location",
        "_question",
        "_recipe",
        "_targets",
        "closed",
        "flow",
        "sender",
        "tx",
    )

    def __init__(
        self, exchange: Exchange, sender: Sender, recipe: Recipe, credentials: Credentials | None = None
    ) -> None:
        self._exchange = exchange
        self._credentials = credentials
        self._authorization: tuple[str, str] | None = None
        self._recipe: Recipe | None = recipe
        self.sender: Sender | None = sender
        self.tx: ClientTransaction | None = None
        self.flow: Flow | None = None
        self.closed = False
        self._location: Location | None = None
        self._targets: list[Target] = []
        self._question = 0
        self._cause = "dns"

    # -- starting --

    def start(self, uri_text: str, flow: Flow | None, now: float) -> None:
        """Send towards ``uri_text``, or straight on ``flow`` where it is given and alive."""
        if flow is not None and self._exchange.flows.alive(flow):
            self._send_on(flow, now)
            return
        try:
            uri = Uri.parse(uri_text)
        except ParseError as error:
            self._exchange.note("uri_unusable", str(error))
            self._give_up("dns", now)
            return
        target = numeric_target(uri)
        if target is not None:
            self._targets = [target]
            self._next(now)
            return
        self._location = Location(uri, self._exchange.tokens, supported=self._exchange.flows.supported())
        self._resolve(now)

    def _resolve(self, now: float) -> None:
        assert self._location is not None
        questions = self._location.questions()
        if questions:
            self._question = self._exchange.ask_dns(questions[0], self._dns_answered)
            return
        self._targets = self._location.targets()
        self._location = None
        self._next(now)

    def _dns_answered(self, question: DnsQuestion, records: list[tuple[Any, ...]] | None, now: float) -> None:
        self._question = 0
        sender = self.sender
        try:
            if self._location is not None and not self.closed:
                self._location.answer(question, records)
                self._resolve(now)
        except Exception:
            self._exchange.blame(sender)
            raise

    # -- one target after the other --

    def _next(self, now: float) -> None:
        while self._targets:
            target = self._targets.pop(0)
            flow = self._exchange.flows.towards(target)
            if flow is not None:
                self._send_on(flow, now, target)
                return
            self._cause = "transport"
            self._exchange.note("no_listener_for_target", f"{target.transport}:{target.host}")
        self._give_up(self._cause, now)

    def _make(self, flow: Flow, branch: str) -> Request:
        assert self._recipe is not None
        request = self._recipe(flow, branch)
        if self._authorization is not None:
            request.add(*self._authorization)
        return request

    def _send_on(self, flow: Flow, now: float, target: Target | None = None) -> None:
        branch = self._exchange.tokens.branch()
        request = self._make(flow, branch)
        data = serialize(request)
        if target is not None and flow.transport == "udp" and len(data) > self._exchange.settings.mtu_bytes:
            over_tcp = Target("tcp", target.host, target.port, target.server_name)
            stream = self._exchange.flows.towards(over_tcp)
            if stream is not None:
                # §18.1.1: back to UDP when the peer refuses the connection
                self._targets.insert(0, Target("udp-fallback", target.host, target.port, target.server_name))
                flow = stream
                request = self._make(flow, branch)
                data = serialize(request)
        self.flow = flow
        self.tx = self._exchange.layer.send_request(request, flow, self, now, data)

    def _retry(self, cause: str, now: float) -> None:
        sender = self.sender
        try:
            self._try_next(cause, now)
        except Exception:
            self._exchange.blame(sender)
            raise

    def _try_next(self, cause: str, now: float) -> None:
        self._cause = cause
        if self._targets and self._targets[0].transport == "udp-fallback":
            fallback = self._targets.pop(0)
            flow = self._exchange.flows.towards(Target("udp", fallback.host, fallback.port, fallback.server_name))
            if cause == "transport" and flow is not None:
                self._send_on(flow, now)
                return
        self._next(now)

    def _give_up(self, cause: str, now: float) -> None:
        sender = self.sender
        self.close()
        if sender is not None:
            sender.unanswered(self, cause, now)

    # -- what the transaction says --

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:
        """Pass a response up, unless it is a 503 and another target is left (RFC 3263 §4.3)."""
        sender = self.sender
        if tx is not self.tx or sender is None:
            return
        try:
            self._take(response, sender, now)
        except Exception:
            self._exchange.blame(sender)
            raise

    def _take(self, response: Response, sender: Sender, now: float) -> None:
        if response.status == 503 and self._targets:
            self._retry("unavailable", now)
            return
        if response.status in {401, 407} and self._credentials is not None and self._answer_challenge(response, now):
            return
        sender.response_received(self, response, now)

    def _answer_challenge(self, response: Response, now: float) -> bool:
        """Answer a challenge once (RFC 3261 §22.2), to the trunk's own address only."""
        assert self._credentials is not None
        (auth, host), self._credentials = (self._credentials.auth, self._credentials.host), None
        request = self.tx.request if self.tx is not None else None
        if request is None or self.flow is None or self.flow.remote[0] != host:
            return False
        self._authorization = answer_challenge(
            response,
            request.method,
            request.uri,
            auth.username,
            auth.password,
            auth.realm,
            self._exchange.tokens.nonce(),
        )
        if self._authorization is None:
            return False
        self._send_on(self.flow, now)
        return True

    def timed_out(self, tx: ClientTransaction, now: float) -> None:
        """Try the next target after timer B or F."""
        if tx is self.tx and not self.closed:
            self._retry("timeout", now)

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        """Try the next target after the transport was lost."""
        if tx is self.tx and not self.closed:
            self._retry("transport", now)

    # -- ending --

    def cancel(self, now: float, extra: Sequence[tuple[str, str]] = ()) -> None:
        """CANCEL an INVITE (§9.1); before it was sent at all, the owner hears that it went unanswered."""
        if self.closed:
            return
        self._targets = []
        self._credentials = None
        if self.tx is None:
            self._give_up("cancelled", now)
            return
        self._exchange.layer.cancel(self.tx, now, extra)

    def drop(self, now: float) -> None:
        """Let go while it may be unanswered: an INVITE that rings on is cancelled, else it would never end (§9.1)."""
        if self.tx is not None:
            self._exchange.layer.cancel(self.tx, now)
        self.close()

    def close(self) -> None:
        """Let go of everything; the transaction lives on by itself."""
        if self.closed:
            return
        self.closed = True
        self.sender = None
        self._recipe = None
        self._location = None
        self._targets = []
        if self._question:
            self._exchange.withdraw(self._question)
        if self.tx is not None:
            self._exchange.layer.abandon(self.tx)
            self.tx = None


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
