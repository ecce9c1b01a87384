from __future__ import annotations

import msgspec
from rules_kit.player import World

from routerd.rules.facts import AffinityEntry, Facts

STATE = {
    "registered": {"2001": "203.0.113.7"},
    "sessions": ["a"],
    "in_call": ["a"],
    "channels": {"account": 3},
    "affinity": [{"caller": "+91", "agent": "a", "last_at": "2026-11-22T10:00:00Z"}],
    "last_offered": {"support": "a"},
    "idle_since": {"a": "2026-11-22T10:00:00Z"},
    "waiting": {"support": 2},
    "trunks_down": ["pstn"],
}


def ask(facts: Facts) -> list[object]:
    return [
        facts.registered("2001"),
        facts.has_session("a"),
        facts.on_break("a"),
        facts.calls_of("a"),
        facts.wrap_up_until("a", "support"),
        facts.affinity("+91"),
        facts.last_offered("support"),
        facts.idle_since("a"),
        facts.channels("account"),
        facts.may_start("pstn"),
        facts.waiting("support"),
        facts.used_today("+91"),
        facts.trunk_up("pstn"),
        facts.draw(10),
        facts.draw(10),
    ]


def test_every_read_is_logged_once() -> None:
    facts = Facts(World(STATE), "acme")
    ask(facts)
    assert len(facts.reads) == 15
    assert facts.reads["registered:2001"] == ("203.0.113.7",)
    assert facts.reads["calls_of:a"] == 1


def test_a_read_set_answers_as_the_world_did_even_from_json() -> None:
    facts = Facts(World(STATE, seed=7), "acme")
    answers = ask(facts)
    stored = msgspec.json.decode(msgspec.json.encode(facts.reads))
    assert ask(Facts(Facts.replay(stored), "acme")) == answers


def test_what_was_never_asked_has_the_quiet_answer() -> None:
    quiet = Facts.replay({})
    assert quiet.registered("x") == ()
    assert quiet.trunk_up("t")
    assert quiet.affinity("c") == ()
    assert quiet.idle_since("a") is None
    assert AffinityEntry("a", None, None, 0.0).shown is None
