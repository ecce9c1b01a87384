from __future__ import annotations

from array import array
from itertools import pairwise
from math import cos, pi, sin
from typing import Any

import pytest

from routerd.errors import MediaError
from routerd.media import dtmf, g711, g722, playout, rtp, tone
from routerd.media.playout import Halver, Playout, Prompt


def prompt(seconds: float, name: str = "PCMA", rate_hz: int = 16000, ptime_ms: int = 20, pitch_hz: int = 440) -> Prompt:
    return from_samples(tone.make_tone([pitch_hz], seconds, rate_hz, 9000), name, rate_hz, ptime_ms)


def from_samples(samples: bytes, name: str = "PCMA", rate_hz: int = 16000, ptime_ms: int = 20) -> Prompt:
    return Prompt(
        lambda first, count: samples[2 * first : 2 * (first + count)], len(samples) // 2, rate_hz, name, ptime_ms
    )


def strength(samples: bytes, frequency_hz: int, rate_hz: int) -> float:
    values = array("h", samples)
    angle = 2 * pi * frequency_hz / rate_hz
    real = sum(value * cos(angle * i) for i, value in enumerate(values))
    imaginary = sum(value * sin(angle * i) for i, value in enumerate(values))
    return 2 * (real**2 + imaginary**2) / (len(values) * sum(value * value for value in values))


def spoken(stream: Playout, from_ms: int = 0, most: int = 10_000) -> list[rtp.RtpPacket]:
    packets: list[rtp.RtpPacket] = []
    now = from_ms
    while stream.is_speaking and len(packets) < most:
        packet = stream.step(now)
        packets += [rtp.parse(packet)] if packet is not None else []
        now += stream.ptime_ms
    return packets


def tuned(ptime_ms: int = 20) -> Playout:
    stream = Playout(77, 65530, 0xFFFFFF00)
    stream.tune(8, 101, ptime_ms)
    return stream


@pytest.mark.parametrize("name", ["PCMA", "PCMU", "G722"])
@pytest.mark.parametrize("rate_hz", [8000, 16000])
@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40])
def test_a_prompt_is_its_tone(name: str, rate_hz: int, ptime_ms: int) -> None:
    made = prompt(0.5, name, rate_hz, ptime_ms)
    assert (made.duration_ms, made.count) == (500, -(-500 // ptime_ms))
    payloads = [made.payload(at) for at in range(made.count)]
    assert all(payload is not None and len(payload) == 8 * ptime_ms for payload in payloads)
    assert made.payload(made.count) is None
    assert made.is_whole
    sound = b"".join(payload for payload in payloads if payload is not None)
    assert made.size_bytes == len(sound)
    if name == "G722":
        assert strength(g722.Decoder().decode(sound)[1600:].tobytes()[:12000], 440, 16000) > 0.97
    else:
        assert strength(g711.decode(name, sound)[1600:7000], 440, 8000) > 0.97


def test_what_a_telephone_cannot_carry_is_taken_away_and_the_rest_left() -> None:
    def level(frequency_hz: int) -> Any:
        samples = array("h", Halver().halve(tone.make_tone([frequency_hz], 0.2, 16000, 10000)))
        return (2 * sum(sample * sample for sample in samples[100:-100]) / (len(samples) - 200)) ** 0.5 / 10000

    assert [round(level(frequency), 2) for frequency in (300, 1000, 2000, 3000)] == pytest.approx([1.0] * 4, abs=0.02)
    assert level(5000) < 0.02
    assert level(7000) < 0.01


def test_piece_by_piece_is_the_same_as_at_once() -> None:
    sound = tone.make_tone([440, 1200], 0.2, 16000)
    halver = Halver()
    pieces = b"".join(halver.halve(sound[at : at + 640]) for at in range(0, len(sound), 640))
    assert pieces == Halver().halve(sound)


def test_a_file_is_read_as_far_as_it_is_heard() -> None:
    asked: list[tuple[int, int]] = []

    def read(first: int, count: int) -> bytes:
        asked.append((first, count))
        return bytes(2 * count)

    made = Prompt(read, 16000 * 60, 16000, "PCMU", 20)
    made.payload(0)
    made.payload(9)
    assert asked == [(0, 3200)]
    made.payload(10)
    assert asked == [(0, 3200), (3200, 3200)]
    assert not made.is_whole


def test_a_file_that_was_cut_off_ends_there() -> None:
    samples = tone.make_tone([440], 0.3, 16000)
    made = Prompt(lambda first, count: samples[2 * first : 2 * (first + count)][:-1], 16000 * 5, 16000, "PCMA", 20)
    heard = [at for at in range(made.count) if made.payload(at) is not None]
    assert heard in (list(range(15)), list(range(10)), list(range(20)))
    assert made.is_whole


def test_what_cannot_be_a_prompt() -> None:
    for rate_hz, frames, name in ((44100, 10, "PCMA"), (8000, 0, "PCMA"), (8000, 10, "OPUS")):
        with pytest.raises(MediaError):
            Prompt(lambda _first, count: bytes(2 * count), frames, rate_hz, name, 20)


@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40])
def test_one_stream_over_several_prompts(ptime_ms: int) -> None:
    stream = tuned(ptime_ms)
    first, second = prompt(0.12, ptime_ms=ptime_ms), prompt(0.24, ptime_ms=ptime_ms)
    stream.play([first, second], 2, "greeting")
    packets = spoken(stream)
    assert len(packets) == 2 * (first.count + second.count)
    assert stream.ended == ["greeting"]
    stream.play([first])
    packets += spoken(stream, len(packets) * ptime_ms + ptime_ms + 2000)
    assert [packet.sequence for packet in packets] == [(65530 + at) & 0xFFFF for at in range(len(packets))]
    assert {packet.ssrc for packet in packets} == {77}
    units = 8 * ptime_ms
    steps = [(b.timestamp - a.timestamp) & 0xFFFFFFFF for a, b in pairwise(packets)]
    assert set(steps) - {units} == {steps[2 * (first.count + second.count) - 1]}
    assert max(steps) == pytest.approx(2000 * 8, abs=3 * units)
    assert [at for at, packet in enumerate(packets) if packet.marker] == [0, len(packets) - first.count]


def test_for_ever_until_it_is_stopped() -> None:
    stream = tuned()
    stream.play([prompt(0.1)], 0, "music")
    assert len(spoken(stream, most=500)) == 500
    stream.stop()
    assert stream.step(20_000) is None
    assert (stream.is_speaking, stream.ended) == (False, [])


def test_what_is_played_next_takes_the_place_of_what_was_played() -> None:
    stream = tuned()
    stream.play([prompt(10)], 0, "music")
    spoken(stream, most=5)
    stream.play([prompt(0.1)], 1, "position")
    assert len(spoken(stream, 100)) == 5
    assert stream.ended == ["position"]


def test_prompts_without_a_sound_do_not_go_round_for_ever() -> None:
    stream = tuned()
    stream.play([Prompt(lambda _first, _count: b"", 100, 16000, "PCMA", 20)], 0, "x")
    assert spoken(stream) == []
    assert stream.ended == ["x"]


def test_digits_come_before_a_prompt_which_goes_on_after_them() -> None:
    stream = tuned()
    stream.play([prompt(0.2)])
    packets = spoken(stream, most=3)
    stream.press([payload for payload, _ in dtmf.event_payloads("5", 5, 160)], 2)
    packets += spoken(stream, 60)
    assert [packet.payload_type for packet in packets] == [8] * 3 + [101] * 8 + [8] * 7
    pressed = packets[3:11]
    assert {packet.timestamp for packet in pressed} == {(packets[2].timestamp + 160) & 0xFFFFFFFF}
    assert [packet.marker for packet in pressed] == [True] + [False] * 7
    assert (packets[11].timestamp - packets[2].timestamp) & 0xFFFFFFFF == 160 * 11
    assert [packet.sequence for packet in packets] == [(65530 + at) & 0xFFFF for at in range(18)]
    assert packets[11].marker


def test_tones_before_a_prompt() -> None:
    stream = tuned()
    stream.insert([b"\xd5" * 160] * 4, 3)
    packets = spoken(stream)
    assert [packet.payload_type for packet in packets] == [8] * 4
    assert stream.step(1000) is None


def test_stopping_lets_a_digit_end_and_closing_does_not() -> None:
    stream = tuned()
    payloads = [payload for payload, _ in dtmf.event_payloads("5", 5, 160)]
    stream.play([prompt(1)])
    stream.press(payloads, 0)
    stream.stop()
    assert stream.is_speaking
    assert len(spoken(stream)) == 8
    stream.press(payloads, 0)
    stream.close()
    assert not stream.is_speaking


def test_another_codec_goes_on_at_the_same_place() -> None:
    stream = tuned()
    stream.play([prompt(1.0)], 1, "x")
    spoken(stream, most=10)
    stream.tune(0, None, 10)
    stream.exchange([prompt(1.0, "PCMU", ptime_ms=10)])
    packets = spoken(stream, 200)
    assert (len(packets), packets[0].payload_type, len(packets[0].payload)) == (80, 0, 80)
    assert stream.ended == ["x"]


def test_a_beginning_in_the_middle() -> None:
    stream = tuned()
    stream.skip(100)
    stream.play([prompt(1.0)])
    stream.skip(600)
    assert len(spoken(stream)) == 20
    assert stream.prompts == ()
    assert playout.CHUNK_MS % 40 == 0
