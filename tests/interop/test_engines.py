"""Media engines that die or hang while phones talk: noticed within seconds, brought together again or ended cleanly."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from kit.baresip import Baresip
from kit.company import company
from kit.daemon import Daemon
from kit.program import wait_until
from kit.rtpengine import Rtpengine
from kit.talk import ALICE, BOB, Talk

if TYPE_CHECKING:
    from pathlib import Path

NOTICED_S = 20.0  # ten times what is promised


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hangs"])
def test_one_of_two_rtpengines_is_gone_and_the_other_one_takes_the_call(tmp_path: Path, fate: signal.Signals) -> None:
    with (
        Rtpengine(tmp_path, "one") as one,
        Rtpengine(tmp_path, "two") as two,
        Daemon(tmp_path, company(), media={"engine": [one.address, two.address]}) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=ALICE) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=BOB) as bob,
    ):
        talk = Talk(daemon, alice, bob)
        holder, other = (one, two) if one.calls() else (two, one)
        assert other.calls() == []
        began = time.monotonic()
        holder.send_signal(fate)
        wait_until(other.calls, bool, NOTICED_S, "the call at the other engine")
        print(f"brought to the other engine after {time.monotonic() - began:.2f} s")
        talk.assert_alive(2)
        record = talk.hang_up()
        assert record["outcome"] == "answered"
        wait_until(other.calls, lambda calls: not calls, 10, "no session")
        if fate == signal.SIGSTOP:
            holder.send_signal(signal.SIGCONT)
            wait_until(holder.calls, lambda calls: not calls, 10, "no session at the engine that hung")


def test_the_embedded_engine_hangs_and_its_calls_are_ended_cleanly(tmp_path: Path) -> None:
    with (
        Daemon(tmp_path, company()) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=ALICE) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=BOB) as bob,
    ):
        talk = Talk(daemon, alice, bob)
        media = daemon.child("media")
        began = time.monotonic()
        os.kill(media, signal.SIGSTOP)
        try:
            alice.wait_event("CALL_CLOSED", NOTICED_S)
            bob.wait_event("CALL_CLOSED", NOTICED_S)
            print(f"ended after {time.monotonic() - began:.2f} s")
            (record,) = daemon.wait_records(1)
            assert record["reason"] == "media_timeout", record
        finally:
            os.kill(media, signal.SIGCONT)
        wait_until(lambda: daemon.metric("media_sessions_active"), lambda count: count == 0, 30, "no session")
        assert talk.again()["outcome"] == "answered"


def test_rtpengine_tells_how_the_parties_were_heard(tmp_path: Path) -> None:
    with (
        Rtpengine(tmp_path) as engine,
        Daemon(tmp_path, company(), media={"engine": [engine.address]}) as daemon,
        Baresip(tmp_path, "2001", server=daemon.port, frequency=ALICE) as alice,
        Baresip(tmp_path, "2002", server=daemon.port, frequency=BOB) as bob,
    ):
        talk = Talk(daemon, alice, bob)
        heard = talk.hang_up()["media"]["heard"]
        assert [one["who"] for one in heard] == ["caller", "callee"]
        assert all(one["packets"] > 20 for one in heard)
        assert engine.calls() == []
