"""A browser as a phone: headless Chromium, a SIP library for browsers from npm, driven over its debugging socket.

The library is installed into a cache folder, by the versions of the kit's lock file, and served to the page from there
by a small server on localhost (a secure context, as getUserMedia wants it). The microphone is a WAV file; what the page
hears is fetched as samples and written as a WAV file, so that tones can be looked for as in any phone's recording.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hashlib
import http.server
import itertools
import json
import os
import shutil
import subprocess
import threading
import urllib.request
import wave
from functools import partial
from pathlib import Path
from typing import Any, Self

from websockets.sync.client import ClientConnection, connect

from kit.ports import HOST, free_port
from kit.program import Program, wait_until
from kit.tone import RATE, write_tone

KIT = Path(__file__).with_name("browser")
CACHE = Path(os.environ.get("ROUTERD_NPM_CACHE", Path(__file__).parents[3] / ".venv" / ".npm"))
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--ignore-certificate-errors",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--allow-loopback-in-peer-connection",
)


def library() -> Path:
    """The folder that holds ``node_modules`` as the lock file has it; installed when it is not there yet."""
    lock = (KIT / "package-lock.json").read_bytes()
    folder = CACHE / hashlib.sha256(lock).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)  # one of several tests installs
        if not (folder / "done").exists():
            for name in ("package.json", "package-lock.json"):
                shutil.copy(KIT / name, folder / name)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=folder, check=True, timeout=180)
            (folder / "done").touch()
    return folder


class Pages(http.server.SimpleHTTPRequestHandler):
    """The kit's two files, and the library beneath ``/node_modules/``."""

    def translate_path(self, path: str) -> str:
        inside = super().translate_path(path)
        name = Path(inside).name
        return str(KIT / name) if path in {"/phone.html", "/phone.js"} else inside

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class BrowserPhone:
    """One page with one phone; registered when made. Ended by ``stop()``, or used in a ``with``."""

    def __init__(
        self,
        folder: Path,
        user: str,
        *,
        server: str,
        domain: str = "acme.test",
        password: str = "secret",
        frequency: int = 440,
    ) -> None:
        self.folder = folder / f"browser{user}"
        self.folder.mkdir()
        tone = write_tone(self.folder / "tone.wav", frequency, rate=48000)
        pages = partial(Pages, directory=str(library()))
        self._pages = http.server.ThreadingHTTPServer((HOST, 0), pages)
        self._serving = threading.Thread(target=self._pages.serve_forever, daemon=True)
        self._serving.start()
        port = free_port()
        command = [
            "chromium", *FLAGS, f"--remote-debugging-port={port}", f"--user-data-dir={self.folder / 'profile'}",
            f"--use-file-for-fake-audio-capture={tone}", "about:blank",
        ]  # fmt: skip
        self.program = Program(command, self.folder, name="chromium", env={"HOME": str(self.folder)})
        self.program.wait_line("DevTools listening", 60)
        self._open = contextlib.ExitStack()
        self._socket = self._attach(port)
        self._numbers = itertools.count(1)
        self._command("Page.navigate", url=f"http://localhost:{self._pages.server_port}/phone.html")
        wait_until(lambda: self.evaluate("!!window.phone"), bool, 30, "the page")
        options = {"server": server, "user": user, "domain": domain, "password": password}
        self.evaluate(f"phone.start({json.dumps(options)})")
        self.wait_event("register Registered")

    def _attach(self, port: int) -> ClientConnection:
        with urllib.request.urlopen(f"http://{HOST}:{port}/json/list", timeout=10) as answer:
            targets = json.load(answer)
        page = next(target for target in targets if target["type"] == "page")
        made = connect(page["webSocketDebuggerUrl"], max_size=None, compression=None)
        return self._open.enter_context(made)

    def _command(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(60))
            if message.get("id") == number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page; a promise is waited for, an exception raised."""
        made = self._command("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in made, (made["exceptionDetails"], self.log())
        return made["result"].get("value")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def log(self) -> list[dict[str, str]]:
        found: list[dict[str, str]] = self.evaluate("phone.log()") if self._socket else []
        return found

    def wait_event(self, kind: str, timeout_s: float = 30, *, after: int = 0) -> None:
        def seen() -> list[dict[str, str]]:
            return self.log()[after:]

        wait_until(seen, lambda log: any(one["kind"] == kind for one in log), timeout_s, f"{kind!r} in the browser")

    def mark(self) -> int:
        return len(self.log())

    def dial(self, target: str) -> None:
        self.evaluate(f"phone.dial({json.dumps(target)})")

    def hold(self) -> None:
        self.evaluate("phone.hold(true)")

    def resume(self) -> None:
        self.evaluate("phone.hold(false)")

    def hang_up(self) -> None:
        self.evaluate("phone.hangUp()")

    def forget(self) -> None:
        """Begin the recording anew."""
        self.evaluate("phone.forget()")

    def statistics(self) -> list[dict[str, Any]]:
        """WebRTC's own: transports and streams."""
        found: list[dict[str, Any]] = self.evaluate("phone.statistics()")
        return found

    def recordings(self) -> list[Path]:
        """What the page has heard so far, as one WAV file."""
        path = self.folder / "heard.wav"
        with wave.open(str(path), "wb") as out:
            out.setnchannels(1)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(base64.b64decode(self.evaluate("phone.recording()")))
        return [path]

    def stop(self) -> None:
        self._open.close()
        self.program.stop(10)
        self._pages.shutdown()
        self._pages.server_close()
        self._serving.join(5)
