"""pjsua2 as a phone: the test's side of ``pjsua2_worker``."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from kit.ports import HOST, free_range
from kit.program import EventLog, Program, wait_until
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

    def wait_event(self, event: str, timeout_s: float = 30, *, after: int = 0, **facts: Any) -> dict[str, Any]:
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

    def wait_registered(self, timeout_s: float = 30) -> None:
        self.wait_event("registered", timeout_s, status=200)

    def dial(self, target: str, headers: dict[str, str] | None = None) -> int:
        token = next(self._tokens)
        self.command("dial", to=target, token=token, headers=headers)
        return int(self.wait_event("dialling", token=token)["call"])

    def wait_incoming(self, timeout_s: float = 30, *, after: int = 0) -> int:
        return int(self.wait_event("incoming", timeout_s, after=after)["call"])

    def wait_state(self, call: int, state: str, timeout_s: float = 30) -> dict[str, Any]:
        """``state`` as pjsip says it: EARLY, CONFIRMED, DISCONNECTED."""
        return self.wait_event("state", timeout_s, call=call, state=state)

    def dialog(self, call: int) -> str:
        """A call that this phone made and that was answered, as a Replaces value names it to the other side."""
        self.command("dialog", call=call)
        call_id = self.wait_event("dialog", call=call)["call_id"]

        def answer() -> str | None:
            messages = (self.folder / "pjsua.log").read_text(encoding="utf-8", errors="replace").split("--end msg--")
            found = [message for message in messages if "SIP/2.0 200" in message and f"Call-ID: {call_id}" in message]
            return next((message for message in found if re.search(r"^CSeq: \d+ INVITE", message, re.MULTILINE)), None)

        text = wait_until(answer, bool, 10, "200 in pjsua's log")
        tags = [re.search(rf"^{name}:.*;tag=([^;\s]+)", text, re.MULTILINE) for name in ("To", "From")]
        to_tag, from_tag = (tag[1] for tag in tags if tag is not None)
        return f"{call_id};to-tag={to_tag};from-tag={from_tag}"

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
