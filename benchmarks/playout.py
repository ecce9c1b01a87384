"""Pace of prompts and delay of the relay: the embedded engine beside Debian's rtpengine in userspace, in one run.

    python benchmarks/playout.py [--players 200] [--calls 25] [--seconds 8] [--realtime]

``--players`` parties hear the same WAV for ever while ``--calls`` two-way calls of 20 ms packets are relayed by the
same engine. Arrivals are stamped by the kernel. Jitter of a packet is how far it is from the 20 ms grid of its own
stream (the grid's place is the median of the stream), delay what lies between the phone's send and the other phone's
kernel. CPU of the players is that of the engine's process with players and calls less that with the calls alone. A
process that only sleeps tells what the machine itself adds: on a busy one that is more than all else. Exit status 1
when packets were lost, or the embedded engine's p99 of either is above 2 ms and above twice that of the sleeper.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import select
import shutil
import signal
import socket
import statistics
import struct
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from relay import BODY, HOST, ask, cpu_s, engine, media_port, udp
from routerd.media import ng, rtp, tone

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

SO_TIMESTAMPNS = 35
PACKET_S = 0.02
TARGET_MS = 2.0
FRESH_PACKETS = 100
PITCH_HZ = 440
FOR_EVER = {"embedded": 0, "rtpengine": 1_000_000}


class Result(NamedTuple):
    heard: int
    expected: int
    jitter_ms: list[float]
    delay_ms: list[float]
    relayed: int
    sent: int
    cpu_players: float
    set_up_s: float
    idle_late_ms: list[float]


def stamped() -> socket.socket:
    made = udp()
    made.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    made.setblocking(False)
    return made


def write_prompt(path: Path) -> str:
    """Ten seconds of a tone, mono, 16 bit, 16 kHz."""
    samples = tone.make_tone([PITCH_HZ], 10.0, 16000)
    path.write_bytes(
        struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, 16000, 32000, 2, 16,
                    b"data", len(samples)) + samples
    )  # fmt: skip
    return str(path)


class Ears(threading.Thread):
    """Takes what comes to many sockets, with the kernel's times in seconds."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__(daemon=True)
        self.heard: dict[int, list[tuple[float, bytes]]] = {made.fileno(): [] for made in sockets}
        self._sockets = {made.fileno(): made for made in sockets}
        self._poll = select.epoll()
        for number in self._sockets:
            self._poll.register(number, select.EPOLLIN)
        self.stopped = False

    def run(self) -> None:
        while not self.stopped:
            time.sleep(0.005)  # the kernel has the times: many at once cost the engine less of the machine
            for number, _ in self._poll.poll(0.1, 10_000):
                self._drain(self._sockets[number], self.heard[number])

    def _drain(self, made: socket.socket, heard: list[tuple[float, bytes]]) -> None:
        try:
            while True:
                data, ancillary, _, _ = made.recvmsg(64, 64)
                seconds, nanoseconds = struct.unpack("qq", ancillary[0][2])
                heard.append((seconds + nanoseconds / 1e9, data[:12]))
        except BlockingIOError:
            return


class Idler:
    """A process that only sleeps 2 ms at a time: how late it wakes is the machine's own share."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._told, theirs = context.Pipe(duplex=False)
        self._process = context.Process(target=_idle, args=(theirs,))
        self._process.start()
        self.late_ms: list[float] = []

    def stop(self) -> None:
        os.kill(self._process.pid or 0, signal.SIGTERM)
        self.late_ms = self._told.recv()
        self._process.join()


def _idle(told: Connection) -> None:
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _frame: stopped.append(number))
    late_ms = []
    while not stopped:
        began = time.monotonic()
        time.sleep(0.002)
        late_ms.append((time.monotonic() - began) * 1000 - 2)
    told.send(late_ms)


def talk(calls: list[tuple[socket.socket, tuple[str, int]]], seconds: float, sent: dict[bytes, float]) -> None:
    """Both parties of every call speak, spread over the 20 ms; notes when each packet left, by its header."""
    began = time.monotonic()
    for turn in range(int(seconds / PACKET_S)):
        for at, (phone, target) in enumerate(calls):
            wait = began + (turn + at / len(calls)) * PACKET_S - time.monotonic()
            if wait > 0.0005:
                time.sleep(wait)
            packet = rtp.build(8, turn, turn * 160, at + 1, bytes(160))
            sent[packet[:12]] = time.time()
            phone.sendto(packet, target)


def jitter_of(heard: list[tuple[float, bytes]]) -> list[float]:
    """How far each packet of one stream is from its grid, in ms; a stream that begins anew has a new grid."""
    grids: list[list[float]] = []
    at, number = 0, None
    for arrived, head in heard:
        following = int.from_bytes(head[2:4], "big")
        step = 0 if number is None else (following - number + 0x8000 & 0xFFFF) - 0x8000
        if number is None or abs(step) > FRESH_PACKETS:
            grids.append([])
            at = 0
        else:
            at += step
        number = following
        grids[-1].append(arrived - at * PACKET_S)
    jitter: list[float] = []
    for offsets in grids:
        middle = statistics.median(offsets)
        jitter += [abs(offset - middle) * 1000 for offset in offsets if len(offsets) >= 10]
    return jitter


def set_up(port: int, control: socket.socket, name: str, second: socket.socket) -> tuple[socket.socket, int, int]:
    """One call; its first phone, and the engine's ports for both."""
    first = stamped()
    to_second = ask(control, port, ng.offer(name, "a", BODY % first.getsockname()[1]))
    to_first = ask(control, port, ng.answer(name, "a", "b", BODY % second.getsockname()[1]))
    return first, media_port(to_first), media_port(to_second)


def put_first(pid: int) -> None:
    """Let no other program of a busy machine come before this one."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setscheduler(int(thread.name), os.SCHED_RR, os.sched_param(10))


def measure(kind: str, prompt: str, players: int, calls: int, seconds: float, *, realtime: bool) -> Result:
    with engine(kind) as (pid, port):
        control = udp()
        ask(control, port, ng.ping())
        if realtime:
            put_first(pid)
        talking: list[tuple[socket.socket, tuple[str, int]]] = []
        for number in range(calls):
            second = stamped()
            first, for_first, for_second = set_up(port, control, f"talk-{number}", second)
            talking += [(first, (HOST, for_first)), (second, (HOST, for_second))]
        quiet = udp()
        listening = [set_up(port, control, f"play-{number}", quiet)[0] for number in range(players)]
        talk(talking, 0.5, {})
        before = cpu_s(pid)
        talk(talking, seconds / 2, {})
        cpu_calls = (cpu_s(pid) - before) * 2
        began = time.monotonic()
        for number in range(players):
            ask(control, port, ng.play_media(f"play-{number}", "a", prompt, repeat_times=FOR_EVER[kind]))
        set_up_s = time.monotonic() - began
        ears = Ears(listening + [phone for phone, _ in talking])
        ears.start()
        idler = Idler()
        time.sleep(1.0)
        for heard in ears.heard.values():
            heard.clear()
        sent: dict[bytes, float] = {}
        before, began = cpu_s(pid), time.monotonic()
        talk(talking, seconds, sent)
        lasted = time.monotonic() - began
        spent = cpu_s(pid) - before
        idler.stop()
        heard = {phone: list(ears.heard[phone.fileno()]) for phone in listening}
        time.sleep(0.1)
        ears.stopped = True
        ears.join()
        relayed = [(arrived, head) for phone, _ in talking for arrived, head in ears.heard[phone.fileno()]]
        for made in [control, quiet, *listening, *(phone for phone, _ in talking)]:
            made.close()
    delay_ms = [(arrived - sent[head]) * 1000 for arrived, head in relayed if arrived >= sent.get(head, float("inf"))]
    return Result(
        sum(len(stream) for stream in heard.values()),
        int(players * lasted / PACKET_S),
        [one for stream in heard.values() for one in jitter_of(stream)],
        delay_ms,
        len(delay_ms),
        len(sent),
        max(0.0, spent / lasted - cpu_calls / seconds) / max(1, players),
        set_up_s,
        idler.late_ms,
    )


def share(values: list[float], part: float) -> float:
    """The value below which this part of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))] if ordered else float("inf")


def tell(kind: str, result: Result, players: int) -> None:
    jitter, delay = result.jitter_ms, result.delay_ms
    print(
        f"{kind:9} {players} players: jitter p50 {share(jitter, 0.5):.2f} ms, p99 {share(jitter, 0.99):.2f} ms, "
        f"most {max(jitter, default=0):.1f} ms; {result.heard} of about {result.expected} packets; "
        f"{result.cpu_players * 100:.3f} % of a core a player; all asked for in {result.set_up_s:.2f} s"
    )
    print(
        f"{'':9} relay beside them: delay p50 {share(delay, 0.5):.2f} ms, p99 {share(delay, 0.99):.2f} ms, "
        f"most {max(delay, default=0):.1f} ms; {result.relayed} of {result.sent} packets"
    )
    print(
        f"{'':9} the machine meanwhile: who only slept woke p50 {share(result.idle_late_ms, 0.5):.2f} ms, "
        f"p99 {share(result.idle_late_ms, 0.99):.2f} ms late",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--players", type=int, default=200)
    parser.add_argument("--calls", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument(
        "--realtime", action="store_true", help="both engines before all else on the machine: their own share alone"
    )
    chosen = parser.parse_args()
    kinds = ["embedded", "rtpengine"] if shutil.which("rtpengine") else ["embedded"]
    results: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as folder:
        prompt = write_prompt(Path(folder) / "prompt.wav")
        Path(folder).chmod(0o755)
        for kind in kinds:
            results[kind] = measure(
                kind, prompt, chosen.players, chosen.calls, chosen.seconds, realtime=chosen.realtime
            )
            tell(kind, results[kind], chosen.players)
    if "rtpengine" not in results:
        print("rtpengine is not installed (Debian: rtpengine-daemon)")
    ours = results["embedded"]
    lost = ours.heard < 0.99 * ours.expected or ours.relayed < 0.995 * ours.sent
    most = max(TARGET_MS, 2 * share(ours.idle_late_ms, 0.99))
    slow = max(share(ours.jitter_ms, 0.99), share(ours.delay_ms, 0.99)) > most
    return int(lost or slow)


if __name__ == "__main__":
    sys.exit(main())
