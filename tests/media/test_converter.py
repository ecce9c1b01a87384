from __future__ import annotations

import pytest

from routerd.media import converter, formats, g711, rtp, tone
from routerd.media.converter import Converter
from routerd.media.formats import Format, LineFormats

PCMU, PCMA, G722 = Format(0, "PCMU", 8000), Format(8, "PCMA", 8000), Format(9, "G722", 8000)
OPUS, NOISE = Format(111, "OPUS", 48000, 2), Format(13, "CN", 8000)
EVENTS, OTHER_EVENTS = Format(101, "TELEPHONE-EVENT", 8000), Format(96, "TELEPHONE-EVENT", 8000)


def heard(*known: Format) -> dict[int, Format]:
    return {one.payload_type: one for one in known}


@pytest.mark.parametrize("source", formats.SPOKEN)
@pytest.mark.parametrize("target", formats.SPOKEN)
def test_a_tone_keeps_its_pitch(source: str, target: str) -> None:
    sound = tone.make_tone([1000], 0.4, 8000, 9000)
    encode = converter.make_transcoder("PCMA", source)
    transcode, listen = converter.make_transcoder(source, target), converter.make_listener(target)
    told = g711.encode("PCMA", sound)
    samples = b"".join(listen(transcode(encode(told[at : at + 160]))) for at in range(0, len(told), 160))
    assert len(samples) == len(sound)
    assert strength(samples[1600:], 1000) > 0.97


def strength(samples: bytes, frequency_hz: int) -> float:
    """The share of the power at one frequency: the rest of a sine minus its best fit."""
    from array import array
    from math import cos, pi, sin

    values = array("h", samples)
    angle = 2 * pi * frequency_hz / 8000
    real = sum(value * cos(angle * i) for i, value in enumerate(values))
    imaginary = sum(value * sin(angle * i) for i, value in enumerate(values))
    return 2 * (real**2 + imaginary**2) / (len(values) * sum(value * value for value in values))


def test_what_happens_to_each_payload_type() -> None:
    made = Converter(heard(PCMU, PCMA, OPUS, NOISE, EVENTS), LineFormats([PCMA, OTHER_EVENTS]), PCMA)
    assert made.changes_anything
    converted = [made.convert(rtp.build(number, 10 + at, 160 * at, 7, b"\xff" * 160, marker=at == 0))
                 for at, number in enumerate((0, 8, 111, 13, 101, 55))]  # fmt: skip
    assert [one is None for one in converted] == [False, False, True, True, False, False]
    parsed = [rtp.parse(one) for one in converted if one is not None]
    assert [one.payload_type for one in parsed] == [8, 8, 96, 55]
    assert [one.sequence for one in parsed] == [10, 11, 12, 13]
    assert [one.timestamp for one in parsed] == [0, 160, 640, 800]
    assert parsed[0].payload == (b"\xff" * 160).translate(g711.U_TO_A)
    assert [one.marker for one in parsed] == [True, False, False, False]
    assert parsed[1].payload == b"\xff" * 160


def test_nothing_to_do() -> None:
    made = Converter(heard(PCMU, EVENTS), LineFormats([PCMU, EVENTS]), PCMU)
    assert not made.changes_anything
    packet = rtp.build(0, 1, 160, 7, bytes(160))
    assert made.convert(packet) is packet


def test_extensions_sources_and_padding_are_left_behind_where_sound_is_converted() -> None:
    made = Converter(heard(PCMU), LineFormats([PCMA]), PCMA)
    head = bytes([0xB1, 0x80, 0, 5, 0, 0, 0, 9, 0, 0, 0, 7, 0, 0, 0, 1, 0xBE, 0xDE, 0, 1, 1, 2, 3, 4])
    converted = made.convert(head + b"\xff" * 80 + b"\0\0\0\4")
    assert converted is not None
    parsed = rtp.parse(converted)
    assert (parsed.payload_type, parsed.marker, parsed.sequence, parsed.timestamp, parsed.ssrc) == (8, True, 5, 9, 7)
    assert parsed.payload == (b"\xff" * 80).translate(g711.U_TO_A)
    assert made.convert(head[:14]) is None
    assert made.unreadable == 1


def test_codecs_that_nobody_knows_here_are_not_converted() -> None:
    made = Converter(heard(OPUS, PCMA), LineFormats([OPUS]), None)
    assert made.convert(rtp.build(111, 1, 1, 7, b"x")) is not None
    assert made.convert(rtp.build(8, 1, 1, 7, b"x")) is None


def test_every_size_of_payload_is_survived() -> None:
    for source in (PCMA, PCMU, G722):
        for target in (PCMA, PCMU, G722):
            made = Converter(heard(source), LineFormats([target]), target)
            for size in (0, 1, 79, 1500):
                packet = made.convert(rtp.build(source.payload_type, 1, 1, 7, bytes(size)))
                assert packet is not None
                assert len(packet) == 12 + size
