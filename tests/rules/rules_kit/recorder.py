"""Records of played calls, in the form in which the store gives them back; and a seeded supply of such calls."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import msgspec
from rules_kit.builders import CALLER, CUSTOMER, MOBILE, NUMBER, agent, click, document, scenario, softphone
from rules_kit.player import Player, compile_document

if TYPE_CHECKING:
    from routerd.rules.tables import AccountTables

# Around the changes of the clocks in New York, and a Monday noon in Kolkata.
MOMENTS = (
    "2026-11-01T05:59:50+00:00",
    "2026-11-01T06:30:00+00:00",
    "2026-03-08T06:59:55+00:00",
    "2026-11-23T12:29:45+00:00",
    "2026-11-23T15:00:00+00:00",
)
DEPARTMENT, MENU, CONDITION = "+918069651180", "+918069651190", "+918069651191"


def company(**changes: Any) -> dict[str, Any]:
    """A company with something of everything: departments, a queue, a menu, a time condition, two trunks."""
    made = document(destination={"type": "agent", "id": "a"})
    made["account"]["timezone"] = "America/New_York"
    made["time_groups"][0]["rules"] = [
        {"windows": [{"from": "01:15", "to": "02:45"}, {"from": "07:30", "to": "10:00"}]}
    ]
    made["trunks"].append({"id": "second", "target": "sip:192.0.2.11:5060"})
    made["outbound_routes"][0]["trunks"] = ["pstn", "second"]
    made["numbers"][0].update(affinity={"hours": 24}, department="support")
    made["numbers"] += [
        {"number": MENU, "label": "Menu", "destination": {"type": "ivr", "id": "main"}},
        {"number": CONDITION, "label": "Hours", "destination": {"type": "time_condition", "id": "hours"}},
    ]
    made["numbers"][1]["destination"] = {"type": "department", "id": "support"}
    made["agents"] = [
        agent("a", "2001", "1001", call_forward_number=MOBILE, ring_timeout_s=12, app_first=True,
              failover={"type": "department", "id": "support"}),
        agent("b", "2002", "1002", login_based_calling=True, sticky={"strategy": "order"},
              alternate_numbers=["+919000000055"], confirm_external=True),
        agent("c", "2003", "1003", time_group="office", call_forward_number="+919000000003",
              failover={"type": "voicemail", "id": "vm"}),
    ]  # fmt: skip
    made["departments"] = [
        {"id": "support", "name": "Support", "strategy": "round_robin", "members": [{"agent": n} for n in "abc"],
         "failover": {"type": "voicemail", "id": "vm2"}},
        {"id": "waiting", "name": "Waiting", "strategy": "random", "members": [{"agent": n} for n in "abc"],
         "queue": {"timeout_s": 50, "join_empty": True, "wrap_up_s": 3, "retry_after_s": 5, "music": "hello"},
         "failover": {"type": "external", "number": "+919000000099"}},
    ]  # fmt: skip
    made["ivrs"] = [
        {"id": "main", "prompt": "hello", "options": {"1": {"type": "agent", "id": "b"},
         "2": {"type": "department", "id": "waiting"}}, "digit_timeout_s": 5,
         "timeout": {"attempts": 2, "destination": {"type": "department", "id": "support"}}},
    ]  # fmt: skip
    made["sounds"][0]["duration_s"] = 2.5
    made["time_conditions"] = [
        {"id": "hours", "time_group": "office", "matched": {"type": "agent", "id": "c"},
         "unmatched": {"type": "department", "id": "waiting"}},
    ]  # fmt: skip
    made.update(changes)
    return made


def a_scenario(chance: Random) -> dict[str, Any]:
    """A call to (or from) the company, in some state of the world."""
    call = chance.choice(
        [
            {"to": NUMBER}, {"to": NUMBER, "from": "anonymous"}, {"to": DEPARTMENT}, {"to": MENU}, {"to": CONDITION},
            softphone(CUSTOMER), softphone("1002"), softphone(DEPARTMENT), softphone("112"), click(),
            click(via="mobile"),
        ]
    )  # fmt: skip
    if "kind" in call:
        call.setdefault("trunk", None)
    behaviours: list[dict[str, Any]] = [
        {}, {"answer_after_s": 3, "confirm_after_s": 2}, {"answer_after_s": 7.25}, {"status": 486, "status_after_s": 1},
        {"status": 603, "status_after_s": 2}, {"status": 503}, {"silent": True}, {"answer_after_s": 11.9},
    ]  # fmt: skip
    targets = [
        "extension:2001", "extension:2002", "extension:2003", MOBILE, "+919000000055", "+919000000003", CUSTOMER,
        "+919000000099",
    ]  # fmt: skip
    does = ["logout", "break", "login", "call_ended", "digits", "caller_hangup"]
    happened = [
        {"at_s": chance.choice([1, 2, 5, 12.5, 31, 80]), "do": chance.choice(does), "agent": chance.choice("abc"),
         "digits": chance.choice(["1", "2", "9", "2#"])}
        for _ in range(chance.choice([0, 1, 1, 2, 4]))
    ]  # fmt: skip
    registered = {e: "203.0.113.7" for e in ("2001", "2002", "2003") if chance.random() < 0.75}
    known = {"caller": CALLER, "agent": "c", "number": NUMBER, "last_at": "2026-10-31T07:00:00Z"}
    state = {
        "registered": registered,
        "sessions": [name for name in "abc" if chance.random() < 0.7],
        "in_call": [name for name in "abc" if chance.random() < 0.2],
        "affinity": [known] if chance.random() < 0.4 else [],
        "last_offered": {"support": chance.choice("abc")},
        "trunks_down": ["pstn"] if chance.random() < 0.1 else [],
    }
    made = scenario(
        call,
        at=chance.choice(MOMENTS),
        events=sorted(happened, key=lambda event: float(event["at_s"])),
        phones={target: chance.choice(behaviours) for target in targets},
        seed=chance.randrange(9),
    )
    made["state"] = state
    return made


def record_of(player: Player, call_id: str = "call", version: int = 1) -> dict[str, Any]:
    """Play the scenario to its end; the record that the store would give back for it."""
    result = player.play()
    at = player.attempt.at
    for number, leg in enumerate(result["legs"]):
        tried = [c.trunks for c in player.commands if getattr(c, "leg", None) == number and hasattr(c, "trunks")]
        leg["trunk"] = tried[0][0] if tried and tried[0] else None
    final = player.step.final
    entry = {
        **result,
        "id": call_id,
        "account": player.attempt.account,
        "at": at,
        "ended_at": at + player.clock,
        "kind": player.attempt.kind,
        "from": player.attempt.caller or player.attempt.extension or player.attempt.agent,
        "to": player.attempt.dialled,
        "trunk": player.attempt.trunk,
        "document_version": version,
        "final": None if final is None else {
            "type": final.type, "id": final.id, "context": final.context, "at_s": final.at - at, "reason": final.reason,
        },
        "trace": player.step.trace,
        "attempt": player.attempt,
        "steps": [
            {"at": when, "event": None if event is None else [type(event).__name__, event], "reads": reads}
            for when, event, reads in player.steps
        ],
    }  # fmt: skip
    stored: dict[str, Any] = msgspec.msgpack.decode(msgspec.msgpack.encode(entry))
    return stored


def recorded(tables: AccountTables, scenario_: dict[str, Any], call_id: str = "call") -> dict[str, Any]:
    """The record of a scenario under ``tables``."""
    return record_of(Player(tables, scenario_), call_id)


def records(count: int, *, seed: int = 0) -> list[dict[str, Any]]:
    """So many records of the company's calls."""
    tables = compile_document(company())
    chance = Random(seed)
    return [recorded(tables, a_scenario(chance), f"call-{n}") for n in range(count)]
