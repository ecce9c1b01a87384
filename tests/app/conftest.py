"""A whole daemon on free loopback ports, with a company of two phones."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import psutil
import pytest

from kit.ports import free_port, free_range

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]

DOCUMENT = """
schema: 1
account: {id: acme, name: Acme, domains: [acme.test], timezone: Asia/Kolkata, country: IN}
agents:
  - {id: asha, name: Asha Rao, extension: "2001", intercom: "1001"}
  - {id: ravi, name: Ravi Iyer, extension: "2002", intercom: "1002"}
extensions:
  - {id: "2001", username: "2001", password: secret-2001}
  - {id: "2002", username: "2002", password: secret-2002}
"""

OPTIONS = (
    "OPTIONS sip:acme.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{number};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:t@acme.test>;tag=1\r\nTo: <sip:acme.test>\r\nCall-ID: options-{number}\r\n"
    "CSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)


class Site:
    """A folder with settings and a document; ``start`` runs the daemon in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sip = free_port()
        self.admin = free_port()
        self.process: subprocess.Popen[str] | None = None
        self.children: list[psutil.Process] = []
        self._asked = 0
        first = free_range(40)
        self.document = folder / "acme.yaml"
        self.document.write_text(DOCUMENT)
        (folder / "routerd.toml").write_text(
            f'[sip]\nlisten = ["udp:127.0.0.1:{self.sip}", "tcp:127.0.0.1:{self.sip}"]\n'
            f'[media]\ncontrol = "127.0.0.1:{free_port()}"\nports = [{first}, {first + 39}]\n'
            f'[admin]\nlisten = "127.0.0.1:{self.admin}"\n[document]\nfiles = ["acme.yaml"]\nsounds_dir = ""\n'
        )

    def command(self) -> list[str]:
        return [sys.executable, "-m", "routerd.cli.main", "run", "--settings", "routerd.toml"]

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(ROOT)}

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        log = (self.folder / "log").open("w")
        self.process = subprocess.Popen(
            self.command(), cwd=self.folder, env=self.environment(), stdout=log, stderr=subprocess.STDOUT, text=True
        )
        assert self.answers(), self.log()
        self.children = psutil.Process(self.process.pid).children()

    def log(self) -> str:
        return (self.folder / "log").read_text()

    def answers(self, within_s: float = 30.0) -> bool:
        """Whether an OPTIONS gets its 200."""
        until = time.monotonic() + within_s
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            phone.bind(("127.0.0.1", 0))
            phone.settimeout(0.2)
            while time.monotonic() < until:
                self._asked += 1
                message = OPTIONS.format(port=phone.getsockname()[1], number=f"{id(phone)}{self._asked}")
                try:
                    phone.sendto(message.encode(), ("127.0.0.1", self.sip))
                    if phone.recv(4000).startswith(b"SIP/2.0 200"):
                        return True
                except OSError:
                    if self.process is not None and self.process.poll() is not None:
                        return False
        return False

    def child(self, role: str) -> psutil.Process:
        """The process of a role."""
        assert self.process is not None
        until = time.monotonic() + 20
        while time.monotonic() < until:
            for child in psutil.Process(self.process.pid).children():
                if role in child.cmdline():
                    return child
            Event().wait(0.05)
        raise AssertionError(f"no {role} process:\n{self.log()}")

    def get(self, path: str) -> tuple[int, str]:
        """Ask over HTTP with the token."""
        token = (self.folder / "admin.token").read_text().strip()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.admin}{path}", headers={"Authorization": f"Bearer {token}"}
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def ready(self, within_s: float = 20.0) -> bool:
        """Whether the health page says so in time: the control process hears of open sockets after the phones do."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            if self.get("/health/ready")[0] == 200:
                return True
            Event().wait(0.05)
        return False

    def stop(self) -> int:
        """End it by SIGTERM; the exit status."""
        assert self.process is not None
        self.children = psutil.Process(self.process.pid).children()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    if made.process is not None and made.process.poll() is None:
        made.stop()


@pytest.fixture
def document_text() -> str:
    return DOCUMENT
