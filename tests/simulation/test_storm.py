"""Seeded storms: the checkers hold, equal seeds give equal bytes, every row of the call table is visited.

``ROUTERD_SEEDS=1..1000`` says which seeds (``make simulate SEEDS=…``); by default 300, the first drawn from the commit.
"""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from routerd.b2bua.call_states import TABLE
from routerd.b2bua.effects import Command
from routerd.cli.simulate import tables_of
from routerd.simulation.documents import NUMBERS, plain, with_files
from routerd.simulation.network import CALM
from routerd.simulation.phone import Behaviour
from routerd.simulation.script import Script
from routerd.simulation.storm import play_seed

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.simulation.phone_call import PhoneCall

ROOT = Path(__file__).resolve().parents[2]
CHUNKS = 6
FIXED = range(1, 121)


@cache
def seeds() -> range:
    text = os.environ.get("ROUTERD_SEEDS", "")
    if text:
        first, _, last = text.partition("..")
        return range(int(first), int(last or first) + 1)
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    first = int(done.stdout[:6] or "1", 16) if done.returncode == 0 else 1
    return range(first, first + 300)


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_the_checkers_hold_in_every_storm(chunk: int) -> None:
    faults = []
    calls = 0
    for seed in seeds()[chunk::CHUNKS]:
        report = play_seed(seed, tables_of)
        calls += report.calls
        faults += [f"seed {seed} ({report.shape}): {fault}" for fault in report.faults]
    assert not faults, "\n".join(faults[:20])
    assert calls or len(seeds()) < CHUNKS


@pytest.mark.soak
def test_a_long_row_of_storms() -> None:
    faults = {seed: report.faults for seed in seeds() if (report := play_seed(seed, tables_of)).faults}
    assert not faults


def test_the_same_seed_gives_the_same_transcript() -> None:
    for seed in range(7, 13):
        first, again = play_seed(seed, tables_of), play_seed(seed, tables_of)
        assert first.transcript
        assert first.transcript == again.transcript


def test_other_seeds_and_other_weather_give_other_transcripts() -> None:
    stormy = play_seed(7, tables_of)
    assert stormy.transcript != play_seed(8, tables_of).transcript
    calm = play_seed(7, tables_of, weather=CALM)
    assert b" lost\n" in stormy.transcript
    assert b" lost\n" not in calm.transcript
    assert calm.faults == []


# -- the rows of the call table ----------------------------------------------------------------------------------------

UNREACHABLE = {
    ("deciding", "broken"): "nothing is asked of a media engine before the first ring, which leaves this state",
    ("deciding", "cancel"): "the rules' first commands are carried out within the INVITE itself",
    ("deciding", "caller_gone"): "the same",
    ("deciding", "stop"): "the same",
    ("treated", "cancel"): "the INVITE has its 200; where that waits for a PRACK the caller is gone",
    ("briefing_treated", "cancel"): "the same",
    ("joining", "cancel"): "the same",
    ("greeting", "treat"): "the rules have a caller answered once",
    ("ended", "greeted"): "what the engine was asked is withdrawn when the call ends",
    ("ended", "whisper"): "the rules say nothing more after their end",
    ("connected", "cancel"): "the same",
    ("connected", "broken"): "two parties who talk are joined anew first (rejoin), which may break",
    ("joining", "transferred"): "a transfer waits until two parties talk: 491 before",
    ("ended", "answered"): "the engine's answer is withdrawn when the call ends",
    ("ended", "bridge"): "the rules say nothing more after their end",
    ("ended", "treat"): "the same",
    ("ended", "joined"): "a joining is stopped when the call ends",
    ("ended", "rejoin"): "the call is no longer found",
    ("ended", "transferred"): "the same",
    ("ended", "stop"): "the same",
    ("ended", "broken"): "what is under way is withdrawn when the call ends",
    ("ended", "cancel"): "the caller's leg has let go of its INVITE",
    ("ended", "caller_gone"): "the caller's leg is closed or says goodbye",
    ("ended", "callee_gone"): "the callee's leg is closed or says goodbye",
    ("ended", "ring"): "the rules say nothing more after their end",
}
"""Rows that stand for safety: why nothing comes to them."""

RELAYED = plain(media="relay")
TO_BOB = "alice -> INVITE sip:bob@acme.test 100rel\nalice <- 401\nbob <- INVITE\nbob -> 180\n"


class Directed:
    """A written flow, then one thing at a moment that storms seldom meet."""

    def __init__(self, document: bytes = RELAYED, *, early: bool = False, delay_s: float = 0.5) -> None:
        self.script = Script(with_files(tables_of(document)), engines=1)
        self.world = self.script.world
        self.engine = self.world.engines[0]
        self.engine.delay_s = delay_s
        self.rows: set[tuple[str, str]] = set()
        self.world.switch.exchange.rows = self.rows
        self.script.play("phone alice registered\nphone bob registered\nphone carol registered\ntrunk pstn")
        if early:
            behaviour = Behaviour(ring_after_s=None, early=True)
            self.script.phones["bob"].behave = lambda _: behaviour

    def play(self, text: str) -> None:
        self.script.play(text)

    def call(self, name: str) -> PhoneCall:
        return self.script.phones[name].calls[-1]

    def wait(self, seconds: float) -> None:
        self.world.run(self.world.now + seconds)

    def hang_up(self) -> None:
        call = next(iter(self.world.switch.call_by_id))
        self.world.switch.receive_command(Command(1, "hang_up", {"call": call}), self.world.now)

    def rest(self) -> set[tuple[str, str]]:
        self.play("rest")
        return self.rows


def answering(then: Callable[[Directed], None]) -> Callable[[], set[tuple[str, str]]]:
    def run() -> set[tuple[str, str]]:
        directed = Directed(early=True)
        directed.play(TO_BOB)
        directed.wait(2.0)
        directed.play("bob -> 200")
        directed.wait(0.05)
        then(directed)
        directed.wait(3.0)
        return directed.rest()

    return run


def early_bye() -> set[tuple[str, str]]:
    directed = Directed(early=True)
    directed.play(TO_BOB)
    directed.wait(2.0)
    directed.call("alice").send("BYE", directed.world.now)
    directed.wait(2.0)
    return directed.rest()


def joining_anew(then: Callable[[Directed], None]) -> Callable[[], set[tuple[str, str]]]:
    """The engine comes back without its sessions, so two who talk are joined anew; meanwhile something happens."""

    def run() -> set[tuple[str, str]]:
        directed = Directed()
        directed.play(
            "alice -> INVITE sip:bob@acme.test\nalice <- 401\nbob <- INVITE\nbob -> 200\nalice <- 200\nwait 3"
        )
        directed.world.restart_engine(0, directed.world.now)
        directed.wait(0.1)
        then(directed)
        directed.wait(5.0)
        return directed.rest()

    return run


def joining(then: Callable[[Directed], None]) -> Callable[[], set[tuple[str, str]]]:
    """A menu leads to bob; while the two are being joined something happens."""

    def run() -> set[tuple[str, str]]:
        directed = Directed()
        directed.play(f"pstn -> INVITE sip:{NUMBERS[1]}@198.18.0.1\npstn <- 200\nwait 3\npstn -> INFO 1\npstn <- 200")
        directed.play("bob <- INVITE\nbob -> 200\nwait 0.1")
        then(directed)
        directed.wait(5.0)
        return directed.rest()

    return run


FAILOVERS = [
    {"id": "alice", "name": "Alice", "extension": "alice", "intercom": "1001"},
    {
        "id": "bob",
        "name": "Bob",
        "extension": "bob",
        "intercom": "1002",
        "failover": {"type": "department", "id": "team"},
    },
    {"id": "carol", "name": "Carol", "extension": "carol", "intercom": "1003"},
]
WAITING = [{"id": "team", "name": "Team", "members": [{"agent": "carol"}], "queue": {"timeout_s": 30}}]


def unacknowledged_progress(*, joined: bool) -> set[tuple[str, str]]:
    """A caller who never PRACKs: the answer that the engine would give waits for it, and CANCEL comes first."""
    directed = Directed(plain(media="relay", agents=FAILOVERS, departments=WAITING), early=True)
    directed.script.phones["pstn"].pracks = False
    directed.play(f"pstn -> INVITE sip:{NUMBERS[0]}@198.18.0.1 100rel\nbob <- INVITE\nbob -> 180")
    directed.wait(2.0)
    directed.play("bob -> 486\ncarol <- INVITE\ncarol -> 180\nwait 2")
    if joined:
        directed.play("carol -> 200\nwait 0.1")
    directed.call("pstn").cancel(directed.world.now)
    directed.wait(40.0)
    return directed.rest()


def unacknowledged_answer() -> set[tuple[str, str]]:
    directed = Directed(early=True)
    directed.script.phones["alice"].pracks = False
    directed.play(TO_BOB)
    directed.wait(2.0)
    directed.play("bob -> 200\nwait 2")
    directed.call("alice").cancel(directed.world.now)
    directed.wait(40.0)
    return directed.rest()


def transferred_to_a_menu() -> set[tuple[str, str]]:
    directed = Directed()
    directed.play("alice -> INVITE sip:bob@acme.test\nalice <- 401\nbob <- INVITE\nbob -> 200\nalice <- 200\nwait 3")
    directed.call("bob").refer(f"sip:{NUMBERS[1]}@acme.test", directed.world.now)
    directed.wait(5.0)
    directed.call("alice").bye(directed.world.now)
    directed.wait(5.0)
    return directed.rest()


LABELLED = [
    {"number": NUMBERS[0], "destination": {"type": "agent", "id": "bob"}, "whisper": "label"},
    {"number": NUMBERS[1], "destination": {"type": "ivr", "id": "menu"}, "whisper": "label"},
]
SOUNDS = [
    {"id": "hello", "file": "hello.wav", "duration_s": 2.0},
    {"id": "label", "file": "label.wav", "duration_s": 2.0},
]
WHISPERING = plain(media="relay", numbers=LABELLED, sounds=SOUNDS)


def briefing(then: Callable[[Directed], None]) -> Callable[[], set[tuple[str, str]]]:
    """Bob hears a whisper, while the caller is not answered yet; meanwhile something happens."""

    def run() -> set[tuple[str, str]]:
        directed = Directed(WHISPERING, early=True)
        directed.play(f"pstn -> INVITE sip:{NUMBERS[0]}@198.18.0.1 100rel\nbob <- INVITE\nbob -> 180\nwait 2")
        directed.play("bob -> 200\nwait 1.5")
        then(directed)
        directed.wait(5.0)
        if directed.world.switch.call_by_id:
            directed.call("bob").bye(directed.world.now)
        return directed.rest()

    return run


def briefing_treated(then: Callable[[Directed], None]) -> Callable[[], set[tuple[str, str]]]:
    """The same with a caller who came through a menu."""

    def run() -> set[tuple[str, str]]:
        directed = Directed(WHISPERING)
        directed.play(f"pstn -> INVITE sip:{NUMBERS[1]}@198.18.0.1\npstn <- 200\nwait 3\npstn -> INFO 1\npstn <- 200")
        directed.play("bob <- INVITE\nbob -> 200\nwait 1.8")
        then(directed)
        directed.wait(8.0)
        if directed.world.switch.call_by_id:
            directed.call("bob").bye(directed.world.now)
        return directed.rest()

    return run


def greeting(then: Callable[[Directed], None]) -> Callable[[], set[tuple[str, str]]]:
    """Bob is busy, so the caller joins carol's queue; while the engine is asked something happens."""

    def run() -> set[tuple[str, str]]:
        directed = Directed(plain(media="relay", agents=FAILOVERS, departments=WAITING), early=True)
        directed.play(f"pstn -> INVITE sip:{NUMBERS[0]}@198.18.0.1 100rel\nbob <- INVITE\nbob -> 180\nwait 2")
        directed.play("bob -> 486\ncarol <- INVITE\ncarol -> 180")
        then(directed)
        directed.wait(8.0)
        for name in ("carol", "pstn"):
            if directed.world.switch.call_by_id:
                directed.call(name).bye(directed.world.now)
                directed.wait(3.0)
        return directed.rest()

    return run


def answered_while_greeting(directed: Directed) -> None:
    directed.play("carol -> 200")
    carol = directed.call("carol")
    carol.acked = True  # a phone that does not wait for the ACK
    carol.bye(directed.world.now)


def refused_by_the_engine() -> set[tuple[str, str]]:
    directed = Directed()
    directed.engine.refuses.add("answer")
    directed.play(f"pstn -> INVITE sip:{NUMBERS[1]}@198.18.0.1\npstn <- 503")
    return directed.rest()


def over_before_it_began() -> set[tuple[str, str]]:
    """A queue that nobody serves is left sooner than the engine answers."""
    queue = {"timeout_s": 1, "join_empty": True}
    document = plain(
        media="relay", departments=[{"id": "team", "name": "Team", "members": [{"agent": "bob"}], "queue": queue}],
        agents=[dict(agent, login_based_calling=True) for agent in FAILOVERS],
    )  # fmt: skip
    directed = Directed(document, delay_s=0.9)
    directed.play(f"pstn -> INVITE sip:{NUMBERS[2]}@198.18.0.1\npstn <- 200\npstn <- BYE")
    return directed.rest()


def no_way_back() -> set[tuple[str, str]]:
    """The engine of a caller in a menu comes back without their session, and takes no other."""
    directed = Directed()
    directed.play(f"pstn -> INVITE sip:{NUMBERS[1]}@198.18.0.1\npstn <- 200\nwait 1")
    directed.engine.refuses.add("offer")
    directed.world.restart_engine(0, directed.world.now)
    directed.play("pstn <- BYE")
    return directed.rest()


def leave_early(directed: Directed) -> None:
    directed.call("pstn").send("BYE", directed.world.now)


DIRECTED = {
    ("briefing", "bridge"): briefing(lambda d: d.wait(1.0)),
    ("briefing", "callee_gone"): briefing(lambda d: d.call("bob").bye(d.world.now)),
    ("briefing", "caller_gone"): briefing(leave_early),
    ("briefing", "cancel"): briefing(lambda d: d.call("pstn").cancel(d.world.now)),
    ("briefing", "stop"): briefing(Directed.hang_up),
    ("briefing", "broken"): briefing(lambda d: d.world.kill_engine(0, d.world.now)),
    ("briefing_treated", "bridge"): briefing_treated(lambda d: d.wait(1.0)),
    ("briefing_treated", "callee_gone"): briefing_treated(lambda d: d.call("bob").bye(d.world.now)),
    ("briefing_treated", "caller_gone"): briefing_treated(lambda d: d.call("pstn").bye(d.world.now)),
    ("briefing_treated", "stop"): briefing_treated(Directed.hang_up),
    ("briefing_treated", "broken"): briefing_treated(lambda d: d.world.restart_engine(0, d.world.now)),
    ("greeting", "callee_gone"): greeting(answered_while_greeting),
    ("greeting", "caller_gone"): greeting(leave_early),
    ("greeting", "cancel"): greeting(lambda d: d.call("pstn").cancel(d.world.now)),
    ("greeting", "stop"): greeting(Directed.hang_up),
    ("greeting", "broken"): refused_by_the_engine,
    ("greeting", "end"): over_before_it_began,
    ("greeting", "bridge"): greeting(lambda d: d.play("carol -> 200")),
    ("treated", "broken"): no_way_back,
    ("answering", "callee_gone"): answering(lambda d: d.call("bob").bye(d.world.now)),
    ("answering", "caller_gone"): answering(lambda d: d.call("alice").send("BYE", d.world.now) and None),
    ("answering", "stop"): answering(Directed.hang_up),
    ("answering", "broken"): answering(lambda d: d.world.kill_engine(0, d.world.now)),
    ("answering", "cancel"): answering(lambda d: d.call("alice").cancel(d.world.now)),
    ("ringing", "caller_gone"): early_bye,
    ("joining", "broken"): joining(lambda d: d.engine.refuses.add("answer")),
    ("joining", "callee_gone"): joining_anew(lambda d: d.call("bob").bye(d.world.now)),
    ("joining", "stop"): joining(Directed.hang_up),
    ("joining", "caller_gone"): lambda: unacknowledged_progress(joined=True),
    ("treated", "caller_gone"): lambda: unacknowledged_progress(joined=False),
    ("ended", "end"): lambda: unacknowledged_progress(joined=False),
    ("treated", "treat"): transferred_to_a_menu,
    ("connected", "caller_gone"): unacknowledged_answer,
}


@pytest.mark.parametrize("row", DIRECTED, ids=":".join)
def test_a_row_is_visited_by_its_own_flow(row: tuple[str, str]) -> None:
    assert row in DIRECTED[row]()


def test_every_row_is_visited_or_stands_for_safety() -> None:
    visited = set(DIRECTED)
    for seed in FIXED:
        visited |= play_seed(seed, tables_of).rows
    assert not set(UNREACHABLE) - set(TABLE), "rows that are gone"
    missing = set(TABLE) - visited - set(UNREACHABLE)
    assert not missing, sorted(missing)
    wrong = visited & set(UNREACHABLE)
    assert not wrong, f"reached after all: {sorted(wrong)}"
