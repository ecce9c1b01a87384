"""Scripted phones of the simulated world on real sockets: the demo's phones and its trunk.

The phone is :class:`routerd.simulation.phone.Phone`, unchanged: here its network is a UDP socket, its time the clock,
and its agenda is run by a ticking task. ``async with Loopback(server) as world``, then ``await world.phone(…)``.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

from routerd.app.voice import Voice, far_end
from routerd.edge import clock
from routerd.edge.tokens import system_tokens
from routerd.edge.udp import bind_udp
from routerd.errors import MediaError
from routerd.simulation.clock import Agenda
from routerd.simulation.network import Network, Packet
from routerd.simulation.phone import Behaviour, Phone
from routerd.sip.flow import Flow
from routerd.sip.timers import TimerQueue

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.simulation.phone_call import PhoneCall
    from routerd.sip.flow import Address
    from routerd.sip.message import Request

TICK_S = 0.01


class Wire(Network):
    """The network of phones on this machine: what they send leaves by their socket; every datagram is noted."""

    __slots__ = ("sockets",)

    def __init__(self, agenda: Agenda) -> None:
        super().__init__(agenda, system_tokens())
        self.sockets: dict[Address, asyncio.DatagramTransport] = {}

    def to_switch(self, data: bytes, flow: Flow, now: float) -> None:
        """Send a phone's datagram."""
        self.note(now, flow.local, flow.remote, data)
        transport = self.sockets.get(flow.local)
        if transport is not None and not transport.is_closing():
            transport.sendto(data, flow.remote)

    def note(self, now: float, source: Address, target: Address, data: bytes) -> None:
        """Write a datagram into the transcript."""
        if self.recording:
            self.transcript.append(Packet(now, source, target, data, "sent"))


class LoopbackPhone(Phone):
    """A scripted phone on a real socket; each of its calls has a :class:`~routerd.app.voice.Voice`."""

    __slots__ = ("voices",)

    def __init__(self, world: Loopback, address: Address, user: str, **more: Any) -> None:
        self.voices: list[Voice] = []
        super().__init__(world, address, user, **more)
        self.flow = Flow("udp", address, world.server)
        self.answered = self._talk

    def port(self) -> int:
        """Open a socket for a call's audio."""
        self.voices.append(Voice(self.address[0]))
        return self.voices[-1].port

    def voice(self, call: PhoneCall) -> Voice:
        """Give the audio of a call."""
        return self.voices[self.calls.index(call)]

    def _talk(self, call: PhoneCall, now: float) -> None:
        del now
        try:
            target, payload_types = far_end(call.remote_sdp)
        except MediaError as error:
            self.note("no_audio", str(error))
            return
        self.voice(call).talk(target, payload_types)

    def hush(self) -> None:
        """Close the audio of calls that are over."""
        for call, voice in zip(self.calls, self.voices, strict=False):
            if call.ended_at is not None:
                voice.close()


class Loopback:
    """The surroundings of phones whose switch is the daemon at ``server``."""

    def __init__(self, server: Address) -> None:
        self.server = server
        self.agenda = Agenda()
        self.network: Network = Wire(self.agenda)
        self.timers = TimerQueue()
        self.tokens = system_tokens()
        self.now = clock.monotonic()
        self.phones: list[LoopbackPhone] = []
        self._ticking: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Start the time of the phones."""
        self._ticking = asyncio.get_running_loop().create_task(self._tick())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every socket."""
        if self._ticking is not None:
            self._ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ticking
        for phone in self.phones:
            for voice in phone.voices:
                voice.close()
        for transport in self._wire.sockets.values():
            transport.close()

    @property
    def _wire(self) -> Wire:
        assert isinstance(self.network, Wire)
        return self.network

    async def phone(
        self,
        address: Address,
        user: str,
        *,
        domain: str,
        password: str = "",
        behave: Callable[[Request], Behaviour] | None = None,
    ) -> LoopbackPhone:
        """Make a phone at ``address`` (port 0: any); raises ``OSError`` when the address cannot be had."""
        bound = bind_udp(*address)
        here = (address[0], bound.getsockname()[1])
        made = LoopbackPhone(self, here, user, domain=domain, password=password, behave=behave)
        loop = asyncio.get_running_loop()
        self._wire.sockets[here], _ = await loop.create_datagram_endpoint(lambda: Receiver(self, made), sock=bound)
        self.phones.append(made)
        return made

    def heard(self, data: bytes, source: Address, phone: LoopbackPhone) -> None:
        """Take a datagram for ``phone``."""
        self.now = clock.monotonic()
        self._wire.note(self.now, source, phone.address, data)
        phone.receive(data, Flow("udp", phone.address, source), self.now)

    async def until(self, holds: Callable[[], bool], within_s: float) -> bool:
        """Wait until ``holds()``; False when it does not in time."""
        until = clock.monotonic() + within_s
        while not holds():
            if clock.monotonic() > until:
                return False
            await asyncio.sleep(TICK_S)
        return True

    async def _tick(self) -> None:
        while True:
            self.now = clock.monotonic()
            due = self.agenda.next_at()
            while due is not None and due <= self.now:
                self.agenda.run_next()
                due = self.agenda.next_at()
            self.timers.run(self.now)
            for phone in self.phones:
                phone.hush()
            await asyncio.sleep(TICK_S)


class Receiver(asyncio.DatagramProtocol):
    """A phone's ears."""

    def __init__(self, world: Loopback, phone: LoopbackPhone) -> None:
        self._world = world
        self._phone = phone

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """Pass a datagram to the phone."""
        self._world.heard(data, (addr[0], addr[1]), self._phone)
