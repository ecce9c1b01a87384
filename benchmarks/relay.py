"""CPU a relayed packet, delay and memory: the embedded engine beside Debian's rtpengine in userspace, in one run.

    python benchmarks/relay.py [--calls 100] [--seconds 5] [--rounds 3]

N two-way calls of 172-byte packets (20 ms of A-law) at 50 packets a second each way over loopback. CPU is user + system
of the engine's whole process from /proc, divided by the packets that arrived at the phones. Delay is what lies between
the send of a phone and the kernel's time stamp at the other, of the first TIMED phones; memory is what the process
grew by while the calls were set up. Engines take turns, so that both see the same machine. Exit status 1 when packets
were lost or the embedded engine costs more than --ratio times rtpengine's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from routerd.media import ng, rtp, sdp

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST = "127.0.0.1"
BODY = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\n"
PACKET_S = 0.02
WARM_UP_S = 1.0
TIMED = 10
SO_TIMESTAMPNS = 35


class Result(NamedTuple):
    sent: int
    heard: int
    cpu_us: float
    delay_p99_ms: float
    session_kib: float


def udp(port: int = 0) -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    made.bind((HOST, port))
    return made


def embedded(port: int, first: int) -> None:
    from routerd.media_worker.main import run

    os.setsid()  # scheduled as a service is, not as a part of this script's load
    sys.exit(run((HOST, port), HOST, (), (first, first + 4999), 46, 60.0))


def free_port() -> int:
    with udp() as probe:
        return int(probe.getsockname()[1])


@contextmanager
def engine(kind: str) -> Iterator[tuple[int, int]]:
    """The process id and the control port of a fresh engine."""
    port = free_port()
    if kind == "embedded":
        process = multiprocessing.get_context("spawn").Process(target=embedded, args=(port, 30000))
        process.start()
        pid = process.pid or 0
        try:
            yield pid, port
        finally:
            os.kill(pid, signal.SIGTERM)
            process.join(10)
        return
    command = [shutil.which("rtpengine") or "rtpengine", "--config-file=none", f"--interface={HOST}"]
    command += [f"--listen-ng={HOST}:{port}", "--foreground", "--table=-1", "--port-min=35000", "--port-max=39999"]
    command += ["--log-stderr", "--log-level=2"]
    daemon = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield daemon.pid, port
    finally:
        daemon.terminate()
        daemon.wait(10)


def ask(control: socket.socket, port: int, command: dict[str, object]) -> dict[str, object]:
    ask.count = getattr(ask, "count", 0) + 1  # type: ignore[attr-defined]
    data = ng.encode_command(f"{os.getpid()}_{ask.count}", command)  # type: ignore[attr-defined]
    for _ in range(40):
        control.sendto(data, (HOST, port))
        control.settimeout(0.25)
        try:
            reply = ng.decode_reply(control.recv(65536))[1]
        except (TimeoutError, ConnectionRefusedError):
            time.sleep(0.05)
            continue
        if ng.is_ok(reply):
            return reply
        sys.exit(f"the engine refused: {ng.error_reason(reply)}")
    sys.exit("the engine does not answer")


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kib(pid: int) -> int:
    return int(Path(f"/proc/{pid}/status").read_text(encoding="ascii").partition("VmRSS:")[2].split()[0])


def media_port(reply: dict[str, object]) -> int:
    body = reply["sdp"]
    assert isinstance(body, bytes)
    return sdp.parse(body).media[0].port


def set_up(port: int, calls: int) -> list[tuple[socket.socket, int]]:
    """Phones, each with the engine's port that it speaks to."""
    control = udp()
    ask(control, port, ng.ping())
    phones: list[tuple[socket.socket, int]] = []
    for number in range(calls):
        alice, bob = udp(), udp()
        to_bob = ask(control, port, ng.offer(f"call-{calls}-{number}", "a", BODY % alice.getsockname()[1]))
        to_alice = ask(control, port, ng.answer(f"call-{calls}-{number}", "a", "b", BODY % bob.getsockname()[1]))
        phones += [(alice, media_port(to_alice)), (bob, media_port(to_bob))]
    for phone, target in phones:
        phone.connect((HOST, target))
        phone.setblocking(False)
    control.close()
    return phones


def speak(phones: list[tuple[socket.socket, int]], seconds: float, delays_ms: list[float]) -> tuple[int, int]:
    """Send at 50 packets a second from every phone, spread over the 20 ms; packets sent and heard."""
    sent = heard = 0
    steps = 20
    share = -(-len(phones) // steps)
    groups = [phones[index * share : (index + 1) * share] for index in range(steps)]
    timed = [phone for phone, _ in phones[:TIMED]]
    for phone in timed:
        phone.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    began = time.monotonic()
    for turn in range(int(seconds / PACKET_S)):
        head = rtp.build(8, turn, turn * 160, 4711, b"")
        for step, group in enumerate(groups):
            for phone, _ in group:
                phone.send(head + struct.pack("d", time.time()) + bytes(152))
                sent += 1
            heard += drain(groups[step - steps // 2], timed, delays_ms)
            wait = began + (turn * steps + step + 1) * PACKET_S / steps - time.monotonic()
            if wait > 0:
                time.sleep(wait)
    time.sleep(0.1)
    return sent, heard + drain(phones, timed, delays_ms)


def drain(phones: list[tuple[socket.socket, int]], timed: list[socket.socket], delays_ms: list[float]) -> int:
    count = 0
    for phone, _ in phones:
        try:
            while True:
                if phone in timed:
                    data, ancillary, _, _ = phone.recvmsg(2048, 64)
                    seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
                    delays_ms.append((seconds - struct.unpack_from("d", data, 12)[0]) * 1000 + nanoseconds / 1e6)
                else:
                    phone.recv(2048)
                count += 1
        except OSError:
            continue
    return count


def measure(kind: str, calls: int, seconds: float) -> Result:
    delays_ms: list[float] = []
    with engine(kind) as (pid, port):
        set_up(port, 1)  # what the first call alone brings into memory
        before_kib = resident_kib(pid)
        phones = set_up(port, calls)
        session_kib = (resident_kib(pid) - before_kib) / calls
        speak(phones, WARM_UP_S, [])
        time.sleep(0.3)
        drain(phones, [], [])  # what a busy machine held back is not of the measurement
        before = cpu_s(pid)
        sent, heard = speak(phones, seconds, delays_ms)
        spent = cpu_s(pid) - before
        for phone, _ in phones:
            phone.close()
    p99_ms = sorted(delays_ms)[int(len(delays_ms) * 0.99)] if delays_ms else 0.0
    return Result(sent, heard, spent / max(heard, 1) * 1e6, p99_ms, session_kib)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--calls", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--ratio", type=float, default=1.0, help="the most that the embedded engine may cost of rtpengine"
    )
    chosen = parser.parse_args()
    kinds = ["embedded", "rtpengine"] if shutil.which("rtpengine") else ["embedded"]
    results: dict[str, list[Result]] = {kind: [] for kind in kinds}
    for number in range(chosen.rounds):
        for kind in kinds:
            result = measure(kind, chosen.calls, chosen.seconds)
            results[kind].append(result)
            print(
                f"round {number + 1} {kind:9} {chosen.calls} calls: {result.cpu_us:5.1f} µs/packet, "
                f"delay p99 {result.delay_p99_ms:.2f} ms, {result.session_kib:.1f} KiB/session, "
                f"{result.heard} of {result.sent} heard",
                flush=True,
            )
    best = {kind: min(result.cpu_us for result in results[kind]) for kind in kinds}
    lost = any(result.heard < 0.995 * result.sent for result in results["embedded"])
    if "rtpengine" not in best:
        print(f"embedded {best['embedded']:.1f} µs/packet; rtpengine is not installed (Debian: rtpengine-daemon)")
        return int(lost)
    ratio = best["embedded"] / best["rtpengine"]
    print(f"embedded {best['embedded']:.1f} µs/packet, rtpengine {best['rtpengine']:.1f}, ratio {ratio:.2f}")
    return int(lost or ratio > chosen.ratio)


if __name__ == "__main__":
    sys.exit(main())
