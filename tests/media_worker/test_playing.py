"""Playing, in virtual time and over sockets."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from media_kit import studio
from media_kit.studio import EVENTS, PARTIES, Studio, body, sound_of, strength, write_tone

from routerd.media import digit_tones, dtmf, ng, rtp, sdp
from routerd.media.relay_session import RTP
from routerd.media_worker.digits import Digits
from routerd.media_worker.main import MediaWorker

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = (body(0, "8 101", EVENTS), body(1, "8 101", EVENTS))


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    return write_tone(tmp_path / "prompt.wav", 440, 1.0)


def in_call(offer: bytes = PLAIN[0], answer: bytes = PLAIN[1]) -> Studio:
    made = Studio()
    made.call(offer, answer)
    return made


def speak_a_little(made: Studio, seconds: float, side: int = 1) -> None:
    """One party goes on speaking while something is played to the other."""
    for number in range(round(seconds * 50)):
        made.say(side, 8, bytes([number & 0xFF]) * 160, 160 * number)
        made.pass_time(0.02)


@pytest.mark.parametrize(("formats", "codec"), [("8", "PCMA"), ("0", "PCMU"), ("9", "G722"), ("9 8", "G722")])
@pytest.mark.parametrize("side", [0, 1])
def test_a_prompt_is_heard_by_its_party_alone(prompt: str, formats: str, codec: str, side: int) -> None:
    made = in_call(body(0, formats), body(1, formats))
    reply = made.do(ng.play_media("c", "ab"[side], prompt, play_id="p7"))
    assert reply["duration"] == 1000
    made.pass_time(1.5)
    packets = made.heard(side)
    assert len(packets) == 50
    assert {packet.payload_type for packet in packets} == {int(formats.split(maxsplit=1)[0])}
    assert strength(sound_of(packets, codec)[1600:-1600], 440) > 0.97
    assert made.heard(1 - side) == []
    assert made.events("media-ended") == [
        {"event": "media-ended", "call-id": "c", "tag": "ab"[side], "play-id": "p7", "started": "instance"}
    ]


def test_the_other_party_is_not_heard_while_it_plays_and_is_afterwards(prompt: str) -> None:
    made = in_call()
    speak_a_little(made, 0.2)
    assert [packet.ssrc for packet in made.heard(0)] == [5] * 10
    made.do(ng.play_media("c", "a", prompt))
    assert not made.is_plain
    speak_a_little(made, 0.5)
    played = made.heard(0)
    assert len(played) in {25, 26}
    assert {packet.ssrc for packet in played} != {5}
    speak_a_little(made, 1.0)
    assert made.heard(0)[-1].ssrc == 5
    assert made.is_plain
    assert made.line.session.lane(1, RTP).packets == 85
    assert made.line.session.lane(1, RTP).lost == 0


def test_one_stream_over_several_prompts_of_a_party(prompt: str, tmp_path: Path) -> None:
    made = in_call()
    short = write_tone(tmp_path / "short.wav", 800, 0.1)
    reply = made.do(ng.play_media("c", "a", [short, prompt, short], repeat_times=2))
    assert reply["duration"] == 1200
    made.pass_time(3)
    made.do(ng.play_media("c", "a", short))
    made.pass_time(1)
    packets = made.heard(0)
    assert len(packets) == 2 * 60 + 5
    assert len({packet.ssrc for packet in packets}) == 1
    first = packets[0]
    assert [(packet.sequence - first.sequence) & 0xFFFF for packet in packets] == list(range(125))
    offsets = [(packet.timestamp - first.timestamp) & 0xFFFFFFFF for packet in packets]
    assert offsets[:120] == [160 * at for at in range(120)]
    assert offsets[120] == pytest.approx(3 * 8000, abs=160)
    assert [at for at, packet in enumerate(packets) if packet.marker] == [0, 120]


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40])
def test_packets_are_as_long_as_the_party_wants_them(prompt: str, ptime_ms: int) -> None:
    made = in_call(body(0, "8", f"a=ptime:{ptime_ms}"), body(1, "8"))
    made.do(ng.play_media("c", "a", prompt))
    made.pass_time(0.6)
    packets = made.heard(0)
    assert {len(packet.payload) for packet in packets} == {8 * ptime_ms}
    assert len(packets) == pytest.approx(600 / ptime_ms, abs=1)


def test_music_goes_on_until_it_is_stopped_at_once(prompt: str) -> None:
    made = in_call()
    made.do(ng.play_media("c", "a", prompt, repeat_times=0, play_id="music"))
    made.pass_time(7.3)
    assert len(made.heard(0)) == 366
    made.do(ng.stop_media("c", "a"))
    made.pass_time(1)
    assert made.heard(0) == []
    assert made.events("media-ended") == []
    assert made.is_plain
    assert made.clock.slots == []
    made.do(ng.stop_media("c", "b"))


def test_what_is_asked_for_next_takes_the_place_of_the_first(prompt: str, tmp_path: Path) -> None:
    made = in_call()
    made.do(ng.play_media("c", "a", prompt, repeat_times=0, play_id="music"))
    made.pass_time(0.4)
    made.do(ng.play_media("c", "a", write_tone(tmp_path / "other.wav", 1000, 0.2), play_id="position"))
    made.pass_time(1)
    assert [event["play-id"] for event in made.events("media-ended")] == ["position"]
    assert strength(sound_of(made.heard(0)[-9:]), 1000) > 0.9


@pytest.mark.parametrize("wrong", ["missing", "corrupt", "folder", "stereo", "relative", "fifo", "rate", "nul"])
def test_a_file_that_cannot_be_played_breaks_nothing(prompt: str, tmp_path: Path, wrong: str) -> None:
    made = in_call()
    made.do(ng.play_media("c", "a", prompt, repeat_times=0))
    made.pass_time(0.2)
    path = tmp_path / wrong
    if wrong == "corrupt":
        path.write_bytes(b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0junk")
    elif wrong == "folder":
        path.mkdir()
    elif wrong == "fifo":
        os.mkfifo(path)
    elif wrong == "stereo":
        data = bytearray((tmp_path / "prompt.wav").read_bytes())
        data[22], data[32] = 2, 4
        path.write_bytes(data)
    elif wrong == "rate":
        write_tone(path, 440, 0.2, 44100)
    asked = {"relative": "prompt.wav", "nul": "/x\0y"}.get(wrong, str(path))
    for command in (ng.play_media("c", "a", asked), ng.play_media("c", "a", [prompt, asked])):
        reply = made.ask(command)
        assert reply["result"] == "error"
        assert reply["error-reason"]
    made.heard(0)
    made.pass_time(0.2)
    assert len(made.heard(0)) == 10


@pytest.mark.parametrize(
    "command",
    [
        ng.play_media("d", "a", "/x.wav"),
        ng.play_media("c", "x", "/x.wav"),
        ng.play_media("c", "a", []),
        {"command": "play media", "call-id": "c", "from-tag": "a"},
        {"command": "play media", "call-id": "c", "from-tag": "a", "files": ["/x.wav", 7]},
        {"command": "play media", "call-id": "c"},
        ng.play_dtmf("c", "a", "x"),
        ng.play_dtmf("c", "a", ""),
        ng.play_dtmf("c", "a", "12"),
        {"command": "play DTMF", "call-id": "c", "from-tag": "a"},
        {"command": "play DTMF", "call-id": "c", "from-tag": "a", "code": 16},
        ng.stop_media("c", "x"),
    ],
)
def test_refused_commands(command: dict[str, Any]) -> None:
    made = in_call()
    assert made.ask(command)["result"] == "error"
    assert made.is_plain


def test_nobody_plays_before_the_answer_or_to_the_house(prompt: str) -> None:
    made = Studio()
    made.do(ng.offer("c", "a", PLAIN[0]))
    assert "answered" in made.ask(ng.play_media("c", "a", prompt))["error-reason"]
    made.do(ng.answer("c", "a", ng.HOUSE, studio.house("8")))
    assert made.ask(ng.play_media("c", ng.HOUSE, prompt))["result"] == "error"
    assert made.ask(ng.play_dtmf("c", "a", "5"))["result"] == "error"


def test_a_codec_that_is_not_spoken_here_is_an_error(prompt: str) -> None:
    made = in_call(body(0, "18"), body(1, "18"))
    assert "codec" in made.ask(ng.play_media("c", "a", prompt))["error-reason"]


def test_a_silent_caller_of_the_house_hears_it_and_nothing_goes_to_the_house(prompt: str) -> None:
    made = Studio()
    made.call(body(0, "0 8 101", EVENTS), studio.house("8 101", EVENTS), ng.HOUSE)
    made.do(ng.play_media("c", "a", prompt))
    made.pass_time(0.1)
    assert {destination for _, _, _, destination in made.opener.sent} == {PARTIES[0]}
    made.say(0, 8, bytes(160), 0)
    made.pass_time(0.1)
    assert made.heard(1) == []
    assert {packet.payload_type for packet in made.heard(0)} == {8}
    assert made.events("one-way") == []


def test_a_party_that_holds_is_not_spoken_to_but_time_goes_on(prompt: str) -> None:
    made = in_call()
    made.do(ng.play_media("c", "a", prompt, play_id="x"))
    made.pass_time(0.2)
    made.do(ng.offer("c", "a", body(0, "8", "a=sendonly"), to_tag="b"))
    made.do(ng.answer("c", "a", "b", body(1, "8", "a=recvonly")))
    made.heard(0)
    made.pass_time(0.4)
    assert made.heard(0) == []
    made.do(ng.offer("c", "a", body(0, "8"), to_tag="b"))
    made.do(ng.answer("c", "a", "b", body(1, "8")))
    made.pass_time(1)
    assert len(made.heard(0)) == pytest.approx(20, abs=2)
    assert len(made.events("media-ended")) == 1


def test_another_codec_is_taken_up_at_the_same_place(prompt: str) -> None:
    made = in_call()
    made.do(ng.play_media("c", "a", prompt))
    made.pass_time(0.5)
    made.do(ng.offer("c", "b", body(1, "0", "a=ptime:10"), to_tag="a"))
    made.do(ng.answer("c", "b", "a", body(0, "0", "a=ptime:10")))
    made.heard(0)
    made.pass_time(1)
    packets = made.heard(0)
    assert {(packet.payload_type, len(packet.payload)) for packet in packets} == {(0, 80)}
    assert len(packets) == pytest.approx(50, abs=3)
    assert strength(sound_of(packets, "PCMU"), 440) > 0.9
    made.do(ng.play_media("c", "a", prompt))
    made.do(ng.offer("c", "b", body(1, "18"), to_tag="a"))
    made.do(ng.answer("c", "b", "a", body(0, "18")))
    made.heard(0)
    made.pass_time(0.5)
    assert (made.heard(0), made.is_plain) == ([], True)
    assert len(made.events("media-ended")) == 2


def test_who_is_left_with_the_house_is_played_to_where_it_is(prompt: str) -> None:
    made = in_call()
    made.do(ng.play_media("c", "a", prompt, repeat_times=0))
    made.do(ng.offer("c", ng.HOUSE, studio.house("8 101", EVENTS), to_tag="b"))
    assert made.held.house is None
    made.do(ng.answer("c", ng.HOUSE, "b", body(1, "8 101", EVENTS)))
    made.pass_time(0.1)
    made.opener.sent.clear()
    made.do(ng.play_media("c", "b", prompt))
    made.pass_time(0.2)
    assert {(side, destination) for side, _, _, destination in made.opener.sent} == {(1, PARTIES[1])}
    made.say(1, 101, dtmf.event_payloads("5", 1, 160)[0][0], 1)
    assert [(event["tag"], event["digit"]) for event in made.events("dtmf")] == [("b", "5")]
    assert made.ask(ng.play_media("c", ng.HOUSE, prompt))["result"] == "error"


def test_two_who_were_on_one_side_are_joined(prompt: str) -> None:
    made = in_call()
    made.do(ng.offer("c", "b", body(1, "8"), to_tag="c"))
    made.do(ng.answer("c", "b", "c", body(0, "8")))
    for tag, side in (("b", 1), ("c", 0)):
        made.do(ng.play_media("c", tag, prompt))
        made.pass_time(0.1)
        assert {(one[0], one[3]) for one in made.opener.sent} == {(side, PARTIES[side])}
        made.do(ng.stop_media("c", tag))
        made.opener.sent.clear()


def test_music_follows_a_party_to_the_other_side_and_ends_for_one_who_is_gone(prompt: str) -> None:
    made = in_call()
    for tag in "ab":
        made.do(ng.play_media("c", tag, prompt, repeat_times=0))
    made.do(ng.offer("c", "a", body(0, "8"), to_tag="b"))
    made.do(ng.answer("c", "a", "b", body(1, "8")))
    made.pass_time(0.1)
    assert [len(made.heard(side)) for side in (0, 1)] == [6, 6]
    made.do(ng.offer("c", "d", body(1, "8")))
    made.do(ng.answer("c", "d", "b", body(0, "8")))
    made.pass_time(0.1)
    assert [len(made.heard(side)) for side in (0, 1)] == [5, 0]
    made.do(ng.stop_media("c", "b"))
    made.pass_time(0.1)
    assert [len(made.heard(side)) for side in (0, 1)] == [0, 0]
    assert made.is_plain
    assert made.clock.slots == []


def test_garbage_and_strangers_while_it_plays(prompt: str) -> None:
    made = in_call()
    made.do(ng.play_media("c", "a", prompt))
    chance = random.Random(1)
    for number in range(40):
        made.receive(0, chance.randbytes(chance.randrange(200)), ("198.51.100.9", 9))
        made.receive(1, b"\x80" + chance.randbytes(chance.randrange(60)))
        made.receive(1, rtp.build(8, number, number, chance.randrange(1 << 32), bytes(160)))
        made.pass_time(0.02)
    assert len({packet.ssrc for packet in made.heard(0)}) == 1
    assert made.line.session.lane(0, RTP).foreign > 0


@pytest.mark.parametrize("events_to_bob", [True, False])
def test_a_digit_is_played_to_the_other_party(events_to_bob: bool) -> None:
    made = in_call(PLAIN[0], PLAIN[1] if events_to_bob else body(1, "8"))
    for digit in "5#":
        made.do(ng.play_dtmf("c", "a", digit, duration_ms=100))
    made.pass_time(1)
    packets = made.heard(1)
    assert made.heard(0) == []
    assert made.is_plain
    if not events_to_bob:
        assert digit_tones.ToneReader().hear(sound_of(packets[:5]) + bytes(1280) + sound_of(packets[5:])) == ["5", "#"]
        return
    reader = dtmf.EventReader()
    heard = [reader.hear(packet.ssrc, packet.timestamp, packet.payload) for packet in packets]
    assert [one[0] for one in heard if one] == ["5", "#"]
    assert {packet.payload_type for packet in packets} == {101}
    events = [dtmf.parse_event(packet.payload) for packet in packets]
    assert [event.duration for event in events] == [160, 320, 480, 640, 800, 800, 800, 800] * 2
    assert len({packet.timestamp for packet in packets}) == 2


def test_a_digit_is_heard_though_a_third_of_its_packets_is_lost() -> None:
    chance = random.Random(4711)
    for _ in range(200):
        made_packets = dtmf.event_payloads("7", 8, 160)
        reader = dtmf.EventReader()
        told = [reader.hear(1, 5, payload) for payload, _ in made_packets if chance.random() > 0.3]
        assert len([one for one in told if one]) == 1


def test_prompts_are_given_back_however_it_ends(prompt: str) -> None:
    made = in_call()
    made.do(ng.play_media("c", "a", prompt))
    made.do(ng.play_media("c", "b", [prompt, prompt], repeat_times=0))
    made.pass_time(0.3)
    made.do(ng.delete("c"))
    made.pass_time(0.1)
    assert made.clock.slots == []
    assert all(shared.users == 0 for shared in made.files._known.values())
    made.files.idle_bytes = 0
    made.call(*PLAIN)
    made.do(ng.play_media("c", "a", prompt))
    made.pass_time(2)
    assert len(made.files) == 0
    assert len(made.opener.pool) == 98


def test_a_hundred_calls_leave_nothing_behind(prompt: str) -> None:
    made = Studio()
    for number in range(100):
        made.do(ng.offer(f"c{number}", "a", body(0, "8 101", EVENTS)))
        made.do(ng.answer(f"c{number}", "a", ng.HOUSE, studio.house("8 101", EVENTS)))
        made.do(ng.play_media(f"c{number}", "a", prompt, repeat_times=0))
        made.do(ng.block_dtmf(f"c{number}"))
        if number >= 40:
            made.do(ng.delete(f"c{number - 40}"))
        made.pass_time(0.02)
    made.engine.close()
    made.pass_time(0.1)
    digits = made.engine.extensions[2]
    assert isinstance(digits, Digits)
    assert (digits._listeners, digits._blocked, made.playing._speakers) == ({}, {}, {})
    assert (made.engine._treated, made.clock.slots, len(made.files)) == (set(), [], 0)
    assert len(made.opener.pool) == 100


class Phone:
    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = int(self.socket.getsockname()[1])

    async def hear(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.socket, 65536), 5.0)


async def test_over_sockets_a_prompt_is_heard_in_its_time_and_the_call_goes_on(prompt: str) -> None:
    worker = MediaWorker(("127.0.0.1", 0), "127.0.0.1", ports=(28000, 28999))
    await worker.start()
    control, alice, bob = Phone(), Phone(), Phone()

    async def ask(cookie: str, command: dict[str, Any]) -> dict[str, Any]:
        control.socket.sendto(ng.encode_command(cookie, command), worker.control)
        return ng.decode_reply(await control.hear())[1]

    text = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\n"
    offered = await ask("1", ng.offer("c", "a", text % alice.port))
    await ask("2", ng.answer("c", "a", "b", text % bob.port))
    assert {"play media", "play DTMF", "transcoding"} <= set((await ask("3", ng.ping()))["capabilities"])
    began = time.monotonic()
    assert (await ask("4", ng.play_media("c", "a", prompt, play_id="p")))["duration"] == 1000
    packets = [rtp.parse(await alice.hear()) for _ in range(50)]
    assert 0.9 < time.monotonic() - began < 10
    assert strength(sound_of(packets)[1600:-1600], 440) > 0.97
    ended = ng.decode_reply(await control.hear())[1]
    assert (ended["event"], ended["play-id"]) == ("media-ended", "p")
    bob.socket.sendto(rtp.build(8, 1, 1, 9, bytes(160)), ("127.0.0.1", sdp.parse(offered["sdp"]).media[0].port))
    assert rtp.parse(await alice.hear()).ssrc == 9
    assert (await ask("5", ng.delete("c", "a", "b")))["totals"]["RTP"]["packets"] == 1
    worker.stop()
    for phone in (control, alice, bob):
        phone.socket.close()
