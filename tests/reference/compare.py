"""Compare more seeds than the tests do: ``python tests/reference/compare.py --seeds 0..100000 --carrier switch``."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "rules")]

from carriers import CARRIERS, compare, kinds  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0..10000", help="FIRST..LAST, the last not included")
    parser.add_argument("--carrier", choices=sorted(CARRIERS), default="rules")
    parser.add_argument("--show", type=int, default=3, help="how many examples of each kind")
    given = parser.parse_args()
    first, _, last = given.seeds.partition("..")
    began = time.monotonic()
    seeds = range(int(first), int(last))
    played, wrong = compare(seeds, CARRIERS[given.carrier])
    print(f"{played - len(wrong)} of {played} agree, {len(seeds) - played} ties, {time.monotonic() - began:.0f} s")
    for kind, count in kinds(wrong).most_common():
        print(f"{count} {kind}")
        examples = [seed for seed in wrong if kinds({seed: wrong[seed]}) == {kind: 1}][: given.show]
        for seed in examples:
            print(f"    seed {seed}: {'; '.join(wrong[seed][:4])[:300]}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
