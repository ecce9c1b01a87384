"""A real program under test control: in a process group of its own, its output kept, ended by the id it was given."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


def wait_until(ask: Callable[[], Any], good: Callable[[Any], bool], timeout_s: float, what: str) -> Any:
    """Ask again and again, for what tells nobody that it changed; the last answer stands in the error."""
    until, pace = time.monotonic() + timeout_s, threading.Event()
    while True:
        answer = ask()
        if good(answer):
            return answer
        if time.monotonic() > until:
            message = f"no {what} within {timeout_s} s; last: {answer!r}"
            raise TimeoutError(message)
        pace.wait(0.1)


class EventLog:
    """What a program reported, in order; waited for with a bound, never polled in sleeps."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self._changed = threading.Condition()

    def add(self, event: Any) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait(self, matches: Callable[[Any], bool], timeout_s: float, *, what: str = "event", after: int = 0) -> Any:
        """The first event at or past index ``after`` that matches; a timeout tells all that came instead."""

        def found() -> bool:
            return any(matches(event) for event in self.events[after:])

        with self._changed:
            if not self._changed.wait_for(found, timeout_s):
                seen = "\n  ".join(str(event)[:300] for event in self.events[after:])
                message = f"no {what} within {timeout_s} s; seen:\n  {seen}"
                raise TimeoutError(message)
            return next(event for event in self.events[after:] if matches(event))


class Program:
    """A child process with its output in ``log`` and in an ``EventLog`` of lines."""

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        name: str,
        env: Mapping[str, str] | None = None,
        stdin: bool = False,
    ) -> None:
        self.name = name
        self.lines = EventLog()
        self.log = folder / f"{name}.log"
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **(env or {})},
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, name=f"{name}-output", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self.process.pid

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.log.open("wb") as log:
            for line in self.process.stdout:
                log.write(line)
                log.flush()
                self.lines.add(line.decode("utf-8", "replace").rstrip("\n"))

    def wait_line(self, text: str, timeout_s: float = 30, *, after: int = 0) -> str:
        line = self.lines.wait(lambda line: text in line, timeout_s, what=f"{self.name} line {text!r}", after=after)
        return str(line)

    def write(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def wait(self, timeout_s: float) -> int:
        code = self.process.wait(timeout_s)
        self._reader.join(5)
        return code

    def stop(self, timeout_s: float = 30, *, first: signal.Signals = signal.SIGTERM) -> int:
        """End it: ask, then insist; its group goes with it, so that no child outlives the test."""
        if self.process.poll() is None:
            self.process.send_signal(first)
            try:
                self.process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                self.process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        code = self.process.wait(5)
        self._reader.join(5)
        if self.process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self.process.stdin.close()
        if self.process.stdout is not None and not self._reader.is_alive():
            self.process.stdout.close()
        return code
