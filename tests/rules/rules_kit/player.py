"""A small carrier in virtual time: carries out the machine's commands as a scenario says, and writes the result.

It is not the switch: no SIP, no media; only what routing.md section 6 says about phones, trunks and events.
"""

from __future__ import annotations

import heapq
from datetime import datetime
from functools import lru_cache
from importlib import resources
from random import Random
from typing import TYPE_CHECKING, Any

import msgspec

from routerd.config.compile import compile_account
from routerd.config.load import load
from routerd.config.numbering import Numbering
from routerd.rules import machine, plan
from routerd.rules.facts import AffinityEntry, Facts

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.rules.tables import AccountTables

BUSY = {486, 600}
TRUNK_TO_BLAME = {403, 408}
CONFIRM_S = 10.0


def zone_data(name: str) -> bytes:
    return resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


@lru_cache(maxsize=1)
def numbering() -> Numbering:
    return Numbering()


def compile_document(document: dict[str, Any]) -> AccountTables:
    loaded = load(msgspec.json.encode(document), source="test", secrets=lambda _: "secret")
    return compile_account(loaded, version=1, zone_data=zone_data, sound_durations={}, numbering=numbering())


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class World:
    """The live state of a scenario; the playing call itself is never counted."""

    def __init__(self, state: dict[str, Any], seed: int = 0) -> None:
        self.registrations: dict[str, tuple[str, ...]] = {
            extension: (found,) if isinstance(found, str) else tuple(found)
            for extension, found in (state.get("registered") or {}).items()
        }
        self.sessions = set(state.get("sessions") or ())
        self.breaks = set(state.get("on_break") or ())
        self.in_call = list(state.get("in_call") or ())
        self.used = dict(state.get("channels") or {})
        self.cursor = dict(state.get("last_offered") or {})
        self.idle = {agent: seconds(at) for agent, at in (state.get("idle_since") or {}).items()}
        self.entries = list(state.get("affinity") or ())
        self.queued = dict(state.get("waiting") or {})
        self.down = set(state.get("trunks_down") or ())
        self.wrapping: dict[tuple[str, str], float] = {}
        self.random = Random(seed)

    def registered(self, extension: str) -> tuple[str, ...]:
        return self.registrations.get(extension, ())

    def has_session(self, agent: str) -> bool:
        return agent in self.sessions

    def on_break(self, agent: str) -> bool:
        return agent in self.breaks

    def calls_of(self, agent: str) -> int:
        return self.in_call.count(agent)

    def wrap_up_until(self, agent: str, department: str) -> float:
        return self.wrapping.get((agent, department), 0.0)

    def affinity(self, caller: str) -> tuple[AffinityEntry, ...]:
        return tuple(
            AffinityEntry(e["agent"], e.get("number"), e.get("department"), seconds(e["last_at"]), e.get("shown"))
            for e in self.entries
            if e["caller"] == caller
        )

    def last_offered(self, department: str) -> str | None:
        return self.cursor.get(department)

    def idle_since(self, agent: str) -> float | None:
        return self.idle.get(agent)

    def channels(self, key: str) -> int:
        return self.used.get(key, 0)

    def may_start(self, trunk: str) -> bool:
        return trunk is not None

    def waiting(self, department: str) -> int:
        return self.queued.get(department, 0)

    def used_today(self, number: str) -> int:
        return self.used.get("today:" + number, 0)

    def trunk_up(self, trunk: str) -> bool:
        return trunk not in self.down

    def draw(self, below: int) -> int:
        return self.random.randrange(below)


def attempt_of(tables: AccountTables, scenario: dict[str, Any]) -> plan.Attempt:
    call = scenario["call"]
    softphone = call["kind"] == "softphone"
    return plan.Attempt(
        kind=call["kind"],
        account=tables.account.id,
        at=seconds(scenario["at"]),
        dialled=call["to"],
        caller=None if softphone else call.get("from"),
        trunk=call.get("trunk"),
        extension=call.get("from") if softphone else None,
        source=call.get("source"),
        agent=call.get("agent"),
        via=call.get("via"),
        caller_id=call.get("caller_id"),
    )


class Player:
    """Plays one scenario; ``result`` is what section 6 prints."""

    def __init__(self, tables: AccountTables, scenario: dict[str, Any]) -> None:
        self.tables = tables
        self.scenario = scenario
        self.phones: dict[str, Any] = scenario.get("phones") or {}
        self.world = World(scenario.get("state") or {}, scenario.get("seed", 0))
        self.begin = seconds(scenario["at"])
        self.clock = 0.0
        self.agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.order = 0
        self.timers: dict[str, int] = {}
        self.sound = 0
        self.tries: dict[int, int] = {}
        self.legs: dict[int, dict[str, Any]] = {}
        self.trunks: dict[int, list[str]] = {}
        self.bridged: dict[str, Any] | None = None
        self.end: plan.End | None = None
        self.shown: dict[int, str | None] = {}
        self.commands: list[plan.Command] = []
        self.gone = False
        for event in scenario.get("events") or ():
            self.at(event["at_s"], self.scripted(event))
        self.attempt = attempt_of(tables, scenario)
        facts = Facts(self.world, tables.account.id)
        self.step = machine.start(tables, self.attempt, facts)
        self.steps: list[tuple[float, plan.Event | None, dict[str, Any]]] = [(self.attempt.at, None, facts.reads)]

    def at(self, when: float, action: Callable[[], None]) -> None:
        self.order += 1
        heapq.heappush(self.agenda, (when, self.order, action))

    def tell(self, event: plan.Event) -> None:
        if self.step.over or self.gone:
            return
        facts = Facts(self.world, self.tables.account.id)
        self.step = machine.advance(self.step, event, facts, self.begin + self.clock)
        self.steps.append((self.begin + self.clock, event, facts.reads))
        self.carry_out()

    def carry_out(self) -> None:
        for command in self.step.commands:
            self.commands.append(command)
            handler = getattr(self, "do_" + type(command).__name__.lower(), None)
            if handler is not None:
                handler(command)

    def play(self) -> dict[str, Any]:
        self.carry_out()
        while self.agenda and not self.step.over and self.end is None:
            self.clock, _, action = heapq.heappop(self.agenda)
            assert self.clock < 100_000, "the call never ends"
            action()
        assert self.step.over or self.end is not None, "the call is stuck"
        return self.result()

    def result(self) -> dict[str, Any]:
        legs = [self.legs[number] for number in sorted(self.legs)]
        assert all(leg["result"] is not None for leg in legs), legs
        final = self.step.final
        end = self.end
        return {
            "outcome": end.outcome if end else "answered",
            "reason": self.step.reason,
            "answered_by": self.bridged["target"] if self.bridged else None,
            "sip_status": end.status if end else 200,
            "q850": end.q850 if end else None,
            "caller_id": (self.shown[max(self.shown)] or "anonymous") if self.shown else None,
            "legs": legs,
            "nodes": [
                {"type": n.type, "id": n.id, "context": n.context, "at_s": n.at - self.begin, "reason": n.reason}
                for n in self.step.nodes
            ],
            "final": {"type": final.type, "id": final.id, "at_s": final.at - self.begin} if final else None,
            "retry_after_s": end.retry_after_s if end else None,
            "api_status": end.api_status if end else None,
        }

    def scripted(self, event: dict[str, Any]) -> Callable[[], None]:
        agent = event.get("agent", "")
        what = event["do"]

        def happen() -> None:
            if what == "logout":
                self.world.sessions.discard(agent)
                self.tell(plan.AgentLoggedOut(agent))
            elif what == "login":
                self.world.sessions.add(agent)
                self.tell(plan.AgentFreed(agent))
            elif what == "break":
                self.world.breaks.add(agent)
                self.tell(plan.AgentOnBreak(agent))
            elif what == "call_ended":
                self.call_ended(agent)
            elif what == "caller_hangup":
                self.tell(plan.CallerGone())
            elif what == "digits":
                for digit in event["digits"]:
                    self.tell(plan.Digit(digit))
            else:
                raise ValueError(what)

        return happen

    def call_ended(self, agent: str) -> None:
        if agent not in self.world.in_call:
            return
        self.world.in_call.remove(agent)
        now = self.begin + self.clock
        self.world.idle[agent] = now
        for department in self.tables.departments.values():
            if department.queue is not None and department.queue.wrap_up_s > 0:
                self.world.wrapping[agent, department.id] = now + department.queue.wrap_up_s
                self.at(self.clock + department.queue.wrap_up_s, lambda: self.tell(plan.AgentFreed(agent)))
        self.tell(plan.AgentFreed(agent))

    def do_wait(self, command: plan.Wait) -> None:
        self.order += 1
        ticket = self.timers[command.name] = self.order

        def fire() -> None:
            if self.timers.get(command.name) == ticket:
                del self.timers[command.name]
                self.tell(plan.TimerFired(command.name))

        self.at(self.clock + command.delay_s, fire)

    def do_unwait(self, command: plan.Unwait) -> None:
        self.timers.pop(command.name, None)

    def do_ring(self, command: plan.Ring) -> None:
        leg = self.legs.setdefault(
            command.leg,
            {
                "target": command.target,
                "agent": command.agent,
                "start_s": self.clock,
                "end_s": None,
                "result": None,
            },
        )
        assert leg["result"] is None, "a leg that has ended rings again"
        self.shown[command.leg] = command.shown
        self.trunks[command.leg] = list(command.trunks)
        self.try_phone(command)

    def try_phone(self, command: plan.Ring) -> None:
        self.order += 1
        ticket = self.tries[command.leg] = self.order
        phone: dict[str, Any] = self.phones.get(command.target) or {}
        timeout = 4.0
        if command.kind == "number":
            if not self.trunks[command.leg]:
                self.later(command.leg, ticket, 0, lambda: self.failed(command, 0))
                return
            trunk = self.trunks[command.leg].pop(0)
            self.shown[command.leg] = command.through(trunk).shown
            timeout = self.tables.trunks[trunk].provisional_timeout_s
            phone = phone.get("trunks", {}).get(trunk, phone)
        elif command.kind == "extension":
            timeout = self.tables.extensions[command.target.removeprefix("extension:")].provisional_timeout_s
        rings = phone.get("ring_after_s", 0.0)
        answers = phone.get("answer_after_s")
        status = phone.get("status")
        status_after = phone.get("status_after_s") or 0.0
        finals = [t for t in (answers, status_after if status else None) if t is not None]
        first = min([rings, *finals])
        if phone.get("silent") or first > timeout:
            self.later(command.leg, ticket, timeout, lambda: self.failed(command, 408))
        elif status is not None:
            self.later(command.leg, ticket, status_after, lambda: self.failed(command, status))
        elif answers is not None:
            self.later(command.leg, ticket, answers, lambda: self.answered(command, phone))

    def later(self, leg: int, ticket: int, delay: float, action: Callable[[], None]) -> None:
        def happen() -> None:
            if self.tries.get(leg) == ticket and self.legs[leg]["result"] is None:
                action()

        self.at(self.clock + delay, happen)

    def failed(self, command: plan.Ring, status: int) -> None:
        blame = status in TRUNK_TO_BLAME or 500 <= status < 600
        if command.kind == "number" and blame and self.trunks[command.leg]:
            self.try_phone(command)
            return
        result = "busy" if status in BUSY else "declined" if status == 603 else "unreachable"
        self.close(command.leg, result)
        self.tell(plan.LegFailed(command.leg, result, status or None))

    def answered(self, command: plan.Ring, phone: dict[str, Any]) -> None:
        if command.confirm:
            ticket = self.tries[command.leg]
            confirms = phone.get("confirm_after_s")
            if confirms is not None and confirms <= CONFIRM_S:
                self.later(command.leg, ticket, confirms, lambda: self.confirmed(command.leg))
            else:
                self.later(command.leg, ticket, CONFIRM_S, lambda: self.unconfirmed(command.leg))
        self.tell(plan.LegAnswered(command.leg))
        leg = self.legs[command.leg]
        if not command.confirm and leg["result"] is None:
            self.close(command.leg, "answered")

    def confirmed(self, leg: int) -> None:
        self.tell(plan.LegConfirmed(leg))
        if self.legs[leg]["result"] is None:  # the agent of a click-to-call
            self.close(leg, "answered")

    def unconfirmed(self, leg: int) -> None:
        self.close(leg, "no_answer")
        self.tell(plan.LegUnconfirmed(leg))

    def close(self, leg: int, result: str) -> None:
        self.legs[leg]["end_s"] = self.clock
        self.legs[leg]["result"] = result

    def do_cancel(self, command: plan.Cancel) -> None:
        assert self.legs[command.leg]["result"] is None, "a leg ends twice"
        self.close(command.leg, command.result)

    def do_release(self, command: plan.Release) -> None:
        if self.legs[command.leg]["result"] is None:
            self.close(command.leg, command.result)

    def do_bridge(self, command: plan.Bridge) -> None:
        self.bridged = self.legs[command.leg]
        self.close(command.leg, "answered")

    def do_play(self, command: plan.Play) -> None:
        self.sound += 1
        ticket = self.sound
        if command.repeat:
            return

        def ended() -> None:
            if self.sound == ticket:
                self.tell(plan.PlayEnded())

        sound = self.tables.sounds.get(command.sound)
        self.at(self.clock + (sound.duration_s if sound else 0.0), ended)

    def do_stopplay(self, _: plan.StopPlay) -> None:
        self.sound += 1

    def do_answercaller(self, _: plan.AnswerCaller) -> None:
        self.at(self.clock + self.tables.account.max_call_s, self.too_long)

    def too_long(self) -> None:
        """A menu that leads to itself lasts until the longest call is over."""
        for leg in self.legs:
            if self.legs[leg]["result"] is None:
                self.close(leg, "cancelled")
        if self.bridged is None:
            self.end = plan.End(outcome="hung_up", reason="max_duration", q850=102)

    def do_openmailbox(self, _: plan.OpenMailbox) -> None:
        self.at(self.clock + 10.0, lambda: self.tell(plan.CallerGone()))

    def do_checkmailbox(self, _: plan.CheckMailbox) -> None:
        self.at(self.clock + 10.0, lambda: self.tell(plan.MailboxEnded()))

    def do_joinqueue(self, command: plan.JoinQueue) -> None:
        assert command.department in self.tables.departments

    def do_offered(self, command: plan.Offered) -> None:
        self.world.cursor[command.department] = command.agent

    def do_end(self, command: plan.End) -> None:
        assert self.end is None, "a call ends twice"
        assert not [n for n, leg in self.legs.items() if leg["result"] is None], "a leg outlives the call"
        self.end = command


def play(document: dict[str, Any], scenario: dict[str, Any]) -> dict[str, Any]:
    """Play ``scenario`` under ``document`` and give the result of section 6."""
    return Player(compile_document(document), scenario).play()
