"""The corpus against the running daemon, over UDP and TCP: it answers as it should, lives, and stays as it is."""

from __future__ import annotations

import contextlib
import re
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from b2bua_kit.corpus import NEEDS_CORPUS, Entry, deviation, entries, octets, prepared

from kit.company import TRUNK_HOST, company, trunk
from kit.daemon import Daemon
from kit.options import options
from kit.ports import HOST
from routerd.sip.framing import StreamFramer
from routerd.sip.message import Response
from routerd.sip.parser import parse

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [NEEDS_CORPUS, pytest.mark.xdist_group("interop")]
ALIVE_S = 1.0
LARGEST = 65_535
LIMITS = {"limits": {"requests_per_second_by_source": 100_000, "request_burst_by_source": 100_000}}
WHOLE_SETS = ("advisories/", "rfc4475/")


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    folder = tmp_path_factory.mktemp("live")
    with Daemon(folder, company(trunk("pstn", 5060)), digest=("SHA-256", "MD5"), settings=LIMITS) as running:
        yield running
        assert not running.tracebacks(), running.log_tail(100)


class Probe:
    """Asks OPTIONS; what was sent before has been handled when it is answered, for one process takes all in order."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((HOST, 0))
        self.socket.connect((HOST, port))
        self.socket.settimeout(ALIVE_S)
        self.number = 0
        self.delays: list[float] = []

    def alive(self, after: str) -> None:
        self.number += 1
        began = time.perf_counter()
        self.socket.send(options(0, number=self.number, local=self.socket.getsockname()[1]))
        try:
            answer = self.socket.recv(LARGEST)
        except TimeoutError:
            pytest.fail(f"no answer to OPTIONS after {after}")
        assert answer.startswith(b"SIP/2.0 200 "), after
        self.delays.append(time.perf_counter() - began)


@pytest.fixture
def probe(daemon: Daemon) -> Iterator[Probe]:
    made = Probe(daemon.port)
    yield made
    made.socket.close()
    slowest = sorted(made.delays)
    print(
        f"\nOPTIONS: median {slowest[len(slowest) // 2] * 1e3:.1f} ms, p99 {slowest[-len(slowest) // 100] * 1e3:.1f} ms"
    )


def resident_kib(pid: int) -> int:
    """What the daemon's processes hold in memory."""
    total, waiting = 0, [pid]
    while waiting:
        member = Path(f"/proc/{waiting.pop()}")
        total += int(re.findall(r"VmRSS:\s+(\d+)", (member / "status").read_text())[0])
        waiting += [int(child) for path in member.glob("task/*/children") for child in path.read_text().split()]
    return total


def statuses_of(sock: socket.socket) -> list[int]:
    """The answers that have come; requests of the daemon's own are none."""
    found = []
    with contextlib.suppress(BlockingIOError):
        while True:
            message = parse(sock.recv(LARGEST, socket.MSG_DONTWAIT))
            if isinstance(message, Response):
                found.append(message.status)
    return found


@pytest.mark.parametrize("host", [HOST, TRUNK_HOST])
def test_every_datagram_gets_what_its_manifest_wants(daemon: Daemon, probe: Probe, host: str) -> None:
    wrong: dict[str, str] = {}
    for number, entry in enumerate(entries("request", "response"), sum(host.encode()) * 1000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.bind((host, 0))
            sock.connect((HOST, daemon.port))
            sock.send(prepared(entry, number, host, sock.getsockname()[1])[:LARGEST])
            probe.alive(entry["file"])
            statuses = statuses_of(sock)
        # the answer to bytes as they are may go to a port that is not ours; a call is answered in its own time
        if statuses and (final := [status for status in statuses if status >= 200] or statuses):
            why = deviation(entry | {"answer": "optional"} if entry["answer"] != "none" else entry, final)
        else:
            why = "no answer" if entry["template"] and entry["answer"] == "required" else ""
        wrong.update({entry["file"]: why} if why else {})
    assert len(probe.delays) > 500
    assert wrong == {}


def sample() -> list[Entry]:
    """Every tenth message, and the sets that felled others, whole."""
    listed = entries("request", "response")
    return [entry for index, entry in enumerate(listed) if not index % 10 or entry["file"].startswith(WHOLE_SETS)]


def test_streams_are_answered_with_whole_messages_or_closed(daemon: Daemon, probe: Probe) -> None:
    answered = 0
    for entry in sample():
        with socket.create_connection((HOST, daemon.port), timeout=ALIVE_S) as connection:
            connection.sendall(octets(entry))
            connection.shutdown(socket.SHUT_WR)
            probe.alive(entry["file"])
            framer = StreamFramer()
            with contextlib.suppress(ConnectionError, TimeoutError):
                connection.settimeout(0.05)
                while data := connection.recv(LARGEST):
                    for message in framer.feed(data):
                        answered += isinstance(parse(message), Response)
            assert framer.pending_bytes == 0, entry["file"]
    assert answered > len(sample()) // 4


def test_bytes_one_by_one_are_the_same_message(daemon: Daemon) -> None:
    data = options(daemon.port).replace(b"UDP", b"TCP")
    with socket.create_connection((HOST, daemon.port), timeout=ALIVE_S) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in data:
            connection.sendall(bytes((byte,)))
        assert connection.recv(LARGEST).startswith(b"SIP/2.0 200 ")


def test_memory_is_flat(daemon: Daemon, probe: Probe) -> None:
    """The whole corpus again and again, each time as new messages."""
    listed = entries("request")
    sizes = []
    for turn in range(6):
        for number, entry in enumerate(listed):
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                sock.bind((HOST, 0))
                data = prepared(entry, 1000 * turn + number + 1000, HOST, sock.getsockname()[1])
                sock.sendto(data[:LARGEST], (HOST, daemon.port))
            if not number % 20:
                probe.alive(entry["file"])
        sizes.append(resident_kib(daemon.pid))
    print(f"resident KiB: {sizes}")
    assert sizes[-1] <= sizes[1] * 1.05 + 8192
