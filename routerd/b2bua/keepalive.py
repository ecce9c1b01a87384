"""Keeping the way to phones behind NAT open, and noticing those that are gone (RFC 5626 §4.4, RFC 3581 §5).

Theory of operation. Each datagram binding whose Contact is not where its REGISTER came from is kept: every
``keepalive_s`` it gets an OPTIONS on its flow, whose answer, whatever it is, a challenge too, proves life; nothing is
ever answered to that answer. A phone that speaks outbound gets a CRLF instead, and looks after itself. After
``UNANSWERED`` silent ones in a row the contact is dropped. Streams are kept by who opened them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua.exchange import SERVER
from routerd.b2bua.outgoing import Outgoing
from routerd.sip import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.exchange import Exchange
    from routerd.b2bua.location import Binding, LocationService
    from routerd.sip.flow import Flow
    from routerd.sip.message import Request, Response
    from routerd.sip.timers import Timer

UNANSWERED: Final = 3
PING: Final = b"\r\n\r\n"
_SPREAD: Final = 1000


class Keepalive:
    """Keeps the bindings of a LocationService alive, from the moment it is made."""

    __slots__ = ("_exchange", "_kept", "_location")

    def __init__(self, exchange: Exchange, location: LocationService) -> None:
        self._exchange = exchange
        self._location = location
        self._kept: dict[Binding, _Kept] = {}
        if exchange.settings.keepalive_s > 0:
            exchange.timers.register(exchange.settings.keepalive_s)
            location.watch(self)

    def __len__(self) -> int:
        return len(self._kept)

    def binding_added(self, binding: Binding, now: float) -> None:
        """Begin to keep a binding that needs it."""
        if binding.flow.transport == "udp" and binding.behind_nat:
            self._kept[binding] = _Kept(self._exchange, self._location, binding, now)

    def binding_removed(self, binding: Binding, now: float) -> None:  # noqa: ARG002 - a Watcher's signature
        """Let go of a binding."""
        kept = self._kept.pop(binding, None)
        if kept is not None:
            kept.close()


class _Kept:
    """One binding that is kept alive."""

    __slots__ = ("_binding", "_call_id", "_cseq", "_exchange", "_location", "_outgoing", "_silent", "_timer")

    def __init__(self, exchange: Exchange, location: LocationService, binding: Binding, now: float) -> None:
        self._exchange = exchange
        self._location = location
        self._binding = binding
        self._silent = 0
        self._outgoing: Outgoing | None = None
        self._call_id = ""
        self._cseq = 0
        # thousands restored at once must not be asked at once for ever after
        first_s = exchange.settings.keepalive_s * (1 - exchange.tokens.number(_SPREAD) / (2 * _SPREAD))
        self._timer: Timer | None = exchange.timers.after(first_s, self, "keep", now)

    def timer_fired(self, _name: str, now: float) -> None:
        """Send the next one."""
        if self._binding.pings:
            self._exchange.transmit(PING, self._binding.flow)
            self._again(now)
            return
        self._timer = None
        self._call_id = self._call_id or self._exchange.tokens.call_id()
        self._outgoing = Outgoing(self._exchange, self, self._recipe)
        self._outgoing.start(self._binding.target, self._binding.flow, now)

    def _again(self, now: float) -> None:
        self._timer = self._exchange.timers.after(self._exchange.settings.keepalive_s, self, "keep", now)

    def _recipe(self, flow: Flow, branch: str) -> Request:
        self._cseq += 1
        uri = self._binding.target
        return options(
            self._exchange, flow, branch, uri, call_id=self._call_id, cseq=self._cseq, routes=self._binding.path
        )

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        """Take any final response as a sign of life."""
        if response.status >= 200 and outgoing is self._outgoing:
            outgoing.close()
            self._outgoing = None
            self._silent = 0
            self._again(now)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        """Count silence; drop the contact after too much of it."""
        if outgoing is not self._outgoing:
            return
        self._outgoing = None
        self._silent += 1
        if self._silent < UNANSWERED:
            self._again(now)
            return
        self._exchange.note("contact_dead", f"{self._binding!r}: {cause}")
        self._location.drop(self._binding, "unreachable", now)

    def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._outgoing is not None:
            self._outgoing.close()
            self._outgoing = None


def options(
    exchange: Exchange,
    flow: Flow,
    branch: str,
    uri: str,
    *,
    call_id: str,
    cseq: int,
    routes: Sequence[str] = (),
) -> Request:
    """Make an OPTIONS of ours to ``uri`` on ``flow`` (RFC 3261 §11)."""
    contact = exchange.flows.contact(flow)
    return build.request(
        "OPTIONS",
        uri,
        via=exchange.flows.via(flow, branch),
        from_=f"{contact};tag={exchange.tokens.tag()}",
        to=f"<{uri}>",
        call_id=call_id,
        cseq=cseq,
        routes=routes,
        contact=contact,
        extra=[("Accept", "application/sdp"), ("User-Agent", SERVER)],
    )
