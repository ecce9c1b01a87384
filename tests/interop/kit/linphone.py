"""linphonec as a phone: driven over its terminal, with sound from and to files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from kit.ports import HOST, free_port, free_range
from kit.program import Program, wait_until
from kit.tone import write_tone

if TYPE_CHECKING:
    from pathlib import Path

RC = """\
[sip]
sip_port={port}
sip_tcp_port=0
use_ipv6=0
default_proxy=0
use_rfc2833={events}
use_info={info}
guess_hostname=0
contact="{user}" <sip:{user}@{host}:{port}>
register_only_when_network_is_up=0
inc_timeout=120

[rtp]
audio_rtp_port={rtp}
audio_adaptive_jitt_comp_enabled=1

[sound]
echocancellation=0
use_files=1

[net]
mtu=1300
firewall_policy=0
dns_srv_enabled=0

[auth_info_0]
username={user}
passwd={password}
realm={domain}

[proxy_0]
reg_proxy=<sip:{host}:{server};transport=udp>
reg_route=<sip:{host}:{server};transport=udp;lr>
reg_identity=sip:{user}@{domain}
reg_expires=60
reg_sendregister=1
publish=0
"""


class Linphone:
    """One phone; it answers by itself when ``auto_answer``, plays its tone and records what it hears."""

    def __init__(
        self,
        folder: Path,
        user: str,
        *,
        server: int,
        domain: str = "acme.test",
        password: str = "secret",
        frequency: int = 520,
        auto_answer: bool = True,
        info: bool = False,
    ) -> None:
        self.user, self.domain, self.frequency = user, domain, frequency
        self.folder = folder / f"linphone-{user}"
        (self.folder / ".local/share/linphone").mkdir(parents=True)
        self.recording = self.folder / "heard.wav"
        self.tone = write_tone(self.folder / "tone.wav", frequency)
        rc = RC.format(
            host=HOST, port=free_port(), user=user, rtp=free_range(4), password=password, domain=domain, server=server,
            events=int(not info), info=int(info),
        )  # fmt: skip
        (self.folder / "rc").write_text(rc)
        command = ["linphonec", "-S", "-c", str(self.folder / "rc"), *(["-a"] if auto_answer else [])]
        self.program = Program(command, self.folder, name="linphonec", env={"HOME": str(self.folder)}, stdin=True)
        self.command("soundcard use files")
        self.command(f"record {self.recording}")
        self.command(f"play {self.tone}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def uri(self) -> str:
        return f"sip:{self.user}@{self.domain}"

    def command(self, line: str) -> None:
        self.program.write(line)

    def dial(self, target: str) -> None:
        self.command(f"call {target}")

    def hang_up(self) -> None:
        self.command("terminate")

    def send_digit(self, digit: str) -> None:
        self.command(digit)

    def hold(self) -> None:
        self.command("pause")

    def resume(self) -> None:
        self.command("resume")

    def recordings(self) -> list[Path]:
        return [self.recording] if self.recording.exists() else []

    def wait_registered(self, timeout_s: float = 30) -> None:
        def ask() -> bool:
            self.command("status register")
            return any("registered, identity" in line for line in self.program.lines.events)

        wait_until(ask, bool, timeout_s, f"registration of {self.user}")

    def wait_line(self, text: str, timeout_s: float = 30, *, after: int = 0) -> str:
        return self.program.wait_line(text, timeout_s, after=after)

    def stop(self) -> None:
        if self.program.process.poll() is None:
            self.command("quit")
        self.program.stop(5)
