"""A thousand calls held at once and hung up: none fails, and nothing of them stays behind."""

from __future__ import annotations

import os
import re
import urllib.request
from pathlib import Path

from kit import scenarios
from kit.company import TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.program import free_port, free_range, wait_until
from kit.sipp import Sipp

CALLED_HOST = "127.0.0.4"
NUMBER = "+918069651199"
CALLS = int(os.environ.get("ROUTERD_SOAK_CALLS", "1000")) if os.environ.get("ROUTERD_SOAK") else 1000
HELD = 1000
RATE = 100
PORTS = 4 * HELD + 40
SDP = (
    "v=0\no=trunk 1 1 IN IP4 [local_ip]\ns=-\nc=IN IP4 [local_ip]\nt=0 0\nm=audio 6000 RTP/AVP 8\na=rtpmap:8 PCMA/8000"
)


def family(pid: int) -> list[int]:
    """The process and its children of every depth."""
    found, waiting = [], [pid]
    while waiting:
        current = waiting.pop()
        found.append(current)
        for path in Path(f"/proc/{current}/task").glob("*/children"):
            waiting += [int(child) for child in path.read_text().split()]
    return found


def descriptors(pid: int) -> int:
    return sum(len(list(Path(f"/proc/{member}/fd").iterdir())) for member in family(pid))


def resident_kib(pid: int) -> int:
    status = [Path(f"/proc/{member}/status").read_text() for member in family(pid)]
    return sum(int(re.findall(r"^VmRSS:\s+(\d+)", text, re.MULTILINE)[0]) for text in status)


def metric(daemon: Daemon, name: str) -> float:
    request = urllib.request.Request(f"http://127.0.0.1:{daemon.admin_port}/metrics")
    token = daemon.folder / "admin.token"
    if token.exists():
        request.add_header("Authorization", f"Bearer {token.read_text().strip()}")
    with urllib.request.urlopen(request, timeout=5) as answer:
        text = answer.read().decode()
    values = re.findall(rf"^routerd_{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", text, re.MULTILINE)
    assert values, f"no routerd_{name} in:\n{text[:3000]}"
    return sum(float(value) for value in values)


def place(folder: Path, daemon: Daemon, called_port: int, calls: int, hold_s: float) -> None:
    called = scenarios.answer_call(SDP) + scenarios.hung_up_by_peer()
    caller = scenarios.invite(SDP) + scenarios.expect_answer() + scenarios.ack()
    caller += scenarios.pause(int(hold_s * 1000)) + scenarios.bye()
    silent = ("-buff_size", "4000000", "-l", str(HELD))
    bound_s = int(calls / RATE + hold_s * (1 + calls // HELD) + 40)
    with (
        Sipp(folder, f"called-{calls}", called, host=CALLED_HOST, port=called_port, calls=calls, arguments=silent,
             timeout_s=bound_s, messages=False) as answering,
        Sipp(folder, f"caller-{calls}", caller, host=TRUNK_HOST, remote=daemon.port, service=NUMBER, calls=calls,
             rate=RATE, arguments=silent, timeout_s=bound_s, messages=False) as calling,
    ):  # fmt: skip
        calling.finish(bound_s + 5).assert_clean(calls)
        answering.finish(10).assert_clean(calls)


def test_a_thousand_held_calls_leave_nothing_behind(tmp_path: Path) -> None:
    called_port = free_port()
    document = company(
        trunk("in", free_port(), TRUNK_HOST),
        trunk("out", called_port, CALLED_HOST),
        numbers=[{"number": NUMBER, "destination": {"type": "external", "number": "+919812345679"}}],
    )
    document["outbound_routes"] = [{"prefix": "", "trunks": ["out"]}]
    first = free_range(PORTS)
    limits = {"requests_per_second_by_source": 100_000, "request_burst_by_source": 100_000}
    with Daemon(tmp_path, document, media={"ports": [first, first + PORTS - 1]}, settings={"limits": limits}) as daemon:
        descriptors_at_start = descriptors(daemon.pid)
        place(tmp_path, daemon, called_port, CALLS // 10, 2)
        after_a_tenth = resident_kib(daemon.pid)
        place(tmp_path, daemon, called_port, CALLS - CALLS // 10, HELD / RATE + 2)
        for name in ("calls_active", "media_sessions_active", "transactions_active"):
            wait_until(lambda name=name: metric(daemon, name), lambda value: value == 0, 45, f"{name} of 0")  # type: ignore[misc]
        wait_until(
            lambda: descriptors(daemon.pid), lambda count: count <= descriptors_at_start + 4, 10, "descriptors back"
        )
        assert resident_kib(daemon.pid) <= after_a_tenth * 1.05 + 8 * 1024
        assert len(daemon.wait_records(CALLS, 20)) == CALLS
