"""Walk through the README: every fenced command in its order, with two phones and a trunk where it says so.

``python -m kit.readme_walk REPOSITORY FOLDER`` in a network namespace of its own: the README's ports are fixed ones.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kit import scenarios
from kit.baresip import Baresip
from kit.options import ask, wait_for_sip
from kit.ports import HOST
from kit.program import Program, wait_until
from kit.rtp import RtpPeer
from kit.sipp import Sipp

if TYPE_CHECKING:
    from collections.abc import Callable

LISTING = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
PORT = 5060
NUMBER = "+918069651170"
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"^\| (\d{4}) \| (\S+) \| acme\.test \|", re.MULTILINE)


def copy(repository: Path, folder: Path) -> None:
    """A clone's files, with the environment that is already there."""
    listed = subprocess.run(LISTING, cwd=repository, capture_output=True, text=True, check=True)
    for name in filter(None, listed.stdout.split("\0")):
        if not name.startswith("tests/") and (repository / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, folder / name)
    (folder / ".venv" / ".stamps").mkdir(parents=True)
    for stamp in ("venv", "runtime"):
        (folder / ".venv" / ".stamps" / stamp).touch()
    for part in ("bin", "lib"):
        (folder / ".venv" / part).symlink_to(Path(sys.prefix) / part)


class Walk:
    """What the README's reader has before them; one method a kind of command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text = (folder / "README.md").read_text(encoding="utf-8")
        self.passwords = dict(ROW.findall(self.text))
        self.daemon: Program | None = None
        self.phones: dict[str, Baresip] = {}
        self.done: list[str] = []

    def commands(self) -> list[str]:
        lines = (line for body in FENCE.findall(self.text) for line in body.splitlines())
        return [line.partition("  #")[0].strip() for line in lines if line.strip()]

    def take(self, line: str) -> None:
        """Do one fenced command; one that nobody foresaw is an error."""
        print("$", line, flush=True)
        special: dict[str, Callable[[], None]] = {
            "make run": self.run,
            ".venv/bin/routerd demo": self.demo,
            ".venv/bin/routerd registrations": self.registrations,
            ".venv/bin/routerd calls": self.calls,
            ".venv/bin/routerd plan conf/demo.yaml": self.plan,
            ".venv/bin/routerd confirm": self.confirm,
        }
        if line in special:
            special[line]()
        else:
            assert line.startswith(".venv/bin/routerd "), line
            self.shell(line)
        self.done.append(line)

    def shell(self, line: str, *good: int) -> str:
        done = subprocess.run(
            line, shell=True, cwd=self.folder, capture_output=True, text=True, timeout=120, check=False, env=self.env()
        )
        print(done.stdout, done.stderr, flush=True)
        assert done.returncode in (good or (0,)), f"{line}: {done.returncode}"
        return done.stdout

    def env(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.folder)}

    def program(self, *words: str) -> Program:
        return Program(words, self.folder, name=words[-1], env=self.env())

    def run(self) -> None:
        self.daemon = self.program("make", "run")
        wait_for_sip(PORT, self.daemon, 60)

    def stop(self) -> None:
        """Ctrl-C in the terminal: make and the daemon hear it."""
        assert self.daemon is not None
        os.killpg(self.daemon.pid, signal.SIGINT)
        self.daemon.wait(40)
        self.daemon.stop()
        wait_until(lambda: ask(PORT), lambda status: status is None, 30, "an end")

    def demo(self) -> None:
        self.stop()
        demo = self.program(".venv/bin/routerd", "demo")
        demo.wait_line("answered", 60)
        assert demo.stop(30, first=signal.SIGINT) == 0, demo.lines.events[-20:]
        self.run()

    def registrations(self) -> None:
        """The README's reader has entered two rows of its table into two phones."""
        for user in ("2001", "2002"):
            self.phone(user)
        out = self.shell(".venv/bin/routerd registrations")
        assert "2001" in out
        assert "2002" in out

    def phone(self, user: str) -> Baresip:
        phone = self.phones[user] = Baresip(
            self.folder, user, server=PORT, password=self.passwords[user], domain="acme.test"
        )
        phone.wait_registered()
        return phone

    def calls(self) -> None:
        """The first call: 1002 is dialled from the first phone."""
        self.phones["2001"].dial(f"sip:1002@{HOST}:{PORT}")
        self.phones["2001"].wait_event("CALL_ESTABLISHED")
        assert "connected" in self.shell(".venv/bin/routerd calls")
        self.phones["2001"].hang_up()
        self.phones["2002"].wait_event("CALL_CLOSED")

    def plan(self) -> None:
        before, after = re.findall(r"`(\{type: agent, id: \w+\})`", self.text)
        document = self.folder / "conf" / "demo.yaml"
        written = document.read_text(encoding="utf-8")
        assert before in written
        document.write_text(written.replace(before, after, 1), encoding="utf-8")
        assert NUMBER in self.shell(".venv/bin/routerd plan conf/demo.yaml", 0, 1)

    def confirm(self) -> None:
        """The first changed route: the next call to that number rings at Meera's."""
        self.shell(".venv/bin/routerd confirm")
        self.phone("2003")
        talk = scenarios.expect_answer() + scenarios.ack() + scenarios.pause(300) + scenarios.bye()
        with (
            RtpPeer(1000, HOST) as near,
            Sipp(
                self.folder, "caller", scenarios.invite(near.sdp) + talk, remote=PORT, host=HOST, service=NUMBER
            ) as caller,
        ):
            caller.finish().assert_clean(1)
        records = json.loads(self.shell(".venv/bin/routerd records --json"))["records"]
        assert records[0]["answered_by"] == "extension:2003", records[0]
        assert records[0]["document_version"] == 2

    def close(self) -> None:
        for phone in self.phones.values():
            phone.stop()
        if self.daemon is not None:
            self.stop()


def main(repository: Path, folder: Path) -> None:
    copy(repository, folder)
    walk = Walk(folder)
    commands = walk.commands()
    assert commands
    try:
        for line in commands:
            walk.take(line)
    finally:
        walk.close()
    assert walk.done == commands


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
