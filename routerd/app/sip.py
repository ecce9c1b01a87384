"""The sip process: the switch, its sockets, and one Unix socket to the control process.

It starts with nothing: the control process sends the snapshot, then what was registered before, then ``go``; only then
are the sockets opened. When the control process dies, calls and registrations go on; its successor is told what is
installed, gets the journal from where the store ends, and sends a snapshot only when it has a newer one.

Neither SQLite nor the documents' formats nor password hashing are imported here: none of them may hold this loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from routerd.app import frames
from routerd.app.installing import Installing
from routerd.app.leaving import NUMBER, Leaving
from routerd.app.retiring import Retiring
from routerd.app.setup import tell_ready
from routerd.b2bua.effects import AskDns, AskMedia, CloseFlow, Command, Journal, OpenFlow, Publish, Reply
from routerd.edge.collector import Collector
from routerd.edge.driver import Driver
from routerd.edge.dtmf_log import open_dtmf_log
from routerd.edge.hep import HepExporter
from routerd.edge.logs import NoteLog, logger
from routerd.edge.media_client import MediaClient, open_media
from routerd.edge.records import Outbox
from routerd.edge.reload import Certificates, trust
from routerd.edge.resolver import Resolver
from routerd.edge.stream import Connection, StreamTable, open_stream
from routerd.edge.tokens import system_tokens
from routerd.edge.udp import UdpSocket, open_udp
from routerd.edge.websocket import WebSocketConnection
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.app.setup import SipSetup
    from routerd.edge.driver import SwitchDoor
    from routerd.edge.metrics import Sample
    from routerd.rules.tables import Snapshot

log = logger("app.sip")

CONNECT_EVERY_S = 0.1
LAST_WORDS_S = 2.0
EVENT_SPOOL = 50_000  # entries that wait
DERIVED = frozenset({"call.started", "call.ended"})  # the store makes them of the journal
COMMANDS_A_TURN = 64


class SipProcess:
    """One sip process; ``await run()`` until ``stop()``. ``switch`` is fresh, ``control`` the Unix socket's path."""

    def __init__(self, setup: SipSetup, control: Path, switch: SwitchDoor, process_id: str = "0") -> None:
        loop = asyncio.get_running_loop()
        self._setup = setup
        self._control = control
        self._loop = loop
        self._stopping = asyncio.Event()
        self.instance = f"{process_id}-{os.getpid()}-{os.urandom(4).hex()}"
        self.tokens = system_tokens(process_id)
        self.streams = StreamTable(loop, trust=trust(Path(setup.authorities) if setup.authorities else None))
        self.driver = Driver(switch, loop, streams=self.streams, journal=self._journal)
        self.streams.driver = self.driver
        self.outbox = Outbox(loop, self.driver.counters)
        self.resolver = Resolver(loop, self.driver.answer, servers=list(setup.dns_servers) or None)
        self.collector = Collector(loop, self._messages, self.driver.counters.loop_lag.observe)
        self.certificates = (
            Certificates(Path(setup.certificate), Path(setup.key)) if setup.certificate and setup.key else None
        )
        self._notes = NoteLog(log.info, log.error)
        self._hep: HepExporter | None = None
        if setup.hep is not None:
            hep = setup.hep
            self._hep = HepExporter(hep.server, hep.id, hep.password, switch.call_of, time.time)
            self.driver.capture_with(self._hep.capture)
        self._media: MediaClient | None = None
        self._link: frames.FrameLink | None = None
        self._installing = Installing(loop, self._installed)
        self._retiring = Retiring(loop)
        self._version = 0
        self._watched = False
        self._serving = False
        self._leaving = Leaving(self.driver.command, setup.drain_s)
        self._opened: list[UdpSocket | asyncio.Server | asyncio.DatagramTransport] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._commands: list[Command] = []
        self._handlers: dict[str, Callable[..., None]] = {
            "begin": self._installing.begin,
            "part": self._installing.part,
            "install": self._installing.install,
            "command": self._command,
            "go": self._go,
            "ack": self.outbox.acknowledge,
            "scrape": self._scrape,
            "watch": self._watch,
        }
        self.driver.hear_notes(self._notes.hear)
        self.driver.perform_with({
            OpenFlow: self.streams.open,
            CloseFlow: self.streams.close,
            AskDns: self.resolver.ask,
            AskMedia: self._ask_media,
            Publish: self._publish,
            Reply: self._reply,
        })  # fmt: skip

    def stop(self) -> None:
        """End :meth:`run` in an orderly way, once calls are over; a second time: now."""
        if self._stopping.is_set():
            self._leaving.hurry.set()
        self._stopping.set()

    def reload(self) -> None:
        """Read the certificates again; a bad one is logged and the old one stays."""
        if self.certificates is None:
            return
        try:
            self.certificates.reload()
            log.info("certificate reloaded", expires_at=self.certificates.expires_at)
        except ConfigError as error:
            log.warning("certificate kept: the new one is unusable", error=str(error))

    async def run(self) -> None:
        """Serve until :meth:`stop`; raises ``OSError`` when a socket cannot be opened."""
        staying = self._loop.create_task(self._stay_connected())
        self._flush_notes()
        try:
            await self._stopping.wait()
            self._send(["draining"])
            await self._leaving.leave()
            for task in self._tasks:
                if task.done() and not task.cancelled():
                    task.result()
        finally:
            await self._last_words()
            staying.cancel()
            self._close()

    # -- the control process ------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        while True:
            try:
                connection = frames.connect(self._control)
            except OSError:
                await asyncio.sleep(CONNECT_EVERY_S)
                continue
            lost = asyncio.Event()
            link = frames.FrameLink(connection, self._loop, self._frame, partial(_tell, lost))
            link.send(["hello", self.instance, self._version, self._serving, os.getpid()])
            self._link = link
            self.outbox.attach(link)
            await lost.wait()
            self._link = None
            self.outbox.detach()
            log.warning("control process is away: the journal waits here")

    def _frame(self, _link: frames.FrameLink, frame: list[Any]) -> None:
        handler = self._handlers.get(frame[0])
        if handler is not None:
            handler(*frame[1:])

    def _installed(self, snapshot: Snapshot) -> None:
        self.driver.install(snapshot)
        self._retiring.replace(snapshot)
        self._version = snapshot.version
        self._send(["installed", snapshot.version])

    def _command(self, number: int, verb: str, arguments: dict[str, Any]) -> None:
        """Run a command in its turn: a thousand restored bindings must not hold up a call."""
        self._commands.append(Command(number, verb, arguments))
        if len(self._commands) == 1:
            self._loop.call_soon(self._run_commands)

    def _run_commands(self) -> None:
        now, self._commands = self._commands[:COMMANDS_A_TURN], self._commands[COMMANDS_A_TURN:]
        for command in now:
            self.driver.command(command)
        if self._commands:
            self._loop.call_soon(self._run_commands)

    def _go(self) -> None:
        if not self._serving:
            self._serving = self._installing.paced = True
            task = self._loop.create_task(self._open())
            self._tasks.add(task)
            task.add_done_callback(self._opened_or_not)

    def _opened_or_not(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self._stopping.set()  # run() raises what happened

    def _scrape(self, number: int) -> None:
        self._send(["samples", number, self.samples()])

    def samples(self) -> list[Sample]:
        """Give all counts of this process."""
        plain = {
            "records_unacknowledged": len(self.outbox),
            "bans_active": len(self.driver.bans),
            "connections_active": len(self.streams),
            "collections_total": self.collector.collections,
        }
        if self.certificates is not None:
            plain["certificate_expiry_timestamp_seconds"] = int(self.certificates.expires_at)
        if self._hep is not None:
            plain |= {"hep_sent_total": self._hep.sent, "hep_lost_total": self._hep.lost}
        media = self._media.samples() if self._media is not None else []
        return [*self.driver.counters.collect(), *((name, {}, float(value)) for name, value in plain.items()), *media]

    def _send(self, frame: list[Any]) -> None:
        if self._link is not None:
            self._link.send(frame)

    # -- effects ------------------------------------------------------------------------------------------------

    def _journal(self, effect: Any) -> None:
        self.outbox.write(effect)

    def _ask_media(self, effect: AskMedia) -> None:
        if self._media is not None:
            self._media.ask(effect)

    def _watch(self, watched: bool) -> None:
        self._watched = watched

    def _publish(self, effect: Publish) -> None:
        """Put an event into the journal, in its place among the starts and ends of calls, which tell for themselves."""
        if not self._watched or effect.event in DERIVED:
            return
        if len(self.outbox) > EVENT_SPOOL:  # while nobody takes the journal, records go before events
            self.driver.counters.events_dropped += 1
        else:
            self.outbox.write(Journal("event", {"event": effect.event, "at": time.time(), **effect.facts}))

    def _reply(self, effect: Reply) -> None:
        if effect.number == NUMBER:
            self._leaving.told(effect.result)
        elif effect.number:
            self._send(["reply", effect.number, effect.result])

    # -- sockets ------------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        if self._setup.engines:
            host = "127.0.0.1" if self._setup.engines[0][0].startswith("127.") else "0.0.0.0"  # noqa: S104
            self._media = await open_media(self._setup.engines, self.driver.answer, self.tokens.nonce, host)
        if self._setup.dtmf_listen is not None:
            listen = self._setup.dtmf_listen
            self._opened.append(await open_dtmf_log(listen, self._setup.engines, self.driver.answer))
        for listener in self._setup.switch.listeners:
            await self._listen(listener.transport, listener.host, listener.port)
        self.collector.start()
        self._send(["ready", [f"{one.transport}:{one.host}:{one.port}" for one in self._setup.switch.listeners]])
        tell_ready()
        log.info("serving", listeners=len(self._setup.switch.listeners))

    async def _listen(self, transport: str, host: str, port: int) -> None:
        if transport == "udp":
            self._opened.append(await open_udp(self.driver, host, port))
            return
        tls = None
        if transport in {"tls", "wss"}:
            if self.certificates is None:
                raise ConfigError(f"{transport}:{host}:{port} needs a certificate", pointer="/tls/certificate")
            tls = self.certificates.door
        kind = WebSocketConnection if transport in {"ws", "wss"} else Connection
        server, _ = await open_stream(self.streams, transport, host, port, tls=tls, kind=kind)
        self._opened.append(server)

    def _flush_notes(self) -> None:
        self._notes.flush()
        self._loop.call_later(1.0, self._flush_notes)

    def _messages(self) -> int:
        return sum(sum(meter.values()) for meter in self.driver.counters.messages.values())

    async def _last_words(self) -> None:
        """Wait a moment until the store has all of the journal."""
        self.outbox.flush()
        if self._link is not None:
            try:
                async with asyncio.timeout(LAST_WORDS_S):
                    await self.outbox.empty()
            except TimeoutError:
                log.warning("entries of the journal are lost", entries=len(self.outbox))

    def _close(self) -> None:
        self.driver.close()
        for opened in self._opened:
            opened.close()
        self.streams.shut()
        self.resolver.close()
        if self._media is not None:
            self._media.close()
        if self._link is not None:
            self._link.close()
        if self._hep is not None:
            self._hep.close()
        if self._serving:
            self.collector.stop()


def _tell(lost: asyncio.Event, _link: frames.FrameLink) -> None:
    lost.set()


async def serve(setup: SipSetup, control: Path, make_switch: Callable[[SipSetup], SwitchDoor]) -> None:
    """Run a sip process until SIGTERM or SIGINT; SIGHUP reads the certificates again."""
    process = SipProcess(setup, control, make_switch(setup))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, process.stop)
    loop.add_signal_handler(signal.SIGHUP, process.reload)
    await process.run()
