"""Debian's rtpengine in userspace, as a media engine of the daemon; killed, stopped and looked into by a test."""

from __future__ import annotations

import itertools
import os
import signal
import socket
from typing import TYPE_CHECKING, Any, Self

from kit.ports import HOST, free_port, free_range
from kit.program import Program
from routerd.media import ng

if TYPE_CHECKING:
    from pathlib import Path

PORTS = 200


class Rtpengine:
    """A running rtpengine; ``media`` is the daemon's section of settings that uses it, ``address`` what names it there.

    It sends digits as JSON to a port of the daemon's.
    """

    def __init__(self, folder: Path, name: str = "rtpengine") -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True)
        self.port, self.digits = free_port(), free_port()
        first = free_range(PORTS)
        self.program = Program(
            [
                "rtpengine", "--config-file=none", f"--interface={HOST}", f"--listen-ng={HOST}:{self.port}",
                "--foreground", "--table=-1", f"--port-min={first}", f"--port-max={first + PORTS - 2}",
                "--num-threads=1", "--log-stderr", "--log-level=6", f"--dtmf-log-dest={HOST}:{self.digits}",
                "--delete-delay=0",
            ],
            self.folder,
            name="rtpengine",
        )  # fmt: skip
        self._cookies = itertools.count(1)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((HOST, 0))
        self._socket.settimeout(0.5)

    @property
    def address(self) -> str:
        return f"ng:{HOST}:{self.port}"

    @property
    def media(self) -> dict[str, Any]:
        return {"engine": [self.address], "dtmf_listen": f"{HOST}:{self.digits}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()
        self.send_signal(signal.SIGCONT)
        self.program.stop(10)

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """The reply; empty when there is none in time."""
        self._socket.sendto(ng.encode_command(f"look{next(self._cookies)}", command), (HOST, self.port))
        try:
            return ng.decode_reply(self._socket.recv(65536))[1]
        except OSError:
            return {}

    def calls(self) -> list[str]:
        """The sessions that it holds."""
        return list(self.ask(ng.list_calls()).get("calls", ()))

    def send_signal(self, number: signal.Signals) -> None:
        if self.program.process.poll() is None:
            os.kill(self.program.pid, number)
