"""The control process: documents, store, the sip process' other end, health, metrics and views."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from routerd.admin_api.application import application
from routerd.admin_api.gate import Gate, token_of
from routerd.admin_api.server import AdminServer
from routerd.app.document_life import DocumentLife
from routerd.app.documents import errors_of
from routerd.app.hub import SipHub
from routerd.app.jobs import ChildJobs
from routerd.app.observing import Observing
from routerd.app.setup import tell_ready
from routerd.app.totals import Totals, render
from routerd.app.voicemail import Voicemail
from routerd.app.watching import FileWatch
from routerd.edge.logs import logger
from routerd.edge.memory import Trimmer
from routerd.edge.stream import bind_stream
from routerd.errors import ConfigError, RouterdError, StoreError
from routerd.store import tokens
from routerd.store.spool import StoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from routerd.app.setup import Setup
    from routerd.edge.metrics import Sample

log = logger("app.control")
Result = TypeVar("Result")

ADMIN_BACKLOG = 128
LOOK_EVERY_S = 1.0
NOTE_EVERY_LOOKS = 30
WORTH_A_TRIM = 100  # entries of the journal


class Control:
    """The parts of a control process and what they are for each other. ``await start()``, later ``await stop()``."""

    def __init__(self, setup: Setup, socket: Path) -> None:
        self._setup = setup
        self.totals = Totals()
        self.hub = SipHub(socket, self._hear)
        self.writer = StoreWriter(Path(setup.control.store), self.hub.kept)
        self.observation = Observing(setup.control, self.writer, self.hub)
        self.process = secrets.token_hex(8)
        self.jobs = ChildJobs(setup.control)
        self.documents = DocumentLife(setup.control, self.writer, self._publish)
        self.voicemail = Voicemail(setup.control, self.writer, self.hub.command, lambda: self.documents.versions)
        self._server: AdminServer | None = None
        self._serving: asyncio.Task[None] | None = None
        self._reloading = asyncio.Lock()
        self._trimmer = Trimmer(WORTH_A_TRIM)
        self._looking: asyncio.TimerHandle | None = None
        self._looks = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch = FileWatch(setup.control.documents, setup.control.watch_s, lambda: self._spawn(self.reload()))

    async def start(self) -> None:
        """Open the store, compile the documents, listen; raises RouterdError or ``OSError``."""
        await self.writer.open()
        await self.observation.start()
        await self.documents.load()
        self.hub.start(self.writer)
        self._publish()
        token = token_of(Path(self._setup.control.token_file))
        listening = bind_stream(*self._setup.control.admin)
        listening.listen(ADMIN_BACKLOG)  # what comes from now on waits for its answer, nothing is refused
        await self._know_tokens(token)
        self._server = AdminServer(application(self, self.gate), *self._setup.control.admin)
        self._serving = asyncio.get_running_loop().create_task(self._server.serve([listening]))
        self.voicemail.start()
        self._watch.start()
        self._look()

    async def _know_tokens(self, first: str) -> None:
        control = self._setup.control
        self.gate = Gate(first, per_second=control.requests_per_second, burst=control.request_burst)
        self.gate.load(await self.writer.run(tokens.every))

    async def _note_tokens(self) -> None:
        """Write down when tokens were used."""
        try:
            await self.writer.run(tokens.note_used, self.gate.take_used())
        except StoreError as error:
            log.warning("the use of tokens cannot be noted", error=str(error))

    def _spawn(self, task: Coroutine[Any, Any, None]) -> None:
        running = asyncio.get_running_loop().create_task(task)
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)

    def _hear(self, kind: str, entry: dict[str, Any]) -> None:
        """Count each entry of the journal once."""
        self.totals.hear(kind, entry)
        self.observation.trunks.hear(kind, entry)
        self.voicemail.hear(kind, entry)

    def _publish(self) -> None:
        """Give the sip process the documents in force, and whoever watches the event of it."""
        self.hub.publish(self.documents.parts, self.documents.version)
        self.hub.stored()

    def _look(self) -> None:
        """Give memory back while the store has all there is."""
        if not self.writer.queued:
            self._trimmer.quiet(self.writer.written)
        self._looks += 1
        if self._looks % NOTE_EVERY_LOOKS == 0:
            self._spawn(self._note_tokens())
        self._looking = asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)

    async def stop(self) -> None:
        """Close everything; what is journalled so far is written."""
        if self._looking is not None:
            self._looking.cancel()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            self._server.force_exit = True
            await asyncio.wait([self._serving], timeout=2.0)
        self._watch.stop()
        if self._server is not None:
            await self._note_tokens()
        self.documents.stop()
        await self.voicemail.stop()
        self.hub.stop()
        await self.observation.stop()
        await self.writer.close()

    async def reload(self) -> None:
        """Read the documents again; a wrong one is logged, all errors of it, and the old one stays in force."""
        async with self._reloading:
            try:
                changed = await self.documents.reload()
            except ConfigError as error:
                for each in errors_of(error):
                    log.warning("document refused", error=str(each))
                log.warning("the documents in force stay", versions=self.documents.versions)
                return
            except StoreError as error:
                log.warning("the documents in force stay", error=str(error))
                return
            log.info("documents read again", changed=changed, versions=self.documents.versions)

    # -- what the API asks (admin_api.backend.Backend) ----------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether the sip process takes calls."""
        return self.hub.ready

    @property
    def versions(self) -> Mapping[str, int]:
        """The version of the document in force, by account."""
        return self.documents.versions

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """Run a command in the sip process."""
        return await self.hub.command(verb, arguments)

    async def serving(self) -> bool:
        """Wait until the sip process routes by the newest documents; False when it does not in time."""
        return await self.hub.installs(self.documents.version)

    def now(self) -> float:
        """Give the wall time, in UTC seconds."""
        return time.time()

    async def run(self, query: Callable[..., Result], *arguments: Any) -> Result:
        """Run ``query(store, *arguments)`` on the store's thread."""
        return await self.writer.run(query, *arguments)

    async def metrics(self) -> str:
        """Give every metric as text."""
        return render(await self.samples())

    async def samples(self) -> list[Sample]:
        """Give every metric of the daemon."""
        own: list[Sample] = [
            ("records_queued", {}, float(self.writer.queued)),
            ("records_lost_in_control_total", {}, float(self.writer.lost)),
            ("store_failing", {}, float(self.writer.failing)),
            ("sip_process_restarts_total", {}, float(max(0, self.hub.restarts))),
            ("document_apply_seconds", {}, self.documents.apply_s),
            *(
                ("document_version", {"account": name}, float(version))
                for name, version in self.documents.versions.items()
            ),
        ]
        watched = [*await self.observation.samples(), *self.voicemail.samples()]
        return [*own, *self.totals.samples(), *watched, *await self.hub.samples(), *await self._switch_samples()]

    async def _switch_samples(self) -> list[Sample]:
        """Give the switch' gauges and the trunks' states; nothing while the sip process is away."""
        counted = await self.hub.command("counters", {}) or {}
        trunks = await self.hub.command("trunks", {}) or {}
        gauges: list[Sample] = [
            (name, {}, float(value)) for name, value in counted.get("counters", {}).items() if ":" not in name
        ]
        for account in self.documents.versions:
            agents = await self.hub.command("agent_states", {"account": account}) or {}
            gauges += _agents(account, agents.get("agent_states", {}))
        waiting = await self.hub.command("waiting", {}) or {}
        gauges += self.observation.queues(waiting.get("waiting", []))
        return gauges + [sample for row in trunks.get("trunks", []) for sample in _trunk(row)]


def _trunk(row: dict[str, Any]) -> list[Sample]:
    labels = {"account": str(row.get("account", "")), "trunk": str(row.get("id") or row.get("trunk"))}
    return [
        ("trunk_up", labels, float(bool(row.get("up")))),
        ("trunk_calls_active", labels, float(row.get("calls") or 0)),
    ]


def _agents(account: str, states: dict[str, int]) -> list[Sample]:
    return [("agents", {"account": account, "state": state}, float(n)) for state, n in sorted(states.items())]


async def serve(setup: Setup, socket: Path) -> None:
    """Run a control process until SIGTERM or SIGINT; SIGHUP reads the documents again."""
    control = Control(setup, socket)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(control.reload())
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    try:
        await control.start()
        tell_ready()
        await stop.wait()
    except (RouterdError, OSError):
        await control.stop()
        raise
    await control.stop()
