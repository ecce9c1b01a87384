"""The parent of all: starts the processes, starts again what dies, and leaves nothing behind.

Theory of operation. Each child has a pipe on which it says that it serves; the daemon is up when the control and the
sip process have. A child that ends is started again after a pause that doubles with each quick death and is short
again after a quiet minute. SIGTERM and SIGINT end the sip process first, which lets its calls go on for ``drain_s``
(its journal still has somewhere to go), then media, then control; who does not go in time is killed. A second signal
ends the calls now. Children get SIGTERM from the kernel if this process vanishes.
SIGHUP is passed on: certificates and documents are read again.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from routerd.app.setup import READY_DESCRIPTOR
from routerd.edge import clock, sdnotify
from routerd.edge.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

log = logger("app.supervisor")

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0
QUIET_S = 60.0
STOP_S = 6.0
READY_S = 30.0


class Child:
    """One role's process, over its restarts."""

    def __init__(self, role: str, command: Sequence[str]) -> None:
        self.role = role
        self.ready = asyncio.Event()
        self.restarts = 0
        self._command = command
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    @property
    def pid(self) -> int | None:
        """The process' id while it runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    def start(self) -> None:
        """Start it and keep it running."""
        self._task = asyncio.get_running_loop().create_task(self._keep())

    def send(self, number: signal.Signals) -> None:
        """Send a signal; a process that has just ended is no error."""
        if self.pid is not None and self._process is not None:
            self._process.send_signal(number)

    async def stop(self, longest_s: float = 0.0) -> None:
        """End it: SIGTERM, and SIGKILL after a while; ``longest_s`` is what it may take beyond that."""
        self._stopping = True
        self.send(signal.SIGTERM)
        if self._task is None:
            return
        try:
            async with asyncio.timeout(STOP_S + longest_s):
                await asyncio.shield(self._task)
        except TimeoutError:
            log.warning("killed: did not end in time", role=self.role)
            self.send(signal.SIGKILL)
            await self._task

    async def _keep(self) -> None:
        pause_s = FIRST_PAUSE_S
        while not self._stopping:
            began = clock.monotonic()
            await self._run_once()
            if self._stopping:
                return
            if clock.monotonic() - began > QUIET_S:
                pause_s = FIRST_PAUSE_S
            self.restarts += 1
            log.error("process died: starting it again", role=self.role, status=self._status(), after_s=pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, LONGEST_PAUSE_S)

    async def _run_once(self) -> None:
        reading, writing = os.pipe()
        environment = {**os.environ, READY_DESCRIPTOR: str(writing)}
        environment.pop("NOTIFY_SOCKET", None)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                pass_fds=(writing,),
                env=environment,
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,  # a terminal's Ctrl-C is for the supervisor, who knows the order
            )
        finally:
            os.close(writing)
        if self._stopping:
            self.send(signal.SIGTERM)
        watching = asyncio.get_running_loop().create_task(self._watch(reading))
        await self._process.wait()
        await watching

    async def _watch(self, reading: int) -> None:
        """Read the pipe to its end: a line when the child serves, nothing when it died before."""
        loop = asyncio.get_running_loop()
        stream = asyncio.StreamReader()
        with os.fdopen(reading, "rb", buffering=0) as pipe:
            transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(stream), pipe)
            if await stream.readline():
                self.ready.set()
            transport.close()

    def _status(self) -> str:
        status = self._process.returncode if self._process is not None else None
        if status is not None and status < 0:
            return signal.Signals(-status).name
        return str(status)


class Supervisor:
    """All children of one ``routerd run``; ``run_dir`` holds their setup. ``await run()`` until a signal.

    ``drain_s`` is how long calls may last after it.
    """

    def __init__(self, run_dir: Path, *, media: bool, on_ready: Callable[[], None], drain_s: float = 0.0) -> None:
        roles = ["control", *(["media"] if media else []), "sip"]
        self.children = {role: Child(role, command_of(role, run_dir)) for role in roles}
        self._on_ready = on_ready
        self._drain_s = drain_s
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """End :meth:`run` in an orderly way; a second time: without waiting for calls."""
        if self._stop.is_set():
            self.children["sip"].send(signal.SIGTERM)
        self._stop.set()

    def reload(self) -> None:
        """Pass SIGHUP on."""
        for role in ("control", "sip"):
            self.children[role].send(signal.SIGHUP)

    async def run(self) -> int:
        """Run until :meth:`stop`; the exit status (1: it never came up)."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        loop.add_signal_handler(signal.SIGHUP, self.reload)
        for child in self.children.values():
            child.start()
        stopped = loop.create_task(self._stop.wait())
        came_up = await self._wait_ready(stopped)
        if came_up and not self._stop.is_set():
            self._on_ready()
            sdnotify.notify("READY=1")
            await self._beat(stopped)
        sdnotify.notify("STOPPING=1")
        await self._end()
        return 0 if came_up else 1

    async def _wait_ready(self, stopped: asyncio.Task[bool]) -> bool:
        ready = asyncio.get_running_loop().create_task(self._all_ready())
        either: list[asyncio.Future[Any]] = [ready, stopped]
        await asyncio.wait(either, timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        if ready.done() or stopped.done():
            ready.cancel()
            return True
        ready.cancel()
        silent = [role for role, child in self.children.items() if not child.ready.is_set()]
        log.error("did not come up in time", roles=silent, after_s=READY_S)
        return False

    async def _all_ready(self) -> None:
        for child in self.children.values():
            await child.ready.wait()

    async def _beat(self, stopped: asyncio.Task[bool]) -> None:
        every_s = sdnotify.watchdog_every_s()
        while not stopped.done():
            await asyncio.wait([stopped], timeout=every_s)
            sdnotify.notify("WATCHDOG=1")

    async def _end(self) -> None:
        for role in ("sip", "media", "control"):
            if role in self.children:
                await self.children[role].stop(self._drain_s if role == "sip" else 0.0)


def command_of(role: str, run_dir: Path) -> list[str]:
    """Give the command line of a child."""
    return [sys.executable, "-m", "routerd.app.child", role, str(run_dir), str(os.getpid())]
