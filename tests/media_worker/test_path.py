"""The treated path, without sockets and with them."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

import pytest

from routerd.media import rtp
from routerd.media.relay_session import RTCP, RTP, PartyMedia, RelaySession
from routerd.media_worker.path import Path
from routerd.media_worker.ports import PortPool
from routerd.media_worker.relay_sockets import LinePorts, RelaySockets

if TYPE_CHECKING:
    from routerd.media.relay_lane import Address

ALICE, BOB, MALLORY = ("192.0.2.1", 4000), ("192.0.2.2", 5000), ("192.0.2.66", 6666)
REPORT = bytes([0x80, 201, 0, 1, 0, 0, 0, 8])
PORTS = LinePorts(20000, 20002)


def packet(sequence: int, payload_type: int = 8) -> bytes:
    return rtp.build(payload_type, sequence, sequence * 160, 3, bytes(160))


class Outlet:
    def __init__(self) -> None:
        self.sent: list[tuple[int, int, bytes, Address]] = []
        self.treated: list[bool] = []

    def treat(self, ports: LinePorts, path: Path | None) -> None:
        assert ports == PORTS
        self.treated.append(path is not None)

    def send(self, ports: LinePorts, side: int, component: int, data: bytes, destination: Address) -> None:
        assert ports == PORTS
        self.sent.append((side, component, data, destination))

    def take(self) -> list[tuple[int, int, bytes, Address]]:
        sent, self.sent = self.sent, []
        return sent


class Ear:
    def __init__(self) -> None:
        self.heard: list[tuple[int, bytes]] = []
        self.closed = 0

    def hear(self, side: int, packet: bytes, now: float) -> None:
        assert now > 0
        self.heard.append((side, packet))

    def close(self) -> None:
        self.closed += 1


class Seal:
    """A guard that puts one byte behind."""

    def __init__(self, mark: bytes) -> None:
        self.mark = mark
        self.ready = True
        self.closed = False

    def unprotect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        end = self.mark + (b"c" if rtcp else b"r")
        return data[:-2] if data.endswith(end) else None

    def protect(self, data: bytes, *, rtcp: bool) -> bytes | None:
        return data + self.mark + (b"c" if rtcp else b"r") if self.ready else None

    def take_other(self, data: bytes, source: Address, now: float) -> list[tuple[bytes, Address]]:
        return [(b"\x01" + data, source)] if now and data[0] == 0 else []

    def tick(self, now: float) -> list[tuple[bytes, Address]]:
        return [(b"\x16again", ALICE)] if now else []

    def counts(self) -> dict[str, int]:
        return {"forged": 3}


class Voice:
    is_speaking = True
    closed = False

    def close(self) -> None:
        self.closed = True


class Upper:
    def convert(self, packet: bytes) -> bytes | None:
        return None if packet[1] == 13 else packet.replace(b"\0" * 160, b"\1" * 160)


class NoDigits:
    def withholds(self, packet: bytes) -> bool:
        return packet[1] & 0x7F == 101


def treated() -> tuple[Path, Outlet, set[Path]]:
    outlet, all_treated = Outlet(), set[Path]()
    session = RelaySession()
    session.signal(0, PartyMedia(ALICE, (ALICE[0], 4001), clocks={8: 8000}))
    session.signal(1, PartyMedia(BOB, (BOB[0], 5001), clocks={8: 8000}))
    session.answered(1.0)
    return Path(session, PORTS, outlet, all_treated), outlet, all_treated


def test_taps_hear_what_was_admitted_and_nothing_else() -> None:
    path, outlet, all_treated = treated()
    ear = Ear()
    path.add_tap(ear)
    assert all_treated == {path}
    path.take(0, RTP, packet(1), ALICE, 2.0)
    path.take(1, RTP, packet(2), BOB, 2.0)
    path.take(0, RTP, packet(3), MALLORY, 2.0)
    path.take(0, RTP, b"junk", ALICE, 2.0)
    path.take(0, RTP, b"", ALICE, 2.0)
    assert ear.heard == [(0, packet(1)), (1, packet(2))]
    assert outlet.take() == [(1, RTP, packet(1), BOB), (0, RTP, packet(2), ALICE)]
    lane = path.session.lane(0, RTP)
    assert (lane.packets, lane.foreign, lane.garbage) == (1, 1, 2)


def test_a_tap_may_leave_while_it_hears() -> None:
    path, _, _ = treated()

    class Once(Ear):
        def hear(self, side: int, packet: bytes, now: float) -> None:
            super().hear(side, packet, now)
            path.remove_tap(self)

    once, ear = Once(), Ear()
    path.add_tap(once)
    path.add_tap(ear)
    for sequence in (1, 2):
        path.take(0, RTP, packet(sequence), ALICE, 2.0)
    assert (len(once.heard), once.closed, len(ear.heard)) == (1, 1, 2)
    path.remove_tap(once)
    assert once.closed == 1


def test_who_is_blocked_or_has_nobody_to_speak_to_is_heard_by_taps_all_the_same() -> None:
    path, outlet, _ = treated()
    ear = Ear()
    path.add_tap(ear)
    path.session.block(0, blocked=True)
    path.take(0, RTP, packet(1), ALICE, 2.0)
    assert (len(ear.heard), outlet.take()) == (1, [])


def test_a_player_takes_the_other_ones_place_while_it_speaks() -> None:
    path, outlet, _ = treated()
    voice = Voice()
    path.set_player(1, voice)
    path.take(0, RTP, packet(1), ALICE, 2.0)
    path.take(1, RTP, packet(1), BOB, 2.0)
    assert outlet.take() == [(0, RTP, packet(1), ALICE)]
    assert path.send(1, packet(77))
    assert outlet.take() == [(1, RTP, packet(77), BOB)]
    voice.is_speaking = False
    path.take(0, RTP, packet(2), ALICE, 2.0)
    assert outlet.take() == [(1, RTP, packet(2), BOB)]
    path.take(0, RTCP, REPORT, (ALICE[0], 4001), 2.0)
    assert outlet.take() == [(1, RTCP, REPORT, (BOB[0], 5001))]


def test_conversion_and_withholding() -> None:
    path, outlet, _ = treated()
    path.set_converter(0, Upper())
    path.set_withholding(0, NoDigits())
    for payload_type in (8, 13, 101):
        path.take(0, RTP, packet(1, payload_type), ALICE, 2.0)
    path.take(1, RTP, packet(1, 101), BOB, 2.0)
    assert outlet.take() == [
        (1, RTP, packet(1)[:12] + b"\1" * 160, BOB), (0, RTP, packet(1, 101), ALICE),
    ]  # fmt: skip


def test_a_guarded_side() -> None:
    path, outlet, _ = treated()
    guard = Seal(b"A")
    path.set_guard(0, guard)
    path.take(0, RTP, packet(1) + b"Ar", ALICE, 2.0)
    path.take(0, RTCP, REPORT + b"Ac", (ALICE[0], 4001), 2.0)
    path.take(1, RTP, packet(1), BOB, 2.0)
    path.take(0, RTP, packet(2), ALICE, 2.0)
    assert outlet.take() == [
        (1, RTP, packet(1), BOB), (1, RTCP, REPORT, (BOB[0], 5001)), (0, RTP, packet(1) + b"Ar", ALICE),
    ]  # fmt: skip
    assert path.refused == 1
    guard.ready = False
    assert not path.send(0, packet(9))
    assert path.keys_missing == 1


def test_what_is_not_authentic_settles_no_source() -> None:
    path, outlet, _ = treated()
    path.set_guard(0, Seal(b"A"))
    for number in range(300):
        path.take(0, RTP, packet(number), MALLORY, 2.0 + number * 0.02)
    assert path.session.lane(0, RTP).settled is None
    assert path.session.lane(0, RTP).foreign == 0
    assert (path.refused, outlet.take()) == (300, [])


def test_what_is_no_rtp_goes_to_the_guard() -> None:
    path, outlet, _ = treated()
    path.set_guard(0, Seal(b"A"))
    path.take(0, RTP, b"\0stun", MALLORY, 7.0)
    path.take(0, RTP, b"\x16dtls", MALLORY, 8.0)
    assert outlet.take() == [(0, RTP, b"\x01\0stun", MALLORY)]
    assert path.alive_s == 7.0
    path.take(1, RTP, b"\0stun", BOB, 9.0)
    assert path.session.lane(1, RTP).garbage == 1
    path.tick(9.0)
    assert outlet.take() == [(0, RTP, b"\x16again", ALICE)]


def test_reports_come_and_go_by_one_port_where_that_was_agreed() -> None:
    path, outlet, _ = treated()
    path.set_guard(0, Seal(b"A"))
    path.muxed[0] = True
    path.take(0, RTP, packet(1) + b"Ar", ALICE, 2.0)
    path.take(0, RTP, REPORT + b"Ac", ALICE, 2.0)
    path.take(0, RTP, REPORT + b"Ac", MALLORY, 2.0)
    path.take(1, RTCP, REPORT, (BOB[0], 5001), 2.0)
    assert outlet.take()[1:] == [
        (1, RTCP, REPORT, (BOB[0], 5001)), (0, RTP, REPORT + b"Ac", ALICE),
    ]  # fmt: skip
    assert path.session.lane(0, RTP).packets == 1
    assert path.session.lane(0, RTCP).foreign == 1


def test_closing() -> None:
    path, outlet, all_treated = treated()
    ear, voice = Ear(), Voice()
    path.add_tap(ear)
    path.set_player(0, voice)
    path.add_ticked(path)
    path.close()
    assert (ear.closed, voice.closed, all_treated) == (1, True, set())
    path.tick(1.0)
    path.switch()
    assert outlet.treated == [True]


class Phone:
    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.address = ("127.0.0.1", int(self.socket.getsockname()[1]))

    async def hear(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 4096), 2.0)


@pytest.mark.parametrize("component", [RTP, RTCP])
async def test_a_line_is_switched_to_and_fro_in_the_middle_of_speech(component: int) -> None:
    alice, bob = Phone(), Phone()
    session = RelaySession()
    session.signal(0, PartyMedia(alice.address, alice.address))
    session.signal(1, PartyMedia(bob.address, bob.address))
    session.answered(0.0)
    sockets = RelaySockets(asyncio.get_running_loop(), "127.0.0.1", PortPool(25000, 26999, os.getpid()))
    ports = sockets.open(session)
    path = Path(session, ports, sockets, set())
    ear = Ear()

    def made(number: int) -> bytes:
        return packet(number) if component == RTP else REPORT

    for number in range(30):
        if number % 10 == 5:
            path.add_tap(ear) if not path.is_treated else path.remove_tap(ear)
        alice.socket.sendto(made(number), ("127.0.0.1", ports.first + component))
        assert await bob.hear() == made(number)
        bob.socket.sendto(made(number), ("127.0.0.1", ports.second + component))
        assert await alice.hear() == made(number)
    assert len(ear.heard) == (30 if component == RTP else 0)
    assert session.lane(0, component).packets == 30
    path.add_tap(ear)
    path.close()
    sockets.close(ports)
    sockets.send(ports, 0, RTP, b"late", alice.address)
    for phone in (alice, bob):
        phone.socket.close()
