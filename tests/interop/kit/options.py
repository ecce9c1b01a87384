"""OPTIONS as the question 'are you there?', asked until it is answered or the bound is reached."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

from kit.ports import HOST

if TYPE_CHECKING:
    from kit.program import Program


def options(port: int, *, number: int = 1, local: int = 0) -> bytes:
    lines = [
        f"OPTIONS sip:{HOST}:{port} SIP/2.0",
        f"Via: SIP/2.0/UDP {HOST}:{local};branch=z9hG4bK-kit-{local}-{number};rport",
        "Max-Forwards: 70",
        f"From: <sip:kit@{HOST}>;tag=kit{number}",
        f"To: <sip:{HOST}:{port}>",
        f"Call-ID: kit-{local}-{number}@{HOST}",
        f"CSeq: {number} OPTIONS",
        f"Contact: <sip:kit@{HOST}:{local}>",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def ask(port: int, timeout_s: float = 0.2, number: int = 1, host: str = HOST) -> int | None:
    """The status of the answer to one OPTIONS; None when there was none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((HOST, 0))
        sock.settimeout(timeout_s)
        with contextlib.suppress(OSError):
            sock.connect((host, port))
            sock.send(options(port, number=number, local=sock.getsockname()[1]))
            return int(sock.recv(65536).split(b" ", 2)[1])
    return None


def wait_for_sip(port: int, program: Program, timeout_s: float = 20, host: str = HOST) -> int:
    """Ask until answered; a program that ends meanwhile, or never answers, is ended and its log shown."""
    until = time.monotonic() + timeout_s
    number = 0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as pace:
        pace.bind((HOST, 0))
        pace.settimeout(0.05)
        while time.monotonic() < until and program.process.poll() is None:
            number += 1
            status = ask(port, number=number, host=host)
            if status is not None:
                return status
            with contextlib.suppress(TimeoutError):  # a refused question comes back at once on loopback
                pace.recv(1)
    program.stop()
    message = f"{program.name} does not answer OPTIONS at udp:{host}:{port}:\n" + "\n".join(program.lines.events[-30:])
    raise TimeoutError(message)
