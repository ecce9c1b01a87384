from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from routerd.app.setup import SipSetup
from routerd.app.sip import SipProcess
from routerd.b2bua.effects import Command, Reply
from routerd.b2bua.settings import SwitchSettings
from routerd.sip.digest import authorization
from routerd.sip.parser import parse

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = ("sqlite3", "_sqlite3", "aiosqlite", "argon2", "yaml", "tomllib", "litestar", "uvicorn", "phonenumbers")
FORBIDDEN_OURS = ("routerd.config.load", "routerd.config.document", "routerd.config.settings", "routerd.store")


def test_the_sip_process_loads_nothing_that_can_hold_its_loop() -> None:
    program = "import sys, routerd.app.child, routerd.app.sip, routerd.b2bua.switch\nprint('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(done.stdout.split())
    assert "routerd.b2bua.switch" in loaded
    assert not loaded & {*FORBIDDEN, *FORBIDDEN_OURS}


def test_no_library_of_the_store_is_mapped_in_the_running_process(site: Any) -> None:
    site.start()
    mapped = " ".join(region.path for region in psutil.Process(site.child("sip").pid).memory_maps())
    assert "uvloop" in mapped
    assert "sqlite" not in mapped
    stored = " ".join(region.path for region in psutil.Process(site.child("control").pid).memory_maps())
    assert "sqlite" in stored


def exchange(site: Any, extra: str, number: int) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(5)
        port = phone.getsockname()[1]
        message = (
            f"REGISTER sip:acme.test SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bKr{number};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:2001@acme.test>;tag=1\r\nTo: <sip:2001@acme.test>\r\nCall-ID: reg\r\n"
            f"CSeq: {number} REGISTER\r\nContact: <sip:2001@127.0.0.1:{port}>\r\nExpires: 600\r\n{extra}"
            "Content-Length: 0\r\n\r\n"
        )
        phone.sendto(message.encode(), ("127.0.0.1", site.sip))
        return phone.recv(4000).decode()


def contacts(site: Any) -> list[str]:
    status, text = site.get("/v1/accounts/acme/registrations")
    assert status == 200
    return [row["contact"] for row in json.loads(text)["registrations"]]


def test_a_registration_survives_the_death_of_its_process_and_of_the_daemon(site: Any) -> None:
    site.start()
    challenge = parse(exchange(site, "", 1).encode()).get("WWW-Authenticate")
    assert challenge is not None
    credentials = authorization(
        challenge, method="REGISTER", uri="sip:acme.test", username="2001", password="secret-2001", cnonce="abc"
    )
    assert exchange(site, f"Authorization: {credentials}\r\n", 2).startswith("SIP/2.0 200")
    registered = contacts(site)
    assert len(registered) == 1
    process = site.child("sip")
    process.kill()
    process.wait(10)
    assert site.answers(), site.log()
    assert contacts(site) == registered
    assert site.stop() == 0
    site.start()
    assert contacts(site) == registered


class CallingSwitch:
    """A switch with two calls: one ends when told, the other only after a while."""

    def __init__(self) -> None:
        self.effects: list[Any] = []
        self.verbs: list[Any] = []
        self.calls = ["a", "b"]

    def receive_command(self, command: Command, now: float) -> None:  # noqa: ARG002 - the door's form
        self.verbs.append((command.verb, command.arguments.get("call")))
        if command.verb == "hang_up" and command.arguments["call"] == "a":
            self.calls.remove("a")
        result = {"calls": [{"id": call} for call in self.calls]} if command.verb == "calls" else {"ok": True}
        self.effects.append(Reply(command.number, result))
        if command.verb == "calls" and self.calls == ["b"]:
            self.calls.remove("b")

    def next_deadline(self) -> None:
        return None

    def take_effects(self) -> list[Any]:
        taken, self.effects = self.effects, []
        return taken


async def test_calls_are_hung_up_before_the_process_ends(tmp_path: Path) -> None:
    switch = CallingSwitch()
    process = SipProcess(SipSetup(SwitchSettings(())), tmp_path / "nobody", switch)  # type: ignore[arg-type]
    process.stop()
    await asyncio.wait_for(process.run(), 5)
    assert switch.verbs == [
        ("drain", None), ("calls", None), ("hang_up", "a"), ("hang_up", "b"), ("calls", None), ("calls", None),
    ]  # fmt: skip
