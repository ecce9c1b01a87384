from __future__ import annotations

from rules_kit.builders import document, scenario
from rules_kit.player import World, attempt_of, compile_document

from routerd.rules.decision import Decision
from routerd.rules.facts import Facts
from routerd.rules.tables import Destination


def make() -> Decision:
    tables = compile_document(document())
    attempt = attempt_of(tables, scenario())
    return Decision(tables, attempt, Facts(World({}), "acme"), attempt.at)


def test_the_first_reason_is_kept_and_the_last_remembered() -> None:
    d = make()
    node = d.visit("agent", "a", "number")
    d.leave(node, "busy")
    d.because("hangup")
    assert (d.reason, d.last_reason, d.nodes[node].reason) == ("busy", "hangup", "busy")


def test_a_reason_that_does_not_count_stays_with_its_node() -> None:
    d = make()
    d.leave(d.visit("agent", "a", "affinity"), "busy", counts=False)
    assert (d.reason, d.nodes[0].reason) == (None, "busy")


def test_a_fork_shares_nothing_that_changes() -> None:
    d = make()
    d.visit("agent", "a", "number")
    copy = d.fork(d.facts, d.now + 1)
    copy.visit("agent", "b", "nested")
    copy.note("gate", "x", 1, None)
    copy.go(Destination(type="hangup"), "nested")
    copy.because("busy")
    assert (len(d.nodes), d.trace, d.pending, d.reason) == (1, [], None, None)


def test_a_fork_carries_every_field_that_outlives_a_step() -> None:
    d = make()
    transient = {"facts", "now", "out", "ended", "opened", "pending", "over"}
    kept = [name for name in Decision.__slots__ if name not in transient]
    for name in kept:
        if getattr(d, name) is None:
            setattr(d, name, name)
        elif getattr(d, name) is False:
            setattr(d, name, True)
        elif getattr(d, name) == 0:
            setattr(d, name, 7)
    d.place = None
    copy = d.fork(d.facts, d.now)
    assert [name for name in kept if getattr(copy, name) != getattr(d, name)] == []
