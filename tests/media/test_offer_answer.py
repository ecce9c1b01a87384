from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import SdpError
from routerd.media import offer_answer, sdp

HEAD = b"v=0\r\no=- 5 5 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
AUDIO = b"m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
VIDEO = (
    b"m=video 4002 RTP/AVP 96 97\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
    b"a=rtcp-fb:* nack\r\n"
)
FAX = b"m=image 4004 udptl t38\r\na=T38FaxVersion:0\r\n"
DIRECTIONS = ["sendrecv", "sendonly", "recvonly", "inactive"]


def test_an_offer_needs_live_media() -> None:
    offer_answer.check_offer(HEAD + AUDIO)
    for broken in (HEAD, HEAD + b"m=audio 0 RTP/AVP 0\r\n", b"no description"):
        with pytest.raises(SdpError):
            offer_answer.check_offer(broken)


def test_an_answer_must_fit_its_offer() -> None:
    offer = HEAD + AUDIO + b"m=video 0 RTP/AVP 31\r\n"
    offer_answer.check_answer(offer, HEAD + AUDIO + b"m=video 0 RTP/AVP 31\r\n")
    for wrong in (HEAD + AUDIO, HEAD + AUDIO + AUDIO, HEAD + AUDIO + VIDEO):
        with pytest.raises(SdpError):
            offer_answer.check_answer(offer, wrong)


def test_codecs_are_filtered_with_their_attributes() -> None:
    body = offer_answer.filter_codecs(HEAD + AUDIO, ["pcma", "telephone-event"])
    assert body == HEAD + AUDIO.replace(b" 0 8 101", b" 8 101")
    body = offer_answer.filter_codecs(HEAD + AUDIO, ["PCMU"])
    assert body == HEAD + b"m=audio 4000 RTP/AVP 0\r\n"


def test_a_line_without_an_allowed_codec_is_refused_and_never_removed() -> None:
    session = sdp.parse(offer_answer.filter_codecs(HEAD + AUDIO + VIDEO + FAX, ["PCMA"]))
    assert [media.port for media in session.media] == [4000, 0, 4004]
    assert session.media[1].lines == ["m=video 0 RTP/AVP 96 97"]
    assert session.media[2].attribute("T38FaxVersion") == "0"


def test_repair_goes_with_what_it_repairs() -> None:
    both = sdp.parse(offer_answer.filter_codecs(HEAD + VIDEO, ["VP8", "rtx"])).media[0]
    assert both.formats == ["96", "97"]
    assert both.attribute("rtcp-fb") == "* nack"
    with pytest.raises(SdpError):
        offer_answer.filter_codecs(HEAD + VIDEO, ["rtx"])


def test_digits_alone_are_no_codec_in_common() -> None:
    with pytest.raises(SdpError):
        offer_answer.filter_codecs(HEAD + AUDIO, ["telephone-event"])


def test_codec_names() -> None:
    assert offer_answer.codec_names(HEAD + AUDIO + FAX) == ["PCMU", "PCMA", "telephone-event"]


@pytest.mark.parametrize(
    ("attributes", "direction", "held"),
    [
        (b"", "sendrecv", False),
        (b"a=sendonly\r\n", "sendonly", True),
        (b"a=inactive\r\n", "inactive", True),
        (b"a=recvonly\r\n", "recvonly", False),
        (b"c=IN IP4 0.0.0.0\r\n", "sendonly", True),
        (b"c=IN IP4 0.0.0.0\r\na=recvonly\r\n", "inactive", True),
    ],
)
def test_hold_is_seen(attributes: bytes, direction: str, held: bool) -> None:
    body = HEAD + b"m=audio 4000 RTP/AVP 0\r\n" + attributes
    assert offer_answer.direction(body) == direction
    assert offer_answer.is_hold(body) is held


def test_refused_lines_say_nothing_of_hold() -> None:
    body = HEAD + b"m=video 0 RTP/AVP 31\r\na=inactive\r\n"
    assert not offer_answer.is_hold(body)
    assert not offer_answer.is_hold(body + AUDIO)
    assert offer_answer.direction(body + AUDIO) == "sendrecv"
    assert offer_answer.direction(body) == "inactive"


def test_hold_and_resume() -> None:
    held = offer_answer.hold(HEAD + AUDIO)
    assert offer_answer.is_hold(held)
    assert offer_answer.direction(held) == "sendonly"
    assert sdp.parse(held).origin.version == "6"
    back = offer_answer.resume(held)
    assert offer_answer.direction(back) == "sendrecv"
    assert sdp.parse(back).origin.version == "7"


def test_black_hole() -> None:
    body = (
        HEAD + AUDIO + b"a=rtcp:4001\r\na=candidate:1 1 udp 1 192.0.2.1 4000 typ host\r\n" + FAX + b"c=IN IP6 ::5\r\n"
    )
    session = sdp.parse(offer_answer.make_black_hole(body))
    assert session.connection == "0.0.0.0"
    assert session.media[1].connection == "::"
    assert session.media[0].rtcp is None
    assert not session.media[0].candidates
    assert all(session.direction_of(media) == "inactive" for media in session.media)
    assert session.origin.version == "6"


@given(st.sampled_from(DIRECTIONS), st.sampled_from(DIRECTIONS))
def test_an_answer_never_claims_more_than_both_allow(offered: str, wanted: str) -> None:
    answered = offer_answer.answer_direction(offered, wanted)
    sends = {"sendrecv", "sendonly"}
    receives = {"sendrecv", "recvonly"}
    assert (answered in sends) == (offered in receives and wanted in sends)
    assert (answered in receives) == (offered in sends and wanted in receives)
    assert offer_answer.reverse(offer_answer.reverse(offered)) == offered


def test_refusing_everything_keeps_the_lines() -> None:
    origin = sdp.Origin("-", "9", "9", "IP4", "192.0.2.9")
    session = sdp.parse(offer_answer.refuse_all(HEAD + AUDIO + FAX, origin))
    assert session.origin == origin
    assert [media.lines for media in session.media] == [["m=audio 0 RTP/AVP 0 8 101"], ["m=image 0 udptl t38"]]


def test_version_grows_by_one_and_survives_strange_ones() -> None:
    assert sdp.parse(offer_answer.bump_version(HEAD + AUDIO)).origin.version == "6"
    strange = HEAD.replace(b"5 5", b"5 x") + AUDIO
    assert sdp.parse(offer_answer.bump_version(strange)).origin.version == "2"


class TestDescription:
    def test_one_identity_and_a_version_that_grows_only_on_change(self) -> None:
        told = offer_answer.Description()
        assert told.stamp(HEAD + AUDIO) == HEAD + AUDIO
        other = (HEAD + AUDIO).replace(b"o=- 5 5 IN IP4 192.0.2.1", b"o=bob 77 900 IN IP4 192.0.2.2")
        assert told.stamp(other) == HEAD + AUDIO
        changed = sdp.parse(told.stamp(other.replace(b"m=audio 4000", b"m=audio 4010")))
        assert changed.origin == sdp.Origin("-", "5", "6", "IP4", "192.0.2.1")
        assert changed.media[0].port == 4010

    def test_media_lines_never_shrink(self) -> None:
        told = offer_answer.Description()
        told.stamp(HEAD + AUDIO + VIDEO)
        session = sdp.parse(told.stamp(HEAD + AUDIO))
        assert [media.port for media in session.media] == [4000, 0]
        assert session.origin.version == "6"
        assert len(sdp.parse(told.stamp(HEAD + AUDIO)).media) == 2

    @given(st.lists(st.integers(1, 4), min_size=1, max_size=8))
    def test_any_order_of_bodies(self, counts: list[int]) -> None:
        told = offer_answer.Description()
        lines, version = 0, 4
        last = b""
        for count in counts:
            body = told.stamp(HEAD + AUDIO * count)
            session = sdp.parse(body)
            assert len(session.media) >= lines
            lines = len(session.media)
            assert int(session.origin.version) == (version if body == last else version + 1)
            version, last = int(session.origin.version), body
