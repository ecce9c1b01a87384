"""The media process: one control socket, the engine, the relay's sockets, on uvloop."""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
import sys
import time
from typing import TYPE_CHECKING, Final, cast

import uvloop

from routerd.edge.memory import Trimmer
from routerd.errors import RelayError
from routerd.media_worker.addresses import Addresses
from routerd.media_worker.digits import Digits
from routerd.media_worker.engine import SESSION_LIMIT_S, TICK_S, Engine
from routerd.media_worker.pacer import Pacer
from routerd.media_worker.playing import Playing
from routerd.media_worker.ports import PortPool
from routerd.media_worker.recordings import Recordings
from routerd.media_worker.relay_sockets import RelaySockets
from routerd.media_worker.scribe import Scribe
from routerd.media_worker.security import Security
from routerd.media_worker.transcoding import Transcoding

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.media.relay_lane import Address
    from routerd.media_worker.extension import Services

INSTANCE_BYTES: Final = 8
SWITCH_S: Final = 0.0005  # how long the thread that writes recordings may keep the loop waiting
WORTH_A_TRIM: Final = 100  # calls


class ControlProtocol(asyncio.DatagramProtocol):
    """The ng socket. ``engine`` is set once it is built over ``send``."""

    def __init__(self) -> None:
        self.engine: Engine | None = None
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport for replies and notifications."""
        self._transport = cast("asyncio.DatagramTransport", transport)  # uvloop's own class is no subclass of it

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        """Serve one command."""
        if self.engine is None:
            return
        source = (str(addr[0]), int(addr[1]))
        reply = self.engine.handle(data, source, time.monotonic())
        if reply is not None:
            self.send(reply, source)

    def send(self, data: bytes, destination: Address) -> None:
        """Send a datagram to a controller."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, destination)


class MediaWorker:
    """The running engine; ``start``, then ``stop``. Usable inside a loop that is already there (tests do)."""

    def __init__(
        self,
        listen: Address,
        address: str,
        advertise: Sequence[str] = (),
        ports: tuple[int, int] = (20000, 29999),
        dscp: int = 46,
        timeout_s: float = 60.0,
        session_limit_s: float = SESSION_LIMIT_S,
        record_dirs: Sequence[str] = (),
    ) -> None:
        """Take the arguments of ``run``; raises ConfigError for an unusable ``advertise`` entry."""
        self._listen: Address = listen
        self._addresses = Addresses(address, advertise)
        self._dscp = dscp
        self._timeout_s = timeout_s
        self._session_limit_s = session_limit_s
        self._record_dirs = record_dirs
        self.pool = PortPool(*ports, start=secrets.randbelow(1 << 16))
        self._transport: asyncio.DatagramTransport | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._trimmer = Trimmer(WORTH_A_TRIM)
        self._pacer: Pacer | None = None
        self._playing: Playing | None = None
        self.engine: Engine | None = None
        self.sockets: RelaySockets | None = None
        self.control: Address = listen

    async def start(self) -> None:
        """Bind the control socket and begin; raises OSError when it cannot be bound."""
        loop = asyncio.get_running_loop()
        transport, protocol = await loop.create_datagram_endpoint(ControlProtocol, local_addr=self._listen)
        self._transport = transport
        host, port = transport.get_extra_info("sockname")[:2]
        self.control = (host, port)
        self.sockets = RelaySockets(loop, self._addresses.bind, self.pool, self._dscp)
        self.engine = protocol.engine = Engine(
            self._addresses,
            self.sockets,
            protocol.send,
            started=secrets.token_hex(INSTANCE_BYTES),
            timeout_s=self._timeout_s,
            session_limit_s=self._session_limit_s,
            wall_offset_s=time.time() - time.monotonic(),
            extensions=(Transcoding, self._make_playing, self._make_digits, Security, self._recordings),
        )
        self._tick()

    def stop(self) -> None:
        """End every call and close every socket."""
        if self._ticking is not None:
            self._ticking.cancel()
        if self.engine is not None:
            self.engine.close()
        if self._pacer is not None:
            self._pacer.close()
        if self._transport is not None:
            self._transport.close()

    def _make_playing(self, services: Services) -> Playing:
        self._pacer = Pacer(asyncio.get_running_loop())
        self._playing = Playing(services, self._pacer, secrets.randbits)
        return self._playing

    def _make_digits(self, services: Services) -> Digits:
        assert self._playing is not None
        return Digits(services, self._playing)

    def _recordings(self, services: Services) -> Recordings:
        return Recordings(services, Scribe(), self._record_dirs)

    def _tick(self) -> None:
        assert self.engine is not None
        self.engine.tick(time.monotonic())
        if not self.engine:
            self._trimmer.quiet(self.engine.ended)
        self._ticking = asyncio.get_running_loop().call_later(TICK_S, self._tick)


def run(
    listen: Address,
    address: str,
    advertise: Sequence[str],
    ports: tuple[int, int],
    dscp: int,
    timeout_s: float,
    *,
    record_dirs: Sequence[str] = (),
    on_serving: Callable[[], object] | None = None,
    beat: tuple[float | None, Callable[[], object]] | None = None,
) -> int:
    """Run the embedded engine until SIGTERM or SIGINT; the process's exit status.

    ``listen`` is the control socket, ``address`` what relay sockets bind to, ``advertise`` entries ``NETWORK=ADDRESS``
    or an address, ``ports`` the first and last port, ``dscp`` the mark of what is sent, ``timeout_s`` the silence that
    is reported, ``record_dirs`` the folders below which recordings may be written (none: anywhere). ``on_serving`` is
    called once commands are taken; ``beat`` is a function and how often to call it from the loop that carries the
    packets, in seconds, so that a watchdog notices when that loop stands still.
    Raises ConfigError for wrong settings, RelayError when the control socket cannot be bound.
    """
    sys.setswitchinterval(SWITCH_S)
    worker = MediaWorker(listen, address, advertise, ports, dscp, timeout_s, record_dirs=record_dirs)
    every_s, call = beat or (None, _nothing)
    uvloop.run(_serve(worker, on_serving or _nothing, every_s, call))
    return 0


def _nothing() -> None:
    """Nobody listens."""


async def _serve(
    worker: MediaWorker, on_serving: Callable[[], object], beat_every_s: float | None, beat: Callable[[], object]
) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        await worker.start()
    except OSError as error:
        raise RelayError(f"media control socket: {error}") from error
    gc.collect()
    gc.freeze()
    on_serving()
    stopping = loop.create_task(stopped.wait())
    try:
        while not stopping.done():
            await asyncio.wait([stopping], timeout=beat_every_s)
            beat()
    finally:
        worker.stop()
