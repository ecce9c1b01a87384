"""How long a page of records takes in a store of 100,000: newest first, and by number, agent, department, reason.

Run: ``python benchmarks/records.py`` (``--records N``, ``--limit N`` a page). Every page of each list is fetched by its
cursor; printed are the pages, the median, the 99th percentile and the worst, in milliseconds.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from routerd.store.queries import RecordFilter, cursor_of
from routerd.store.sqlite import Store

BEGIN = 1_795_000_000.0
BATCH = 2000
AGENTS = 200


def made(number: int, chance: random.Random) -> tuple[str, dict[str, Any]]:
    """One record of the size that a real one has."""
    agent = f"agent{chance.randrange(AGENTS)}"
    answered = chance.random() < 0.7
    reason = None if answered else chance.choice(["no_answer", "agent_busy", "abandoned"])
    trace = [["agent", [agent, "department"], [["enabled"] * 9, [[["E", "2001", 30]]]]] for _ in range(12)]
    return "call.end", {
        "id": f"{chance.getrandbits(64):016x}-{number}", "account": "acme", "at": BEGIN + number * 7.0,
        "kind": "inbound", "from": f"+9198{chance.randrange(20_000):08d}", "to": "+918069651180", "trunk": "pstn",
        "source": "192.0.2.10", "document_version": 3, "outcome": "answered" if answered else "rejected",
        "reason": reason, "answered_by": "extension:2001" if answered else None, "answered_at": None,
        "ended_at": BEGIN + number * 7.0 + 60, "duration_s": 55.0 if answered else 0.0, "ended_by": "caller",
        "sip_status": 200, "q850": 16, "caller_id": "+918069651180", "transfers": [], "media": None,
        "legs": [{"target": "extension:2001", "agent": agent, "start_s": 0.1, "ringing_s": 0.4, "end_s": 5.0,
                  "result": "answered", "status": 200, "trunk": None}],
        "nodes": [{"type": "department", "id": "support", "context": "number", "at_s": 0.0, "reason": None},
                  {"type": "agent", "id": agent, "context": "department", "at_s": 0.0, "reason": reason}],
        "trace": trace, "steps": [], "final": None,
    }  # fmt: skip


def pages(store: Store, limit: int, most: int, **wanted: Any) -> list[float]:
    """Fetch page after page; the time of each in ms."""
    found, cursor = [], ""
    while len(found) < most:
        begin = time.perf_counter()
        rows = store.records(RecordFilter("acme", limit=limit, cursor=cursor, **wanted))
        found.append((time.perf_counter() - begin) * 1000)
        if len(rows) < limit:
            break
        cursor = cursor_of(rows[-1])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--limit", type=int, default=100)
    parser.add_argument("--pages", type=int, default=1000, help="at most this many of each list")
    arguments = parser.parse_args()
    chance = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder) / "bench.db")
        begin = time.perf_counter()
        for first in range(0, arguments.records, BATCH):
            store.apply("bench", first + 1, [made(first + number, chance) for number in range(BATCH)])
        print(f"{arguments.records} records written in {time.perf_counter() - begin:.1f} s")
        lists: dict[str, dict[str, Any]] = {
            "all": {}, "by number (busy)": {"number": "+918069651180"}, "by number (rare)": {"number": "+919800000007"},
            "by agent": {"agent": "agent7"}, "by department": {"department": "support"},
            "by reason": {"reason": "no_answer"}, "by outcome": {"outcome": "rejected"},
            "by duration": {"shortest_s": 10.0},
            "department and reason": {"department": "support", "reason": "agent_busy"},
        }  # fmt: skip
        for name, wanted in lists.items():
            took = sorted(pages(store, arguments.limit, arguments.pages, **wanted))
            worst = took[int(len(took) * 0.99)]
            median = statistics.median(took)
            print(f"{name:24} {len(took):5} pages  p50 {median:6.2f} ms  p99 {worst:6.2f} ms  max {took[-1]:6.2f} ms")
        store.close()


if __name__ == "__main__":
    main()
