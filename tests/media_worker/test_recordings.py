"""The recording commands through the engine; the scribe works when the test says so."""

from __future__ import annotations

import math
import wave
from array import array
from typing import TYPE_CHECKING, Any

import pytest

from routerd.media import g711, ng, rtp
from routerd.media.relay_session import RTP
from routerd.media_worker.addresses import Addresses
from routerd.media_worker.engine import Engine
from routerd.media_worker.ports import PortPool
from routerd.media_worker.recordings import Recordings
from routerd.media_worker.relay_sockets import LinePorts
from routerd.media_worker.scribe import Scribe
from routerd.media_worker.transcoding import Transcoding

if TYPE_CHECKING:
    from pathlib import Path

    from routerd.media.relay_lane import Address
    from routerd.media.relay_session import RelaySession
    from routerd.media_worker.path import Path as MediaPath
    from routerd.media_worker.recording import Recording

SWITCH = ("127.0.0.1", 2000)
ALICE, BOB = ("192.0.2.1", 4000), ("192.0.2.2", 5000)
BODY = (
    "v=0\r\no=- 1 1 IN IP4 {0[0]}\r\ns=-\r\nc=IN IP4 {0[0]}\r\nt=0 0\r\nm=audio {0[1]} RTP/AVP {1} 101\r\n"
    "a=rtpmap:101 telephone-event/8000\r\n"
)


class Desk(Scribe):
    """A scribe without a thread."""

    def add(self, work: Recording) -> None:  # type: ignore[override]
        self._fresh.append(work)

    def close(self) -> None:
        self.turn()


class Ports:
    """Ports without sockets."""

    def __init__(self) -> None:
        self.pool = PortPool(20000, 20099)
        self.paths: dict[LinePorts, MediaPath | None] = {}
        self.sessions: dict[LinePorts, RelaySession] = {}

    def open(self, session: RelaySession) -> LinePorts:
        ports = LinePorts(self.pool.take(), self.pool.take())
        self.sessions[ports] = session
        return ports

    def close(self, ports: LinePorts) -> None:
        del self.sessions[ports]
        self.paths.pop(ports, None)

    def treat(self, ports: LinePorts, path: MediaPath | None) -> None:
        self.paths[ports] = path

    def send(self, ports: LinePorts, side: int, component: int, data: bytes, destination: Address) -> None:
        """Nobody listens."""


class House:
    """An engine that records, its switch, two parties and a clock."""

    def __init__(self, *roots: Path) -> None:
        self.now = 1000.0
        self.ports = Ports()
        self.desk = Desk(lambda: self.now)
        self.told: list[dict[str, Any]] = []
        self.cookie = 0
        self.frames = [0, 0]
        made: list[Recordings] = []

        def make(services: Any) -> Recordings:
            made.append(Recordings(services, self.desk, [str(root) for root in roots]))
            return made[0]

        self.engine = Engine(
            Addresses("127.0.0.1"), self.ports, self._send, started="one", timeout_s=60, extensions=(Transcoding, make)
        )
        self.recordings = made[0]

    def _send(self, data: bytes, destination: Address) -> None:
        assert destination == SWITCH
        self.told.append(ng.decode_reply(data)[1])

    def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        self.cookie += 1
        reply = self.engine.handle(ng.encode_command(str(self.cookie), command), SWITCH, self.now)
        assert reply is not None
        return ng.decode_reply(reply)[1]

    def good(self, command: dict[str, Any]) -> dict[str, Any]:
        reply = self.ask(command)
        assert ng.is_ok(reply), reply
        return reply

    def call(self, codec: str = "8", again: bool = False) -> None:
        self.good(ng.offer("c", "a", BODY.format(ALICE, codec).encode(), to_tag="b" if again else None))
        self.good(ng.answer("c", "a", "b", BODY.format(BOB, codec).encode()))

    def speak(self, seconds: float, *frequencies: int | None, codec: str = "PCMA") -> None:
        for frame in range(round(seconds / 0.02)):
            self.now += 0.02
            for side, frequency in enumerate(frequencies):
                self.frames[side] += 1
                if frequency is not None:
                    self._say(side, frequency, codec)
            if frame % 10 == 0:
                self.desk.turn()
                self.engine.tick(self.now)

    def _say(self, side: int, frequency: int, codec: str) -> None:
        number = self.frames[side]
        samples = array(
            "h", [int(9000 * math.sin(math.tau * frequency / 8000 * (number * 160 + i))) for i in range(160)]
        )
        packet = rtp.build(
            8 if codec == "PCMA" else 0, number, number * 160, side + 1, g711.encode(codec, samples.tobytes())
        )
        self.hear(side, packet)

    def hear(self, side: int, packet: bytes) -> None:
        for ports, session in self.ports.sessions.items():
            path = self.ports.paths.get(ports)
            if path is not None:
                path.take(side, RTP, packet, (ALICE, BOB)[side], self.now)
            else:
                session.receive(side, RTP, packet, (ALICE, BOB)[side], self.now)

    def ended(self) -> dict[str, Any]:
        self.desk.turn()
        self.engine.tick(self.now)
        (told,) = [event for event in self.told if event["event"] == "recording-ended"]
        return told


def columns(path: Path) -> list[array[int]]:
    with wave.open(str(path)) as sound:
        samples = array("h", sound.readframes(sound.getnframes()))
        return [samples[number :: sound.getnchannels()] for number in range(sound.getnchannels())]


def loud(column: array[int], first_s: float, last_s: float) -> bool:
    return max(map(abs, column[int(first_s * 8000) : int(last_s * 8000)])) > 5000


def test_a_call_is_recorded_in_stereo(tmp_path: Path) -> None:
    house = House(tmp_path)
    path = tmp_path / "2026" / "c.wav"
    house.call()
    assert {"recording", "pause recording", "mailbox"} <= set(house.ask(ng.ping())["capabilities"])
    assert house.good(ng.start_recording("c", str(path)))["duration"] == 0
    house.speak(2.0, 440, None)
    assert house.good(ng.pause_recording("c")) == {"result": "ok", "duration": 2000, "paused": 0}
    house.speak(1.0, 800, 800)
    assert house.good(ng.start_recording("c"))["paused"] == 1000
    house.speak(1.0, None, 600)
    assert house.good(ng.stop_recording("c"))["duration"] == 3000
    assert house.told == []
    told = house.ended()
    assert (told["file"], told["reason"], told["call-id"]) == (str(path), "stopped", "c")
    assert (told["duration-ms"], told["paused-ms"], told["size-bytes"]) == (3000, 1000, path.stat().st_size)
    left, right = columns(path)
    assert (loud(left, 0.1, 1.9), loud(left, 2.1, 3.0), loud(right, 0.1, 1.9), loud(right, 2.1, 2.9)) == (1, 0, 0, 1)
    assert not ng.is_ok(house.ask(ng.stop_recording("c")))
    assert len(house.recordings) == 0
    assert house.ports.paths == {next(iter(house.ports.sessions)): None}  # relayed plainly again


def test_it_goes_on_through_renegotiations_and_ends_with_the_call(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call()
    house.good(ng.start_recording("c", str(tmp_path / "c.wav")))
    house.speak(1.0, 440, 600)
    house.call("0", again=True)
    house.speak(1.0, 440, 600, codec="PCMU")
    house.good(ng.offer("c", "a", BODY.format((ALICE[0], 0), "0").encode(), to_tag="b"))  # the line is refused
    house.good(ng.answer("c", "a", "b", BODY.format((BOB[0], 0), "0").encode()))
    house.speak(1.0, None, None)
    house.call("8", again=True)  # and opened again
    house.speak(1.0, 440, 600)
    house.good(ng.delete("c"))
    told = house.ended()
    assert (told["reason"], told["duration-ms"]) == ("gone", 4000)
    left, _right = columns(tmp_path / "c.wav")
    assert [loud(left, second + 0.1, second + 0.9) for second in range(4)] == [True, True, False, True]
    assert house.ports.sessions == {}
    assert len(house.recordings) == 0


def test_a_message_of_one_party_ends_by_its_digit(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call()
    wanted = ng.start_recording("c", str(tmp_path / "m.wav"), from_tag="b", until_digits="#", silence_ms=3000)
    house.good(wanted)
    house.speak(2.0, 440, 600)
    call = house.engine.call_of({"call-id": "c"})
    for side, digit in ((0, "#"), (1, "5")):
        house.recordings.pressed(call, side, digit, house.now, house.now)
    began = house.now
    house.speak(0.1, 440, 600)
    house.recordings.pressed(call, 1, "#", began, house.now)
    told = house.ended()
    assert (told["reason"], told["tag"], told["text"]) == ("digit", "b", "#")
    assert 1900 <= told["duration-ms"] <= 2000
    assert len(columns(tmp_path / "m.wav")) == 1


def test_a_message_ends_by_silence(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call()
    house.good(ng.start_recording("c", str(tmp_path / "m.wav"), from_tag="a", silence_ms=1000, max_ms=60000))
    house.speak(1.0, 440, 600)
    house.speak(3.0, None, 600)
    assert house.ended()["reason"] == "silence"
    assert not ng.is_ok(house.ask(ng.stop_recording("c", "a")))
    house.good(ng.start_recording("c", str(tmp_path / "m2.wav"), from_tag="a"))  # another message


def test_both_and_one_of_them_at_once(tmp_path: Path) -> None:
    house = House()
    house.call()
    house.good(ng.start_recording("c", str(tmp_path / "both.wav")))
    house.good(ng.start_recording("c", str(tmp_path / "one.wav"), from_tag="a"))
    house.speak(1.0, 440, 600)
    assert house.good(ng.start_recording("c", "/elsewhere.wav"))["duration"] == 1000  # it runs already
    house.good(ng.delete("c"))
    house.desk.turn()
    house.engine.tick(house.now)
    assert sorted(event["file"] for event in house.told) == [str(tmp_path / "both.wav"), str(tmp_path / "one.wav")]


def test_what_cannot_be_written_is_told_and_the_call_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    house = House(tmp_path)
    house.call()
    house.good(ng.start_recording("c", str(tmp_path / "file" / "c.wav")))
    house.speak(0.5, 440, 600)
    told = house.ended()
    assert (told["reason"], told["duration-ms"], told["file"]) == ("failed", 0, "")
    assert told["text"]
    assert len(house.engine) == 1


@pytest.mark.parametrize(
    "file", [None, "", "c.wav", "/etc/passwd", "/etc/passwd.wav", "{root}/../c.wav", "{root}.wav", "{root}/c\0.wav"]
)
def test_only_wav_files_below_the_folders_are_written(tmp_path: Path, file: str | None) -> None:
    house = House(tmp_path / "recordings")
    house.call()
    path = None if file is None else file.format(root=tmp_path / "recordings")
    reply = house.ask(ng.start_recording("c", path))
    assert not ng.is_ok(reply)
    assert len(house.recordings) == 0


@pytest.mark.parametrize("bad", [{"silence-ms": -1}, {"max-ms": "long"}, {"max-ms": 10**9}])
def test_bounds_that_make_no_sense(tmp_path: Path, bad: dict[str, Any]) -> None:
    house = House(tmp_path)
    house.call()
    assert not ng.is_ok(house.ask(ng.start_recording("c", str(tmp_path / "m.wav"), from_tag="a", extra=bad)))
    assert list(tmp_path.iterdir()) == []


def test_commands_for_nobody(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call()
    for command in (
        ng.start_recording("x", str(tmp_path / "x.wav")),
        ng.start_recording("c", str(tmp_path / "x.wav"), from_tag="z"),
        ng.pause_recording("c"), ng.stop_recording("c", "a"),
    ):  # fmt: skip
        assert not ng.is_ok(house.ask(command))


def test_the_engine_stops(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.call()
    house.good(ng.start_recording("c", str(tmp_path / "c.wav")))
    house.speak(1.0, 440, 600)
    house.engine.close()
    assert len(columns(tmp_path / "c.wav")[0]) == 8000
