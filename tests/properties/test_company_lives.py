"""A company lives: hypothesis calls, registers, logs in and out, takes breaks, hangs up and applies other documents.

All of it through the real switch in the simulated world. When everybody has gone home the world's checkers look, and
every record is asked what section 7 says, under the document with which its call began.
"""

from __future__ import annotations

import os
from typing import Any

from companies import CALLERS, CUSTOMERS, OWN, companies, of
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from rules_kit.player import compile_document, seconds
from sentences import agent_of, blocks_and_routes_hold, every_leg_ends_once

from routerd.config.snapshot import build_snapshot
from routerd.rules.tables import Snapshot
from routerd.simulation import checkers
from routerd.simulation.phone import Behaviour, Phone
from routerd.simulation.play import Stage
from routerd.simulation.world import World, settings_of

TIMES = int(os.environ.get("ROUTERD_EXAMPLES", "1"))
BEGIN = seconds("2026-11-23T06:30:00+00:00")
EXTENSIONS = [f"200{index}" for index in range(5)]
AGENTS = [f"a{index}" for index in range(5)]
NOBODY = Snapshot(accounts={}, account_by_number={}, account_by_domain={})
EDGE_S = 0.06  # a record's times are rounded
MOODS = [
    Behaviour(answer_after_s=2.0, confirm_after_s=1.0, hang_up_after_s=9.0),
    Behaviour(answer_after_s=6.0, hang_up_after_s=60.0),
    Behaviour(),
    Behaviour(status=486, status_after_s=1.0),
    Behaviour(status=603, status_after_s=2.0),
    Behaviour(silent=True),
    Behaviour(status=302, status_after_s=0.5, contact="sip:+919876543210@acme.test"),
]


class Company(RuleBasedStateMachine):
    """The company, its phones, and what has happened so far."""

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[int, dict[str, Any]] = {}
        self.happened: list[tuple[float, str, str]] = []
        self.phones: dict[str, Phone] = {}
        self.trunks: dict[str, Phone] = {}
        self.moods: dict[str, Behaviour] = {}
        self.world: World | None = None

    @initialize(made=companies())
    def open(self, made: dict[str, Any]) -> None:
        stage = self.compiled(made)
        settings = settings_of(2)
        self.world = World(stage.snapshot, seed=1, at=BEGIN, settings=settings)
        for extension in EXTENSIONS:
            address = (f"203.0.113.{len(self.phones) + 10}", 5060)
            self.phones[extension] = self.somebody(extension, address, extension)
        for number, trunk in enumerate(("pstn", "second", "third")):
            self.trunks[trunk] = self.somebody(trunk, (f"198.18.1.{1 + number}", 5060), "")
        self.world.network.default = self.somebody("elsewhere", ("198.51.100.250", 5060), "")

    def somebody(self, name: str, address: tuple[str, int], user: str) -> Phone:
        assert self.world is not None
        return self.world.phone(
            address,
            user,
            domain="acme.test",
            password="s3cret",
            behave=lambda _: self.moods.get(name, MOODS[0]),
        )

    def compiled(self, made: dict[str, Any]) -> Stage:
        tables = compile_document(made)
        tables.version = len(self.versions) + 1
        self.versions[tables.version] = made
        stage = Stage(tables)
        stage.snapshot = build_snapshot([stage.tables], tables.version)
        return stage

    @rule(made=companies())
    def apply(self, made: dict[str, Any]) -> None:
        assert self.world is not None
        self.world.switch.install(self.compiled(made).snapshot, self.world.now)
        self.world.perform()

    @rule(extension=of(*EXTENSIONS), expires_s=of(3600, 3600, 3600, 0))
    def register(self, extension: str, expires_s: int) -> None:
        assert self.world is not None
        self.phones[extension].register(expires_s, self.world.now)
        self.run_for(0.2)

    @rule(agent=of(*AGENTS), verb=of("login", "login", "logout", "break", "unbreak"))
    def clock(self, agent: str, verb: str) -> None:
        assert self.world is not None
        self.world.command(verb, account="acme", agent=agent)
        self.happened.append((self.world.now, agent, verb))

    @rule(name=of(*EXTENSIONS, "pstn", "second"), mood=st.sampled_from(MOODS))
    def change_mood(self, name: str, mood: Behaviour) -> None:
        self.moods[name] = mood

    @rule(
        trunk=of("pstn", "pstn", "second"),
        caller=st.sampled_from(CALLERS[:3]),
        to=st.sampled_from(OWN),
        patience_s=of(1.0, 25.0, 90.0),
        digits=of("", "1", "2", "12", "1001"),
    )
    def call_in(self, trunk: str, caller: str, to: str, patience_s: float, digits: str) -> None:
        assert self.world is not None
        far = self.trunks[trunk]
        call = far.call(f"sip:{to}@198.18.0.1", self.world.now, from_=f"<sip:{caller}@{far.address[0]}>")
        self.world.agenda.at(self.world.now + patience_s, call.cancel)
        self.world.agenda.at(self.world.now + 100.0, call.bye)
        if digits:
            self.world.agenda.at(self.world.now + 3.0, call.press, digits)

    @rule(extension=of(*EXTENSIONS), to=st.sampled_from([*CUSTOMERS, *EXTENSIONS, "1001", "1002", OWN[0], "*97"]))
    def call_out(self, extension: str, to: str) -> None:
        assert self.world is not None
        call = self.phones[extension].call(f"sip:{to}@acme.test", self.world.now)
        self.world.agenda.at(self.world.now + 70.0, call.cancel)
        self.world.agenda.at(self.world.now + 100.0, call.bye)

    @rule(agent=of(*AGENTS), to=st.sampled_from(CUSTOMERS))
    def click(self, agent: str, to: str) -> None:
        assert self.world is not None
        self.world.command("originate", account="acme", agent=agent, to=to)

    @precondition(lambda self: self.world is not None and bool(self.world.switch.call_by_id))
    @rule(index=st.integers(0, 3))
    def hang_up(self, index: int) -> None:
        assert self.world is not None
        calls = list(self.world.switch.call_by_id)
        self.world.command("hang_up", call=calls[index % len(calls)])

    @rule(for_s=of(0.3, 2.0, 7.0, 40.0))
    def run_for(self, for_s: float) -> None:
        assert self.world is not None
        self.world.run(self.world.now + for_s)

    def teardown(self) -> None:
        """Everybody goes home; then all is looked at."""
        world = self.world
        if world is None:
            return
        world.run(world.now + 200.0)
        for phone in world.phones:
            for call in phone.calls:
                call.cancel(world.now)
                call.bye(world.now)
        for call_id in list(world.switch.call_by_id):
            world.command("hang_up", call=call_id)
        for phone in self.phones.values():
            phone.register(0, world.now)
        world.run(world.now + 100.0)
        world.switch.install(NOBODY, world.now)
        world.run()
        faults = checkers.check(world)
        assert faults == [], faults
        for record in world.records():
            self.look_at(record)

    def look_at(self, record: dict[str, Any]) -> None:
        made = self.versions[record["document_version"]]
        attempt = record["attempt"]
        call = {"kind": attempt.kind, "from": attempt.extension, "agent": attempt.agent, "to": attempt.dialled}
        event(f"{attempt.kind} {record['outcome']}")
        every_leg_ends_once(record)
        redirected = any(mood.status == 302 for mood in self.moods.values())  # a target then is not the one rung first
        if attempt.kind in {"softphone", "click_to_call"} and not redirected:
            blocks_and_routes_hold(made, {"call": call}, record)
        leg = next((leg for leg in record["legs"] if leg["result"] == "answered"), None)
        agent = agent_of(made, leg["agent"]) if leg is not None else None
        if attempt.kind == "inbound" and leg is not None and agent is not None:
            assert agent.get("status", "enabled") == "enabled"
            assert agent.get("calling_agent", True)
            if agent.get("login_based_calling"):
                start = record["at"] - BEGIN
                self.was_there(agent["id"], start + leg["start_s"], start + leg["end_s"])

    def was_there(self, agent: str, start: float, end: float) -> None:
        mine = [(at, verb) for at, who, verb in self.happened if who == agent]
        before = [verb for at, verb in mine if at <= start + EDGE_S and verb in {"login", "logout"}]
        assert before
        assert before[-1] == "login"
        away = [verb for at, verb in mine if start + EDGE_S < at < end - EDGE_S and verb in {"logout", "break"}]
        assert away == []


TestCompany = Company.TestCase
TestCompany.settings = settings(
    max_examples=25 * TIMES,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
