from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kit.ports import free_port
from routerd.app import media
from routerd.app.setup import MediaSetup
from routerd.errors import RelayError

ROOT = Path(__file__).resolve().parents[2]


def test_the_setup_reaches_the_engine(monkeypatch: Any) -> None:
    taken: list[Any] = []
    monkeypatch.setattr("routerd.media_worker.main.run", lambda *arguments, **_: taken.extend(arguments) or 0)
    setup = MediaSetup(("127.0.0.1", 2223), "192.0.2.1", ("203.0.113.5",), (20000, 20099), 46, 60.0)
    assert media.serve(setup, lambda: None) == 0
    assert taken == [("127.0.0.1", 2223), "192.0.2.1", ("203.0.113.5",), (20000, 20099), 46, 60.0]


def test_the_service_manager_hears_that_it_serves_and_that_it_lives(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text(f'[media]\ncontrol = "127.0.0.1:{free_port()}"\nports = [47000, 47019]\n')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(20)
        environment = {
            **os.environ, "PYTHONPATH": str(ROOT), "NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "200000",
        }  # fmt: skip
        command = [sys.executable, "-m", "routerd.cli.main", "media", "--settings", "s.toml"]
        with subprocess.Popen(command, cwd=tmp_path, env=environment) as process:
            try:
                heard = [manager.recv(100) for _ in range(3)]
            finally:
                process.send_signal(signal.SIGTERM)
            assert process.wait(10) == 0
    assert heard == [b"READY=1", b"WATCHDOG=1", b"WATCHDOG=1"]


def test_an_address_in_use_is_said_before_it_is_ready() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        setup = MediaSetup(taken.getsockname(), "127.0.0.1", (), (47020, 47039), 46, 60.0)
        with pytest.raises(RelayError, match="media control socket"):
            media.serve(setup, lambda: pytest.fail("it does not serve"))
