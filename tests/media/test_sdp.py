from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routerd.errors import SdpError
from routerd.media import sdp

BODY = (
    b"v=0\r\no=alice 12 34 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\na=sendonly\r\n"
    b"m=audio 4000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\n"
    b"a=rtcp:4007 IN IP4 192.0.2.9\r\na=rtcp-mux\r\na=candidate:1 1 udp 5 192.0.2.1 4000 typ host\r\n"
    b"m=video 0 RTP/AVP 31\r\na=x-\xff\xfe:raw\r\n"
)


def test_lines_survive_byte_for_byte() -> None:
    assert sdp.parse(BODY).serialise() == BODY


def test_bare_line_feeds_become_crlf() -> None:
    assert sdp.parse(BODY.replace(b"\r\n", b"\n")).serialise() == BODY


def test_typed_parts() -> None:
    session = sdp.parse(BODY)
    audio, video = session.media
    assert session.origin == sdp.Origin("alice", "12", "34", "IP4", "192.0.2.1")
    assert session.connection == "192.0.2.1"
    assert (audio.kind, audio.port, audio.protocol, audio.formats) == ("audio", 4000, "RTP/AVP", ["0", "101"])
    assert audio.rtpmaps == {"101": sdp.RtpMap("telephone-event", 8000, 1)}
    assert audio.fmtp("101") == "0-15"
    assert audio.fmtp("0") is None
    assert audio.ptime_ms == 20
    assert audio.rtcp == sdp.RtcpPort(4007, "192.0.2.9")
    assert audio.rtcp_mux
    assert len(audio.candidates) == 1
    assert session.direction_of(audio) == "sendonly"
    assert (video.port, video.is_rtp) == (0, True)


def test_direction_and_port_are_written_in_place() -> None:
    session = sdp.parse(BODY)
    audio = session.media[0]
    audio.set_direction("inactive")
    audio.set_direction("recvonly")
    audio.port = 5000
    audio.set_connection("2001:db8::1")
    again = sdp.parse(session.serialise())
    assert again.direction_of(again.media[0]) == "recvonly"
    assert again.media[0].lines[:2] == ["m=audio 5000 RTP/AVP 0 101", "c=IN IP6 2001:db8::1"]
    assert again.address_of(again.media[0]) == "2001:db8::1"


def test_session_connection_is_put_before_the_time() -> None:
    session = sdp.parse(b"v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n")
    session.set_connection("192.0.2.7")
    assert session.lines == ["v=0", "o=- 1 1 IN IP4 h", "s=-", "c=IN IP4 192.0.2.7", "t=0 0"]


def test_attributes_are_removed_by_whole_name() -> None:
    session = sdp.parse(BODY)
    session.media[0].remove_attributes("rtcp")
    assert session.media[0].rtcp is None
    assert session.media[0].rtcp_mux


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"\r\n",
        b"v=1\r\no=- 1 1 IN IP4 h\r\ns=-\r\n",
        b"v=0\r\ns=-\r\n",
        b"v=\r\no=\r\ns=\r\nc=\r\nt=\r\na=\r\n",
        BODY.replace(b"c=IN IP4", b"c=AF IP4"),
        BODY.replace(b"c=IN IP4", b"c=IN IP7"),
        BODY.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 192.0.2"),
        BODY.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP4 192.0.2.256"),
        BODY.replace(b"c=IN IP4 192.0.2.1", b"c=IN IP6 gg::1"),
        BODY.replace(b"c=IN IP4 192.0.2.1\r\n", b""),
        BODY.replace(b"m=audio 4000", b"m=audio 70000"),
        BODY.replace(b"m=audio 4000", b"m=audio -1"),
        BODY.replace(b"m=audio 4000", b"m=audio 4000/x"),
        BODY.replace(b"m=audio 4000 RTP/AVP 0 101", b"m=audio 4000 RTP/AVP"),
        BODY.replace(b"a=ptime", b"ptime"),
        BODY.replace(b"IN IP4 192.0.2.1\r\ns", b"IN\r\ns"),
        BODY + b"a=x\r\n" * sdp.MAX_LINES,
        BODY + b"m=audio 0 RTP/AVP 0\r\n" * sdp.MAX_MEDIA,
        BODY + b"a=" + b"x" * sdp.MAX_SIZE_BYTES,
    ],
)
def test_refused(broken: bytes) -> None:
    with pytest.raises(SdpError):
        sdp.parse(broken)


def test_malformed_attributes_are_just_not_found() -> None:
    body = BODY + b"a=rtpmap:96 opus\r\na=rtpmap:97 \r\na=rtpmap\r\na=rtcp:x\r\na=ptime:twenty\r\na=fmtp\r\n"
    video = sdp.parse(body).media[1]
    assert video.rtpmaps == {}
    assert video.rtcp is None
    assert video.ptime_ms is None


def test_work_is_linear() -> None:
    body = BODY + b"".join(b"a=rtpmap:%d L16/8000\r\n" % number for number in range(1900))
    began = time.perf_counter()
    session = sdp.parse(body)
    assert len(session.media[1].rtpmaps) == 1900
    session.serialise()
    assert time.perf_counter() - began < 0.5


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_bytes_give_a_description_or_the_documented_error(data: bytes) -> None:
    for body in (data, BODY + data):
        try:
            session = sdp.parse(body)
        except SdpError:
            continue
        once = session.serialise()
        assert sdp.parse(once).serialise() == once


USUAL = (
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8 0\r\n"
    b"a=rtpmap:8 PCMA/8000\r\n"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"audio 4000", b"audio 0"),
        (b"audio 4000", b"audio 70000"),
        (b"IP4 192.0.2.1\r\nt", b"IP4 192.0.2.256\r\nt"),
        (b"c=IN IP4 192.0.2.1\r\n", b""),
        (b"v=0", b"v=1"),
        (b"t=0 0", b"t"),
        (b"t=0 0", b"t=0 0\nm=x"),
    ],
)
def test_the_usual_description_is_known_at_sight_and_nothing_else(old: bytes, new: bytes) -> None:
    assert sdp.is_ordinary(USUAL)
    assert sdp.parse(USUAL).media[0].port == 4000
    assert not sdp.is_ordinary(USUAL.replace(old, new))
