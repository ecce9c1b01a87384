"""How long a decision takes, trace included: the best, the median and the p99 of many, in microseconds.

Run ``python benchmarks/decision.py``; prints a line a case and exits 1 when a median is above its mark.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "rules")]

import msgspec  # noqa: E402
from rules_kit.builders import document  # noqa: E402 - the kit lies beside its tests
from rules_kit.player import World, attempt_of, compile_document  # noqa: E402

from routerd.rules import machine  # noqa: E402
from routerd.rules.facts import Facts  # noqa: E402

ROUNDS = 4000
MARKS = {"direct agent": 20.0, "50 in order, first free": 25.0, "50 rung together": 200.0}


def crowd(strategy: str) -> dict[str, Any]:
    """A department of 50 members, each with an extension, behind the number."""
    names = [f"m{n}" for n in range(50)]
    made = document(destination={"type": "department", "id": "crowd"})
    made["extensions"] += [{"id": f"3{n:03}", "username": f"3{n:03}", "password": "x"} for n in range(50)]
    made["agents"] += [
        {"id": name, "name": name, "extension": f"3{n:03}", "time_group": "office"} for n, name in enumerate(names)
    ]
    made["departments"].append(
        {"id": "crowd", "name": "Crowd", "strategy": strategy, "members": [{"agent": name} for name in names]}
    )
    return made


def measure(made: dict[str, Any]) -> tuple[float, float, float]:
    """Return the best, the median and the p99 of one decision under document ``made``, in µs."""
    tables = compile_document(made)
    registered = dict.fromkeys(tables.extensions, "203.0.113.7")
    call = {"kind": "inbound", "trunk": "pstn", "from": "+919812345678", "to": "+918069651170"}
    attempt = attempt_of(tables, {"at": "2026-11-23T06:30:00+00:00", "call": call})
    world = World({"registered": registered})
    times = []
    for _ in range(ROUNDS):
        begin = perf_counter()
        machine.start(tables, attempt, Facts(world, "acme"))
        times.append((perf_counter() - begin) * 1e6)
    times.sort()
    facts = Facts(world, "acme")
    step = machine.start(tables, attempt, facts)
    told, read = len(msgspec.msgpack.encode(step.trace)), len(msgspec.msgpack.encode(facts.reads))
    print(f"{'':26} kept with the record: trace {told} bytes, facts {read} bytes")
    return times[0], median(times), times[len(times) * 99 // 100]


def main() -> int:
    """Measure the three cases."""
    gc.disable()
    worst = 0
    direct = document(destination={"type": "agent", "id": "a"})
    cases = dict(zip(MARKS, (direct, crowd("order"), crowd("simultaneous")), strict=True))
    for name, made in cases.items():
        best, middle, late = measure(made)
        worst |= middle > MARKS[name]
        print(
            f"{name:26} best {best:7.1f} µs   median {middle:7.1f} µs   p99 {late:7.1f} µs   mark {MARKS[name]:.0f} µs"
        )
    return worst


if __name__ == "__main__":
    sys.exit(main())
