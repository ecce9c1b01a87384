"""Datagram sockets for the simulated phones: what they send leaves by the kernel, what comes is handed to them."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from routerd.sip.flow import Address, Flow

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.simulation.network import Peer

LARGEST = 65_535
LOOPBACK = "127."


class LiveNetwork:
    """Takes the place of the simulated network: every phone has a socket of its own, bound to its address.

    Addresses that are not of loopback have no socket: nothing can be sent there, and nothing comes from there.
    """

    def __init__(self, turn: Callable[..., None]) -> None:
        self._loop = asyncio.get_running_loop()
        self._turn = turn
        self._sockets: dict[Address, socket.socket] = {}
        self._peers: dict[Address, Peer] = {}
        self.default: Peer | None = None
        self.recording = False
        self.received = 0
        self.sent = 0

    def reserve(self, host: str) -> Address:
        """Bind any free port of ``host`` for somebody who comes later."""
        address = self._bind((host, 0))
        assert address is not None
        return address

    def taken(self, address: Address) -> bool:
        """Whether ``address`` is somebody's; if not it is reserved."""
        return address[0].startswith(LOOPBACK) and self._bind(address) is None

    def attach(self, address: Address, peer: Peer) -> None:
        """Let ``peer`` have what comes to ``address``."""
        self._peers[address] = peer
        if address in self._sockets:
            self._loop.add_reader(self._sockets[address].fileno(), self._readable, address)

    def to_switch(self, data: bytes, flow: Flow, _now: float) -> None:
        """Send what a phone sends."""
        self.sent += 1
        self._sockets[flow.local].sendto(data, flow.remote)

    def close(self) -> None:
        """Close every socket."""
        for bound in self._sockets.values():
            self._loop.remove_reader(bound.fileno())
            bound.close()

    def _bind(self, address: Address) -> Address | None:
        bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        bound.setblocking(False)
        try:
            bound.bind(address)
        except OSError:
            bound.close()
            return None
        name: Address = bound.getsockname()
        self._sockets[name] = bound
        return name

    def _readable(self, address: Address) -> None:
        while True:
            try:
                data, source = self._sockets[address].recvfrom(LARGEST)
            except BlockingIOError:
                return
            self.received += 1
            self._turn(self._arrive, data, Flow("udp", address, source))

    def _arrive(self, data: bytes, flow: Flow, now: float) -> None:
        self._peers[flow.local].receive(data, flow, now)


class LiveAgenda:
    """What people and phones plan, as timers of the event loop."""

    def __init__(self, turn: Callable[..., None], clock: Callable[[], float]) -> None:
        self._loop = asyncio.get_running_loop()
        self._turn = turn
        self._clock = clock

    def at(self, when: float, action: Callable[..., None], *arguments: Any) -> None:
        """Plan ``action(*arguments, now)``."""
        self._loop.call_later(max(0.0, when - self._clock()), self._turn, action, *arguments)
