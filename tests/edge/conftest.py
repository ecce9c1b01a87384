"""A switch with the real one's door that keeps what it is told and does what the test says; and a driver around it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import uvloop

from routerd.b2bua.effects import Transmit
from routerd.edge.driver import Driver
from routerd.edge.stream import StreamTable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

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


def pytest_asyncio_loop_factories(config: Any, item: Any) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop of the product, not the standard library's."""
    return {"uvloop": uvloop.new_event_loop}
