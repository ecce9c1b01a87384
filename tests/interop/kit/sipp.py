"""SIPp as a trunk: one scenario, told as text, and what came of it."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from kit.ports import HOST, free_port
from kit.program import Program, wait_until

if TYPE_CHECKING:
    from pathlib import Path

PREFACE = '<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="{name}">\n{body}\n</scenario>\n'


@dataclass
class Stats:
    """How a run ended: SIPp's exit status, its counts, and what it had to say about failures."""

    status: int
    succeeded: int
    failed: int
    errors: str

    def assert_clean(self, calls: int) -> None:
        assert (self.status, self.succeeded, self.failed) == (0, calls, 0), self.errors


class Sipp:
    """One SIPp process. ``scenario`` is what stands between the scenario tags; ``remote`` is where it sends to."""

    def __init__(
        self,
        folder: Path,
        name: str,
        scenario: str,
        *,
        remote: int | None = None,
        host: str = HOST,
        remote_host: str = HOST,
        port: int | None = None,
        calls: int = 1,
        rate: float = 10,
        service: str = "service",
        transport: str = "u1",
        timeout_s: int = 60,
        arguments: tuple[str, ...] = (),
        messages: bool = True,
    ) -> None:
        self.folder = folder / f"sipp-{name}"
        self.folder.mkdir(parents=True)
        self.host, self.port = host, port or free_port()
        path = self.folder / "scenario.xml"
        path.write_text(PREFACE.format(name=name, body=scenario), encoding="latin-1")
        command = ["sipp", "-sf", str(path), "-i", host, "-p", str(self.port), "-m", str(calls), "-r", str(rate)]
        command += ["-s", service, "-t", transport, "-nostdin", "-timeout", f"{timeout_s}s", "-timeout_error"]
        command += ["-trace_err", "-error_file", "errors.log", "-trace_stat", "-stf", "stats.csv", "-fd", "1"]
        command += ["-trace_msg", "-message_file", "messages.log"] if messages else []
        command += arguments
        command += [f"{remote_host}:{remote}"] if remote else []
        self.program = Program(command, self.folder, name="sipp")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def finish(self, timeout_s: float = 30) -> Stats:
        """Wait until all calls are through."""
        return self._stats(self.program.wait(timeout_s))

    def stop(self) -> Stats:
        return self._stats(self.program.stop(3))

    def wait_message(self, text: str, *, sent: bool, timeout_s: float = 30) -> None:
        """Until a message with this text has been sent (or received)."""
        mark = "message sent" if sent else "message received"

        def seen() -> bool:
            parts = self.messages().split("-----------------------------------------------")
            return any(mark in part and text in part for part in parts)

        wait_until(seen, bool, timeout_s, f"SIPp message with {text!r}")

    def _stats(self, status: int) -> Stats:
        path = self.folder / "stats.csv"
        rows = list(csv.DictReader(path.read_text().splitlines(), delimiter=";")) if path.exists() else []
        last = rows[-1] if rows else {}
        succeeded, failed = (int(last.get(f"{word}Call(C)", 0)) for word in ("Successful", "Failed"))
        return Stats(status, succeeded, failed, self.messages()[-20_000:])

    def messages(self) -> str:
        """What went over the wire, and SIPp's complaints about it."""
        parts = [self.folder / "errors.log", self.folder / "messages.log"]
        return "\n".join(path.read_text(encoding="latin-1") for path in parts if path.exists())
