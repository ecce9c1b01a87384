from __future__ import annotations

import pytest

from routerd.media import codecs, sdp


def line(*lines: str) -> sdp.Media:
    media = sdp.Media(lines[0])
    media.lines += lines[1:]
    return media


def test_static_and_mapped_formats() -> None:
    media = line("m=audio 4000 RTP/AVP 8 111 99", "a=rtpmap:111 opus/48000/2")
    assert codecs.formats_of(media) == [
        ("8", sdp.RtpMap("PCMA", 8000, 1)),
        ("111", sdp.RtpMap("opus", 48000, 2)),
        ("99", None),
    ]


def test_a_mapping_wins_over_the_static_table() -> None:
    media = line("m=audio 4000 RTP/AVP 0", "a=rtpmap:0 G722/8000")
    assert codecs.formats_of(media) == [("0", sdp.RtpMap("G722", 8000, 1))]


def test_clock_rates() -> None:
    media = line("m=audio 4000 RTP/AVP 8 111 99 * 4444", "a=rtpmap:111 opus/48000/2", "a=rtpmap:99 odd/0")
    assert codecs.clock_rates(media) == {8: 8000, 111: 48000, 99: 8000}


@pytest.mark.parametrize(
    ("entry", "matching"),
    [("opus", True), ("OPUS", True), ("opus/48000", True), ("opus/48000/2", True), ("opus/8000", False), ("op", False)],
)
def test_matches(entry: str, matching: bool) -> None:
    assert codecs.matches(sdp.RtpMap("opus", 48000, 2), entry) is matching


def test_an_allow_list() -> None:
    opus = sdp.RtpMap("opus", 48000, 2)
    assert codecs.is_allowed(opus, ["PCMA", "OPUS/48000"])
    assert codecs.is_allowed(opus, ["opus"])
    assert not codecs.is_allowed(opus, ["PCMA", "opus/8000"])
    assert not codecs.is_allowed(opus, [])


def test_digits_and_comfort_noise_are_no_media() -> None:
    assert codecs.carries_media(sdp.RtpMap("PCMA", 8000, 1))
    assert not codecs.carries_media(sdp.RtpMap("telephone-event", 8000, 1))
    assert not codecs.carries_media(sdp.RtpMap("CN", 8000, 1))
