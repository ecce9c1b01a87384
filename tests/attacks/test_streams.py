"""TCP (CVE-2020-28327, CVE-2018-7286): slow loris, half headers, Content-Length -1 or 2**32, floods of connections."""

from __future__ import annotations

import contextlib
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kit.company import company
from kit.daemon import Daemon
from kit.options import ask, options
from kit.ports import HOST
from kit.program import wait_until
from routerd.errors import ParseError
from routerd.sip.framing import StreamFramer
from routerd.sip.headers import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.xdist_group("interop")
HEAD = b"OPTIONS sip:h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:h>\r\n"
HEAD += b"Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n"
# after each of these no next message can be found: told so, and closed
LOST = {
    "negative": HEAD + b"Content-Length: -1\r\n\r\n",
    "two to the 32nd": HEAD + b"Content-Length: 4294967296\r\n\r\n",
    "over the limit": HEAD + b"Content-Length: 100000\r\n\r\n",
    "none": HEAD + b"\r\n",
    "two": HEAD + b"Content-Length: 0\r\nl: 5\r\n\r\n",
    "words": HEAD + b"Content-Length: five\r\n\r\n",
    "endless header": HEAD + b"Subject: " + b"x" * 100_000,
    "endless headers": HEAD + b"Subject: x\r\n" * 10_000,
    "a TLS hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 100,
    "binary": bytes(range(128, 256)) * 10,
}
WAIT_S = 5.0


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with Daemon(tmp_path_factory.mktemp("streams"), company(), digest=("SHA-256", "MD5")) as running:
        yield running
        assert not running.tracebacks(), running.log_tail(100)


def connect(daemon: Daemon) -> socket.socket:
    return socket.create_connection((HOST, daemon.port), timeout=WAIT_S)


def resident_kib(pid: int) -> int:
    total, waiting = 0, [pid]
    while waiting:
        member = Path(f"/proc/{waiting.pop()}")
        total += int(re.findall(r"VmRSS:\s+(\d+)", (member / "status").read_text())[0])
        waiting += [int(child) for path in member.glob("task/*/children") for child in path.read_text().split()]
    return total


def read_to_end(connection: socket.socket) -> bytes:
    """Everything until the daemon closes; a timeout fails the test."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while data := connection.recv(65536):
            received += data
    return received


@pytest.mark.parametrize("name", list(LOST))
def test_a_stream_that_cannot_be_followed_is_closed(daemon: Daemon, name: str) -> None:
    with connect(daemon) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(LOST[name])
        answer = read_to_end(connection)
        assert answer == b"" or answer.startswith((b"SIP/2.0 400 ", b"SIP/2.0 513 "))
    assert ask(daemon.port, 1.0) == 200


@pytest.mark.parametrize("name", list(LOST))
def test_no_more_is_kept_than_one_message(name: str) -> None:
    framer = StreamFramer()
    kept = 0
    with contextlib.suppress(ParseError):
        for byte in LOST[name]:
            framer.feed(bytes((byte,)))
            kept = max(kept, framer.pending_bytes)
    assert kept <= MAX_MESSAGE_BYTES
    assert framer.pending_bytes == 0


def test_half_headers_on_many_connections_harm_nobody(daemon: Daemon) -> None:
    """Two hundred half messages: the next connection of that source is refused, datagrams are answered."""
    with contextlib.ExitStack() as stack:
        for number in range(200):
            half = stack.enter_context(connect(daemon))
            half.sendall(HEAD + b"Subject: " + b"x" * (number * 300))
        assert ask(daemon.port, 1.0) == 200
        with connect(daemon) as late:
            with contextlib.suppress(ConnectionError):
                late.sendall(options(daemon.port).replace(b"UDP", b"TCP"))
            assert read_to_end(late) == b""
        assert ask(daemon.port, 1.0) == 200
    wait_until(lambda: answered_over_tcp(daemon), bool, WAIT_S, "connections are taken again")


def answered_over_tcp(daemon: Daemon) -> bool:
    with contextlib.suppress(OSError), connect(daemon) as connection:
        connection.sendall(options(daemon.port).replace(b"UDP", b"TCP"))
        return connection.recv(65536).startswith(b"SIP/2.0 200 ")
    return False


def test_connections_that_come_and_go_leave_nothing(daemon: Daemon) -> None:
    sizes = []
    for _ in range(5):
        for number in range(150):
            with connect(daemon) as connection:
                connection.sendall(HEAD[: number % len(HEAD)])
        assert ask(daemon.port, 1.0) == 200
        sizes.append(resident_kib(daemon.pid))
    assert sizes[-1] <= sizes[1] * 1.05 + 8192


def test_a_peer_that_never_reads_is_given_up(daemon: Daemon) -> None:
    """It asks and asks and never takes an answer: what waits for it is bounded, then it is cut off."""
    before = resident_kib(daemon.pid)
    question = options(daemon.port).replace(b"UDP", b"TCP")
    with socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(WAIT_S)
        deaf.connect((HOST, daemon.port))
        cut = False
        for _ in range(200):
            try:
                deaf.sendall(question * 100)
            except (ConnectionError, TimeoutError):
                cut = True
                break
        assert cut or ask(daemon.port, 1.0) is not None
    assert ask(daemon.port, 1.0) in {200, 503}
    assert resident_kib(daemon.pid) <= before + 32_768


def test_pings_are_answered_and_count_for_nothing_else(daemon: Daemon) -> None:
    with connect(daemon) as connection:
        connection.sendall(b"\r\n\r\n")
        assert connection.recv(16) == b"\r\n"
