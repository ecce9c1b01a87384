from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from routerd.app import supervisor
from routerd.app.supervisor import Child, command_of

if TYPE_CHECKING:
    from pathlib import Path


def test_killed_processes_come_back_and_sigterm_leaves_nothing(site: Any) -> None:
    site.start()
    for role in ("sip", "control", "media"):
        before = site.child(role)
        before.send_signal(signal.SIGKILL)
        before.wait(10)
        assert site.answers(), site.log()
        assert site.child(role).pid != before.pid
    assert site.stop() == 0, site.log()
    gone, alive = psutil.wait_procs(site.children, timeout=5)
    assert not alive
    assert len(gone) == 3


def test_a_supervisor_that_is_killed_takes_its_children_along(site: Any) -> None:
    site.start()
    site.process.send_signal(signal.SIGKILL)
    site.process.wait(10)
    _, alive = psutil.wait_procs(site.children, timeout=15)
    assert not alive


READY = "import os; os.write(int(os.environ['ROUTERD_READY_DESCRIPTOR']), b'ready\\n'); "
DEAF = READY + "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); signal.pause()"


async def test_a_child_that_dies_is_started_again_with_growing_pauses(monkeypatch: Any) -> None:
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_S", 0.01)
    child = Child("test", [sys.executable, "-c", READY + "raise SystemExit(3)"])
    child.start()
    async with asyncio.timeout(20):
        await child.ready.wait()
        while child.restarts < 3:  # noqa: ASYNC110 - looked at from outside
            await asyncio.sleep(0.01)
    await child.stop()
    assert child.pid is None


async def test_a_child_that_does_not_end_is_killed(monkeypatch: Any) -> None:
    monkeypatch.setattr(supervisor, "STOP_S", 0.2)
    child = Child("test", [sys.executable, "-c", DEAF])
    child.start()
    async with asyncio.timeout(20):
        await child.ready.wait()
        pid = child.pid
        assert pid is not None
        await child.stop()
    assert not psutil.pid_exists(pid)


@pytest.mark.parametrize("role", ["sip", "control", "media"])
def test_children_know_their_parent(role: str, tmp_path: Path) -> None:
    command = command_of(role, tmp_path)
    assert command[1:5] == ["-m", "routerd.app.child", role, str(tmp_path)]
    assert int(command[5]) == psutil.Process().pid
