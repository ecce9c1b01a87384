"""The control process' end of the connection to the sip process.

Whoever says ``hello`` is given the newest snapshot (unless it has that one), and, when it does not serve yet, every
live binding and affinity as commands, then ``go``. Its journal goes to the store's writer; what is kept is
acknowledged.
A sip process that comes new means that the calls of its predecessor are lost: once all that the predecessor wrote is in
the store, its open calls are closed as crashed.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from routerd.app import frames
from routerd.edge.logs import logger
from routerd.errors import StoreError
from routerd.store.messages import living
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from pathlib import Path

    from routerd.edge.metrics import Sample
    from routerd.store.spool import StoreWriter

log = logger("app.hub")

READ_PAUSE_S = 0.05
PREDECESSOR_S = 2.0
ANSWER_S = 2.0
INSTALL_S = 10.0
AFFINITY_S = 31 * 86400.0


class SipHub:
    """Serves the Unix socket at ``path``. ``hear_entry(kind, entry)`` sees every journal entry once, for the counts."""

    def __init__(self, path: Path, hear_entry: Callable[[str, dict[str, Any]], None]) -> None:
        self._path = path
        self._hear_entry = hear_entry
        self._loop = asyncio.get_running_loop()
        self.writer: StoreWriter | None = None
        self._listener: socket.socket | None = None
        self._links: dict[frames.FrameLink, asyncio.Event] = {}
        self._current: frames.FrameLink | None = None
        self._instances: dict[frames.FrameLink, str] = {}
        self._heard: dict[str, int] = {}
        self._parts: list[bytes] = []
        self._version = 0
        self._numbers = 0
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._watched = False
        self.stored: Callable[[], None] = _nothing
        self.ready = False
        self.installed = 0
        self._installs: dict[asyncio.Future[bool], int] = {}
        self.restarts = -1

    def start(self, writer: StoreWriter) -> None:
        """Begin to accept; raises ``OSError``."""
        self.writer = writer
        self._listener = frames.listen(self._path)
        self._loop.add_reader(self._listener.fileno(), self._accept)

    def stop(self) -> None:
        """Close every connection and the socket."""
        if self._listener is not None:
            self._loop.remove_reader(self._listener.fileno())
            self._listener.close()
            self._path.unlink(missing_ok=True)
        for task in self._tasks:
            task.cancel()
        for link in list(self._links):
            link.close()

    def publish(self, parts: list[bytes], version: int) -> None:
        """Make this the snapshot; a connected sip process installs it at once."""
        self._parts, self._version = parts, version
        if self._current is not None:
            self._send_snapshot(self._current)

    async def installs(self, version: int) -> bool:
        """Wait until the sip process routes by ``version`` or a later one; False when it does not in time."""
        if self.installed >= version:
            return True
        waiting: asyncio.Future[bool] = self._loop.create_future()
        self._installs[waiting] = version
        try:
            async with asyncio.timeout(INSTALL_S if self._current is not None else 0.0):
                return await waiting
        except TimeoutError:
            return False
        finally:
            del self._installs[waiting]

    def _is_installed(self, version: int) -> None:
        self.installed = version
        for waiting, wanted in self._installs.items():
            if version >= wanted and not waiting.done():
                waiting.set_result(True)

    def watch(self, yes: bool) -> None:
        """Have events in the journal from now on, or none."""
        self._watched = yes
        if self._current is not None:
            self._current.send(["watch", yes])

    def kept(self, process: str, number: int) -> None:
        """Acknowledge what the store has (the writer's ``on_kept``)."""
        for link, instance in self._instances.items():
            if instance == process:
                link.send(["ack", number])
        self.stored()

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """Run a command in the sip process; its result, or None when none came in time."""
        result: dict[str, Any] | None = await self._ask("command", verb, arguments)
        return result

    async def samples(self) -> list[Sample]:
        """Give the sip process' counts; none when it is away."""
        found = await self._ask("scrape")
        return [(str(name), dict(labels), float(value)) for name, labels, value in found or []]

    async def _ask(self, word: str, *arguments: Any) -> Any:
        if self._current is None:
            return None
        self._numbers += 1
        number = self._numbers
        answer = self._answers[number] = self._loop.create_future()
        self._current.send([word, number, *arguments])
        try:
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return None
        finally:
            del self._answers[number]

    # -- connections --------------------------------------------------------------------------------------------

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        link = frames.FrameLink(connection, self._loop, self._frame, self._lost, read_pause_s=READ_PAUSE_S)
        self._links[link] = asyncio.Event()

    def _lost(self, link: frames.FrameLink) -> None:
        self._links.pop(link).set()
        self._instances.pop(link, None)
        if link is self._current:
            self._current = None
            self.ready = False

    def _frame(self, link: frames.FrameLink, frame: list[Any]) -> None:
        word = frame[0]
        if word == "journal":
            self._journal(link, frame[1], frame[2])
        elif word in {"reply", "samples"}:
            answer = self._answers.get(frame[1])
            if answer is not None and not answer.done():
                answer.set_result(frame[2])
        elif word == "hello":
            self._instances[link] = frame[1]  # at once: its journal stands right behind
            task = self._loop.create_task(self._welcome(link, *frame[1:]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif word == "installed":
            self._is_installed(frame[1])
        elif word == "ready":
            self.ready = True
        elif word == "draining":
            self.ready = False

    def _journal(self, link: frames.FrameLink, first: int, entries: list[Any]) -> None:
        instance = self._instances.get(link)
        if instance is None or self.writer is None:
            return
        heard = self._heard.get(instance, 0)
        for number, (kind, entry) in enumerate(entries, first):
            if number > heard:
                self._hear_entry(kind, entry)
        self._heard[instance] = max(heard, first + len(entries) - 1)
        self.writer.put(instance, first, [(kind, entry) for kind, entry in entries])

    async def _welcome(self, link: frames.FrameLink, instance: str, version: int, serving: bool, pid: int) -> None:
        for other, gone in list(self._links.items()):
            if other is not link and self._instances.get(other, instance) != instance:
                await _within(gone.wait(), PREDECESSOR_S)
        if link not in self._links:
            return  # gone again while its predecessor took its time
        if not serving:
            self.restarts += 1
            self._heard = {instance: self._heard.get(instance, 0)}
        self._current = link
        self.ready = serving
        self._is_installed(version)
        if version != self._version:
            self._send_snapshot(link)
        if not serving:
            task = self._loop.create_task(self._close_crashed(instance))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            await self._restore(link)
        link.send(["watch", self._watched])
        link.send(["go"])
        log.info("sip process connected", pid=pid, serving=serving, version=version)

    def _send_snapshot(self, link: frames.FrameLink) -> None:
        link.send(["begin", self._version])
        for part in self._parts:
            link.send(["part", part])
        link.send(["install", self._version])

    async def _restore(self, link: frames.FrameLink) -> None:
        """Give back log-ins, messages, registrations and who spoke with whom; an unreadable store gives nothing."""
        assert self.writer is not None
        await _within(self.writer.settled(), PREDECESSOR_S)
        now = time.time()
        try:
            bindings = await self.writer.run(Store.bindings, now)
            affinities = await self.writer.run(Store.affinities, now - AFFINITY_S)
            sessions = await self.writer.run(Store.sessions)
            messages = await self.writer.run(living)
        except StoreError as error:
            log.warning("nothing restored", error=str(error))
            return
        restored = {"session": sessions, "message": messages, "binding": bindings, "affinity": affinities}
        for verb, entries in restored.items():
            for entry in entries:
                link.send(["command", 0, f"restore_{verb}", entry])

    async def _close_crashed(self, alive: str) -> None:
        assert self.writer is not None
        await self.writer.settled()
        try:
            closed = await self.writer.run(Store.close_crashed, alive, time.time())
        except StoreError as error:
            log.warning("crashed calls stay open until the next start", error=str(error))
            return
        if closed:
            log.warning("calls lost with their process", calls=closed)
            self.stored()


def _nothing() -> None:
    """Nobody wants to know what is in the store."""


async def _within(waited: Any, seconds: float) -> None:
    """Wait for something, but no longer than this."""
    try:
        async with asyncio.timeout(seconds):
            await waited
    except TimeoutError:
        return
