"""An engine with its extensions for sound, its switch, and two parties."""

from __future__ import annotations

import struct
from array import array
from math import cos, pi, sin
from typing import TYPE_CHECKING, Any

from routerd.media import converter, ng, rtp, sdp, tone
from routerd.media.relay_session import RTP, RelaySession
from routerd.media_worker.addresses import Addresses
from routerd.media_worker.digits import Digits
from routerd.media_worker.engine import SLICES, Engine
from routerd.media_worker.playing import Playing
from routerd.media_worker.ports import PortPool
from routerd.media_worker.prompt_files import PromptFiles
from routerd.media_worker.relay_sockets import LinePorts
from routerd.media_worker.transcoding import Transcoding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path as FilePath

    from routerd.media.relay_lane import Address
    from routerd.media_worker.call import MediaCall, MediaLine
    from routerd.media_worker.extension import Extension, Services
    from routerd.media_worker.pacer import Slot
    from routerd.media_worker.path import Path

SWITCH = ("127.0.0.1", 2000)
HOSTS = ("192.0.2.1", "192.0.2.2")
PARTIES = ((HOSTS[0], 4000), (HOSTS[1], 5000))
EVENTS = "a=rtpmap:101 telephone-event/8000"


def body(side: int, formats: str, *lines: str) -> bytes:
    """A party's description: its payload types and what more it says."""
    host, port = PARTIES[side]
    text = ["v=0", f"o=- 1 1 IN IP4 {host}", "s=-", f"c=IN IP4 {host}", "t=0 0", f"m=audio {port} RTP/AVP {formats}"]
    return ("\r\n".join([*text, *lines]) + "\r\n").encode()


def house(formats: str, *lines: str) -> bytes:
    """The house's description."""
    return body(1, formats, *lines).replace(HOSTS[1].encode(), b"0.0.0.0")


def write_wav(path: FilePath, samples: bytes, rate_hz: int = 16000) -> str:
    """A canonical WAV; its path as text."""
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(samples), b"WAVE", b"fmt ", 16, 1, 1, rate_hz,
                       2 * rate_hz, 2, 16, b"data", len(samples))  # fmt: skip
    path.write_bytes(head + samples)
    return str(path)


def write_tone(path: FilePath, pitch_hz: int, seconds: float, rate_hz: int = 16000) -> str:
    """A WAV of one tone; its path as text."""
    return write_wav(path, tone.make_tone([pitch_hz], seconds, rate_hz, 9000), rate_hz)


def strength(samples: bytes, frequency_hz: int, rate_hz: int = 8000) -> float:
    """The share of the power that lies at one frequency."""
    values = array("h", samples)
    angle = 2 * pi * frequency_hz / rate_hz
    real = sum(value * cos(angle * i) for i, value in enumerate(values))
    imaginary = sum(value * sin(angle * i) for i, value in enumerate(values))
    power = len(values) * sum(value * value for value in values)
    return 2 * (real**2 + imaginary**2) / power if power else 0.0


def sound_of(packets: list[rtp.RtpPacket], codec: str = "PCMA") -> bytes:
    """What is heard of these packets, at 8 kHz."""
    listen = converter.make_listener(codec)
    return b"".join(listen(packet.payload) for packet in packets)


class Opener:
    """Ports without sockets; keeps what is sent."""

    def __init__(self) -> None:
        self.pool = PortPool(20000, 20199)
        self.sessions: dict[LinePorts, RelaySession] = {}
        self.paths: dict[LinePorts, Path | None] = {}
        self.sent: list[tuple[int, int, bytes, Address]] = []

    def open(self, session: RelaySession) -> LinePorts:
        ports = LinePorts(self.pool.take(), self.pool.take())
        self.sessions[ports] = session
        return ports

    def close(self, ports: LinePorts) -> None:
        del self.sessions[ports]
        for port in ports:
            self.pool.give_back(port)

    def treat(self, ports: LinePorts, path: Path | None) -> None:
        self.paths[ports] = path

    def send(self, ports: LinePorts, side: int, component: int, data: bytes, destination: Address) -> None:
        assert ports in self.sessions
        self.sent.append((side, component, data, destination))


class Clockwork:
    """A pacer in virtual time."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.slots: list[tuple[int, int, Slot]] = []
        self._count = 0

    def add(self, slot: Slot) -> None:
        self._put(self.now_ms, slot)

    def _put(self, due_ms: int, slot: Slot) -> None:
        self._count += 1
        self.slots.append((due_ms, self._count, slot))

    def run_to(self, until_ms: int) -> None:
        while self.slots and min(self.slots)[0] <= until_ms:
            first = min(self.slots, key=lambda one: one[:2])
            self.slots.remove(first)
            self.now_ms = first[0]
            next_ms = first[2].step(first[0])
            if next_ms is not None:
                assert next_ms > first[0]
                self._put(next_ms, first[2])
        self.now_ms = until_ms


class Studio:
    """An engine, its switch, and a clock."""

    def __init__(self, *more: Callable[[Services], Extension]) -> None:
        self.opener = Opener()
        self.clock = Clockwork()
        self.files = PromptFiles()
        self.told: list[dict[str, Any]] = []
        self._drawn = 7
        self._cookie = 0
        self._sequence = [100, 100]
        self.engine = Engine(
            Addresses("127.0.0.1"),
            self.opener,
            self._send,
            started="instance",
            extensions=[Transcoding, self._make_playing, lambda services: Digits(services, self.playing), *more],
        )

    def _make_playing(self, services: Services) -> Playing:
        self.playing = Playing(services, self.clock, self._draw, self.files)
        return self.playing

    def _draw(self, bits: int) -> int:
        self._drawn = self._drawn * 1103515245 + 12345
        return self._drawn % (1 << bits)

    def _send(self, data: bytes, destination: tuple[str, int]) -> None:
        assert destination == SWITCH
        self.told.append(ng.decode_reply(data)[1])

    @property
    def now(self) -> float:
        return self.clock.now_ms / 1000

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """Serve one command; the reply, whatever it is."""
        self._cookie += 1
        reply = self.engine.handle(ng.encode_command(str(self._cookie), command), SWITCH, self.now)
        assert reply is not None
        return ng.decode_reply(reply)[1]

    def do(self, command: dict[str, Any]) -> dict[str, Any]:
        """Serve one command that must succeed."""
        reply = self.ask(command)
        assert ng.is_ok(reply), reply
        return reply

    def formats(self, reply: dict[str, Any]) -> list[str]:
        """The payload types of a description."""
        return sdp.parse(reply["sdp"]).media[0].formats

    def call(self, offer: bytes, answer: bytes, tag: str = "b", **options: Any) -> tuple[list[str], list[str]]:
        """A call is answered; the payload types that both sides were told."""
        to_bob = self.do(ng.offer("c", "a", offer, **options))
        to_alice = self.do(ng.answer("c", "a", tag, answer))
        return self.formats(to_bob), self.formats(to_alice)

    @property
    def held(self) -> MediaCall:
        return self.engine._calls["c"]

    @property
    def line(self) -> MediaLine:
        line = self.held.speech_line()
        assert line is not None
        return line

    @property
    def is_plain(self) -> bool:
        """Whether the ports read past the treated path."""
        return self.opener.paths.get(self.line.ports) is None

    def pass_time(self, seconds: float) -> None:
        """Let players play; the engine looks after its calls."""
        until = self.clock.now_ms + round(seconds * 1000)
        while self.clock.now_ms < until:
            self.clock.run_to(min(until, self.clock.now_ms + 100))
            for _ in range(SLICES):
                self.engine.tick(self.now)

    def say(
        self, side: int, payload_type: int, payload: bytes, timestamp: int, ssrc: int = 5, marker: bool = False
    ) -> None:
        """A party sends one packet."""
        self._sequence[side] += 1
        packet = rtp.build(payload_type, self._sequence[side], timestamp, ssrc, payload, marker=marker)
        self.receive(side, packet)

    def receive(self, side: int, packet: bytes, source: tuple[str, int] | None = None) -> None:
        """A datagram comes to a side's port, by whichever path the line is on."""
        path = self.opener.paths.get(self.line.ports)
        if path is not None:
            path.take(side, RTP, packet, source or PARTIES[side], self.now)
            return
        relayed = self.line.session.receive(side, RTP, packet, source or PARTIES[side], self.now)
        if relayed is not None:
            self.opener.sent.append((relayed[0], RTP, relayed[1], relayed[2]))

    def speak(self, side: int, payload_type: int, payload: bytes, size: int = 160, timestamp: int = 0) -> None:
        """A party says this, in packets of ``size`` bytes every 20 ms."""
        for at in range(0, len(payload), size):
            self.say(side, payload_type, payload[at : at + size], timestamp + at)
            self.pass_time(0.02)

    def heard(self, side: int) -> list[rtp.RtpPacket]:
        """What was sent to a party since it was last asked."""
        found = [rtp.parse(data) for to, component, data, _ in self.opener.sent if (to, component) == (side, RTP)]
        self.opener.sent = [one for one in self.opener.sent if one[:2] != (side, RTP)]
        return found

    def events(self, name: str) -> list[dict[str, Any]]:
        """Events of one name."""
        return [event for event in self.told if event["event"] == name]
