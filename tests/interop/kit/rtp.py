"""The voice of a SIPp call or a WebSocket phone: sends a tone as PCMA, keeps what comes, counts digits (RFC 4733)."""

from __future__ import annotations

import bisect
import itertools
import math
import secrets
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Self

from kit.ports import HOST
from kit.tone import BLOCK, RATE, power, read_samples

if TYPE_CHECKING:
    from pathlib import Path

PCMA, TELEPHONE_EVENT = 8, 101
FRAME = 160
DIGITS = "0123456789*#ABCD"


def _decode(byte: int) -> int:
    """One A-law byte as a linear sample (ITU-T G.711)."""
    byte ^= 0x55
    exponent, mantissa = (byte >> 4) & 7, byte & 15
    value = (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
    return value if byte & 0x80 else -value


LINEAR = [_decode(byte) for byte in range(256)]
_BY_VALUE = sorted((value, byte) for byte, value in enumerate(LINEAR))
_VALUES = [value for value, _ in _BY_VALUE]


def encode(sample: int) -> int:
    """The A-law byte nearest below."""
    return _BY_VALUE[max(0, bisect.bisect_right(_VALUES, sample) - 1)][1]


class RtpPeer:
    """One RTP endpoint at ``port``; silent until ``send_to`` is told where the other side is."""

    def __init__(self, frequency: int = 1000, host: str = HOST, *, mute: bool = False) -> None:
        self.frequency, self.host, self.mute = frequency, host, mute
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((host, 0))
        self.sock.settimeout(0.2)
        self.port: int = self.sock.getsockname()[1]
        self.samples: list[int] = []
        self.digits: list[str] = []
        self.senders: set[tuple[str, int]] = set()
        self._events: set[int] = set()
        self._over, self._changed = threading.Event(), threading.Condition()
        self._remote: tuple[str, int] | None = None
        self._numbers, self._ssrc = itertools.count(secrets.randbelow(1000)), secrets.randbits(32)
        step = 2 * math.pi * frequency / RATE
        self._tone = bytes(encode(int(9000 * math.sin(step * i))) for i in range(RATE))
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._receive, self._send)]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(2)
        self.sock.close()

    @property
    def sdp(self) -> str:
        lines = ["v=0", f"o=peer 1 1 IN IP4 {self.host}", "s=-", f"c=IN IP4 {self.host}", "t=0 0"]
        lines += [f"m=audio {self.port} RTP/AVP {PCMA} {TELEPHONE_EVENT}", f"a=rtpmap:{PCMA} PCMA/8000"]
        lines += [f"a=rtpmap:{TELEPHONE_EVENT} telephone-event/8000", f"a=fmtp:{TELEPHONE_EVENT} 0-15", "a=sendrecv"]
        return "\n".join(lines)

    def play_file(self, path: Path) -> None:
        """Send a WAV (mono, 8 kHz) over and over, in place of the tone."""
        samples, rate = read_samples(path)
        assert (rate, len(samples) % FRAME) == (RATE, 0), path
        self._tone = bytes(encode(sample) for sample in samples)

    def send_to(self, host: str, port: int) -> None:
        self._remote = (host, port)

    def turn(self) -> None:
        """Send to whoever is heard next: a re-INVITE named another place."""
        self._remote = None

    def send_digit(self, digit: str) -> None:
        """One event of 100 ms, its end three times (RFC 4733, section 2.5.1.4)."""
        assert self._remote is not None
        event, stamp = DIGITS.index(digit), secrets.randbits(31)
        for position, (end, duration) in enumerate([(0, 160), (0, 320), (0, 480), (1, 800), (1, 800), (1, 800)]):
            head = self._head(TELEPHONE_EVENT | (0x80 if position == 0 else 0), stamp)
            self.sock.sendto(head + struct.pack("!BBH", event, end << 7 | 10, duration), self._remote)

    def _head(self, kind: int, stamp: int) -> bytes:
        return struct.pack("!BBHII", 0x80, kind, next(self._numbers) & 0xFFFF, stamp & 0xFFFFFFFF, self._ssrc)

    def _send(self) -> None:
        start, frames = time.monotonic(), 0
        while not self._over.wait(max(0.0, start + frames * 0.02 - time.monotonic())):
            offset = frames * FRAME % len(self._tone)
            if self._remote and not self.mute:
                self.sock.sendto(self._head(PCMA, frames * FRAME) + self._tone[offset : offset + FRAME], self._remote)
            frames += 1

    def _receive(self) -> None:
        while not self._over.is_set():
            try:
                packet, sender = self.sock.recvfrom(2048)
            except OSError:
                continue
            with self._changed:
                self._keep(packet, sender)
                self._changed.notify_all()

    def _keep(self, packet: bytes, sender: tuple[str, int]) -> None:
        self.senders.add(sender)
        if self._remote is None:
            self._remote = sender  # symmetric RTP: answer where it came from
        kind, (stamp,) = packet[1] & 0x7F, struct.unpack_from("!I", packet, 4)
        if kind == PCMA:
            self.samples += [LINEAR[byte] for byte in packet[12:]]
        elif kind == TELEPHONE_EVENT and stamp not in self._events:
            self._events.add(stamp)
            self.digits.append(DIGITS[packet[12] & 15])

    def heard_s(self, frequency: float) -> float:
        samples = list(self.samples)
        blocks = (samples[start : start + BLOCK] for start in range(0, len(samples) - BLOCK + 1, BLOCK))
        return sum(1 for block in blocks if power(block, frequency, RATE) > 0.6) * BLOCK / RATE

    def wait_heard(self, frequency: float, *, seconds: float = 0.5, timeout_s: float = 30) -> None:
        with self._changed:
            heard = self._changed.wait_for(lambda: self.heard_s(frequency) >= seconds, timeout_s)
        found = f"{frequency} Hz for {self.heard_s(frequency):.2f} s of {len(self.samples) / RATE:.2f} s"
        assert heard, f"{found}, from {self.senders}"

    def wait_digit(self, digit: str, timeout_s: float = 30) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: digit in self.digits, timeout_s), f"digits: {self.digits}"
