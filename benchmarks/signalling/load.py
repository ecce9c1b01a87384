"""SIPp on both sides of a server: one run at one rate, and what came of it."""

from __future__ import annotations

import contextlib
import csv
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from signalling import processes, scenarios
from signalling.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from signalling.probe import Probe
    from signalling.servers import Server

HOST = "127.0.0.1"
CALLED_HOST = "127.0.0.2"
LOAD_CORE = "1"
NUMBER = "+919800000002"
HOLD_MS = 100  # so that no ACK is overtaken by its BYE in a server of several processes


@dataclass
class Outcome:
    """One run: calls asked for, failed, retransmitted; the server's CPU; INVITE→180 in ms."""

    rate: int
    calls: int
    failed: int
    retransmissions: int
    took_s: float
    cpu_s: float
    waits_ms: list[float] = field(default_factory=list)
    probes: int = 0

    @property
    def cpu_ms_per_call(self) -> float:
        return 1000 * self.cpu_s / max(1, self.calls - self.failed + self.probes)

    @property
    def clean(self) -> bool:
        """No failed call, and the load really ran at its rate."""
        return self.failed == 0 and self.took_s <= self.calls / self.rate * 1.1 + 1

    def percentile_ms(self, share: float) -> float:
        waits = sorted(self.waits_ms)
        return waits[min(len(waits) - 1, int(share * len(waits)))] if waits else float("nan")


def sipp(folder: Path, name: str, scenario: str, arguments: list[str]) -> subprocess.Popen[bytes]:
    path = folder / f"{name}.xml"
    path.write_text(scenario)
    command = ["taskset", "-c", LOAD_CORE, "sipp", "-sf", str(path), "-nostdin", "-nd", "-buff_size", "4000000"]
    out = (folder / f"{name}.out").open("wb")
    with out:
        return subprocess.Popen(
            [*command, *arguments], cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )


def end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def last_line(path: Path) -> dict[str, str]:
    with path.open() as lines:
        return list(csv.DictReader(lines, delimiter=";"))[-1]


class Called:
    """The side that is rung; one for each run, so that a bad run leaves nothing behind for the next."""

    def __init__(self, folder: Path, port: int) -> None:
        arguments = ["-i", CALLED_HOST, "-p", str(port), "-deadcall_wait", "0"]
        self.process = sipp(folder, "called", scenarios.called(), arguments)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        end(self.process)


def run(
    folder: Path,
    server: Server,
    rate: int,
    calls: int,
    hold_ms: int = HOLD_MS,
    meanwhile: Callable[[], None] | None = None,
    probe: Probe | None = None,
) -> Outcome:
    """Place ``calls`` calls at ``rate`` a second; ``meanwhile`` and ``probe`` run beside the load."""
    folder.mkdir(parents=True)
    arguments = [
        "-i",
        HOST,
        "-p",
        str(free_port()),
        "-s",
        NUMBER,
        f"{HOST}:{server.port}",
        "-r",
        str(rate),
        "-m",
        str(calls),
    ]
    arguments += ["-l", str(max(calls, 1000)), "-trace_stat", "-stf", str(folder / "stats.csv"), "-fd", "1"]
    arguments += ["-recv_timeout", "4000", "-timeout", f"{calls // rate + hold_ms // 1000 + 6}s", "-deadcall_wait", "0"]
    before = processes.cpu_s(server.pid)
    with Called(folder, server.called_port):
        start = time.monotonic()
        caller = sipp(folder, "caller", scenarios.caller(hold_ms), arguments)
        try:
            if probe:
                probe.start()
            if meanwhile:
                meanwhile()
            with contextlib.suppress(subprocess.TimeoutExpired):  # what did not succeed is counted as failed below
                caller.wait(calls / rate + hold_ms / 1000 + 12)
        finally:
            if probe:
                probe.finish()
            end(caller)
        took = time.monotonic() - start - hold_ms / 1000
    outcome = measure(folder / "stats.csv", rate, calls, took, processes.cpu_s(server.pid) - before)
    if probe:
        outcome.waits_ms, outcome.probes = probe.waits_ms, probe.calls
    progress = f"{server.name}: {calls} calls at {rate}/s: {outcome.failed} failed, {outcome.retransmissions} resent"
    print(f"{progress}, {outcome.cpu_ms_per_call:.2f} CPU-ms a call, {took:.1f} s", file=sys.stderr)
    return outcome


def measure(stats: Path, rate: int, calls: int, took_s: float, cpu_s: float) -> Outcome:
    try:
        final = last_line(stats)
    except (FileNotFoundError, IndexError):
        final = {}
    succeeded = int(final.get("SuccessfulCall(C)", 0))
    return Outcome(rate, calls, calls - succeeded, int(final.get("Retransmissions(C)", 0)), took_s, cpu_s)
