"""A large document comes into force under calls: how long the sip process's loop was held, calls lost, memory.

``python benchmarks/apply_live.py [AGENTS] [NUMBERS] [--rate 50] [--favour]``. The whole daemon (``routerd run``) serves
SIPp's calls (direct media) by a small document; the file is replaced by one of 100,000 agents and 100,000 numbers,
SIGHUP, and later by the small one again. Every 2 ms a timer in the sip process's own loop writes down how late it came
and how much processor time the loop's thread took since the last one: on a machine that others use, too, the first
number is theirs as well, the second is ours (and what a hypervisor steals: that is printed, too). ``--favour`` gives
the sip process the highest priority.
"""

from __future__ import annotations

import argparse
import array
import contextlib
import json
import os
import re
import signal
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import itertools

from apply import TARGET_MIB, TARGET_MS, company
from signalling import load, processes
from signalling.servers import Routerd

PROBE = """\
import sys
if "routerd.app.child" in sys.orig_argv and "sip" in sys.orig_argv:
    import array, atexit, time
    from pathlib import Path
    from routerd.edge.collector import Collector
    told = array.array("d")
    begin = Collector.start

    def start(self):
        begin(self)
        planned, used = time.monotonic() + 0.002, time.thread_time()

        def tick():
            nonlocal planned, used
            now, own = time.monotonic(), time.thread_time()
            told.extend((now, now - planned, own - used))
            planned, used = now + 0.002, own
            self._loop.call_later(0.002, tick)

        self._loop.call_later(0.002, tick)

    def watched(kind, name):
        inner = getattr(kind, name)
        label = f"{kind.__name__}.{name}"

        def timed(*arguments):
            before = time.thread_time()
            try:
                return inner(*arguments)
            finally:
                spent = time.thread_time() - before
                if spent > longest.get(label, 0.0):
                    longest[label] = spent

        setattr(kind, name, timed)

    def watch():
        import gc
        from routerd.app import frames, installing, retiring, sip
        from routerd.edge import driver, memory
        for kind, name in (
            (installing.Installing, "_turn"), (installing.SnapshotBuilder, "feed"),
            (installing.SnapshotBuilder, "finish"), (retiring.Retiring, "look"), (retiring.Retiring, "_slice"),
            (retiring.Retirement, "step"), (frames.FrameLink, "_readable"), (frames.FrameLink, "send"),
            (frames.FrameReader, "feed"), (driver.Driver, "install"), (driver.Driver, "command"),
            (driver.Driver, "datagram"), (memory.Trimmer, "quiet"), (Collector, "look"), (sip.SipProcess, "_scrape"),
        ):
            if hasattr(kind, name):
                watched(kind, name)

    longest = {}
    watch()
    Collector.start = start
    atexit.register(lambda: Path(__file__).with_name("longest").write_text(
        "\\n".join(f"{spent * 1000:8.2f} ms  {name}" for name, spent in sorted(longest.items(), key=lambda x: -x[1]))
    ))
    atexit.register(lambda: Path(__file__).with_name("ticks").write_bytes(told.tobytes()))
"""
SETTLE_S = 5.0
RETIRE_S = 12.0  # an old snapshot is looked at every 5 s, then taken apart in slices
APPLY_S = 120.0


class Daemon(Routerd):
    """The bench's routerd, with a probe in its sip process, a JSON document, and every core to run on."""

    def command(self) -> list[str]:
        command = super().command()
        small = (self.folder / "bench.yaml").read_text()
        self.document = self.folder / "bench.json"
        self.document.write_text(small)
        self.small = small
        settings = self.folder / "routerd.toml"
        text = settings.read_text().replace("bench.yaml", "bench.json")
        settings.write_text(text)
        self.admin = re.search(r'\[admin\]\nlisten = "([^"]+)"', text)[1]  # type: ignore[index]
        (self.folder / "sitecustomize.py").write_text(PROBE)
        cores = ",".join(map(str, sorted(os.sched_getaffinity(0))))
        return ["taskset", "-c", cores, "env", f"PYTHONPATH={self.folder}", *command]

    def big(self, agents: int, numbers: int) -> bytes:
        small = json.loads(self.small)
        made = json.loads(company(agents, numbers))
        for key in ("account", "trunks", "outbound_routes"):
            made[key] = small[key]
        made["numbers"] += small["numbers"]
        return json.dumps(made).encode()

    def replace(self, text: bytes) -> None:
        fresh = self.document.with_suffix(".new")
        fresh.write_bytes(text)
        fresh.replace(self.document)
        os.kill(self.pid, signal.SIGHUP)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{self.admin}/metrics", timeout=60) as answer:
            return str(answer.read().decode())

    def version(self) -> int:
        """What the sip process routes by; 0 while it does not say."""
        with contextlib.suppress(OSError):
            found = re.search(r"^routerd_document_version\{[^}]*\} ([0-9.]+)", self.metrics(), re.MULTILINE)
            return int(float(found[1])) if found else 0
        return 0

    def installed(self, version: int) -> float:
        """Wait until that version is counted; how long it took in seconds."""
        began, pace = time.monotonic(), threading.Event()
        while self.version() != version:
            if time.monotonic() - began > APPLY_S:
                message = f"version {version} is not in force after {APPLY_S} s"
                raise TimeoutError(message)
            pace.wait(0.2)
        return time.monotonic() - began

    def sip_pid(self) -> int:
        for pid in processes.tree(self.pid):
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"routerd.app.child" in words and b"sip" in words:
                return pid
        return 0


class Memory(threading.Thread):
    """The highest resident (each process for itself) and proportional set of the daemon, sampled."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.rss_mib, self.pss_mib = pid, 0.0, 0.0
        self.each: dict[str, float] = {}
        self._over = threading.Event()

    def run(self) -> None:
        count = 0
        while not self._over.wait(0.1):
            with contextlib.suppress(OSError):
                sizes = {self.role(pid): self.rss(pid) for pid in processes.tree(self.pid)}
                self.rss_mib = max(self.rss_mib, sum(sizes.values()))
                for role, size in sizes.items():
                    self.each[role] = max(self.each.get(role, 0.0), size)
                count += 1
                if count % 5 == 0:
                    self.pss_mib = max(self.pss_mib, processes.memory_kib(self.pid) / 1024)

    @staticmethod
    def role(pid: int) -> str:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return words[3].decode() if b"routerd.app.child" in words else f"other {pid}"

    @staticmethod
    def rss(pid: int) -> float:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)

    def finish(self) -> None:
        self._over.set()
        self.join(5)


def stolen_s() -> float:
    """What the hypervisor took from this machine's processors so far."""
    return int(Path("/proc/stat").read_text().split()[8]) * processes.TICK_S


def told(name: str, values: list[float]) -> float:
    """Print a phase's figures; its p99.9 in ms."""
    ordered = sorted(value * 1000 for value in values)
    if not ordered:
        return 0.0
    p999 = ordered[int(len(ordered) * 0.999)]
    print(f"  {name:34} {len(ordered):6} ticks  p99 {ordered[int(len(ordered) * 0.99)]:6.2f}  p99.9 {p999:6.2f}  "
          f"max {ordered[-1]:7.2f} ms")  # fmt: skip
    return p999


def play(server: Daemon, big: bytes, marks: dict[str, float], *, favour: bool) -> None:
    """Small, big, small again; note when each phase began."""
    pace = threading.Event()
    if favour:
        os.setpriority(os.PRIO_PROCESS, server.sip_pid(), -20)
    pace.wait(SETTLE_S)
    version = server.version()
    for step, (name, text) in enumerate((("large document", big), ("small document again", server.small.encode())), 1):
        marks[f"{name}: applied"] = time.monotonic()
        server.replace(text)
        print(f"{name}: in force {server.installed(version + step):.1f} s after SIGHUP", flush=True)
        marks[f"{name}: old one taken apart"] = time.monotonic()
        pace.wait(RETIRE_S)
        server.metrics()
    marks["end"] = time.monotonic()


def report(folder: Path, marks: dict[str, float]) -> float:
    """Print every phase; the p99.9 of own processor time while documents changed, in ms."""
    ticks = array.array("d")
    ticks.frombytes((folder / "ticks").read_bytes())
    rows = list(zip(ticks[::3], ticks[1::3], ticks[2::3], strict=True))
    names = [*marks]
    print("how late the 2 ms timer came | processor time of the loop between two of them")
    for name, until in itertools.pairwise(names):
        found = [row for row in rows if marks[name] <= row[0] < marks[until]]
        told(f"{name}: late", [row[1] for row in found])
        told(f"{name}: held", [row[2] for row in found])
    print("the longest single steps of the sip process, from its start on, by processor time:")
    print((folder / "longest").read_text())
    during = [row for row in rows if marks[names[1]] <= row[0] < marks["end"]]
    told("all changes: late", [row[1] for row in during])
    return told("all changes: held", [row[2] for row in during])


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("agents", nargs="?", type=int, default=100_000)
    parser.add_argument("numbers", nargs="?", type=int, default=100_000)
    parser.add_argument("--rate", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--favour", action="store_true")
    options = parser.parse_args()
    marks = {"before": time.monotonic()}
    stolen = stolen_s()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Daemon(folder / "server") as server:
            big = server.big(options.agents, options.numbers)
            print(f"document: {options.agents} agents, {options.numbers} numbers, {len(big) / 1e6:.1f} MB")
            memory = Memory(server.pid)
            memory.start()
            calls = options.rate * options.seconds
            marks = {"before": time.monotonic()}
            outcome = load.run(
                folder / "load", server, options.rate, calls, meanwhile=lambda: play(server, big, marks,
                favour=options.favour),
            )  # fmt: skip
            memory.finish()
            lag = re.findall(
                r'^routerd_loop_lag_seconds_bucket\{le="([^"]+)"\} ([0-9.]+)', server.metrics(), re.MULTILINE
            )
            print("loop_lag_seconds:", "  ".join(f"<={bound}: {float(count):.0f}" for bound, count in lag))
        held = report(folder / "server", marks)
    sizes = "  ".join(f"{role} {size:.0f}" for role, size in memory.each.items() if not role.startswith("other"))
    print(f"stolen by the hypervisor: {stolen_s() - stolen:.1f} s; load {os.getloadavg()[0]:.1f}")
    print(f"calls: {outcome.calls}, failed {outcome.failed}, resent {outcome.retransmissions}")
    print(f"memory: peak PSS {memory.pss_mib:.0f} MiB, sum of RSS {memory.rss_mib:.0f} MiB (peaks: {sizes})")
    good = held <= TARGET_MS and memory.rss_mib <= TARGET_MIB and not outcome.failed
    print(f"target: {TARGET_MS} ms p99.9 held, {TARGET_MIB} MiB, no call lost: {'held' if good else 'MISSED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
