"""``make bench``: one table, honest, in under three minutes.

For each server, in the same run and in turn: three interleaved rounds at 100 calls a second and one at a higher rate,
the memory of 1,000 held calls in a fresh process, and the highest rate without a failed call by a bounded search.
The server has core 0 for itself, SIPp core 1: where two rates differ by less than a tenth, take them as equal.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from signalling import load, processes, table
from signalling.probe import Probe
from signalling.servers import KINDS, Server

LOW_RATE, ROUNDS, ROUND_S = 100, 3, 4
HELD_CALLS = 1000
HELD_RATE = {"routerd": 250, "kamailio": 250, "sippy": 100}
HIGH_RATE = {"routerd": 1000, "kamailio": 1000, "sippy": 200}
FIRST_RATE = {"routerd": 1500, "kamailio": 1600, "sippy": 240}
SEARCH_STEPS, SEARCH_S, GROWTH = 5, 2, 1.35
SEARCHED_BY_S = 135  # on a busy machine each failure takes seconds: what is left of the time is shared out


@dataclass
class Figures:
    """All that is known of one server."""

    name: str
    low: list[load.Outcome] = field(default_factory=list)
    high: load.Outcome | None = None
    kib_per_call: float = float("nan")
    highest_rate: int = 0
    failed: int = 0


def rounds(servers: dict[str, Server], figures: dict[str, Figures], folder: Path) -> None:
    """Warm each, then interleave: what disturbs the machine disturbs all alike."""
    for name, server in servers.items():
        load.run(folder / f"{name}-warm", server, LOW_RATE, LOW_RATE)
    for number in range(ROUNDS):
        for name, server in servers.items():
            outcome = load.run(folder / f"{name}-low-{number}", server, LOW_RATE, LOW_RATE * ROUND_S)
            figures[name].low.append(outcome)
            figures[name].failed += outcome.failed
    for name, server in servers.items():
        rate = HIGH_RATE[name]
        figures[name].high = high = load.run(
            folder / f"{name}-high",
            server,
            rate,
            rate * ROUND_S,
            probe=Probe(server.port, load.NUMBER, int(load.LOAD_CORE)),
        )
        figures[name].failed += high.failed


def highest_rate(server: Server, name: str, folder: Path, until: float) -> int:
    """Grow until a call fails, then halve the gap; a bounded number of short runs, none begun after ``until``."""
    good, bad, rate = 0, 0, FIRST_RATE[name]
    for step in range(SEARCH_STEPS):
        if time.monotonic() > until:
            break
        outcome = load.run(folder / f"{name}-search-{step}", server, rate, rate * SEARCH_S)
        if outcome.clean:
            good = rate
        else:
            bad = rate
        rate = int((good + bad) / 2) if bad else int(rate * GROWTH)
        if bad and rate - good < bad / 20:
            break
    return good


def held(kind: type[Server], name: str, folder: Path) -> float:
    """KiB a held call: a fresh process, warmed by some calls, before and with 1,000 calls up."""
    rate = HELD_RATE[name]
    up_after_s = HELD_CALLS / rate + 1
    with kind(folder / f"{name}-held-server") as server:
        load.run(folder / f"{name}-held-warm", server, rate, rate // 2)
        before = processes.memory_kib(server.pid)
        up: list[int] = []

        def look() -> None:
            threading.Event().wait(up_after_s)
            up.append(processes.memory_kib(server.pid))

        outcome = load.run(folder / f"{name}-held", server, rate, HELD_CALLS, int(up_after_s + 1.5) * 1000, look)
    return (up[0] - before) / HELD_CALLS if not outcome.failed else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--servers", default=",".join(KINDS), help="comma-separated: " + ", ".join(KINDS))
    parser.add_argument("--json", action="store_true", help="figures as JSON, for a record over time")
    arguments = parser.parse_args()
    names = [name for name in arguments.servers.split(",") if name]
    start = time.monotonic()
    figures: dict[str, Figures] = {}
    with tempfile.TemporaryDirectory(prefix="bench-") as path:
        folder = Path(path)
        servers: dict[str, Server] = {}
        try:
            for name in names:
                try:
                    servers[name] = KINDS[name](folder / f"{name}-server").__enter__()
                    figures[name] = Figures(name)
                except (TimeoutError, FileNotFoundError) as error:
                    print(f"{name}: not measured: {error}", file=sys.stderr)
            rounds(servers, figures, folder)
            for left, (name, server) in zip(range(len(servers), 0, -1), servers.items(), strict=True):
                now = time.monotonic()
                until = now + max(0.0, start + SEARCHED_BY_S - now) / left
                figures[name].highest_rate = highest_rate(server, name, folder, until)
        finally:
            for server in servers.values():
                server.__exit__()
        for name in servers:
            figures[name].kib_per_call = held(KINDS[name], name, folder)
    rows = [table.Row.of(figures[name], statistics.median) for name in figures]
    print(json.dumps([row.__dict__ for row in rows], indent=2) if arguments.json else table.render(rows))
    print(f"took {time.monotonic() - start:.0f} s", file=sys.stderr)
    if any(row.failed for row in rows if row.name == "routerd"):
        sys.exit(1)


if __name__ == "__main__":
    main()
