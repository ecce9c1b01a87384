"""routerd itself, as its users run it: a settings file, a document, one command; on free loopback ports in a folder."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import sqlite3
import sys
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from kit.options import wait_for_sip
from kit.ports import HOST, free_port, free_range
from kit.program import Program, wait_until
from routerd.store.entries import unpack_record

if TYPE_CHECKING:
    from collections.abc import Mapping

MEDIA_PORTS = 120


class Daemon:
    """A running ``routerd run``; ``stop`` ends it by its id and says how it ended.

    ``digest`` is MD5 unless told otherwise: baresip 1.0 gives up at any other challenge, even with MD5 beside it.
    """

    def __init__(
        self,
        folder: Path,
        document: Mapping[str, Any],
        *,
        certificate: tuple[Path, Path] | None = None,
        websocket: bool = False,
        media: Mapping[str, Any] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        more_listen: tuple[str, ...] = (),
        digest: tuple[str, ...] = ("MD5",),
        start: bool = True,
    ) -> None:
        self.folder = folder / "routerd"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port, self.tls_port, self.ws_port, self.admin_port = (free_port() for _ in range(4))
        self.media_port = free_range(MEDIA_PORTS)
        self.document = document
        (self.folder / "document.yaml").write_text(json.dumps(document), encoding="utf-8")
        listen = [f"udp:{HOST}:{self.port}", f"tcp:{HOST}:{self.port}", *more_listen]
        listen += [f"tls:{HOST}:{self.tls_port}"] if certificate else []
        listen += [f"ws:{HOST}:{self.ws_port}"] if websocket else []
        sections: dict[str, dict[str, Any]] = {
            "sip": {
                "listen": listen,
                "domains": document["account"].get("domains", []),
                "digest": list(digest),
            },
            "tls": {"certificate": str(certificate[0]), "key": str(certificate[1])} if certificate else {},
            "media": {
                "control": f"{HOST}:{free_port()}",
                "address": HOST,
                "ports": [self.media_port, self.media_port + MEDIA_PORTS - 1],
                **(media or {}),
            },
            "admin": {"listen": f"{HOST}:{self.admin_port}"},
            "store": {"url": "sqlite:routerd.db"},
            "document": {"files": ["document.yaml"]},
            "run": {"drain_s": 0},
        }
        for name, values in (settings or {}).items():
            sections.setdefault(name, {}).update(values)
        self.settings = self.folder / "routerd.toml"
        self.settings.write_text(toml(sections), encoding="utf-8")
        if start:
            self.start()

    def start(self) -> None:
        """Start it, also again after ``stop``: the store is still there."""
        self.program = self._run()
        wait_for_sip(self.port, self.program)

    def _run(self) -> Program:
        program = str(Path(sys.executable).with_name("routerd"))
        command = [program, "run", "--settings", str(self.settings)]
        return Program(command, self.folder, name="routerd", env={"PYTHONUNBUFFERED": "1"})

    def refuse_to_start(self, timeout_s: float = 30) -> tuple[int, str]:
        """Start what must not come up; its exit status and what it said. Nothing of it may be left running."""
        program = self._run()
        try:
            status = program.wait(timeout_s)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(program.pid, 0)
                message = "a process was left running"
                raise AssertionError(message)
        finally:
            program.stop()
        return status, "\n".join(program.lines.events)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        status = self.stop()
        if kind is None:
            assert status == 0, f"routerd ended with {status}:\n{self.log_tail()}"
            assert not self.tracebacks(), self.log_tail()

    @property
    def pid(self) -> int:
        return self.program.pid

    def child(self, role: str) -> int:
        """The process id of ``control``, ``media`` or ``sip`` at this moment; 0 while there is none."""
        for path in Path(f"/proc/{self.pid}/task").glob("*/children"):
            for pid in path.read_text().split():
                with contextlib.suppress(OSError):
                    words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                    if words[2:4] == [b"routerd.app.child", role.encode()]:
                        return int(pid)
        return 0

    def kill_child(self, role: str, timeout_s: float = 30) -> None:
        """Kill -9 one process of the daemon, and wait until its successor is there."""
        victim = self.child(role)
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: self.child(role), lambda pid: pid not in {0, victim}, timeout_s, f"another {role} process")

    def wait_sip(self) -> None:
        """Until OPTIONS is answered."""
        wait_for_sip(self.port, self.program)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://{HOST}:{self.admin_port}/metrics", timeout=10) as answer:
            return str(answer.read().decode())

    def metric(self, name: str, labels: str = "") -> float:
        """The sum of a metric's samples; 0 when there is none."""
        found = re.findall(
            rf"^routerd_{name}(?:{{[^}}]*{re.escape(labels)}[^}}]*}})? ([0-9.e+-]+)$", self.metrics(), re.MULTILINE
        )
        return sum(float(value) for value in found)

    def reload(self) -> None:
        os.kill(self.pid, signal.SIGHUP)

    def stop(self) -> int:
        return self.program.stop(20)

    def log_tail(self, lines: int = 40) -> str:
        return "\n".join(self.program.lines.events[-lines:])

    def tracebacks(self) -> list[str]:
        return [line for line in self.program.lines.events if "Traceback (most recent call last)" in line]

    def records(self) -> list[dict[str, Any]]:
        """The records that are in the store now, oldest first."""
        path = self.folder / "routerd.db"
        if not path.exists():
            return []
        connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)
        try:
            rows = connection.execute("SELECT entry FROM records ORDER BY at").fetchall()
        finally:
            connection.close()
        return [unpack_record(row[0]) for row in rows]

    def wait_records(self, count: int, timeout_s: float = 30) -> list[dict[str, Any]]:
        """Until so many records are written; they come in batches, after the call."""
        return wait_until(self.records, lambda records: len(records) >= count, timeout_s, f"{count} records")


def toml(sections: Mapping[str, Mapping[str, Any]]) -> str:
    """Strings, numbers, booleans and lists of them: JSON spells them as TOML does."""
    lines = []
    for name, values in sections.items():
        lines.append(f"[{name}]")
        lines += [f"{key} = {_value(value)}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_value(inner)}" for key, inner in value.items()) + "}"
    return json.dumps(value)
