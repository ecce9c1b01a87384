from __future__ import annotations

import pytest

from routerd.media import formats, sdp
from routerd.media.formats import Format, LineFormats

PCMU, PCMA, G722 = Format(0, "PCMU", 8000), Format(8, "PCMA", 8000), Format(9, "G722", 8000)
EVENTS, WIDE_EVENTS = Format(101, "TELEPHONE-EVENT", 8000), Format(110, "TELEPHONE-EVENT", 48000)


def media(line: str, *attributes: str) -> sdp.Media:
    made = sdp.Media(f"m=audio 4000 RTP/AVP {line}")
    made.lines += [f"a={attribute}" for attribute in attributes]
    return made


def test_what_a_line_says() -> None:
    read = formats.read_formats(
        media("9 8 111 110 101 77 300000", "rtpmap:111 opus/48000/2", "rtpmap:110 telephone-event/48000",
              "rtpmap:101 telephone-event/8000", "ptime:30")
    )  # fmt: skip
    assert read.all == (G722, PCMA, Format(111, "OPUS", 48000, 2), WIDE_EVENTS, EVENTS)
    assert (read.digits, read.ptime_ms, read.spoken) == (EVENTS, 30, [G722, PCMA])
    assert read.has_speech
    assert read.named("OPUS") == Format(111, "OPUS", 48000, 2)
    assert read.find(PCMU) is None


@pytest.mark.parametrize(("said", "taken"), [("20", 20), ("40", 40), ("60", 20), ("0", 20), ("x", 20), ("10", 10)])
def test_the_length_of_packets(said: str, taken: int) -> None:
    assert formats.read_formats(media("8", f"ptime:{said}")).ptime_ms == taken


def test_a_wide_event_is_better_than_none() -> None:
    assert LineFormats([WIDE_EVENTS]).digits == WIDE_EVENTS
    assert LineFormats([PCMA]).digits is None
    assert not LineFormats([EVENTS, Format(13, "CN", 8000)]).has_speech


@pytest.mark.parametrize(
    ("described", "told", "chosen"),
    [
        ([PCMU, PCMA, G722], [PCMA], PCMA),
        ([PCMA], [PCMU, PCMA, G722], PCMA),
        ([PCMU, PCMA], [PCMA, PCMU], PCMA),
        ([PCMU, PCMA], [Format(18, "G729", 8000)], PCMU),
        ([Format(18, "G729", 8000)], [Format(18, "G729", 8000)], None),
        ([Format(96, "PCMU", 8000), PCMA], [PCMU], Format(96, "PCMU", 8000)),
    ],
)
def test_what_to_speak_in(described: list[Format], told: list[Format], chosen: Format | None) -> None:
    assert formats.choose(LineFormats(described), LineFormats(told)) == chosen


def test_adding_a_format() -> None:
    line = media("18 101", "rtpmap:101 AMR/8000")
    formats.add_format(line, "pcma")
    formats.add_format(line, "PCMA")
    formats.add_format(line, "telephone-event")
    formats.add_format(line, "telephone-event", 16000, 120)
    assert line.formats == ["18", "101", "8", "96", "120"]
    read = formats.read_formats(line)
    assert read.find(PCMA) == PCMA
    assert read.digits == Format(96, "TELEPHONE-EVENT", 8000)
    assert line.fmtp("96") == "0-15"
    assert line.lines[0] == "m=audio 4000 RTP/AVP 18 101 8 96 120"
    formats.put_first(line, [96, 8, 55])
    assert line.formats == ["96", "8", "18", "101", "120"]


def test_a_line_with_every_number_taken_gets_nothing_more() -> None:
    line = media(" ".join(str(number) for number in range(96, 128)))
    formats.add_format(line, "telephone-event")
    assert len(line.formats) == 32


def test_what_phones_say_in_every_call_is_kept_once() -> None:
    first = formats.read_formats(media("8 101", "rtpmap:101 telephone-event/8000"))
    assert formats.read_formats(media("8 101", "rtpmap:101 telephone-event/8000", "x:1")) is first
    assert formats.read_formats(media("8 101", "rtpmap:101 telephone-event/16000")) is not first
    for number in range(1200):
        formats.read_formats(media(f"8 {number}"))
    assert len(formats._known) <= 500
    long = media(" ".join(str(number) for number in range(100)))
    assert formats.read_formats(long) is not formats.read_formats(long)
