"""One switch in real time: the driver and the socket of the edge, the journal on its way into the store, real phones.

The world stands where ``routerd.simulation.world.World`` stands for the player of scenarios. Time is the machine's
monotonic clock from the world's making; ``begin_at`` is the instant of the call, at which the wall clock of the switch
shows the scenario's ``at``. Nothing polls: everything is a readable socket or a timer.
"""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from live_kit.network import LiveAgenda, LiveNetwork
from msgspec.structs import replace

from routerd.app.frames import FrameLink
from routerd.b2bua import effects as fx
from routerd.b2bua.settings import Listener
from routerd.b2bua.switch import Switch
from routerd.edge import clock
from routerd.edge.driver import Driver
from routerd.edge.metrics import Counters
from routerd.edge.records import Outbox
from routerd.edge.tokens import system_tokens
from routerd.edge.udp import UdpSocket, bind_udp
from routerd.simulation.dns import Zone
from routerd.simulation.network import SWITCH
from routerd.simulation.phone import Phone
from routerd.simulation.world import settings_of
from routerd.sip.timers import TimerQueue
from routerd.store.spool import StoreWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from routerd.rules.tables import Snapshot
    from routerd.simulation.phone_call import PhoneCall
    from routerd.sip.flow import Address

SWITCH_HOST = "127.0.18.1"


class LivePhone(Phone):
    """A phone that knows where the switch really is."""

    __slots__ = ()

    def call(self, uri: str, now: float, **parts: Any) -> PhoneCall:
        host, port = self.flow.remote
        return super().call(uri.replace(f"@{SWITCH[0]}", f"@{host}:{port}"), now, **parts)


class NoStreams:
    """There are no streams here."""

    def send(self, flow: fx.Flow, data: bytes) -> None:
        raise AssertionError(f"{len(data)} bytes for {flow!r}")


class Heard:
    """The switch as the driver sees it; tells when all that one input asked for has been taken."""

    def __init__(self, switch: Switch, settled: Callable[[], None]) -> None:
        self._switch = switch
        self._settled = settled

    def __getattr__(self, name: str) -> Any:
        return getattr(self._switch, name)

    def take_effects(self) -> list[fx.Effect]:
        effects = self._switch.take_effects()
        if not effects:
            self._settled()
        return effects


class Kept:
    """The store of all worlds; each is told what of its journal is safe, as a sip process is."""

    def __init__(self, path: Path) -> None:
        self.outboxes: dict[str, Outbox] = {}
        self.writer = StoreWriter(path, lambda name, number: self.outboxes[name].acknowledge(number))


class LiveWorld:
    """A switch at a port of its own; ``open`` binds and starts it."""

    def __init__(self, name: str, kept: Kept, begin_s: float, at: float) -> None:
        """``begin_s``: how long after now the call begins; ``at``: what the wall clock shows then (UTC seconds)."""
        self._loop = asyncio.get_running_loop()
        self._origin = clock.monotonic()
        self.name = name
        self.begin_at = begin_s
        self.wall_offset = at - begin_s
        self.network = LiveNetwork(self.turn)
        self.agenda = LiveAgenda(self.turn, self._time)
        self.timers = TimerQueue()
        self.tokens = system_tokens("p")
        self.zone = Zone()
        self.phones: list[Phone] = []
        self.journal: list[fx.Journal] = []
        self.stored: list[dict[str, Any]] = []
        self.notes: list[tuple[str, str]] = []
        self.replies: dict[int, dict[str, Any]] = {}
        self._watcher: Callable[[float], None] | None = None
        self._commands = 0
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0
        self._bound = bind_udp(SWITCH_HOST, 0)
        self.address: Address = self._bound.getsockname()
        self._build()
        self._connect(kept)

    def _build(self) -> None:
        settings = replace(settings_of(), listeners=(Listener("udp", *self.address),))
        self.switch = Switch(settings, system_tokens(), wall_offset=self.wall_offset)
        counters = Counters()
        self.outbox = Outbox(self._loop, counters)
        self.driver = Driver(
            Heard(self.switch, self._settled),
            self._loop,
            streams=NoStreams(),
            journal=self._journal,
            counters=counters,
            now=self._time,
        )
        self.driver.perform_with({fx.Publish: _drop, fx.Reply: self._reply})
        self.driver.hear_notes(lambda reason, detail: self.notes.append((reason, detail)))

    def _connect(self, kept: Kept) -> None:
        """Put a connection such as that of two processes between the journal and the store's writer."""
        kept.outboxes[self.name] = self.outbox
        near, far = socket.socketpair()
        self._links = [
            FrameLink(near, self._loop, _ignore, _ignore),
            FrameLink(far, self._loop, lambda _, frame: kept.writer.put(self.name, frame[1], frame[2]), _ignore),
        ]
        self.outbox.attach(self._links[0])

    async def open(self, snapshot: Snapshot) -> None:
        """Listen, and route by ``snapshot``."""
        await self._loop.create_datagram_endpoint(lambda: UdpSocket(self.driver, self.address), sock=self._bound)
        self.driver.install(snapshot)

    def close(self) -> None:
        """Stop everything."""
        self.driver.close()
        self.network.close()
        if self._timer is not None:
            self._timer.cancel()
        for link in self._links:
            link.close()
        for sender in self.driver._senders.values():
            sender.close()

    # -- what the player needs -----------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        return self._time()

    def phone(self, address: Address, user: str, **parts: Any) -> Phone:
        """Put a phone at an address."""
        made = LivePhone(self, address, user, **parts)
        made.flow = fx.Flow("udp", address, self.address)
        self.phones.append(made)
        return made

    def command(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Give the switch a command; returns its reply."""
        self._commands += 1
        self.driver.command(fx.Command(self._commands, verb, arguments))
        return self.replies.pop(self._commands)

    def records(self) -> list[dict[str, Any]]:
        """Return what the store holds of this world."""
        return self.stored

    # -- time ----------------------------------------------------------------------------------------------------------

    def _time(self) -> float:
        return clock.monotonic() - self._origin

    def turn(self, action: Callable[..., None], *arguments: Any) -> None:
        """Let something happen on the phones' side, then look at their timers.

        The player also changes the switch's live state in place (another call of an agent ends): that is settled too.
        """
        action(*arguments, self._time())
        self.driver._settle()
        self._arm()

    def _arm(self) -> None:
        deadline = self.timers.next_deadline()
        if deadline is None or (self._timer is not None and self._armed_for <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = deadline
        self._timer = self._loop.call_later(max(0.001, deadline - self._time()), self._fire)

    def _fire(self) -> None:
        self._timer = None
        self.turn(self.timers.run)

    async def until(self, seen: Callable[[float], bool]) -> None:
        """Wait until ``seen(now)``; it is asked whenever something has happened."""
        happened = asyncio.Event()
        self._watcher = lambda now: happened.set() if seen(now) else None
        await happened.wait()
        self._watcher = None

    def _settled(self) -> None:
        if self._watcher is not None:
            self._watcher(self._time())

    # -- effects -------------------------------------------------------------------------------------------------------

    def _journal(self, effect: fx.Journal) -> None:
        self.journal.append(effect)
        self.outbox.write(effect)

    def _reply(self, effect: fx.Reply) -> None:
        self.replies[effect.number] = effect.result


def _drop(_effect: fx.Publish) -> None:
    """Nobody watches."""


def _ignore(*_: object) -> None:
    """Nothing is said on this way, and its loss is the end."""
