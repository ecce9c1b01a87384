"""The simulated network: carries datagrams and streams between the switch and phones, with seeded misfortune.

Datagrams may be lost, doubled, delayed and so overtaken; streams keep their order and lose nothing until they are cut.
Every packet is written into the transcript when it is sent, so two runs of one seed can be compared byte by byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import msgspec

from routerd.sip.flow import Address, Flow

if TYPE_CHECKING:
    from routerd.b2bua.switch import Switch
    from routerd.simulation.clock import Agenda
    from routerd.sip.tokens import Tokens

SWITCH: Address = ("198.18.0.1", 5060)
SWITCH6: Address = ("2001:db8:ffff::1", 5060)
MILLION = 1_000_000


def switch_address(peer: Address) -> Address:
    """Return the switch's own address for a peer of that family."""
    return SWITCH6 if ":" in peer[0] else SWITCH


class Peer(Protocol):
    """Whoever is reached at an address."""

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram, or one write of a stream."""

    def lose_flow(self, flow: Flow, now: float) -> None:
        """Hear that a stream is gone."""


class Weather(msgspec.Struct, frozen=True):
    """What becomes of datagrams: probabilities, and delays in seconds; ``reordered`` packets take ``late_s`` more."""

    loss: float = 0.0
    duplication: float = 0.0
    reordering: float = 0.0
    delay_s: float = 0.0
    late_s: float = 0.08


CALM = Weather()


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One line of the transcript; ``fate`` is sent, lost, doubled or unreachable."""

    at: float
    source: Address
    target: Address
    data: bytes
    fate: str


class Network:
    """Who is where: :meth:`attach` peers; the world sends by :meth:`from_switch`, phones by :meth:`to_switch`."""

    __slots__ = (
        "_agenda",
        "_chance",
        "_connections",
        "_peers",
        "default",
        "recording",
        "switch",
        "transcript",
        "weather",
    )

    def __init__(self, agenda: Agenda, chance: Tokens, weather: Weather = CALM) -> None:
        self._agenda = agenda
        self._chance = chance
        self._peers: dict[Address, Peer] = {}
        self._connections = 0
        self.weather = weather
        self.default: Peer | None = None
        self.switch: Switch | None = None
        self.recording = True
        self.transcript: list[Packet] = []

    def attach(self, address: Address, peer: Peer) -> None:
        """Let ``peer`` be reached at ``address``."""
        self._peers[address] = peer

    def taken(self, address: Address) -> bool:
        """Whether somebody is at ``address``."""
        return address in self._peers

    def connect(self, address: Address, transport: str) -> Flow:
        """Return the phone's end of a new stream to the switch."""
        self._connections += 1
        return Flow(transport, address, switch_address(address), self._connections)

    # -- towards the switch --------------------------------------------------------------------------------------------

    def to_switch(self, data: bytes, flow: Flow, now: float) -> None:
        """Carry what a phone sends on its ``flow``."""
        fates = self._fates(data, flow.local, flow.remote, flow, now)
        there = Flow(flow.transport, flow.remote, flow.local, flow.connection)
        for delay_s in fates:
            self._agenda.at(now + delay_s, self._arrive, data, there)

    def _arrive(self, data: bytes, flow: Flow, now: float) -> None:
        assert self.switch is not None
        if flow.reliable:
            self.switch.receive_stream(data, flow, now)
        else:
            self.switch.receive_datagram(data, flow, now)

    # -- from the switch -----------------------------------------------------------------------------------------------

    def from_switch(self, data: bytes, flow: Flow, now: float) -> None:
        """Carry what the switch transmits on its ``flow``."""
        peer = self._peers.get(flow.remote, self.default)
        if peer is None:
            self._write(Packet(now, flow.local, flow.remote, data, "unreachable"))
            return
        there = Flow(flow.transport, flow.remote, flow.local, flow.connection)
        for delay_s in self._fates(data, flow.local, flow.remote, flow, now):
            self._agenda.at(now + delay_s, peer.receive, data, there)

    def open(self, flow: Flow, now: float) -> None:
        """Open a stream for the switch; where nobody listens it is lost at once."""
        if self._peers.get(flow.remote, self.default) is None:
            self._agenda.at(now, self._refused, flow)

    def _refused(self, flow: Flow, now: float) -> None:
        assert self.switch is not None
        self.switch.lose_flow(flow, now)

    def cut(self, flow: Flow, now: float) -> None:
        """Cut a phone's stream: both ends hear of it."""
        assert self.switch is not None
        peer = self._peers.get(flow.local)
        if peer is not None:
            peer.lose_flow(flow, now)
        self.switch.lose_flow(Flow(flow.transport, flow.remote, flow.local, flow.connection), now)

    # -- misfortune ----------------------------------------------------------------------------------------------------

    def _fates(self, data: bytes, source: Address, target: Address, flow: Flow, now: float) -> list[float]:
        """Return the delays of the copies that arrive."""
        weather = self.weather
        if flow.reliable or weather is CALM:
            self._write(Packet(now, source, target, data, "sent"))
            return [0.0 if weather is CALM else weather.delay_s]
        if self._happens(weather.loss):
            self._write(Packet(now, source, target, data, "lost"))
            return []
        delays = [self._delay()]
        if self._happens(weather.duplication):
            delays.append(self._delay())
        self._write(Packet(now, source, target, data, "sent" if len(delays) == 1 else "doubled"))
        return delays

    def _delay(self) -> float:
        weather = self.weather
        delay = weather.delay_s * (0.5 + self._chance.number(1000) / 1000)
        return delay + (weather.late_s if self._happens(weather.reordering) else 0.0)

    def _happens(self, probability: float) -> bool:
        return probability > 0 and self._chance.number(MILLION) < probability * MILLION

    def _write(self, packet: Packet) -> None:
        if self.recording:
            self.transcript.append(packet)
