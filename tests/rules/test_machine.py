from __future__ import annotations

import gc
from typing import TYPE_CHECKING

import pytest
from rules_kit.builders import change, document, scenario
from rules_kit.player import Player, World, attempt_of, compile_document

from routerd.rules import machine
from routerd.rules.facts import Facts
from routerd.rules.plan import (
    AgentFreed,
    AgentLoggedOut,
    Bridge,
    CallerGone,
    Cancel,
    Digit,
    End,
    Event,
    LegAnswered,
    LegConfirmed,
    LegFailed,
    LegRedirected,
    LegReleased,
    LegRinging,
    LegUnconfirmed,
    MailboxEnded,
    PlayEnded,
    Ring,
    TimerFired,
)

if TYPE_CHECKING:
    from routerd.rules.machine import Step

TABLES = compile_document(document())
STATE = {"registered": {"2001": "203.0.113.7"}}


def begin() -> tuple[Step, Facts, float]:
    attempt = attempt_of(TABLES, scenario())
    facts = Facts(World(STATE), "acme")
    return machine.start(TABLES, attempt, facts), facts, attempt.at


def test_a_step_never_changes_and_may_be_advanced_twice() -> None:
    first, facts, now = begin()
    before = (first.commands, first.nodes, list(first.trace))
    failed = machine.advance(first, LegFailed(0, "busy", 486), facts, now + 1)
    answered = machine.advance(first, LegAnswered(0), facts, now + 1)
    assert (first.commands, first.nodes, list(first.trace)) == before
    assert [c.target for c in failed.commands if isinstance(c, Ring)] == ["+919000000001"]
    assert answered.commands[-1] == Bridge(0)
    assert answered.over
    assert not failed.over


@pytest.mark.parametrize(
    "event",
    [
        LegRinging(0),
        LegAnswered(9),
        LegConfirmed(0),
        LegUnconfirmed(0),
        LegFailed(9, "busy"),
        LegRedirected(9, "1002"),
        LegReleased(9),
        TimerFired("nonsense"),
        TimerFired("stage:77"),
        TimerFired("queue"),
        Digit("1"),
        PlayEnded(),
        MailboxEnded(),
        AgentLoggedOut("nobody"),
        AgentFreed("a"),
        Event(),
    ],
)
def test_what_means_nothing_here_gives_no_commands(event: Event) -> None:
    step, facts, now = begin()
    assert machine.advance(step, event, facts, now + 1).commands == ()


def test_nothing_happens_after_the_end() -> None:
    step, facts, now = begin()
    ended = machine.advance(step, CallerGone(), facts, now + 1)
    assert [type(c) for c in ended.commands if isinstance(c, Cancel | End)] == [Cancel, End]
    for event in (LegAnswered(0), CallerGone(), TimerFired("stage:0")):
        assert machine.advance(ended, event, facts, now + 2).commands == ()


def test_a_step_holds_no_live_state_and_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        for _ in range(50):
            step, facts, now = begin()
            step = machine.advance(step, LegFailed(0, "busy", 486), facts, now + 1)
            machine.advance(step, CallerGone(), facts, now + 2)
        del step, facts
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_the_read_set_decides_again_exactly() -> None:
    made = change(document(), "agents", "a", login_based_calling=True)
    tables = compile_document(made)
    attempt = attempt_of(tables, scenario())
    facts = Facts(World({**STATE, "sessions": ["a"]}), "acme")
    first = machine.start(tables, attempt, facts)
    again = machine.start(tables, attempt, Facts(Facts.replay(facts.reads), "acme"))
    assert first.commands == again.commands
    assert first.trace == again.trace
    assert set(facts.reads) == {"has_session:a", "on_break:a", "calls_of:a", "registered:2001"}


def test_the_final_place() -> None:
    result = Player(TABLES, scenario(phones={"extension:2001": {"answer_after_s": 4}})).play()
    assert result["final"] == {"type": "agent", "id": "a", "at_s": 4}
