"""pjsua2 as a phone: the test's side of ``pjsua2_worker``."""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from kit.program import HOST, EventLog, Program, free_range
from kit.tone import write_tone

WORKER = Path(__file__).with_name("pjsua2_worker.py")


class Pjsua2Phone:
    """One phone with several calls, each known by the number that ``dial`` or ``wait_incoming`` gives."""

    def __init__(
        self,
        folder: Path,
        user: str,
        *,
        server: int,
        domain: str = "acme.test",
        password: str = "secret",
        frequency: int = 700,
        transport: str = "udp",
        authority: Path | None = None,
        server_name: str = HOST,
        codec: str = "PCMA",
        auto_answer: bool = True,
        srtp: bool = False,
        prack: bool = False,
    ) -> None:
        self.user, self.domain, self.frequency = user, domain, frequency
        self.folder = folder / f"pjsua2-{user}"
        self.folder.mkdir(parents=True)
        self.events = EventLog()
        self._tokens = itertools.count(1)
        settings = {
            "user": user, "domain": domain, "password": password, "server": server, "server_name": server_name,
            "transport": transport, "authority": str(authority or ""), "codec": codec, "auto_answer": auto_answer,
            "srtp": srtp, "prack": prack, "rtp": free_range(60),
            "tone": str(write_tone(self.folder / "tone.wav", frequency)),
        }  # fmt: skip
        command = [sys.executable, "-u", str(WORKER), json.dumps(settings)]
        self.program = Program(command, self.folder, name="pjsua2", stdin=True)
        self.wait_event("ready")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    def command(self, do: str, **facts: Any) -> None:
        self.program.write(json.dumps({"do": do, **facts}))

    def wait_event(self, event: str, timeout_s: float = 10, *, after: int = 0, **facts: Any) -> dict[str, Any]:
        """The next event of that name whose fields equal ``facts``."""

        def matches(line: str) -> bool:
            if not line.startswith("{"):
                return False
            told = json.loads(line)
            return told["event"] == event and all(told.get(key) == value for key, value in facts.items())

        what = f"{event} {facts} at {self.user}"
        told: dict[str, Any] = json.loads(self.program.lines.wait(matches, timeout_s, what=what, after=after))
        return told

    def mark(self) -> int:
        return len(self.program.lines.events)

    def wait_registered(self, timeout_s: float = 10) -> None:
        self.wait_event("registered", timeout_s, status=200)

    def dial(self, target: str) -> int:
        token = next(self._tokens)
        self.command("dial", to=target, token=token)
        return int(self.wait_event("dialling", token=token)["call"])

    def wait_incoming(self, timeout_s: float = 10, *, after: int = 0) -> int:
        return int(self.wait_event("incoming", timeout_s, after=after)["call"])

    def wait_state(self, call: int, state: str, timeout_s: float = 10) -> dict[str, Any]:
        """``state`` as pjsip says it: EARLY, CONFIRMED, DISCONNECTED."""
        return self.wait_event("state", timeout_s, call=call, state=state)

    def recording(self, call: int) -> list[Path]:
        path = self.folder / f"heard-{call}.wav"
        return [path] if path.exists() else []

    def stop(self) -> None:
        if self.program.process.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self.command("quit")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.program.wait(8)
        self.program.stop(3)
