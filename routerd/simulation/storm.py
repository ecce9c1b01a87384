"""Seeded storms: random companies, phones and people under loss, duplication and reordering, then the checkers.

:func:`play_seed` makes one world from a number alone, lets a few minutes pass in it, sends everybody home, waits for
quiet and returns what the checkers say. The same seed gives the same transcript, byte for byte.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.rules.tables import Snapshot
from routerd.simulation import checkers, documents
from routerd.simulation.chance import Chance
from routerd.simulation.documents import AGENTS, DOMAIN, NUMBERS, PASSWORD, PSTN, SECOND, SHAPES, extension_of
from routerd.simulation.mischief import Mischief
from routerd.simulation.network import Weather
from routerd.simulation.phone import Behaviour
from routerd.simulation.world import World, settings_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.rules.tables import AccountTables
    from routerd.simulation.phone import Phone
    from routerd.simulation.phone_call import PhoneCall
    from routerd.sip.message import Request

BEGIN: Final = 1_795_000_000.0
CALLS_FROM_S: Final = 5.0
CALLS_UNTIL_S: Final = 60.0
HOME_AT_S: Final = 330.0
QUIET_AFTER_S: Final = 420.0
STORMY: Final = Weather(loss=0.1, duplication=0.1, reordering=0.1, delay_s=0.03)
TALK_S: Final = (2.0, 20.0)

NOBODY: Final = Snapshot(accounts={}, account_by_number={}, account_by_domain={})


class Report(msgspec.Struct):
    """What came of one seed."""

    seed: int
    shape: str
    faults: list[str]
    rows: set[tuple[str, str]]
    calls: int
    transcript: bytes


def play_seed(seed: int, compile_document: Callable[[bytes], AccountTables], *, weather: Weather = STORMY) -> Report:
    """Play one seeded world and check it. ``compile_document`` turns a document's bytes into tables."""
    storm = Storm(seed, compile_document, weather)
    faults: list[str] = []
    try:
        storm.run()
    except Exception as error:  # noqa: BLE001 - whatever the switch raises is this seed's finding
        faults.append(f"{type(error).__name__}: {error}")
    world = storm.world
    faults += storm.leaks + checkers.check(world)
    rows = world.switch.exchange.rows or set()
    return Report(seed, storm.shape, faults, rows, len(world.records()), checkers.transcript(world))


class Storm:
    """One seeded world with its people."""

    __slots__ = ("_number", "chance", "leaks", "mischief", "phones", "shape", "trunks", "world")

    def __init__(self, seed: int, compile_document: Callable[[bytes], AccountTables], weather: Weather) -> None:
        self.chance = Chance(seed)
        self.shape = SHAPES[seed % len(SHAPES)]
        tables = documents.with_files(compile_document(documents.document(self.shape, self.chance)))
        snapshot = Snapshot(
            accounts={tables.account.id: tables},
            account_by_number=dict.fromkeys(tables.numbers, tables.account.id),
            account_by_domain={DOMAIN: tables.account.id},
        )
        settings = settings_of(2, session_expires_s=self.chance.one_of((90, 1800)), prompts_dir="/prompts")
        self.world = World(snapshot, seed=seed, at=BEGIN, settings=settings, weather=weather)
        self.world.switch.exchange.rows = set()
        slow = self.chance.one_of((0.002, 0.002, 0.4))
        for engine in self.world.engines:
            engine.delay_s = slow
        self.leaks: list[str] = []
        self.phones: list[Phone] = []
        self.trunks: list[Phone] = []
        self.mischief = Mischief(self)
        self._number = 0

    def run(self) -> None:
        """Let it all happen, send everybody home, wait for quiet."""
        self._people()
        self._plan()
        world = self.world
        world.run(HOME_AT_S)
        for phone in world.phones:
            for call in phone.calls:
                call.cancel(world.now)
                call.bye(world.now)
        for phone in self.phones:
            phone.register(0, world.now)
        world.run(QUIET_AFTER_S)
        timers = len(world.switch.exchange.timers)
        if timers and not len(world.switch.location):
            self.leaks.append(f"{timers} timers still run {QUIET_AFTER_S - HOME_AT_S:.0f} s after the last call")
        world.switch.install(NOBODY, world.now)
        world.run()

    # -- people --------------------------------------------------------------------------------------------------------

    def _people(self) -> None:
        chance, world = self.chance, self.world
        for index, agent in enumerate(AGENTS):
            for contact in range(1 + chance.often(0.2)):
                phone = world.phone(
                    (f"203.0.113.{10 + index}", 5060 + contact),
                    extension_of(agent),
                    domain=DOMAIN,
                    password=PASSWORD,
                    transport="tcp" if chance.often(0.1) else "udp",
                    behave=self.behave,
                )
                phone.answered = self.answered
                phone.register(3600, 0.0)
                self.phones.append(phone)
            if chance.often(0.7):
                world.command("login", account="acme", agent=agent)
        for address in (PSTN, SECOND):
            trunk = world.phone(address, "", behave=self.behave)
            trunk.answered = self.answered
            self.trunks.append(trunk)
        world.network.default = world.phone(("198.51.100.1", 5060), "", behave=self.behave)

    def behave(self, request: Request) -> Behaviour:
        """Draw what a called phone does."""
        del request
        chance = self.chance
        ring = chance.one_of((0.0, 0.05, 0.2, 1.0))
        kind = chance.below(100)
        extras: dict[str, Any] = {"reliable": chance.often(0.3), "early": chance.often(0.3)}
        if kind < 60:
            return Behaviour(
                ring_after_s=ring,
                answer_after_s=chance.between(0.1, 9.0),
                confirm_after_s=chance.one_of((None, 2.0)),
                hang_up_after_s=chance.between(1.0, 30.0) if chance.often(0.7) else chance.between(30.0, 100.0),
                **extras,
            )
        if kind < 75:
            return Behaviour(ring_after_s=ring, **extras)
        if kind < 80:
            return Behaviour(silent=True)
        if kind < 84:
            target = chance.one_of((f"sip:1003@{DOMAIN}", f"sip:+919812300007@{DOMAIN}", "sip:x@203.0.113.99"))
            return Behaviour(ring_after_s=ring, status=302, status_after_s=0.5, contact=target)
        status = chance.one_of((486, 486, 603, 480, 404, 500, 503, 488, 600, 408))
        return Behaviour(ring_after_s=ring, status=status, status_after_s=chance.between(0.0, 6.0), **extras)

    def answered(self, call: PhoneCall, now: float) -> None:
        """Whoever called hangs up after a while; in between people do things to their calls."""
        chance = self.chance
        if call.is_caller:
            self.world.agenda.at(now + chance.between(*TALK_S), call.bye)
        self.mischief.upon(call, now)

    # -- what they do --------------------------------------------------------------------------------------------------

    def _plan(self) -> None:
        chance, agenda = self.chance, self.world.agenda
        for _ in range(2 + chance.below(5)):
            agenda.at(chance.between(CALLS_FROM_S, CALLS_UNTIL_S), self.place)
        self.mischief.plan(CALLS_FROM_S, CALLS_UNTIL_S + 30.0)

    def place(self, now: float) -> None:
        """Place one call of a drawn kind."""
        chance = self.chance
        self._number += 1
        kind = chance.below(100)
        if kind < 55:
            caller = chance.one_of(self.trunks)
            uri = f"sip:{chance.one_of(NUMBERS[:3]) if chance.often(0.8) else chance.one_of(NUMBERS)}@198.18.0.1"
            self._call(caller, uri, now, from_=f"<sip:+91981234{1000 + chance.below(3)}@198.18.1.1>")
        elif kind < 85:
            targets = ("1002", "1003", "2004", "+919812345678", "112", "9812345678", NUMBERS[0], NUMBERS[1], "777")
            self._call(chance.one_of(self.phones), f"sip:{chance.one_of(targets)}@{DOMAIN}", now)
        else:
            self.world.command("originate", account="acme", agent=chance.one_of(AGENTS), to="+919812345678")

    def _call(self, caller: Phone, uri: str, now: float, from_: str | None = None) -> None:
        chance = self.chance
        call = caller.call(
            uri,
            now,
            headers=[("Subject", f"call-{self._number}")],
            offer=not chance.often(0.15),
            reliable=chance.often(0.4),
            from_=from_,
        )
        patience = chance.between(0.0, 3.0) if chance.often(0.2) else chance.between(3.0, 90.0)
        self.world.agenda.at(now + patience, call.cancel)
        if chance.often(0.3):
            self.world.agenda.at(
                now + chance.between(1.0, 6.0), call.press, chance.one_of(("1", "2", "3", "9", "1003", "#"))
            )
