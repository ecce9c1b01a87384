"""Connections: TCP and TLS, those that peers open and those that the switch asks for (RFC 3261 §18, RFC 5626).

Theory of operation. ``StreamTable`` knows every connection by its flow. One that a peer opened gets the next positive
number; one that the switch opens brings its own (negative) number, and what is sent on it before it is open waits.
Bytes go to the driver uncut: framing is the switch's. Whoever connects is bounded: connections in all and a source, a
time for the TLS handshake, a time until we have answered anything at all (a slow loris never gets that far), a time of
silence, and bytes that wait for a peer that does not read. Every end, whoever caused it, is told to the switch once.
"""

from __future__ import annotations

import asyncio
import socket
from collections import defaultdict
from typing import TYPE_CHECKING, Any, cast

import msgspec

from routerd.edge import clock
from routerd.edge.logs import logger
from routerd.edge.metrics import count
from routerd.edge.peer_names import certificate_names
from routerd.sip.flow import Flow

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from routerd.b2bua.effects import CloseFlow, OpenFlow
    from routerd.edge.driver import Driver
    from routerd.sip.flow import Address

log = logger("edge.stream")

BACKLOG = 1024
WILDCARDS = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound


class StreamLimits(msgspec.Struct, frozen=True):
    """Bounds of one process's connections."""

    connections: int = 20_000
    connections_by_source: int = 200
    answered_within_s: float = 30.0
    idle_s: float = 3600.0
    handshake_s: float = 10.0
    connect_s: float = 5.0
    write_buffer_bytes: int = 1 << 20
    sweep_every_s: float = 2.0


class Connection(asyncio.Protocol):
    """One TCP or TLS connection; made by ``StreamTable``."""

    def __init__(self, table: StreamTable, transport_name: str, local: Address, flow: Flow | None = None) -> None:
        self._table = table
        self._transport_name = transport_name
        self._local = local
        self._meter = table.driver.counters.meter(transport_name, "in")
        self.outgoing = flow is not None
        self.flow = flow
        self.transport: asyncio.Transport | None = None
        self.opened_at = self.heard_at = clock.monotonic()
        self.answered = self.outgoing
        self._told = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Enter the table, or be refused."""
        self.transport = cast("asyncio.Transport", transport)
        if self.flow is None:
            peer = transport.get_extra_info("peername") or ("", 0)
            flow = Flow(self._transport_name, self._local, (peer[0], peer[1]), self._table.next_number())
            if not self._table.admits(peer[0]):
                self._told = True
                self.transport.abort()
                return
            self.flow = flow
        self._table.enter(self)

    def data_received(self, data: bytes) -> None:
        """Feed the switch."""
        flow = self.flow
        if flow is None or self._told:
            return
        self.heard_at = clock.monotonic()
        driver = self._table.driver
        if driver.bans and driver.banned(flow.remote[0]):
            self.end()
            return
        self.received(data, flow)

    def received(self, data: bytes, flow: Flow) -> None:
        """Do with bytes what this kind of connection does."""
        count(self._meter, data)
        self._table.driver.stream(data, flow)

    def send(self, data: bytes) -> None:
        """Send one message; a peer that does not read is given up."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        self.answered = True
        self.write(data, transport)
        if transport.get_write_buffer_size() > self._table.limits.write_buffer_bytes:
            self._table.driver.counters.dropped["slow_reader"] += 1
            transport.abort()

    def write(self, data: bytes, transport: asyncio.Transport) -> None:
        """Put a message's bytes on the wire."""
        transport.write(data)

    def close(self) -> None:
        """Close after what is still to be sent."""
        if self.transport is not None:
            self.transport.close()

    def end(self) -> None:
        """Close at once."""
        if self.transport is not None:
            self.transport.abort()

    def sweep(self, now: float) -> None:
        """End what has outlived its limits; called every few seconds."""
        limits = self._table.limits
        if not self.answered and now - self.opened_at > limits.answered_within_s:
            self._table.driver.counters.dropped["slow_stream"] += 1
            self.end()
        elif now - self.heard_at > limits.idle_s:
            self.end()

    def eof_received(self) -> bool:
        """Close our half too."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the switch, once."""
        _ = exc
        if not self._told and self.flow is not None:
            self._told = True
            self._table.leave(self)


class StreamTable:
    """Every connection of this process. ``driver`` is set once, before anything is opened."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, limits: StreamLimits | None = None, trust: ssl.SSLContext | None = None
    ) -> None:
        self.limits = limits or StreamLimits()
        self.driver: Driver = cast("Driver", None)
        self._loop = loop
        self._trust = trust
        self._connections: dict[Flow, Connection] = {}
        self._opening: dict[Flow, list[bytes]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._by_source: defaultdict[str, int] = defaultdict(int)
        self._numbers = 0
        self._sweeper: asyncio.TimerHandle | None = None
        self._makers: dict[str, Callable[[Flow], Connection]] = {}

    def __len__(self) -> int:
        return len(self._connections)

    def make_with(self, transport: str, maker: Callable[[Flow], Connection]) -> None:
        """Open outgoing flows of ``transport`` with this kind of connection."""
        self._makers[transport] = maker

    def next_number(self) -> int:
        """Give the number of a connection that a peer opens."""
        self._numbers += 1
        return self._numbers

    def admits(self, source: str) -> bool:
        """Whether one more connection from ``source`` is taken; counts a refusal."""
        driver = self.driver
        if driver.bans and driver.banned(source):
            return False
        if len(self._connections) < self.limits.connections and (
            self._by_source.get(source, 0) < self.limits.connections_by_source
        ):
            return True
        driver.counters.connections_refused += 1
        return False

    def enter(self, connection: Connection) -> None:
        """Take a connection that is open; send what waited for it."""
        flow = connection.flow
        assert flow is not None
        self._connections[flow] = connection
        if not connection.outgoing:
            self._by_source[flow.remote[0]] += 1
        self.driver.counters.connections_opened += 1
        for data in self._opening.pop(flow, []):
            connection.send(data)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self.limits.sweep_every_s, self._sweep)

    def leave(self, connection: Connection) -> None:
        """Forget a connection that has ended and tell the switch."""
        flow = connection.flow
        assert flow is not None
        if self._connections.pop(flow, None) is None:
            return
        if not connection.outgoing:
            source = flow.remote[0]
            self._by_source[source] -= 1
            if not self._by_source[source]:
                del self._by_source[source]
        self.driver.counters.connections_lost += 1
        self.driver.lose_flow(flow)

    def send(self, flow: Flow, data: bytes) -> None:
        """Send on a connection; keep it while the connection opens; drop and count it when there is none."""
        connection = self._connections.get(flow)
        if connection is not None:
            connection.send(data)
            return
        waiting = self._opening.get(flow)
        if waiting is None or sum(map(len, waiting)) + len(data) > self.limits.write_buffer_bytes:
            self.driver.counters.dropped["no_connection"] += 1
            return
        waiting.append(data)

    def open(self, effect: OpenFlow) -> None:
        """Open a connection; the switch is told by ``lose_flow`` when that fails."""
        flow = effect.flow
        if flow in self._connections or flow in self._opening:
            return
        self._opening[flow] = []
        task = self._loop.create_task(self._connect(flow))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def close(self, effect: CloseFlow) -> None:
        """Close a connection after what is still to be sent."""
        self._opening.pop(effect.flow, None)
        connection = self._connections.get(effect.flow)
        if connection is not None:
            connection.close()

    def shut(self) -> None:
        """Close everything; for the end of the process."""
        if self._sweeper is not None:
            self._sweeper.cancel()
        for task in self._tasks:
            task.cancel()
        for connection in list(self._connections.values()):
            connection.close()

    async def _connect(self, flow: Flow) -> None:
        made = self._makers.get(flow.transport)
        connection = made(flow) if made else Connection(self, flow.transport, flow.local, flow)
        family = socket.AF_INET6 if ":" in flow.remote[0] else socket.AF_INET
        options: dict[str, Any] = {"family": family}
        if flow.local[0] not in WILDCARDS:
            options["local_addr"] = (flow.local[0], 0)
        if flow.secure:
            options |= {"ssl": self._trust, "server_hostname": flow.server_name or flow.remote[0]}
            options["ssl_handshake_timeout"] = self.limits.handshake_s
        gate = _Gate(self, connection)
        try:
            async with asyncio.timeout(self.limits.connect_s):
                await self._loop.create_connection(lambda: gate, *flow.remote, **options)
        except (OSError, TimeoutError, ValueError) as error:  # ssl.SSLError is an OSError
            self._failed(flow, str(error))

    def refuse_name(self, connection: Connection, names: str) -> None:
        """Give up a connection whose certificate is of somebody else (RFC 5922 §7.1)."""
        assert connection.flow is not None
        self.driver.counters.dropped["tls_name"] += 1
        self._failed(connection.flow, f"the certificate names {names}, not {connection.flow.server_name}")

    def _failed(self, flow: Flow, why: str) -> None:
        if self._opening.pop(flow, None) is not None:
            log.info("connection not opened", flow=repr(flow), why=why)
            self.driver.lose_flow(flow)

    def _sweep(self) -> None:
        now = clock.monotonic()
        for connection in list(self._connections.values()):
            connection.sweep(now)
        self._sweeper = self._loop.call_later(self.limits.sweep_every_s, self._sweep)


class _Gate(asyncio.Protocol):
    """Lets an outgoing connection in when the peer's certificate bears the right name, then steps aside."""

    def __init__(self, table: StreamTable, connection: Connection) -> None:
        self._table = table
        self._connection = connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        opened = cast("asyncio.Transport", transport)
        flow = self._connection.flow
        assert flow is not None
        if flow.secure:
            wanted = flow.server_name or flow.remote[0]
            names = certificate_names(opened.get_extra_info("peercert") or {})
            if wanted.lower().rstrip(".") not in names:
                self._table.refuse_name(self._connection, ", ".join(sorted(names)) or "nobody")
                opened.abort()
                return
        opened.set_protocol(self._connection)
        self._connection.connection_made(opened)


def bind_stream(host: str, port: int) -> socket.socket:
    """Give a listening TCP socket; raises ``OSError`` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


async def open_stream(
    table: StreamTable,
    transport: str,
    host: str,
    port: int,
    *,
    tls: ssl.SSLContext | None = None,
    kind: type[Connection] = Connection,
) -> tuple[asyncio.Server, Address]:
    """Listen for ``transport`` on ``host``:``port`` (0: any free one); gives the server and its address.

    ``tls`` is needed for tls and wss; ``kind`` is the class of its connections. Raises ``OSError``.
    """
    bound = bind_stream(host, port)
    local: Address = (host, bound.getsockname()[1])
    options: dict[str, Any] = {"ssl": tls, "ssl_handshake_timeout": table.limits.handshake_s} if tls else {}
    server = await asyncio.get_running_loop().create_server(
        lambda: kind(table, transport, local), sock=bound, backlog=BACKLOG, **options
    )
    return server, local
