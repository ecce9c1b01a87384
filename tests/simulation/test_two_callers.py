"""Two callers wait in one queue for one agent, under loss and with people who leave: nobody is ever crossed."""

from __future__ import annotations

import itertools
import os
import re
from typing import TYPE_CHECKING, Any

import pytest

from routerd.app.simulating import tables_of
from routerd.rules.tables import Snapshot
from routerd.simulation import checkers
from routerd.simulation.chance import Chance
from routerd.simulation.documents import DOMAIN, NUMBERS, PASSWORD, PSTN, plain, with_files
from routerd.simulation.network import Weather
from routerd.simulation.phone import Behaviour
from routerd.simulation.world import World, settings_of

if TYPE_CHECKING:
    from routerd.simulation.phone_call import PhoneCall
    from routerd.sip.message import Request

BEGIN = 1_795_000_000.0
BOUNDED = 60
WHOLE = int(os.environ.get("SOAK_QUEUES", "1000"))
LAG_S = 40.0
_address = re.compile(rb"c=IN IP4 (\S+).*?m=audio (\d+)", re.DOTALL)


def line_of_one(chance: Chance) -> bytes:
    queue: dict[str, Any] = {
        "timeout_s": 90,
        "join_empty": True,
        "retry_after_s": 2,
        "wrap_up_s": chance.one_of((0, 1)),
        "announce_position_every_s": chance.one_of((None, 3)),
        "music": chance.one_of((None, "hello")),
    }
    department = {"id": "team", "name": "Team", "members": [{"agent": "bob", "timeout_s": 6}], "queue": queue}
    if chance.often(0.3):
        department["whisper"] = "hello"
    return plain(media=chance.one_of(("relay", "direct")), departments=[department])


class Line:
    """One seeded world: two callers, one agent."""

    def __init__(self, seed: int) -> None:
        chance = self.chance = Chance(seed)
        tables = with_files(tables_of(line_of_one(chance)))
        snapshot = Snapshot(
            accounts={tables.account.id: tables},
            account_by_number=dict.fromkeys(tables.numbers, tables.account.id),
            account_by_domain={DOMAIN: tables.account.id},
        )
        loss = chance.one_of((0.0, 0.05, 0.15))
        weather = Weather(loss=loss, duplication=loss, reordering=loss, delay_s=chance.one_of((0.002, 0.03, 0.12)))
        settings = settings_of(1, prompts_dir="/prompts")
        self.world = World(snapshot, seed=seed, at=BEGIN, settings=settings, weather=weather)
        self.world.engines[0].delay_s = chance.one_of((0.001, 0.02, 0.4))
        self.agent = self.world.phone(
            ("203.0.113.10", 5060), "bob", domain=DOMAIN, password=PASSWORD, behave=self.behave
        )
        self.trunk = self.world.phone(PSTN, "")
        self.callers: list[PhoneCall] = []

    def behave(self, request: Request) -> Behaviour:
        """The agent answers most calls, talks for a while, and hangs up."""
        del request
        chance = self.chance
        if chance.often(0.2):
            return Behaviour(ring_after_s=0.1)
        return Behaviour(
            ring_after_s=0.1, answer_after_s=chance.between(0.1, 4.0), hang_up_after_s=chance.between(1.0, 12.0)
        )

    def run(self) -> list[str]:
        world, chance = self.world, self.chance
        self.agent.register(3600, 0.0)
        first = chance.between(1.0, 2.0)
        for name, at in (("one", first), ("two", first + chance.one_of((0.0, 0.001, 0.05, 1.0, 5.0)))):
            world.agenda.at(at, self.call, name)
        world.run(150.0)
        for call in self.callers:
            call.cancel(world.now)
            call.bye(world.now)
        self.agent.register(0, world.now)
        world.run(260.0)
        world.run()
        return [*checkers.check(world), *self.crossed(), *self.double()]

    def call(self, name: str, now: float) -> None:
        made = self.trunk.call(
            f"sip:{NUMBERS[2]}@198.18.0.1",
            now,
            headers=[("Subject", name)],
            from_=f"<sip:+91981234567{len(name)}@pstn>",
        )
        self.callers.append(made)
        if self.chance.often(0.3):
            leaves = now + self.chance.between(0.5, 20.0)
            self.world.agenda.at(leaves, made.cancel)
            self.world.agenda.at(leaves, made.bye)

    def crossed(self) -> list[str]:
        """No session at the engine, and no description sent to a phone, joins people of two different calls."""
        subjects = {
            (call.phone.address[0].encode(), call.media_port): call.subject for call in checkers.calls_of(self.world)
        }
        faults = []
        for session, parties in self.world.engines[0].parties.items():
            there = {subjects[place] for sdp in parties.values() if (place := place_of(sdp)) in subjects}
            if len(there) > 1:
                faults.append(f"{session} joins {sorted(there)}")
        for call in checkers.calls_of(self.world):
            other = subjects.get(place_of(call.remote_sdp), call.subject)
            if other != call.subject:
                faults.append(f"{call.subject} was sent to {other}")
        return faults

    def double(self) -> list[str]:
        """The agent never talks to both at once."""
        talks = sorted(
            (call.answered_at, call.ended_at if call.ended_at is not None else 1e9, call.subject)
            for call in self.agent.calls
            if call.answered_at is not None
        )
        return [
            f"the agent talks to {one[2]} and {other[2]} at once"
            for one, other in itertools.pairwise(talks)
            if one[2] != other[2] and other[0] + LAG_S < one[1]
        ]


def place_of(sdp: bytes) -> tuple[bytes, int]:
    found = _address.search(sdp)
    return (found[1], int(found[2])) if found is not None else (b"", 0)


@pytest.mark.parametrize("block", range(4))
def test_nobody_is_crossed(block: int) -> None:
    talked = 0
    for seed in range(1 + block * BOUNDED // 4, 1 + (block + 1) * BOUNDED // 4):
        line = Line(seed)
        faults = line.run()
        assert not faults, f"seed {seed}: {faults[:5]}"
        talked += sum(1 for call in line.agent.calls if call.answered_at is not None)
    assert talked > BOUNDED // 4, "the agent hardly ever answered"


def test_who_would_be_crossed_is_found() -> None:
    line = Line(1)
    line.run()
    parties = line.world.engines[0].parties
    there = {call.subject: call.local_sdp for call in line.callers}
    parties["crossed"] = {"one": there["one"], "two": there["two"]}
    assert line.crossed() == ["crossed joins ['one', 'two']"]
    line.callers[0].remote_sdp = line.callers[1].local_sdp
    assert "one was sent to two" in line.crossed()


@pytest.mark.soak
def test_nobody_is_crossed_in_a_thousand_runs() -> None:
    for seed in range(1, WHOLE + 1):
        faults = Line(seed).run()
        assert not faults, f"seed {seed}: {faults[:5]}"
