from __future__ import annotations

from collections import Counter
from typing import Any

from rules_kit.builders import change, document, play, scenario
from rules_kit.player import Player, compile_document

from routerd.rules.plan import Offered


def company(strategy: str) -> dict[str, Any]:
    made = document(destination={"type": "department", "id": "support"})
    change(made, "agents", "a", call_forward_number=None)
    members = [{"agent": name, "timeout_s": 10} for name in "abc"]
    return change(made, "departments", "support", members=members, strategy=strategy)


def order(strategy: str, *, seed: int = 0, **state: Any) -> str:
    result = play(company(strategy), scenario(state=state, seed=seed))
    return "".join(leg["agent"] for leg in result["legs"])


def test_round_robin_starts_after_the_member_last_offered() -> None:
    assert order("round_robin") == "abc"
    assert order("round_robin", last_offered={"support": "a"}) == "bca"
    assert order("round_robin", last_offered={"support": "c"}) == "abc"
    assert order("round_robin", last_offered={"support": "gone"}) == "abc"


def test_each_offer_moves_the_cursor() -> None:
    player = Player(compile_document(company("round_robin")), scenario(state={"in_call": ["b"]}))
    player.play()
    assert [c.agent for c in player.commands if isinstance(c, Offered)] == ["a", "c"]


def test_longest_idle_first_and_unknown_is_the_longest() -> None:
    idle = {"a": "2026-11-23T06:20:00Z", "b": "2026-11-23T06:10:00Z"}
    assert order("longest_idle", idle_since=idle) == "cba"
    assert order("longest_idle") == "abc"


def test_random_is_a_fresh_shuffle_of_a_seed() -> None:
    drawn = Counter(order("random", seed=seed) for seed in range(60))
    assert set(drawn) == {"abc", "acb", "bac", "bca", "cab", "cba"}
    assert order("random", seed=5) == order("random", seed=5)
