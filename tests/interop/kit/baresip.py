"""baresip as a phone: registered, scripted over its control socket, its recording on disk."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import subprocess
import threading
from typing import TYPE_CHECKING, Any, Self

from kit.ports import HOST, free_port, free_range
from kit.program import EventLog, Program
from kit.tone import write_tone

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = """\
poll_method epoll
sip_listen {host}:{port}
net_interface {host}
call_max_calls 8
call_local_timeout 120
audio_source aufile,{folder}/tone.wav
audio_player aubridge,null{port}
audio_alert aubridge,alert{port}
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp}-{rtp_last}
module_path /usr/lib/baresip/modules
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module ctrl_tcp.so
module srtp.so
module uuid.so
{modules}module_app account.so
module_app contact.so
module_app menu.so
ctrl_tcp_listen {control_host}:{control}
snd_path {folder}
"""
ACCOUNT = (
    "<sip:{user}@{domain};transport={transport}>;{outbound}auth_user={user};auth_pass={password};"
    "regint={regint};audio_codecs={codecs};answermode={answer};{more}\n"
)


class Baresip:
    """One phone at an address of loopback. Made by ``Baresip(...)``, ended by ``stop()``; or used in a ``with``."""

    def __init__(
        self,
        folder: Path,
        user: str,
        *,
        server: int,
        server_host: str = HOST,
        host: str = HOST,
        domain: str = "acme.test",
        password: str = "secret",
        frequency: int = 440,
        transport: str = "udp",
        codecs: str = "pcma",
        auto_answer: bool = True,
        register_s: int = 60,
        more: str = "",
        route: str = "",
        modules: tuple[str, ...] = (),
    ) -> None:
        self.user, self.domain, self.frequency = user, domain, frequency
        # short, for baresip has 128 characters for the path of a recording
        self.folder = folder / f"b{user}-{host.rpartition('.')[2]}"
        self.folder.mkdir(parents=True)
        self.port, self.control = free_port(), free_port()
        rtp = free_range(40)
        write_tone(self.folder / "tone.wav", frequency)
        (self.folder / "contacts").write_text("")
        config = CONFIG.format(
            host=host, port=self.port, control_host=HOST, control=self.control, folder=self.folder, rtp=rtp,
            rtp_last=rtp + 39, modules="".join(f"module_app {name}.so\n" for name in modules),
        )  # fmt: skip
        (self.folder / "config").write_text(config)
        outbound = f'outbound="sip:{server_host}:{server};transport={transport}{route}";' if server else ""
        account = ACCOUNT.format(
            user=user, domain=domain, transport=transport, outbound=outbound, password=password, regint=register_s,
            codecs=codecs, answer="auto" if auto_answer else "manual", more=more,
        )  # fmt: skip
        (self.folder / "accounts").write_text(account)
        self.events = EventLog()
        self.replies = EventLog()
        self._tokens = itertools.count(1)
        self.program = Program(["baresip", "-f", str(self.folder)], self.folder, name="baresip")
        self.program.wait_line("baresip is ready", 15)
        self._socket = socket.create_connection((HOST, self.control), 5)
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, name=f"baresip-{user}", daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    def _read(self) -> None:
        buffer = b""
        with contextlib.suppress(OSError):
            while data := self._socket.recv(65536):
                buffer += data
                buffer = self._split(buffer)

    def _split(self, buffer: bytes) -> bytes:
        while b":" in buffer:
            head, _, rest = buffer.partition(b":")
            size = int(head)
            if len(rest) <= size:
                break
            message = json.loads(rest[:size].decode("utf-8", "replace"))
            (self.events if message.get("event") else self.replies).add(message)
            buffer = rest[size + 1 :]
        return buffer

    def command(self, name: str, params: str = "") -> dict[str, Any]:
        """Send one command and return its reply; ``ok`` in it says whether baresip took it."""
        token = str(next(self._tokens))
        body = json.dumps({"command": name, "params": params, "token": token}).encode()
        self._socket.sendall(b"%d:%s," % (len(body), body))
        reply: dict[str, Any] = self.replies.wait(lambda reply: reply.get("token") == token, 5, what=f"reply to {name}")
        return reply

    def dial(self, target: str) -> dict[str, Any]:
        return self.command("dial", target)

    def accept(self) -> None:
        self.command("accept")

    def hang_up(self) -> None:
        self.command("hangup")

    def hold(self) -> None:
        self.command("hold")

    def resume(self) -> None:
        self.command("resume")

    def send_digits(self, digits: str) -> None:
        for digit in digits:
            self.command("sndcode", digit)

    def transfer(self, target: str) -> None:
        """Blind: REFER to the other side of the current call."""
        self.command("transfer", target)

    def mark(self) -> int:
        """Where the event log stands; wait for what comes after by ``after=mark``."""
        return len(self.events.events)

    def wait_event(self, kind: str, timeout_s: float = 30, *, after: int = 0) -> dict[str, Any]:
        event: dict[str, Any] = self.events.wait(
            lambda event: event.get("type") == kind, timeout_s, what=f"{kind} at {self.user}", after=after
        )
        return event

    def wait_registered(self, timeout_s: float = 30) -> None:
        """Wait for the 200; a refusal ends the wait at once."""
        line = self.program.lines.wait(lambda line: "reg: " in line or "200 OK" in line, timeout_s, what="registration")
        assert "200 OK" in line, line

    def recordings(self) -> list[Path]:
        """What this phone heard, one file a stream, oldest first."""
        return sorted(self.folder.glob("dump-*-dec.wav"), key=lambda path: path.stat().st_mtime)

    def stop(self) -> None:
        with contextlib.suppress(OSError, TimeoutError, subprocess.TimeoutExpired):
            self.command("quit")
            self.program.wait(2)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._reader.join(5)
        self.program.stop(5)
