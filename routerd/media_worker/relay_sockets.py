"""The sockets of the relay: a pair of ports a side, and the loop's hot path from one to another.

A readable port costs one ``recvfrom``, one lane's ``receive``, one ``sendto``: plain sockets under the loop's reader
are as fast as a datagram protocol here, and opening them needs no task. The clock is read for each packet, because the
loop's own is a turn old and jitter is measured from it. A line whose packets are looked at or changed reads into its
``path`` instead, until it is plain again.
"""

from __future__ import annotations

import socket
from time import monotonic
from typing import TYPE_CHECKING, Final, NamedTuple

from routerd.errors import RelayError
from routerd.media.relay_session import RTCP, RTP, RelaySession
from routerd.media_worker.ports import NO_PORTS, PortPool

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from routerd.media.relay_lane import Address, Lane
    from routerd.media_worker.path import Path

RECEIVE_BYTES: Final = 4096
MAX_BIND_TRIES: Final = 32


class LinePorts(NamedTuple):
    """The even (RTP) port of each side's pair."""

    first: int
    second: int


class Port:
    """One bound socket and the lane that listens there."""

    __slots__ = ("_hear", "_path", "_place", "_receive", "_send", "_socket", "unsendable")

    def __init__(self, bound: socket.socket, lane: Lane) -> None:
        self._socket: socket.socket = bound
        self._receive: Callable[[int], tuple[bytes, Address]] = bound.recvfrom
        self._hear: Callable[[bytes, Address, float], Address | None] = lane.receive
        self._send: Callable[[bytes, Address], int] = bound.sendto
        self._path: Path | None = None
        self._place: tuple[int, int] = (0, 0)
        self.unsendable: int = 0

    def join(self, partner: Port) -> None:
        """What is heard here leaves from ``partner``, and the other way round."""
        self._send = partner._socket.sendto
        partner._send = self._socket.sendto

    def readable(self) -> None:
        """Pass one datagram on; the loop calls again while there are more."""
        try:
            data, source = self._receive(RECEIVE_BYTES)
            destination = self._hear(data, source, monotonic())
            if destination is not None:
                self._send(data, destination)
        except OSError:
            # a full buffer, an unreachable network: one lost packet, as UDP has it
            self.unsendable += 1

    def readable_ip6(self) -> None:
        """As ``readable``, where sources come with flow and scope that signalling does not name."""
        try:
            data, source = self._receive(RECEIVE_BYTES)
            destination = self._hear(data, (source[0], source[1]), monotonic())
            if destination is not None:
                self._send(data, destination)
        except OSError:
            self.unsendable += 1

    def readable_treated(self) -> None:
        """Hand one datagram to the line's path."""
        try:
            data, source = self._receive(RECEIVE_BYTES)
        except OSError:
            self.unsendable += 1
            return
        path = self._path
        if path is not None:
            path.take(self._place[0], self._place[1], data, (source[0], source[1]), monotonic())

    def treat(self, loop: asyncio.AbstractEventLoop, path: Path | None, side: int, component: int) -> None:
        """Read into ``path`` from now on, as the port of ``side`` for ``component``; None: relay plainly again."""
        self._path = path
        self._place = (side, component)
        if path is None:
            self.listen(loop)
        else:
            loop.add_reader(self._socket.fileno(), self.readable_treated)

    def send(self, data: bytes, destination: Address) -> None:
        """Send from this port."""
        try:
            self._socket.sendto(data, destination)
        except OSError:
            self.unsendable += 1

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Begin to read."""
        ip6 = self._socket.family == socket.AF_INET6
        loop.add_reader(self._socket.fileno(), self.readable_ip6 if ip6 else self.readable)

    def close(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop reading and release the port."""
        self._path = None
        loop.remove_reader(self._socket.fileno())
        self._socket.close()


class RelaySockets:
    """Opens and closes the ports of relay sessions."""

    __slots__ = ("_address", "_dscp", "_family", "_loop", "_open", "pool")

    def __init__(self, loop: asyncio.AbstractEventLoop, address: str, pool: PortPool, dscp: int = 0) -> None:
        """Bind to ``address``; ``dscp`` (0 … 63) marks what is sent (RFC 2474)."""
        self._loop: asyncio.AbstractEventLoop = loop
        self._address: str = address
        self._family: socket.AddressFamily = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._dscp: int = dscp
        self._open: dict[int, tuple[Port, Port]] = {}
        self.pool: PortPool = pool

    def open(self, session: RelaySession) -> LinePorts:
        """Open both sides' pairs for a session; raises RelayError when ports are used up: nothing stays open."""
        first = self._open_pair(session, 0)
        try:
            second = self._open_pair(session, 1)
        except RelayError:
            self._close_pair(first)
            raise
        for component in (RTP, RTCP):
            self._open[first][component].join(self._open[second][component])
        for port in self._open[first] + self._open[second]:
            port.listen(self._loop)
        return LinePorts(first, second)

    def close(self, ports: LinePorts) -> None:
        """Close both pairs and give the ports back."""
        for port in ports:
            self._close_pair(port)

    def treat(self, ports: LinePorts, path: Path | None) -> None:
        """Let every datagram of these ports come to ``path.take``; None: back to the plain path."""
        for side, even in enumerate(ports):
            for component in (RTP, RTCP):
                self._open[even][component].treat(self._loop, path, side, component)

    def send(self, ports: LinePorts, side: int, component: int, data: bytes, destination: Address) -> None:
        """Send from one port of a line; what cannot be sent is lost, as UDP has it."""
        pair = self._open.get(ports[side])
        if pair is not None:
            pair[component].send(data, destination)

    def __len__(self) -> int:
        """Open sockets."""
        return 2 * len(self._open)

    def _open_pair(self, session: RelaySession, side: int) -> int:
        for _ in range(MAX_BIND_TRIES):
            even = self.pool.take()
            sockets = self._bind_pair(even)
            if sockets is not None:
                self._open[even] = (
                    Port(sockets[0], session.lane(side, RTP)),
                    Port(sockets[1], session.lane(side, RTCP)),
                )
                return even
            self.pool.give_back(even)  # somebody else has it: it goes to the end of the line
        raise RelayError(NO_PORTS)

    def _bind_pair(self, even: int) -> tuple[socket.socket, socket.socket] | None:
        rtp = self._bind(even)
        if rtp is None:
            return None
        rtcp = self._bind(even + 1)
        if rtcp is None:
            rtp.close()
            return None
        return rtp, rtcp

    def _bind(self, port: int) -> socket.socket | None:
        try:
            bound = socket.socket(self._family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        except OSError as error:
            raise RelayError(f"no socket left: {error}") from error
        try:
            bound.bind((self._address, port))
            if self._dscp:
                self._mark(bound)
        except OSError:
            bound.close()
            return None
        return bound

    def _mark(self, bound: socket.socket) -> None:
        if self._family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, self._dscp << 2)
        else:
            bound.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, self._dscp << 2)

    def _close_pair(self, even: int) -> None:
        for port in self._open.pop(even):
            port.close(self._loop)
        self.pool.give_back(even)
