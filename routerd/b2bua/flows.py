"""Which socket, which connection, which address: flows for what we send (RFC 3261 §18, RFC 5626, multi-homed machines).

Theory of operation. A UDP flow is made of a listener and a peer. A stream to the same peer is used again while it
lives, whoever opened it. Via and Contact name the address that *this* peer must use, so they are made per flow and
cached: the number of flows that matter is small against the number of messages.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from routerd.b2bua import effects as fx
from routerd.sip.flow import Flow
from routerd.sip.framing import StreamFramer

if TYPE_CHECKING:
    from routerd.b2bua.settings import Listener
    from routerd.errors import ParseError
    from routerd.sip.server_location import Target

CACHE_SIZE = 20_000


class Flows:
    """Open streams, listeners, and the Via and Contact that go with each flow."""

    __slots__ = ("_by_peer", "_effects", "_flows", "_framers", "_heads", "_listeners", "_nearest", "_opened")

    def __init__(self, listeners: tuple[Listener, ...], effects: list[fx.Effect]) -> None:
        self._listeners = listeners
        self._effects = effects
        self._by_peer: dict[tuple[str, str, int], Flow] = {}
        self._framers: dict[Flow, StreamFramer] = {}
        self._heads: dict[tuple[str, tuple[str, int], str], tuple[str, str]] = {}
        self._flows: dict[tuple[str, int], Flow] = {}
        self._nearest: dict[tuple[str, str], Listener | None] = {}
        self._opened = 0

    # -- streams --

    def split(self, flow: Flow, data: bytes) -> tuple[list[bytes], int]:
        """Return the whole messages and the number of pings that ``data`` completes on a stream.

        Raises ParseError when the stream cannot be understood any more; look at :meth:`broken` after each call.
        """
        framer = self._framers.get(flow)
        if framer is None:
            framer = self._framers[flow] = StreamFramer()
            self.adopt(flow)
        messages = framer.feed(data)
        pings, framer.pings = framer.pings, 0
        return messages, pings

    def broken(self, flow: Flow) -> tuple[ParseError, bytes] | None:
        """Return why a stream cannot be read any further, and the head that was at fault; None: it can."""
        framer = self._framers.get(flow)
        if framer is None or framer.broken is None:
            return None
        return framer.broken, framer.rejected

    def adopt(self, flow: Flow) -> None:
        """Remember a connection that the peer opened, so that requests to it go the same way."""
        self._by_peer[flow.transport, flow.remote[0], flow.remote[1]] = flow

    def lose(self, flow: Flow) -> None:
        """Forget a connection that is gone."""
        self._framers.pop(flow, None)
        peer = (flow.transport, flow.remote[0], flow.remote[1])
        if self._by_peer.get(peer) == flow:
            del self._by_peer[peer]

    def alive(self, flow: Flow) -> bool:
        """Whether a flow can be sent on: every datagram flow, and streams that have not been lost."""
        return not flow.reliable or self._by_peer.get((flow.transport, flow.remote[0], flow.remote[1])) == flow

    def __len__(self) -> int:
        return len(self._by_peer)

    # -- choosing --

    def towards(self, target: Target) -> Flow | None:
        """Return the flow to a numeric target, opening a connection where none lives; None without a listener."""
        listener = self._listener(target.transport, target.host)
        if target.transport == "udp":
            if listener is None:
                return None
            return self._datagrams(listener, target.host, target.port)
        flow = self._by_peer.get((target.transport, target.host, target.port))
        if flow is not None:
            return flow
        if target.transport not in {"tcp", "tls"}:
            return None
        return self._open(target, listener)

    def _datagrams(self, listener: Listener, host: str, port: int) -> Flow:
        """The flow of datagrams to a peer, one object for all that is sent there."""
        flow = self._flows.get((host, port))
        if flow is None or flow.local != (listener.host, listener.port):
            if len(self._flows) >= CACHE_SIZE:
                self._flows.clear()
            flow = self._flows[host, port] = Flow("udp", (listener.host, listener.port), (host, port))
        return flow

    def _open(self, target: Target, listener: Listener | None) -> Flow:
        self._opened -= 1
        local = (listener.host, listener.port) if listener is not None else ("", 0)
        flow = Flow(target.transport, local, (target.host, target.port), self._opened, target.server_name)
        self._framers[flow] = StreamFramer()
        self.adopt(flow)
        self._effects.append(fx.OpenFlow(flow))
        return flow

    def _listener(self, transport: str, host: str) -> Listener | None:
        """The listener of that transport and family; of several the one whose address is nearest to the peer's."""
        key = (transport, host)
        if key not in self._nearest:
            if len(self._nearest) >= CACHE_SIZE:
                self._nearest.clear()
            six = ":" in host
            fitting = [one for one in self._listeners if one.transport == transport and (":" in one.host) == six]
            self._nearest[key] = max(fitting, key=lambda one: _common_bits(one.host, host), default=None)
        return self._nearest[key]

    def supported(self) -> tuple[str, ...]:
        """Return the transports over which requests can be sent, in the order of the listeners."""
        names = [listener.transport for listener in self._listeners if listener.transport in {"udp", "tcp", "tls"}]
        if "tcp" not in names:
            names.append("tcp")
        return tuple(dict.fromkeys(names))

    # -- what the peer sees --

    def _head(self, flow: Flow) -> tuple[str, str]:
        key = (flow.transport, flow.local, flow.remote[0])
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= CACHE_SIZE:
                self._heads.clear()
            head = self._heads[key] = self._make_head(flow)
        return head

    def _make_head(self, flow: Flow) -> tuple[str, str]:
        host, port = self._advertised(flow)
        bracketed = f"[{host}]" if ":" in host else host
        where = f"{bracketed}:{port}"
        via = f"SIP/2.0/{flow.transport.upper()} {where};rport;branch="
        if flow.transport == "tls":
            return via, f"sip:{where};transport=tls"
        if flow.transport == "udp":
            return via, f"sip:{where}"
        return via, f"sip:{where};transport={'ws' if flow.transport in {'ws', 'wss'} else flow.transport}"

    def _advertised(self, flow: Flow) -> tuple[str, int]:
        for listener in self._listeners:
            if listener.transport == flow.transport and (listener.host, listener.port) == flow.local:
                return listener.advertised_to(flow.remote[0]), listener.port
        for listener in self._listeners:
            if listener.transport == flow.transport:
                return listener.advertised_to(flow.remote[0]), listener.port
        return flow.local

    def via(self, flow: Flow, branch: str) -> str:
        """Return our Via value for a request on ``flow``."""
        return self._head(flow)[0] + branch

    def contact(self, flow: Flow, user: str = "") -> str:
        """Return our Contact value on ``flow``, in angle brackets; ``user`` routes the request back to its leg."""
        uri = self._head(flow)[1]
        return f"<sip:{user}@{uri[4:]}>" if user else f"<{uri}>"

    def ours(self, host: str, port: int | None) -> bool:
        """Whether a URI's host and port name one of our listeners (a strict or loose route to ourselves)."""
        for listener in self._listeners:
            if host in {listener.host, listener.advertise} and (port or 5060) == listener.port:
                return True
        return False


def _common_bits(ours: str, theirs: str) -> int:
    """How many leading bits two addresses share, if that may mean one network: a quarter at least, else 0."""
    try:
        one, other = ip_address(ours), ip_address(theirs)
    except ValueError:
        return 0
    shared = one.max_prefixlen - (int(one) ^ int(other)).bit_length()
    return shared if shared >= one.max_prefixlen // 4 else 0
