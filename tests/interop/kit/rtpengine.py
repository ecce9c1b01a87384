"""Debian's rtpengine in userspace, as a media engine of the daemon; digits as JSON to a port of the daemon's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from kit.ports import HOST, free_port, free_range
from kit.program import Program

if TYPE_CHECKING:
    from pathlib import Path

PORTS = 200


class Rtpengine:
    """A running rtpengine; ``media`` is the daemon's section of settings that uses it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "rtpengine"
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

    @property
    def media(self) -> dict[str, Any]:
        return {"engine": [f"ng:{HOST}:{self.port}"], "dtmf_listen": f"{HOST}:{self.digits}"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.program.stop(10)
