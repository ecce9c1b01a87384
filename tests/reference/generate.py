"""Seeded cases for the decision tables: ``case(seed)`` is one document and one scenario, rich in edges.

Times carry milliseconds of chance so that two things rarely fall on one moment: the contract orders few ties.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

from generate_document import ANY, CUSTOMERS, INTERNAL, OWN, P_OF, Table, build_document
from model.hours import instant

MOMENTS = [
    "2026-11-23T06:30:00Z", "2026-11-23T15:30:00Z", "2026-11-23T04:29:59Z", "2026-11-23T04:30:00Z",
    "2026-11-23T12:29:50Z", "2026-11-23T12:29:59Z", "2026-11-23T12:30:00Z", "2026-11-23T12:30:59Z",
    "2026-11-23T12:31:00Z", "2026-11-22T06:30:00Z", "2026-11-22T18:30:00Z", "2026-11-22T18:29:59Z",
    "2026-11-20T19:00:00Z", "2026-11-21T00:29:00Z", "2026-11-21T00:30:00Z", "2026-12-25T06:30:00Z",
    "2026-12-24T18:29:59Z", "2026-12-25T18:30:00Z", "2026-12-25T20:30:00Z", "2026-11-08T05:30:00Z",
    "2026-11-08T07:30:00Z", "2026-03-08T06:59:00Z", "2026-03-08T07:00:00Z", "2026-03-08T07:30:00Z",
    "2026-11-01T05:30:00Z", "2026-11-01T06:30:00Z", "2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z",
    "2026-03-29T01:00:00Z", "2026-03-29T00:59:59Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z",
    "2026-05-31T04:30:00Z", "2026-04-30T18:29:59Z", "2026-02-28T18:30:00Z", "2026-01-01T00:00:00Z",
]  # fmt: skip
SCENARIOS_A_DOCUMENT = 4  # compiling takes the most time
CALLER = "+919812345678"
CALLERS = (
    [CALLER] * 12
    + ["09812345678", "9812345678"]
    + ["+914412345678"]
    + ["+914412345678", "+914455555555", "anonymous", "+14155550100"]
)
STATUSES = [486, 486, 600, 603, 603, 404, 480, 484, 410, 604, 606, 403, 408, 500, 503, 503, 302, 488]
SOURCES = ["203.0.113.7", "203.0.113.254", "198.51.100.9", "2001:db8::7", "2001:db9::7"]


def seconds(rng: Random, most: float) -> float:
    return round(rng.uniform(0.1, most), 3)


def script(rng: Random, *, external: bool, deep: bool = True) -> Table:
    phone: Table = {}
    kind = rng.random()
    if kind < 0.38:
        phone["answer_after_s"] = seconds(rng, rng.choice([3, 3, 12, 28, 70]))
    elif kind < 0.72:
        phone["status"] = rng.choice(STATUSES)
        phone["status_after_s"] = rng.choice([0, seconds(rng, 3), seconds(rng, 20)])
    elif kind < 0.80:
        phone["silent"] = True
    if rng.random() < 0.15:
        phone["ring_after_s"] = rng.choice([0, 0.1, seconds(rng, 3.5), seconds(rng, 8)])
    if external and rng.random() < 0.5:
        phone["confirm_after_s"] = rng.choice([None, seconds(rng, 9), seconds(rng, 14)])
    if external and deep and rng.random() < 0.2:
        phone["trunks"] = {
            trunk: script(rng, external=True, deep=False) for trunk in ("pstn", "second") if rng.random() < 0.8
        }
    return phone


def phones(rng: Random) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for number in ("2001", "2002", "2003", "2004"):
        if rng.random() < 0.7:
            found[f"extension:{number}"] = script(rng, external=False)
    for target in [*P_OF.values(), *CUSTOMERS, "+919000000002", "+919000000003", "+919000000099", "112"]:
        if rng.random() < 0.6:
            found[target] = script(rng, external=True)
    if rng.random() < 0.5:
        found["sip:a@192.0.2.77"] = script(rng, external=True)
    return found


def subset(rng: Random, items: list[str], chance: float) -> list[str]:
    return [item for item in items if rng.random() < chance]


def affinity(rng: Random, at: str, family: str) -> list[Table]:
    entries: list[Table] = []
    customers = CUSTOMERS * 3 if family in {"softphone", "click"} else []
    for _ in range(rng.choice([0, 0, 1, 1, 2, 3])):
        age = rng.choice([24 * 3600, 24 * 3600 + 1, 24 * 3600 - 1, 60, 3600, 47 * 3600, 2 * 3600]) + rng.choice([0, 7])
        moment = instant(at).timestamp() - age
        entry = {
            "caller": rng.choice([CALLER, CALLER, CALLER, CUSTOMERS[0], "+914412345678", *customers]),
            "agent": rng.choice("abcd"),
            "number": rng.choice([None, *OWN]),
            "last_at": _iso(moment),
        }
        if all(entry["last_at"] != other["last_at"] for other in entries):
            entries.append(entry)
    return entries


def _iso(moment: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(moment, UTC).isoformat().replace("+00:00", "Z")


def state(rng: Random, at: str, family: str) -> Table:
    busy = subset(rng, ["a", "b", "c", "d"], 0.2)
    busy += subset(rng, busy, 0.3)
    extensions = subset(rng, ["2001", "2002", "2003", "2004"], 0.78)
    return {
        "registered": {extension: rng.choice(SOURCES) for extension in extensions},
        "sessions": subset(rng, ["a", "b", "c", "d"], 0.7),
        "on_break": subset(rng, ["a", "b", "c", "d"], 0.15),
        "in_call": busy,
        "channels": {
            key: rng.choice([0, 1, 1, 2])
            for key in ["trunk:pstn", "trunk:second", "account", *(f"number:{number}" for number in OWN[:2])]
            if rng.random() < 0.35
        },
        "affinity": affinity(rng, at, family),
        "last_offered": {name: rng.choice("abcd") for name in ("support", "sales") if rng.random() < 0.5},
        "idle_since": {
            agent: _iso(instant(at).timestamp() - rng.choice([10, 20, 30, 40, 50]))
            for agent in subset(rng, list("abcd"), 0.6)
        },
    }


def events(rng: Random, family: str) -> list[Table]:
    found: list[Table] = []
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        do = rng.choice(["logout", "break", "logout"])
        found.append({"at_s": seconds(rng, 40), "do": do, "agent": rng.choice("aabbcd")})
    if rng.random() < 0.12:
        found.append({"at_s": seconds(rng, 60), "do": "caller_hangup"})
    freed = rng.choice([0, 0, 1, 2, 3]) if family == "queue" else rng.choice([0, 0, 0, 1])
    found += [{"at_s": seconds(rng, 60), "do": "call_ended", "agent": rng.choice("aabbcd")} for _ in range(freed)]
    if family == "ivr":
        found += digits(rng)
    return sorted(found, key=lambda event: event["at_s"])


def digits(rng: Random) -> list[Table]:
    found, at = [], 0.0
    for _ in range(rng.choice([0, 1, 1, 2, 3, 4])):
        at += rng.choice([seconds(rng, 2), seconds(rng, 4.9), seconds(rng, 9)])
        pressed = rng.choice(
            [
                "1",
                "2",
                "3",
                "4",
                "9",
                "11",
                "12",
                "1#",
                "#",
                "1001",
                "1002",
                "100",
                "10",
                "1002#",
                "0",
                "*",
                "31",
                "99",
                "121",
                "19",
                "2#1",
                "1212",
            ]
        )
        found.append({"at_s": round(at, 3), "do": "digits", "digits": pressed})
    return found


FAMILIES = (
    ["direct"] * 5
    + ["before"] * 2
    + ["ivr"] * 4
    + ["nested"] * 3
    + ["department"] * 5
    + ["queue"] * 4
    + ["time"] * 3
    + ["softphone"] * 5
    + ["click"] * 5
    + ["internal"] * 2
    + ["own"]
)
TARGETS = [
    *CUSTOMERS, "09876543210", "9876543210", "919123456789", "9123456789", "2223456789", "02261234567",
    "2261234567", "+14155550123", "14155550123", "0014155550123", "9198765", "12",
    "+9198765432101234", "+441632960961", "9111234567",
]  # fmt: skip


def call_of(rng: Random, family: str) -> Table:
    if family in {"softphone", "internal", "own"}:
        to = rng.choice([*TARGETS, *TARGETS, "112", "100"])
        if family == "internal":
            to = rng.choice(INTERNAL)
        if family == "own":
            to = rng.choice([*OWN[:2], "08069651180", "8069651170", "918069651180"])
        wish = {"caller_id": rng.choice(OWN)} if rng.random() < 0.1 else {}
        return {"kind": "softphone", "from": "2001", "to": to, "source": rng.choice(SOURCES), **wish}
    if family == "click":
        call: Table = {
            "kind": "click_to_call",
            "agent": "a",
            "to": rng.choice([*TARGETS, *TARGETS, *INTERNAL[:2], OWN[1], "112"]),
        }
        if rng.random() < 0.5:
            call["via"] = rng.choice(["extension", "mobile"])
        if rng.random() < 0.3:
            call["caller_id"] = rng.choice([*OWN, "+918069650000"])
        return call
    to = OWN[0] if rng.random() < 0.96 else rng.choice(["+918069659999", "08069651170", "918069651170"])
    return {"kind": "inbound", "trunk": "pstn", "from": rng.choice(CALLERS), "to": to}


@lru_cache(maxsize=1)
def company(number: int) -> tuple[str, Table]:
    """A document, and what its first number (or its agents' own calls) are about; not to be changed."""
    rng = Random(number)
    family = rng.choice(FAMILIES)
    return family, build_document(rng, family)


def case(seed: int) -> Table:
    """One document and one scenario; the same seed gives the same case. Neighbouring seeds share a document."""
    family, document = company(seed // SCENARIOS_A_DOCUMENT)
    rng = Random(f"scenario {seed}")
    at = rng.choice(MOMENTS[:1] * 12 + MOMENTS) if family != "queue" else MOMENTS[0]
    if family == "time":
        at = _iso(instant(rng.choice(MOMENTS)).timestamp() + rng.choice([0, 0, -1, 1, 60, 1800, -1800, 86400]))
    scenario: Table = {
        "at": at, "seed": seed, "call": call_of(rng, family), "state": state(rng, at, family), "phones": phones(rng),
        "events": events(rng, family),
    }  # fmt: skip
    if family in ANY:
        scenario["state"]["channels"] = {}
    return {"document": document, "scenario": scenario, "family": family}
