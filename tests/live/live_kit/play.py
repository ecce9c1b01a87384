"""A scenario in real time: the player of simulated scenarios, with a live world in the place of the virtual one."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any

from live_kit.world import Kept, LiveWorld
from msgspec.structs import replace

from routerd.config.snapshot import build_snapshot
from routerd.simulation.play import Play, Stage, _placed

if TYPE_CHECKING:
    from routerd.b2bua.live_state import AccountState
    from routerd.rules.tables import AccountTables
    from routerd.simulation.phone import Phone
    from routerd.simulation.scenario import Scenario

TRUNK_HOST = "127.198.18.{}"
REGISTER_S = 20.0
LATE_S = 0.005  # an event loop may fire a millisecond early: not before a window opens or closes
LONGEST_S = 100.0
REST_S = 1.0  # what is still to come: the last messages, a second record if there were one


class LiveStage(Stage):
    """A document with every trunk at a socket of its own."""

    __slots__ = ()

    def __init__(self, tables: AccountTables, world: LiveWorld) -> None:
        super().__init__(tables)
        self.trunks = places = {
            name: world.network.reserve(TRUNK_HOST.format(1 + number)) for number, name in enumerate(tables.trunks)
        }
        self.tables = replace(
            tables, trunks={name: _placed(trunk, places[name]) for name, trunk in tables.trunks.items()}
        )
        self.snapshot = build_snapshot([self.tables], tables.version)


class LivePlay(Play):
    """One scenario; ``await live()`` plays it and leaves the rest to ``result``, once the store has its record."""

    __slots__ = ("_registering",)

    def __init__(self, tables: AccountTables, scenario: Scenario, world: LiveWorld) -> None:
        super().__init__(LiveStage(tables, world), scenario)
        self.world = world  # type: ignore[assignment]
        self._registering: list[Phone] = []

    async def live(self) -> None:
        """Open the switch, let the phones register one after another, then play the call to its end."""
        world = self.world
        await world.open(self._stage.snapshot)
        self._people()
        for phone in self._registering:
            await self._registered(phone)
        late = world.now - world.begin_at
        assert late < 0, f"the phones were not registered in time: {late:.1f} s late"
        world.agenda.at(world.begin_at + LATE_S, self._everything)
        async with asyncio.timeout(LONGEST_S):
            await world.until(self._watch)

    def _everything(self, now: float) -> None:
        world = self.world
        self._state()
        for event in self._scenario.events:
            world.agenda.at(now + event.at_s, self._event, event)
        self._begin(now)

    def _register(self, extension: str, source: str) -> None:
        self._registering.append(self._phone(extension, source))

    async def _registered(self, phone: Phone) -> None:
        """Let one phone register; its digest is asked for as that of any other."""
        self.world.turn(partial(phone.register, 3600))
        async with asyncio.timeout(REGISTER_S):
            await self.world.until(lambda _: phone.registered_until > 0)

    def _wrap_up(self, state: AccountState, agent: str, department: str, rest_s: float, now: float) -> None:
        super()._wrap_up(state, agent, department, rest_s, max(now, self.world.begin_at))

    def result(self) -> dict[str, Any]:
        """Return the result of section 6, made of the stored record."""
        return self._result()


async def play_live(name: str, tables: AccountTables, scenario: Scenario, kept: Kept, begin_s: float) -> LivePlay:
    """Play a scenario whose call begins ``begin_s`` from now; the journal is in the store's hands when it returns."""
    world = LiveWorld(name, kept, begin_s, scenario.begin)
    try:
        played = LivePlay(tables, scenario, world)
        await played.live()
        await asyncio.sleep(REST_S)
        async with asyncio.timeout(LONGEST_S):
            await world.outbox.empty()
    finally:
        world.close()
    return played
