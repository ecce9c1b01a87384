"""How long ``routerd plan`` takes over recorded calls, whether it finds the seeded differences exactly, and how large
a record is.

Run ``python benchmarks/plan.py [CALLS]`` (10,000 unless said otherwise); exits 1 when a difference is missed or
invented, or when it takes longer than 10 s.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import msgspec

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "rules")]

from rules_kit.recorder import company  # noqa: E402 - the kit lies beside its tests
from rules_kit.seeded import calls, changed  # noqa: E402

from routerd.cli.plan import read, replay_all  # noqa: E402
from routerd.store.entries import pack_record  # noqa: E402
from routerd.store.reading import StoreReader  # noqa: E402
from routerd.store.sqlite import Store  # noqa: E402

CALLS = 10_000
MARK_S = 10.0
PARTS = ("trace", "steps", "nodes", "legs", "attempt")
pack = msgspec.msgpack.encode


def fill(path: Path, count: int) -> int:
    """Store so many calls; returns how many of them the seeded changes really change."""
    store = Store(path)
    store.add_document("acme", msgspec.json.encode(company()), source="acme.json", digest="", at=1.0)
    really, batch, sizes, stored = 0, [], [], []
    parts: dict[str, list[int]] = {name: [] for name in PARTS}
    for number, (record, differs) in enumerate(calls(count), 1):
        really += differs
        batch.append(("call.end", record))
        sizes.append(len(pack(record)))
        stored.append(len(pack_record(record)))
        for name, found in parts.items():
            found.append(len(pack(record[name])))
        if number % 1000 == 0 or number == count:
            store.apply("p", number - len(batch) + 1, batch)
            batch = []
    store.close()
    print(
        f"a record: median {median(sizes):.0f} bytes, largest {max(sizes)}; stored {sum(stored) / count:.0f} on average"
    )
    for name, found in parts.items():
        print(f"  {name:8} median {median(found):6.0f} bytes, largest {max(found)}")
    return really


def main() -> int:
    """Fill a store, plan over it, compare."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else CALLS
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "routerd.db"
        really = fill(path, count)
        began = perf_counter()
        _, tables = read(msgspec.json.encode(changed()), "new.json", {})
        with StoreReader(path) as reader:
            report: Any = replay_all(reader, tables, 0.0)
        took = perf_counter() - began
    found = sum(group.count for group in report.different)
    print(f"{count} calls decided again in {took:.2f} s ({took / count * 1e6:.0f} µs each), mark {MARK_S:.0f} s")
    print(f"different: {found} found, {really} seeded; not decidable: {sum(g.count for g in report.undecidable)}")
    for group in report.different:
        print(f"  {group.count:6}  {group.said}")
    return int(found != really or report.same != count - really or took > MARK_S)


if __name__ == "__main__":
    sys.exit(main())
