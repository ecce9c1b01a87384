"""What an apply costs the calls: call set-up while documents of 10,000 agents come into force, and without.

``python benchmarks/apply_setup.py [AGENTS] [--rate 50] [--applies 8]``. SIPp's calls run at the rate beside a caller
with a fine clock (INVITE to 180). The same large document, with one name changed, comes over the API again and again;
each answer says that the sip process routes by it. Printed: median and p99 of the set-up in the pauses and during the
applies, how late the sip process' loop was, calls lost. Target: p99 at most 1.5 times that of the pauses.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from apply_live import Daemon, stolen_s
from signalling import load
from signalling.probe import Probe

TARGET_RATIO = 1.5
TARGET_LAG_MS = 5.0
PAUSE_S = 4.0


class Timed(Probe):
    """Knows when each of its calls began."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.began: list[float] = []

    def call(self) -> None:
        began, before = time.monotonic(), len(self.waits_ms)
        try:
            super().call()
        finally:
            if len(self.waits_ms) > before:
                self.began.append(began)


def put(server: Daemon, document: dict[str, Any]) -> None:
    """Put the document over the API; returns when calls are routed by it."""
    token = next(server.folder.rglob("admin.token")).read_text().strip()
    request = urllib.request.Request(
        f"http://{server.admin}/v1/accounts/{document['account']['id']}/document", method="PUT",
        data=json.dumps(document).encode(),
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )  # fmt: skip
    with urllib.request.urlopen(request, timeout=120) as answer:
        told = json.loads(answer.read())
    assert told["serving"], told


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def lag_ms(metrics: str, share: float) -> float:
    """The bound of the bucket under which that share of the loop's turns lies."""
    rows = re.findall(r'^routerd_loop_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.e+]+)', metrics, re.MULTILINE)
    total = max(float(count) for _, count in rows)
    return next(1000 * float(bound) for bound, count in rows if float(count) >= share * total)


def play(server: Daemon, document: dict[str, Any], applies: int, windows: list[tuple[float, float]]) -> None:
    pace = threading.Event()
    put(server, document)  # the first one makes the company large; what is measured comes after it
    pace.wait(PAUSE_S)
    for number in range(applies):
        document["agents"][0]["name"] = f"Agent {number}"
        began = time.monotonic()
        put(server, document)
        windows.append((began, time.monotonic()))
        print(f"apply {number + 1}: {windows[-1][1] - began:.2f} s", file=sys.stderr)
        pace.wait(PAUSE_S)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("agents", nargs="?", type=int, default=10_000)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--applies", type=int, default=8)
    options = parser.parse_args()
    windows: list[tuple[float, float]] = []
    stolen = stolen_s()
    with tempfile.TemporaryDirectory() as name, Daemon(Path(name) / "server") as server:
        document = json.loads(server.big(options.agents, options.agents))
        probe = Timed(server.port, load.NUMBER, int(load.LOAD_CORE))
        calls = int(options.rate * (options.applies + 2) * (PAUSE_S + 4))
        outcome = load.run(
            Path(name) / "load", server, options.rate, calls, probe=probe,
            meanwhile=lambda: play(server, document, options.applies, windows),
        )  # fmt: skip
        lag = lag_ms(server.metrics(), 0.999)
    during = [
        wait for at, wait in zip(probe.began, probe.waits_ms, strict=True) if any(a <= at <= b for a, b in windows)
    ]
    first, last = windows[0][0], windows[-1][1] + PAUSE_S
    calm = [
        wait
        for at, wait in zip(probe.began, probe.waits_ms, strict=True)
        if first - PAUSE_S <= at <= last and not any(a <= at <= b for a, b in windows)
    ]
    for label, values in (("without", calm), ("during applies", during)):
        median, p99 = percentile(values, 0.5), percentile(values, 0.99)
        print(f"{label:15} {len(values):5} calls  median {median:6.2f}  p99 {p99:7.2f} ms")
    ratio = percentile(during, 0.99) / percentile(calm, 0.99)
    print(f"p99 during : without = {ratio:.2f} (target {TARGET_RATIO})")
    print(f"the sip process' loop was late: p99.9 <= {lag:.1f} ms (target {TARGET_LAG_MS})")
    print(f"calls {outcome.calls}, failed {outcome.failed}")
    print(f"stolen by the hypervisor: {stolen_s() - stolen:.1f} s; load {os.getloadavg()[0]:.1f}")
    good = ratio <= TARGET_RATIO and not outcome.failed
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
