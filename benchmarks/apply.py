"""Applying a large document: how long each step takes, what each slice holds the loop for, and the memory.

``python benchmarks/apply.py [AGENTS] [NUMBERS]`` (100,000 of each). The control side (decode, compile, frames) and the
sip side (rebuild in slices, swap, retire in slices) run in processes of their own, as in the daemon; the frames go
through a pipe.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import resource
import sys
import time
from typing import Any

TARGET_MS = 5.0
TARGET_MIB = 1536


def company(agents: int, numbers: int) -> bytes:
    """Make a document of that size: every key of an agent is written out, as an editor's export would."""
    people = [
        {
            "id": f"agent{i}", "name": f"Agent {i}", "status": "enabled", "calling_agent": True,
            "login_based_calling": False, "web_login": {"enabled": True, "blocked": False}, "time_group": "office",
            "failover": {"type": "voicemail", "id": "general"}, "failover_on": None,
            "call_forward_number": f"+9190{i:08d}", "call_forward_digits": None, "alternate_numbers": [],
            "sip_address": None, "sticky": None, "ring_timeout_s": 30, "app_first": None, "call_waiting": False,
            "do_not_disturb": False, "confirm_external": False, "decline_ends_agent": False,
            "extension": f"e{i}", "intercom": f"9{i:07d}", "click_to_call_route": "both", "block_outbound": "none",
            "international_outbound": False,
            "caller_ids": {"mode": "custom", "numbers": [f"+9180{i % numbers:08d}"], "default": None},
            "area_code_caller_ids": None, "max_calls": 1,
        }
        for i in range(agents)
    ]  # fmt: skip
    document = {
        "schema": 1,
        "account": {"id": "acme", "name": "Acme", "country": "IN", "timezone": "Asia/Kolkata"},
        "trunks": [{"id": "pstn", "target": "sip:127.0.0.1:5080"}],
        "outbound_routes": [{"prefix": "", "trunks": ["pstn"]}],
        "time_groups": [{"id": "office", "rules": [{"windows": [{"from": "10:00", "to": "18:00"}]}]}],
        "numbers": [
            {
                "number": f"+9180{i:08d}",
                "label": f"Number {i}",
                "destination": {"type": "agent", "id": f"agent{i % agents}"},
            }
            for i in range(numbers)
        ],
        "agents": people,
        "extensions": [{"id": f"e{i}", "username": f"e{i}", "password": f"secret-{i}"} for i in range(agents)],
        "voicemails": [{"id": "general"}],
    }
    return json.dumps(document).encode()


def peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def control(text: bytes, pipe: Any) -> None:
    """Decode, validate, compile, frame; print each step."""
    from routerd.app.host_files import zone_data
    from routerd.config.compile import compile_account
    from routerd.config.load import load, numbering
    from routerd.config.secret import SecretSource
    from routerd.config.snapshot import frames

    begun = time.perf_counter()
    document = load(text, source="big.json", secrets=SecretSource({}))
    loaded = time.perf_counter()
    tables = compile_account(document, version=1, zone_data=zone_data, sound_durations={}, numbering=numbering())
    compiled = time.perf_counter()
    del document
    count = size = 0
    for _ in range(2):  # the first snapshot, then a second that replaces it
        for frame in frames(tables):
            pipe.send_bytes(frame)
            count += 1
            size += len(frame)
        pipe.send_bytes(b"")
    done = time.perf_counter()
    print(
        f"control: load {loaded - begun:.2f} s, compile {compiled - loaded:.2f} s, frames sent {done - compiled:.2f} s"
    )
    print(f"control: {count // 2} frames, {size / 2e6:.1f} MB, peak {peak_mib():.0f} MiB")
    pipe.send_bytes(b"%f" % peak_mib())


def sip(pipe: Any) -> float:
    """Rebuild twice in slices, retire the first; return the longest slice in milliseconds."""
    from routerd.config.snapshot import Retirement, SnapshotBuilder
    from routerd.rules.tables import Snapshot

    snapshot = Snapshot(accounts={}, account_by_number={}, account_by_domain={})
    gc.freeze()
    gc.set_threshold(100_000, 50, 1000)  # as the sip process does: tables are not tracked, old generations are frozen
    slices: list[float] = []

    def timed(step: Any, *arguments: Any) -> Any:
        start = time.perf_counter()
        result = step(*arguments)
        slices.append((time.perf_counter() - start) * 1000)
        return result

    for _ in range(2):
        builder = timed(SnapshotBuilder, snapshot)
        while frame := pipe.recv_bytes():
            timed(builder.feed, frame)
        old, snapshot = snapshot, timed(builder.finish)
        del builder
        retirement = timed(Retirement, old, snapshot)
        while not timed(retirement.step):
            pass
        timed(retirement.__class__, snapshot, snapshot)
    ordered = sorted(slices)
    p999 = ordered[int(len(ordered) * 0.999)]
    median = ordered[len(ordered) // 2]
    print(f"sip: {len(slices)} slices, median {median:.2f} ms, p99.9 {p999:.2f} ms, longest {ordered[-1]:.2f} ms")
    people = len(snapshot.accounts["acme"].agents)
    print(f"sip: {sum(slices) / 1000:.2f} s in slices, {people} agents, peak {peak_mib():.0f} MiB")
    return p999


def main() -> int:
    agents, numbers = (int(word) for word in [*sys.argv[1:], "100000", "100000"][:2])
    text = company(agents, numbers)
    print(f"document: {agents} agents, {numbers} numbers, {len(text) / 1e6:.1f} MB")
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    worker = context.Process(target=control, args=(text, theirs))
    worker.start()
    del text
    own = peak_mib()
    p999 = sip(ours)
    both = float(ours.recv_bytes()) + peak_mib()
    worker.join()
    print(f"peak of both processes: {both:.0f} MiB (the bench's own document: {own:.0f} MiB of it)")
    good = p999 <= TARGET_MS and both <= TARGET_MIB
    print(f"target: {TARGET_MS} ms p99.9, {TARGET_MIB} MiB: {'held' if good else 'MISSED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
