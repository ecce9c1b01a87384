"""The relay's ports with real sockets on loopback."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from routerd.errors import RelayError
from routerd.media import rtp
from routerd.media.relay_session import RTCP, RTP, PartyMedia, RelaySession
from routerd.media_worker.ports import PortPool
from routerd.media_worker.relay_sockets import LinePorts, RelaySockets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST = "127.0.0.1"
REPORT = bytes([0x80, 201, 0, 1, 0, 0, 0, 8])


class Phone:
    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.setblocking(False)
        self.address = (HOST, int(self.socket.getsockname()[1]))

    async def hear(self) -> tuple[bytes, int]:
        loop = asyncio.get_running_loop()
        data, source = await asyncio.wait_for(loop.sock_recvfrom(self.socket, 4096), 2.0)
        return data, source[1]

    def send(self, data: bytes, port: int) -> None:
        self.socket.sendto(data, (HOST, port))

    def heard_nothing(self) -> bool:
        try:
            self.socket.recv(4096)
        except BlockingIOError:
            return True
        return False


class Relay:
    """A session between two phones with open ports."""

    def __init__(self, sockets: RelaySockets) -> None:
        self.alice, self.bob, self.stranger = Phone(), Phone(), Phone()
        self.session = RelaySession()
        self.session.signal(0, PartyMedia(self.alice.address, self.alice.address, clocks={8: 8000}))
        self.session.signal(1, PartyMedia(self.bob.address, self.bob.address, clocks={8: 8000}))
        self.session.answered(asyncio.get_running_loop().time())
        self.ports = sockets.open(self.session)

    async def settle(self) -> None:
        """Both phones have spoken and were heard."""
        self.alice.send(packet(1), self.ports.first)
        await self.bob.hear()
        self.bob.send(packet(1), self.ports.second)
        await self.alice.hear()

    def close(self) -> None:
        for phone in (self.alice, self.bob, self.stranger):
            phone.socket.close()


def packet(sequence: int, payload: bytes = bytes(160)) -> bytes:
    return rtp.build(8, sequence, sequence * 160, 3, payload)


def pool() -> PortPool:
    return PortPool(25000, 26999, os.getpid())


@pytest.fixture
async def sockets() -> RelaySockets:
    return RelaySockets(asyncio.get_running_loop(), HOST, pool(), dscp=46)


@pytest.fixture
async def relay(sockets: RelaySockets) -> AsyncIterator[Relay]:
    made = Relay(sockets)
    yield made
    made.close()
    sockets.close(made.ports)
    assert len(sockets) == 0


async def test_audio_and_reports_go_both_ways_from_the_right_ports(relay: Relay) -> None:
    first, second = relay.ports
    for sequence in range(1, 20):
        relay.alice.send(packet(sequence), first)
        assert await relay.bob.hear() == (packet(sequence), second)
        relay.bob.send(packet(sequence), second)
        assert await relay.alice.hear() == (packet(sequence), first)
    relay.alice.send(REPORT, first + 1)
    assert await relay.bob.hear() == (REPORT, second + 1)
    lane = relay.session.lane(0, RTP)
    assert (lane.packets, lane.lost, lane.settled) == (19, 0, relay.alice.address)


async def test_a_third_party_is_never_heard_and_hears_nothing(relay: Relay) -> None:
    spray = packet(9, b"intruder" * 20)
    for port in relay.ports:
        for _ in range(100):
            relay.stranger.send(spray, port)
    await relay.settle()
    for port in relay.ports:
        for _ in range(100):
            relay.stranger.send(spray, port)
    relay.alice.send(packet(2), relay.ports.first)
    assert (await relay.bob.hear())[0] == packet(2)
    relay.bob.send(packet(2), relay.ports.second)
    assert (await relay.alice.hear())[0] == packet(2)
    assert [relay.session.lane(side, RTP).foreign for side in (0, 1)] == [200, 200]
    for phone in (relay.alice, relay.bob, relay.stranger):
        assert phone.heard_nothing()


async def test_a_flood_of_garbage_is_survived(relay: Relay) -> None:
    await relay.settle()
    for number in range(2000):
        relay.stranger.send(os.urandom(number % 200), relay.ports.first)
        relay.alice.send(b"\x00" * (number % 300), relay.ports.first + number % 2)
        await asyncio.sleep(0)
    relay.alice.send(packet(2), relay.ports.first)
    assert (await relay.bob.hear())[0] == packet(2)
    assert relay.session.lane(0, RTP).garbage > 0
    assert relay.session.lane(0, RTCP).garbage > 0


async def test_a_destination_that_cannot_be_reached_harms_nobody(relay: Relay) -> None:
    relay.session.signal(1, PartyMedia(("255.255.255.255", 9), None))
    relay.session.answered(0.0)
    relay.alice.send(packet(1), relay.ports.first)
    relay.session.signal(1, PartyMedia(relay.bob.address, None))
    for sequence in range(2, 12):
        relay.alice.send(packet(sequence), relay.ports.first)
    assert (await relay.bob.hear())[0][:2] == packet(2)[:2]


async def test_packets_are_marked(sockets: RelaySockets) -> None:
    ports = sockets.open(RelaySession())
    sample = sockets._open[ports.first][0]._socket
    assert sample.getsockopt(socket.IPPROTO_IP, socket.IP_TOS) == 46 << 2
    sockets.close(ports)


async def test_a_port_that_somebody_else_holds_is_skipped() -> None:
    taken = Phone()
    even = taken.address[1] & ~1
    sockets = RelaySockets(asyncio.get_running_loop(), HOST, PortPool(even, even + 5))
    ports = sockets.open(RelaySession())
    assert even not in ports
    sockets.close(ports)
    taken.socket.close()


async def test_ports_used_up_leave_nothing_open() -> None:
    sockets = RelaySockets(asyncio.get_running_loop(), HOST, PortPool(27000, 27005))
    ports = sockets.open(RelaySession())
    with pytest.raises(RelayError, match="no ports left"):
        sockets.open(RelaySession())
    assert (len(sockets), len(sockets.pool)) == (4, 1)
    sockets.close(ports)
    assert (len(sockets), len(sockets.pool)) == (0, 3)


async def test_five_hundred_sessions_leave_no_socket_and_no_port(sockets: RelaySockets) -> None:
    def open_files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before, free = open_files(), len(sockets.pool)
    for _ in range(10):
        opened: list[LinePorts] = [sockets.open(RelaySession()) for _ in range(50)]
        assert open_files() == before + 200
        for ports in opened:
            sockets.close(ports)
    assert (open_files(), len(sockets.pool), len(sockets)) == (before, free, 0)


async def test_the_next_call_on_a_port_is_not_given_the_last_ones_packets() -> None:
    loop = asyncio.get_running_loop()
    sockets = RelaySockets(loop, HOST, PortPool(27010, 27013))
    first = Relay(sockets)
    await first.settle()
    sockets.close(first.ports)
    second = Relay(sockets)
    assert set(second.ports) == set(first.ports)
    first.alice.send(packet(5), second.ports.first)
    first.bob.send(packet(5), second.ports.second)
    await second.settle()
    assert second.alice.heard_nothing()
    assert second.bob.heard_nothing()
    sockets.close(second.ports)
    first.close()
    second.close()


async def test_ip6() -> None:
    loop = asyncio.get_running_loop()
    sockets = RelaySockets(loop, "::1", PortPool(27020, 27029), dscp=46)
    phones = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) for _ in range(2)]
    session = RelaySession()
    for side, phone in enumerate(phones):
        phone.bind(("::1", 0))
        phone.setblocking(False)
        session.signal(side, PartyMedia(("::1", phone.getsockname()[1]), None))
    ports = sockets.open(session)
    phones[0].sendto(packet(1), ("::1", ports.first))
    assert await asyncio.wait_for(loop.sock_recv(phones[1], 4096), 2.0) == packet(1)
    sockets.close(ports)
    for phone in phones:
        phone.close()
