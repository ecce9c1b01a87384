from __future__ import annotations

from typing import Any

from rules_kit.builders import document, scenario
from rules_kit.player import World, attempt_of, compile_document

from routerd.rules import trunks
from routerd.rules.decision import Decision
from routerd.rules.facts import Facts

CUSTOMER = "+919876543210"


def decision(state: dict[str, Any] | None = None, routes: list[dict[str, Any]] | None = None) -> Decision:
    made = document(
        trunks=[{"id": t, "target": "sip:192.0.2.10:5060", "max_channels": 2} for t in ("one", "two", "three")],
        outbound_routes=routes or [{"prefix": "", "trunks": ["one", "two"]}],
    )
    tables = compile_document(made)
    attempt = attempt_of(tables, scenario({"trunk": "one"}))
    return Decision(tables, attempt, Facts(World(state or {}), "acme"), attempt.at)


def test_the_longest_prefix_wins() -> None:
    routes = [
        {"prefix": "", "trunks": ["one"]},
        {"prefix": "+91", "trunks": ["two"]},
        {"prefix": "+9198", "trunks": ["three"]},
    ]
    d = decision(routes=routes)
    assert trunks.route(d, CUSTOMER) == ("three",)
    assert trunks.route(d, "+917000000000") == ("two",)
    assert trunks.route(d, "+14155550123") == ("one",)
    assert trunks.route(decision(routes=[{"prefix": "+1", "trunks": ["one"]}]), CUSTOMER) == ()


def test_full_and_dead_trunks_are_skipped() -> None:
    assert trunks.usable(decision(), CUSTOMER) == ("one", "two")
    assert trunks.usable(decision({"channels": {"trunk:one": 2}}), CUSTOMER) == ("two",)
    assert trunks.usable(decision({"trunks_down": ["one"]}), CUSTOMER) == ("two",)


def test_a_dead_trunk_is_tried_when_nothing_else_is_left_a_full_one_never() -> None:
    assert trunks.usable(decision({"trunks_down": ["one", "two"]}), CUSTOMER) == ("one", "two")
    assert trunks.usable(decision({"channels": {"trunk:one": 2, "trunk:two": 2}}), CUSTOMER) == ()
    assert trunks.all_full(decision({"channels": {"trunk:one": 2, "trunk:two": 2}}), CUSTOMER)
    assert not trunks.all_full(decision({"channels": {"trunk:one": 2}}), CUSTOMER)


def test_emergencies_use_what_there_is() -> None:
    full = {"channels": {"trunk:one": 2, "trunk:two": 2}, "trunks_down": ["one"]}
    assert trunks.for_emergency(decision(full), "112") == ("two", "one")
    national = [{"prefix": "+91", "trunks": ["three"]}]
    assert trunks.for_emergency(decision(routes=national), "112") == ("three",)
    abroad = [{"prefix": "+1", "trunks": ["one"]}]
    assert trunks.for_emergency(decision(routes=abroad), "112") == ("one", "two", "three")
