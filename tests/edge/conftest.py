"""A switch with the real one's door that keeps what it is told and does what the test says; and a driver around it."""

# ruff: noqa: ARG002 - the doors that are mimicked have their arguments

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Any

import pytest
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from routerd.b2bua.effects import Transmit
from routerd.edge.driver import Driver
from routerd.edge.stream import StreamTable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from routerd.b2bua.effects import Answer, Command, Effect, Journal
    from routerd.sip.flow import Flow


class FakeSwitch:
    """Echoes what it receives (unless ``echo`` is False) and remembers everything."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.heard: list[tuple[str, Any, Any]] = []
        self.deadlines: list[float] = []
        self.fired: list[float] = []
        self.echo = True
        self._changed = asyncio.Event()

    def _hear(self, kind: str, what: Any, flow: Any = None) -> None:
        self.heard.append((kind, what, flow))
        self._changed.set()

    def receive_datagram(self, data: bytes, flow: Flow, now: float) -> None:
        self._hear("datagram", data, flow)
        if self.echo:
            self.effects.append(Transmit(flow, data))

    def receive_stream(self, data: bytes, flow: Flow, now: float) -> None:
        self._hear("stream", data, flow)
        if self.echo:
            self.effects.append(Transmit(flow, data))

    def lose_flow(self, flow: Flow, now: float) -> None:
        self._hear("lost", None, flow)

    def receive_answer(self, answer: Answer, now: float) -> None:
        self._hear("answer", answer)

    def receive_command(self, command: Command, now: float) -> None:
        self._hear("command", command)

    def install(self, snapshot: Any, now: float) -> None:
        self._hear("install", snapshot)

    def next_deadline(self) -> float | None:
        return min(self.deadlines, default=None)

    def handle_deadline(self, now: float) -> None:
        assert min(self.deadlines) <= now, "fired early"
        self.fired.append(now)
        self.deadlines = [deadline for deadline in self.deadlines if deadline > now]
        self._hear("fired", now)

    def take_effects(self) -> list[Effect]:
        taken, self.effects = self.effects, []
        return taken

    async def until(self, holds: Callable[[FakeSwitch], bool], within_s: float = 5.0) -> None:
        """Wait until something heard makes ``holds`` true."""
        async with asyncio.timeout(within_s):
            while not holds(self):
                self._changed.clear()
                await self._changed.wait()

    def of(self, kind: str) -> list[Any]:
        """What was heard of one kind: (what, flow)."""
        return [(what, flow) for heard, what, flow in self.heard if heard == kind]


class Bench:
    """A switch, its driver, its connections and what was journalled."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.switch = FakeSwitch()
        self.streams = StreamTable(loop)
        self.journal: list[Journal] = []
        self.driver = Driver(self.switch, loop, streams=self.streams, journal=self.journal.append)
        self.streams.driver = self.driver


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    made.driver.close()
    made.streams.shut()


class Client(asyncio.Protocol, asyncio.DatagramProtocol):
    """A peer: what it received, in order, and whether its connection has ended."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()
        self.ended = asyncio.Event()
        self.transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.received.put_nowait(data)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.received.put_nowait(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()

    async def next(self) -> bytes:
        async with asyncio.timeout(5):
            return await self.received.get()


@pytest.fixture
def client() -> type[Client]:
    return Client


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of the product, not the standard library's."""
    return {"uvloop": uvloop.new_event_loop}


class Authority:
    """Signs certificates; ``roots`` is its own as a PEM file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        self.roots = folder / "roots.pem"
        root = (
            self._builder(self._name, self._key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.roots.write_bytes(root.public_bytes(serialization.Encoding.PEM))

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(hours=1))
            .not_valid_after(now + dt.timedelta(days=2))
        )

    def sign(self, stem: str, *names: str) -> tuple[Path, Path]:
        """A certificate for DNS names, ``sip:`` URIs and addresses, and its key, as files named by ``stem``."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        certificate = (
            self._builder(subject, key.public_key())
            .add_extension(x509.SubjectAlternativeName([general_name(name) for name in names]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        files = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        files[1].write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        return files


def general_name(name: str) -> x509.GeneralName:
    if name.startswith("sip:"):
        return x509.UniformResourceIdentifier(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)
