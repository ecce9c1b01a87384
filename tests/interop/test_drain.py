"""SIGTERM: no new calls, those in progress are finished in peace; a second one ends them now."""

from __future__ import annotations

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
    from pathlib import Path

OUT_HOST = "127.0.0.4"
THROUGH = "+918069651199"
TALK_MS = 3000
CALLING = scenarios.expect_answer() + scenarios.ack()


def site(folder: Path, out_port: int, drain_s: float) -> Daemon:
    numbers = [{"number": THROUGH, "destination": {"type": "external", "number": "+919812345679"}}]
    document = company(trunk("in", free_port()), trunk("out", out_port, OUT_HOST), numbers=numbers)
    document["outbound_routes"] = [{"prefix": "", "trunks": ["out"]}]
    return Daemon(folder, document, settings={"run": {"drain_s": drain_s}})


def readiness(daemon: Daemon) -> int:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{daemon.admin_port}/health/ready", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_a_call_is_finished_in_peace(tmp_path: Path) -> None:
    port = free_port()
    talking = CALLING + scenarios.pause(TALK_MS) + scenarios.bye()
    with (
        site(tmp_path, port, 60) as daemon,
        RtpPeer(1000, TRUNK_HOST) as near,
        RtpPeer(600, OUT_HOST) as far,
        Sipp(
            tmp_path, "called", scenarios.answer_call(far.sdp) + scenarios.hung_up_by_peer(), host=OUT_HOST, port=port
        ) as called,
        Sipp(
            tmp_path,
            "caller",
            scenarios.invite(near.sdp) + talking,
            remote=daemon.port,
            host=TRUNK_HOST,
            service=THROUGH,
        ) as caller,
    ):
        wait_until(lambda: daemon.metric("calls_active"), lambda calls: calls == 1, 10, "a call")
        assert readiness(daemon) == 200
        os.kill(daemon.pid, signal.SIGTERM)
        wait_until(lambda: readiness(daemon), lambda status: status == 503, 10, "not ready")
        refused = wait_until(lambda: ask(daemon.port), lambda status: status is not None, 10, "an answer")
        assert refused == 503
        for side in (caller, called):
            side.finish().assert_clean(1)
        assert daemon.program.wait(20) == 0
        (record,) = daemon.records()
        assert (record["ended_by"], record["outcome"]) == ("caller", "answered")
        assert record["duration_s"] >= TALK_MS / 1000 - 0.5


def test_a_second_signal_ends_the_call(tmp_path: Path) -> None:
    port = free_port()
    with (
        site(tmp_path, port, 600) as daemon,
        RtpPeer(1000, TRUNK_HOST) as near,
        RtpPeer(600, OUT_HOST) as far,
        Sipp(
            tmp_path, "called", scenarios.answer_call(far.sdp) + scenarios.hung_up_by_peer(), host=OUT_HOST, port=port
        ) as called,
        Sipp(
            tmp_path,
            "caller",
            scenarios.invite(near.sdp) + CALLING + scenarios.hung_up_by_peer(),
            remote=daemon.port,
            host=TRUNK_HOST,
            service=THROUGH,
        ) as caller,
    ):
        wait_until(lambda: daemon.metric("calls_active"), lambda calls: calls == 1, 10, "a call")
        os.kill(daemon.pid, signal.SIGTERM)
        wait_until(lambda: readiness(daemon), lambda status: status == 503, 10, "not ready")
        os.kill(daemon.pid, signal.SIGTERM)
        for side in (caller, called):
            side.finish().assert_clean(1)
        assert daemon.program.wait(20) == 0
        (record,) = daemon.records()
        assert record["ended_by"] == "server"
