"""Recorded calls of a company, a document with seeded changes, and which of the calls these really change.

What really changes is found without the replay: each call is played twice in the same world, once under each document.
"""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from rules_kit.builders import CALLER, CUSTOMER, MOBILE, NUMBER, click, scenario, softphone
from rules_kit.player import Player, compile_document
from rules_kit.recorder import CONDITION, DEPARTMENT, MENU, MOMENTS, company, record_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def changed() -> dict[str, Any]:
    """The company with seeded changes, each of which the record of a call can decide."""
    made = company()
    made["agents"][0]["call_forward_number"] = "+919000000088"  # another mobile
    made["agents"][2]["status"] = "blocked"
    made["agents"][0]["caller_ids"] = {"mode": "custom", "numbers": [DEPARTMENT]}
    made["numbers"][3]["destination"] = {"type": "agent", "id": "c"}  # the menu's number
    made["time_groups"][0]["rules"][0]["windows"][0] = {"from": "01:15", "to": "02:00"}
    made["departments"][0]["failover"] = {"type": "hangup"}
    return made


def a_call(chance: Random) -> dict[str, Any]:
    """A call whose world is busy enough to reach every part of the company."""
    call = chance.choice([
        {"to": NUMBER}, {"to": NUMBER}, {"to": DEPARTMENT}, {"to": MENU}, {"to": CONDITION},
        {"kind": "softphone", **softphone(CUSTOMER)}, softphone("1002"), softphone("112"), click(),
    ])  # fmt: skip
    behaviours: list[dict[str, Any]] = [
        {"answer_after_s": 3, "confirm_after_s": 2}, {"answer_after_s": 7.25, "confirm_after_s": 1},
        {"status": 486, "status_after_s": 1}, {"status": 603, "status_after_s": 2}, {"silent": True},
    ]  # fmt: skip
    targets = ["extension:2001", "extension:2002", "extension:2003", MOBILE, "+919000000055", "+919000000003", CUSTOMER]
    return scenario(
        call,
        at=chance.choice(MOMENTS),
        seed=chance.randrange(9),
        phones={target: chance.choice(behaviours) for target in targets},
        events=[{"at_s": 4, "do": "digits", "digits": "1"}] if chance.random() < 0.5 else [],
        state={
            "sessions": [name for name in "abc" if chance.random() < 0.7],
            "in_call": [name for name in "abc" if chance.random() < 0.2],
            "affinity": [{"caller": CALLER, "agent": "b", "number": NUMBER, "last_at": "2026-10-31T07:00:00Z"}],
            "last_offered": {"support": chance.choice("abc")},
        },
    )


def calls(count: int, seed: int = 1) -> Iterator[tuple[dict[str, Any], bool]]:
    """So many records, and of each whether the seeded changes change it."""
    before, after = compile_document(company()), compile_document(changed())
    chance = Random(seed)
    for number in range(count):
        played = a_call(chance)
        record = record_of(Player(before, played), f"call-{number:05}")
        yield record, told(record) != told(record_of(Player(after, played)))


def told(record: dict[str, Any]) -> Any:
    """What is compared: where the call went, what rang, what was shown, how it ended."""
    nodes = [(node["type"], node["id"], node["context"], node["reason"]) for node in record["nodes"]]
    legs = [(leg["target"], leg["agent"], leg["trunk"]) for leg in record["legs"]]
    final = record["final"]
    return nodes, legs, record["caller_id"], record["answered_by"], (final["type"], final["id"], final["reason"])


def a_change(chance: Random) -> dict[str, Any]:  # noqa: C901 - a list of kinds
    """The company with one or two changes of any kind; ring times never end at the moment of an answer."""
    made = company()
    for _ in range(chance.choice([1, 1, 2])):
        agent, department = chance.choice(made["agents"]), chance.choice(made["departments"])
        kind = chance.randrange(10)
        if kind == 0:
            agent["ring_timeout_s"] = chance.choice([5.6, 9.4, 15.7, 40.3])
        elif kind == 1:
            agent["login_based_calling"] = not agent.get("login_based_calling", False)
        elif kind == 2:
            agent["app_first"] = not agent.get("app_first", True)
        elif kind == 3:
            strategies = ["order", "simultaneous", "random", "longest_idle", "round_robin"]
            department["strategy"] = chance.choice(strategies)
        elif kind == 4:
            places = [("ivr", "main"), ("department", "waiting"), ("agent", "b")]
            place = chance.choice(places)
            made["numbers"][chance.randrange(3)]["destination"] = {"type": place[0], "id": place[1]}
        elif kind == 5:
            department["members"].pop(chance.randrange(2))
        elif kind == 6:
            agent["confirm_external"] = not agent.get("confirm_external", False)
        elif kind == 7:
            queues = [{"timeout_s": 20}, {"retry_after_s": 12}, {"join_empty": False}, {"wrap_up_s": 0}]
            made["departments"][1]["queue"].update(chance.choice(queues))
        elif kind == 8:
            made["ivrs"][0]["digit_timeout_s"] = chance.choice([2.6, 8.4])
        else:
            agent["failover"] = chance.choice([None, {"type": "voicemail", "id": "vm2"}, {"type": "ivr", "id": "main"}])
    return made
