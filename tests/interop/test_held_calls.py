"""A thousand calls held at once and hung up: none fails, and nothing of them stays behind."""

from __future__ import annotations

import os
import re
import urllib.request
from pathlib import Path

from kit import scenarios
from kit.company import TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.ports import free_port, free_range
from kit.program import wait_until
from kit.sipp import Sipp

CALLED_HOST = "127.0.0.4"
NUMBER = "+918069651199"
CALLS = int(os.environ.get("ROUTERD_SOAK_CALLS", "1000")) if os.environ.get("ROUTERD_SOAK") else 1000
HELD = 1000
RELAYED = 150
RATE = 100
TIMERS_OF_ITS_OWN = 10  # trunk health and the like
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


def place(folder: Path, daemon: Daemon, called_port: int, calls: int, held: int) -> None:
    """Place ``calls``, of which ``held`` stand at the same time at the peak."""
    hold_s = held / RATE + 2
    called = scenarios.answer_call(SDP) + scenarios.hung_up_by_peer()
    caller = scenarios.invite(SDP) + scenarios.expect_answer() + scenarios.ack()
    caller += scenarios.pause(int(hold_s * 1000)) + scenarios.bye()
    silent = ("-buff_size", "4000000", "-l", str(calls))
    bound_s = int(calls / RATE + hold_s + 60)
    with (
        Sipp(folder, f"called-{calls}", called, host=CALLED_HOST, port=called_port, calls=calls, arguments=silent,
             timeout_s=bound_s, messages=False) as answering,
        Sipp(folder, f"caller-{calls}", caller, host=TRUNK_HOST, remote=daemon.port, service=NUMBER, calls=calls,
             rate=RATE, arguments=silent, timeout_s=bound_s, messages=False) as calling,
    ):  # fmt: skip
        wait_until(lambda: metric(daemon, "calls_active"), lambda active: active >= held, bound_s, f"{held} calls")
        calling.finish(bound_s + 5).assert_clean(calls)
        answering.finish(10).assert_clean(calls)


def daemon_for(folder: Path, called_port: int, *, media: str, held: int) -> Daemon:
    document = company(
        trunk("in", free_port(), TRUNK_HOST, media=media),
        trunk("out", called_port, CALLED_HOST, media=media),
        numbers=[{"number": NUMBER, "destination": {"type": "external", "number": "+919812345679"}}],
    )
    document["outbound_routes"] = [{"prefix": "", "trunks": ["out"]}]
    size = 4 * held + 40
    first = free_range(size)
    limits = {"requests_per_second_by_source": 100_000, "request_burst_by_source": 100_000}
    return Daemon(folder, document, media={"ports": [first, first + size - 1]}, settings={"limits": limits})


def wait_as_before(daemon: Daemon, descriptors_before: int) -> None:
    """Transactions linger for half a minute (RFC 6026), then nothing of the calls is left."""
    for name in ("calls_active", "dialogs_active", "media_sessions_active", "transactions_active"):
        wait_until(lambda name=name: metric(daemon, name), lambda value: value == 0, 60, f"{name} of 0")  # type: ignore[misc]
    wait_until(lambda: metric(daemon, "timers_active"), lambda count: count <= TIMERS_OF_ITS_OWN, 10, "timers back")
    wait_until(lambda: descriptors(daemon.pid), lambda count: count <= descriptors_before + 4, 10, "descriptors back")


def test_a_thousand_held_calls_leave_nothing_behind(tmp_path: Path) -> None:
    called_port = free_port()
    with daemon_for(tmp_path, called_port, media="direct", held=10) as daemon:
        descriptors_before = descriptors(daemon.pid)
        place(tmp_path, daemon, called_port, CALLS // 10, CALLS // 20)
        after_a_tenth = resident_kib(daemon.pid)
        place(tmp_path, daemon, called_port, CALLS - CALLS // 10, min(HELD, CALLS - CALLS // 10))
        wait_as_before(daemon, descriptors_before)
        assert resident_kib(daemon.pid) <= after_a_tenth * 1.05 + 8 * 1024
        assert len(daemon.wait_records(CALLS, 20)) == CALLS


def test_relayed_calls_give_every_port_back(tmp_path: Path) -> None:
    called_port = free_port()
    with daemon_for(tmp_path, called_port, media="relay", held=RELAYED) as daemon:
        descriptors_before = descriptors(daemon.pid)
        place(tmp_path, daemon, called_port, RELAYED, RELAYED)
        wait_until(lambda: metric(daemon, "media_sessions_active"), lambda value: value == 0, 10, "no session")
        wait_until(
            lambda: descriptors(daemon.pid), lambda count: count <= descriptors_before + 4, 10, "descriptors back"
        )
        assert len(daemon.wait_records(RELAYED, 20)) == RELAYED
