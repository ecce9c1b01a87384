"""How long a decision takes, trace included: the best, the median and the p99 of many, in microseconds.

``python benchmarks/decision.py [AGENTS]``: every case under a document of 100 agents and numbers and under one of
100,000 (or AGENTS), in turn. ``quiet`` is the median of the quietest of eight turns: on a machine that does other
things too, that is what is judged. Exits 1 when it is above its mark, or the large document's is not the same within a
quarter.
"""

from __future__ import annotations

import gc
import itertools
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "rules")]

import msgspec  # noqa: E402
from rules_kit.builders import CUSTOMER, change, document  # noqa: E402 - the kit lies beside its tests
from rules_kit.player import World, attempt_of, compile_document  # noqa: E402

from routerd.rules import machine  # noqa: E402
from routerd.rules.facts import Facts  # noqa: E402
from routerd.rules.tables import AccountTables  # noqa: E402, TC001

ROUNDS = 4000
TURNS = 8
WITHIN = 1.25
FEW, MANY = 100, 100_000
OPEN = "2026-11-23T06:30:00+00:00"
DIRECT, ORDER, TOGETHER = "+918069651170", "+918069651171", "+918069651172"
ROTATING, QUEUED, BUSY = "+918069651173", "+918069651174", "+918069651175"
MARKS = {"direct agent": 20.0, "50 in order, first free": 25.0, "50 rung together": 200.0}
Call = dict[str, Any]


def inbound(number: str) -> Call:
    return {"kind": "inbound", "trunk": "pstn", "from": "+919812345678", "to": number}


def softphone(extension: str, to: str = CUSTOMER) -> Call:
    return {"kind": "softphone", "from": extension, "to": to}


CASES: dict[str, Call] = {
    "direct agent": inbound(DIRECT),
    "50 in order, first free": inbound(ORDER),
    "50 rung together": inbound(TOGETHER),
    "50 in turn": inbound(ROTATING),
    "50 behind a queue": inbound(QUEUED),
    "50, nobody there": inbound(BUSY),
    "a number of nobody": inbound("+918069659999"),
    "outbound, own number": softphone("2001"),
    "outbound, of a department": softphone("3001"),
    "outbound, of an area": softphone("2003", "2223456789"),
    "outbound, any number": softphone("2002"),
    "emergency": softphone("2002", "112"),
    "inside, by intercom": softphone("2001", "1002"),
}


def company(filler: int) -> dict[str, Any]:
    """All cases in one document, behind ``filler`` agents and numbers that have nothing to do with them."""
    made = document(destination={"type": "agent", "id": "a"})
    members = [f"m{n}" for n in range(50)]
    idle = [f"i{n}" for n in range(50)]
    made["extensions"] += [{"id": f"3{n:03}", "username": f"3{n:03}", "password": "x"} for n in range(50)]
    made["agents"] += [
        {"id": name, "name": name, "extension": f"3{n:03}", "time_group": "office"} for n, name in enumerate(members)
    ] + [{"id": name, "name": name, "login_based_calling": True} for name in idle]
    change(made, "agents", "m1", caller_ids={"mode": "department", "numbers": [], "default": None})
    change(made, "agents", "b", caller_ids={"mode": "all", "numbers": [], "default": None})
    change(made, "agents", "c", area_code_caller_ids="metros")
    made["area_code_caller_ids"] = [{"id": "metros", "entries": [{"code": "22", "number": DIRECT}]}]
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        ORDER: ("order", {}),
        TOGETHER: ("simultaneous", {}),
        ROTATING: ("round_robin", {}),
        QUEUED: ("order", {"queue": {}}),
        BUSY: ("order", {}),
    }
    for number, (strategy, more) in kinds.items():
        who = idle if number == BUSY else members
        name = "d" + number[1:]
        made["departments"].append(
            {"id": name, "name": name, "strategy": strategy, "members": [{"agent": one} for one in who], **more}
        )
        made["numbers"].append({"number": number, "destination": {"type": "department", "id": name}})
    fill(made, filler)
    made["numbers"].append({"number": "+918069651199", "department": "d" + ORDER[1:], "destination": None})
    return made


def fill(made: dict[str, Any], count: int) -> None:
    made["numbers"] += [
        {"number": f"+9180{n:08d}", "destination": {"type": "agent", "id": f"f{n}"}} for n in range(count)
    ]
    made["extensions"] += [{"id": f"e{n}", "username": f"e{n}", "password": "x"} for n in range(count)]
    made["agents"] += [
        {"id": f"f{n}", "name": f"F{n}", "extension": f"e{n}", "intercom": f"9{n:07d}", "time_group": "office"}
        for n in range(count)
    ]


def times(tables: AccountTables, call: Call, rounds: int) -> list[float]:
    """The µs of each of so many decisions."""
    attempt = attempt_of(tables, {"at": OPEN, "call": call})
    world = World({"registered": {name: "203.0.113.7" for name in tables.extensions if name[0] in "23"}})
    found = []
    for _ in range(rounds):
        begin = perf_counter()
        machine.start(tables, attempt, Facts(world, "acme"))
        found.append((perf_counter() - begin) * 1e6)
    return found


def kept(tables: AccountTables, call: Call) -> str:
    """What the record keeps of the decision."""
    world = World({"registered": {name: "203.0.113.7" for name in tables.extensions if name[0] in "23"}})
    facts = Facts(world, "acme")
    step = machine.start(tables, attempt_of(tables, {"at": OPEN, "call": call}), facts)
    told, read = len(msgspec.msgpack.encode(step.trace)), len(msgspec.msgpack.encode(facts.reads))
    return f"{type(step).__name__:9} trace {told:4} bytes, facts {read:4}"


def main() -> int:
    """Measure every case under both documents."""
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    small, large = (compile_document(company(count)) for count in (FEW, many))
    gc.collect()
    gc.disable()
    worst = 0
    print(f"{'µs a decision':28} {'best':>6} {'quiet':>6} {'median':>7} {'p99':>7} {'mark':>5}   {many}: quiet ratio")
    for name, call in CASES.items():
        few: list[list[float]] = []
        lot: list[list[float]] = []
        for _ in range(TURNS):  # in turn: what else the machine does falls on both
            few.append(times(small, call, ROUNDS // TURNS))
            lot.append(times(large, call, ROUNDS // TURNS))
        quiet, other = min(map(median, few)), min(map(median, lot))
        every = sorted(itertools.chain.from_iterable(few))
        mark = MARKS.get(name)
        worst |= (mark is not None and quiet > mark) or other / quiet > WITHIN
        print(
            f"{name:28} {every[0]:6.1f} {quiet:6.1f} {median(every):7.1f} {every[len(every) * 99 // 100]:7.1f} "
            f"{mark or '':>5}   {other:6.1f} {other / quiet:6.2f}   {kept(large, call)}"
        )
    return int(worst)


if __name__ == "__main__":
    sys.exit(main())
