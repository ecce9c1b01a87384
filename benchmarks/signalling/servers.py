"""The servers under test, each pinned to one core and ended by the id that it was started with."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Self

HOST = "127.0.0.1"
CALLED_HOST = "127.0.0.2"
SERVER_CORE = "0"
OPTIONS = (
    "OPTIONS sip:{host}:{port} SIP/2.0\r\nVia: SIP/2.0/UDP {host}:{local};branch=z9hG4bKbench{local};rport\r\n"
    "Max-Forwards: 70\r\nFrom: <sip:bench@{host}>;tag=b{local}\r\nTo: <sip:{host}:{port}>\r\n"
    "Call-ID: bench{local}\r\nCSeq: 1 OPTIONS\r\nContact: <sip:bench@{host}:{local}>\r\nContent-Length: 0\r\n\r\n"
)


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


class Server:
    """One server that sends every call on to ``called_port``. Used in a ``with``: it answers when the body begins."""

    name = ""
    answers_options = True

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.called_port = free_port(), free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What to start; writes the configuration that it reads into ``folder``."""
        raise TypeError(self.name)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        with (self.folder / "server.log").open("wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", SERVER_CORE, *self.command()],
                cwd=self.folder,
                env={**os.environ, "SIPLOG_BEND": "none"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self.wait_ready()
        except TimeoutError:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        process = self.process
        assert process is not None
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def wait_ready(self, timeout_s: float = 20) -> None:
        """Until OPTIONS is answered, by whatever status."""
        pace, until = threading.Event(), time.monotonic() + timeout_s
        while time.monotonic() < until and self.process is not None and self.process.poll() is None:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, contextlib.suppress(OSError):
                sock.settimeout(0.3)
                sock.connect((HOST, self.port))
                local = sock.getsockname()[1]
                sock.send(OPTIONS.format(host=HOST, port=self.port, local=local).encode())
                sock.recv(65536)
                return
            pace.wait(0.05)
        tail = (self.folder / "server.log").read_text(errors="replace")[-2000:]
        message = f"{self.name} does not answer:\n{tail}"
        raise TimeoutError(message)


class Kamailio(Server):
    """A stateful proxy that record-routes: less than a B2BUA does, in C. One worker: two overtake each other."""

    name = "kamailio"

    def command(self) -> list[str]:
        modules = "".join(
            f'loadmodule "{name}.so"\n' for name in ("tm", "sl", "rr", "pv", "maxfwd", "siputils", "textops")
        )
        config = f"""\
debug=0
log_stderror=no
children=1
disable_tcp=yes
auto_aliases=no
dns=no
rev_dns=no
listen=udp:{HOST}:{self.port}
mpath="/usr/lib/x86_64-linux-gnu/kamailio/modules/"
{modules}
request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("OPTIONS")) {{ sl_send_reply("200", "OK"); exit; }}
    if (has_totag()) {{ loose_route(); t_relay(); exit; }}
    t_check_trans();
    if (is_method("INVITE")) record_route();
    $du = "sip:{CALLED_HOST}:{self.called_port}";
    t_relay();
}}
"""
        path = self.folder / "kamailio.cfg"
        path.write_text(config)
        folder = str(self.folder)
        command = ["kamailio", "-f", str(path), "-DD", "-E", "-w", folder, "-Y", folder, "-P", f"{folder}/pid"]
        return [*command, "-m", "256", "-M", "16"]


class Sippy(Server):
    """sippy's simple B2BUA, as its package ships it, logging off."""

    name = "sippy"

    def command(self) -> list[str]:
        program = str(Path(sys.executable).with_name("b2bua_simple"))
        where = ["-l", HOST, "-p", str(self.port), "-n", f"{CALLED_HOST}:{self.called_port}"]
        return [sys.executable, program, "-f", *where]


class Routerd(Server):
    """routerd with everything on that a call has: decision, trace, record, metrics; ``direct`` media."""

    name = "routerd"

    def command(self) -> list[str]:
        document = {
            "schema": 1,
            "account": {
                "id": "bench",
                "name": "Bench",
                "country": "IN",
                "timezone": "Asia/Kolkata",
                "domains": ["bench.test"],
            },
            "trunks": [
                {"id": "in", "target": f"sip:{HOST}:9", "addresses": [f"{HOST}/32"], "media": "direct"},
                {
                    "id": "out",
                    "target": f"sip:{CALLED_HOST}:{self.called_port}",
                    "addresses": [f"{CALLED_HOST}/32"],
                    "media": "direct",
                },
            ],
            "outbound_routes": [{"prefix": "", "trunks": ["out"]}],
            "numbers": [{"number": "+919800000002", "destination": {"type": "external", "number": "+919800000003"}}],
        }
        (self.folder / "bench.yaml").write_text(json.dumps(document))
        settings = f"""\
[sip]
listen = ["udp:{HOST}:{self.port}"]
domains = ["bench.test"]
[media]
address = "{HOST}"
[admin]
listen = "{HOST}:{free_port()}"
[store]
url = "sqlite:routerd.db"
[document]
files = ["bench.yaml"]
[limits]
max_calls = 100000
max_transactions = 1000000
requests_per_second_by_source = 1000000
request_burst_by_source = 1000000
"""
        (self.folder / "routerd.toml").write_text(settings)
        program = str(Path(sys.executable).with_name("routerd"))
        return [program, "run", "--settings", str(self.folder / "routerd.toml")]


KINDS: dict[str, type[Server]] = {kind.name: kind for kind in (Routerd, Kamailio, Sippy)}
