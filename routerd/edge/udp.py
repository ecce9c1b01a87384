"""Datagram sockets (RFC 3261 §18): one per listener, each datagram straight into the driver."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any, cast

from routerd.edge.metrics import count
from routerd.sip.flow import Flow

if TYPE_CHECKING:
    from routerd.edge.driver import Driver
    from routerd.sip.flow import Address

RECEIVE_BUFFER_BYTES = 8 << 20  # a collector pause or a busy core must not cost datagrams
SEND_BUFFER_BYTES = 4 << 20
SO_RCVBUFFORCE = 33  # not in the socket module
SO_SNDBUFFORCE = 32
MOST_FLOWS = 20_000


class UdpSocket(asyncio.DatagramProtocol):
    """The protocol of one datagram listener; :func:`open_udp` makes it."""

    def __init__(self, driver: Driver, local: Address) -> None:
        self.local = local
        self._driver = driver
        self._meter = driver.counters.meter("udp", "in")
        self._flows: dict[Any, Flow] = {}
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Become the sender of all flows of this address."""
        self._transport = cast("asyncio.DatagramTransport", transport)
        self._driver.add_sender(self.local, self)

    def sendto(self, data: bytes, addr: Address) -> None:
        """Send one datagram; what the kernel refuses is counted by ``error_received``."""
        transport = self._transport
        if transport is None or transport.is_closing():
            self._driver.counters.datagram_errors += 1
            return
        try:
            transport.sendto(data, addr)
        except (OSError, ValueError):  # an address of the other family, or none
            self._driver.counters.datagram_errors += 1

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Feed the switch."""
        driver = self._driver
        if driver.bans and driver.banned(addr[0]):
            return
        count(self._meter, data)
        flow = self._flows.get(addr)
        if flow is None:
            flow = self._new_flow(addr)
        driver.datagram(data, flow)

    def error_received(self, exc: Exception) -> None:
        """Count what ICMP or the kernel said; the transaction's own timers notice a dead peer."""
        _ = exc
        self._driver.counters.datagram_errors += 1

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()

    def _new_flow(self, addr: Any) -> Flow:
        if len(self._flows) >= MOST_FLOWS:
            self._flows.clear()
        flow = self._flows[addr] = Flow("udp", self.local, (addr[0], addr[1]))
        return flow


def bind_udp(host: str, port: int) -> socket.socket:
    """Give a bound datagram socket with large buffers; raises ``OSError`` when the address cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    try:
        for option, forced, size in (
            (socket.SO_RCVBUF, SO_RCVBUFFORCE, RECEIVE_BUFFER_BYTES),
            (socket.SO_SNDBUF, SO_SNDBUFFORCE, SEND_BUFFER_BYTES),
        ):
            bound.setsockopt(socket.SOL_SOCKET, option, size)
            try:
                bound.setsockopt(socket.SOL_SOCKET, forced, size)  # beyond rmem_max, for who may
            except PermissionError:
                continue
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


async def open_udp(driver: Driver, host: str, port: int) -> UdpSocket:
    """Listen on ``host``:``port`` (0: any free one, see ``local``); raises ``OSError``. Close with ``close()``."""
    bound = bind_udp(host, port)
    local: Address = (host, bound.getsockname()[1])
    loop = asyncio.get_running_loop()
    _, protocol = await loop.create_datagram_endpoint(lambda: UdpSocket(driver, local), sock=bound)
    return protocol
