"""SIGTERM: no new calls, those in progress are finished in peace; a second one ends them now."""

from __future__ import annotations

import contextlib
import os
import signal
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

from kit import scenarios
from kit.company import TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.options import ask
from kit.ports import HOST, free_port
from kit.program import wait_until
from kit.rtp import RtpPeer
from kit.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OUT_HOST = "127.0.0.4"
THROUGH = "+918069651199"
TALK_MS = 3000


@contextlib.contextmanager
def a_call(folder: Path, drain_s: float, ends: str) -> Iterator[tuple[Daemon, tuple[Sipp, Sipp]]]:
    """A trunk calls through to another; ``ends`` is what the caller does once the daemon was told to end."""
    port = free_port()
    numbers = [{"number": THROUGH, "destination": {"type": "external", "number": "+919812345679"}}]
    document = company(trunk("in", free_port()), trunk("out", port, OUT_HOST), numbers=numbers)
    document["outbound_routes"] = [{"prefix": "", "trunks": ["out"]}]
    with (
        Daemon(folder, document, settings={"run": {"drain_s": drain_s}}) as daemon,
        RtpPeer(1000, TRUNK_HOST) as near,
        RtpPeer(600, OUT_HOST) as far,
        Sipp(
            folder, "called", scenarios.answer_call(far.sdp) + scenarios.hung_up_by_peer(), host=OUT_HOST, port=port
        ) as called,
        Sipp(
            folder,
            "caller",
            scenarios.invite(near.sdp) + scenarios.expect_answer() + scenarios.ack() + ends,
            remote=daemon.port,
            host=TRUNK_HOST,
            service=THROUGH,
        ) as caller,
    ):
        wait_until(lambda: daemon.metric("calls_active"), lambda calls: calls == 1, 10, "a call")
        assert readiness(daemon) == 200
        os.kill(daemon.pid, signal.SIGTERM)
        wait_until(lambda: readiness(daemon), lambda status: status == 503, 10, "not ready")
        yield daemon, (caller, called)


def readiness(daemon: Daemon) -> int:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{daemon.admin_port}/health/ready", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_call_is_finished_in_peace(tmp_path: Path) -> None:
    with a_call(tmp_path, 60, scenarios.pause(TALK_MS) + scenarios.bye()) as (daemon, parties):
        refused = wait_until(lambda: ask(daemon.port), lambda status: status is not None, 10, "an answer")
        assert refused == 503
        for side in parties:
            side.finish().assert_clean(1)
        assert daemon.program.wait(20) == 0
        (record,) = daemon.records()
        assert (record["ended_by"], record["outcome"]) == ("caller", "answered")
        assert record["duration_s"] >= TALK_MS / 1000 - 0.5


def test_a_second_signal_ends_the_call(tmp_path: Path) -> None:
    with a_call(tmp_path, 600, scenarios.hung_up_by_peer()) as (daemon, parties):
        os.kill(daemon.pid, signal.SIGTERM)
        for side in parties:
            side.finish().assert_clean(1)
        assert daemon.program.wait(20) == 0
        (record,) = daemon.records()
        assert record["ended_by"] == "server"
