from __future__ import annotations

import pytest
from media_kit.studio import EVENTS, Studio, body, sound_of, strength

from routerd.media import converter, g711, ng, rtp, tone
from routerd.media.relay_session import RTP

CODECS = {"PCMU": "0", "PCMA": "8", "G722": "9"}
SOUND = tone.make_tone([1000], 0.5, 8000, 9000)


def payload_of(codec: str) -> bytes:
    return converter.make_transcoder("PCMA", codec)(g711.encode("PCMA", SOUND))


@pytest.mark.parametrize("alice", CODECS)
@pytest.mark.parametrize("bob", CODECS)
def test_two_who_have_nothing_in_common(alice: str, bob: str) -> None:
    made = Studio()
    told = made.call(body(0, CODECS[alice]), body(1, CODECS[bob]), codec={"transcode": [bob]})
    same = alice == bob
    assert told == ([CODECS[alice]] if same else [CODECS[alice], CODECS[bob]], [CODECS[alice]])
    assert made.is_plain is same
    for side, (spoken, heard) in enumerate(((alice, bob), (bob, alice))):
        made.speak(side, int(CODECS[spoken]), payload_of(spoken))
        packets = made.heard(1 - side)
        assert {packet.payload_type for packet in packets} == {int(CODECS[heard])}
        assert strength(sound_of(packets, heard)[1600:], 1000) > 0.95
        sequences = [packet.sequence for packet in packets]
        assert sequences == list(range(sequences[0], sequences[0] + 25))
        assert [packet.timestamp for packet in packets] == [160 * at for at in range(25)]
    assert made.do(ng.query("c"))["totals"]["RTP"]["packets"] == 50
    assert made.do(ng.query("c"))["totals"]["RTP"]["lost"] == 0


def test_an_answer_with_one_of_the_offerers_codecs_stays_plain() -> None:
    made = Studio()
    told = made.call(body(0, "8 101", EVENTS), body(1, "8 101", EVENTS), codec={"transcode": ["G722", "PCMU"]})
    assert told == (["8", "101", "9", "0"], ["8", "101"])
    assert made.is_plain


def test_an_answer_with_both_leaves_the_added_one_out_and_converts_it_if_it_comes() -> None:
    made = Studio()
    told = made.call(body(0, "8"), body(1, "0 8"), codec={"transcode": ["PCMU"]})
    assert told[1] == ["8"]
    made.say(1, 8, bytes(160), 0)
    made.say(1, 0, bytes(160), 160)
    heard = made.heard(0)
    assert [packet.payload_type for packet in heard] == [8, 8]
    assert heard[1].payload == bytes(160).translate(g711.U_TO_A)
    made.say(0, 8, bytes(160), 0)
    assert [packet.payload_type for packet in made.heard(1)] == [8]


def test_digits_that_were_added_are_renumbered_or_left_out() -> None:
    made = Studio()
    answer = body(1, "0 101", EVENTS)
    told = made.call(body(0, "8 96", "a=rtpmap:96 telephone-event/8000"), answer, codec={"transcode": ["PCMU"]})
    assert told == (["8", "96", "0"], ["8", "101"])
    made.say(0, 101, b"\x05\x0a\x00\xa0", 0)
    made.say(0, 8, bytes(160), 160)
    assert [packet.payload_type for packet in made.heard(1)] == [101, 0]
    made.say(1, 96, b"\x05\x0a\x00\xa0", 0)
    assert [packet.payload_type for packet in made.heard(0)] == [96]
    made = Studio()
    told = made.call(body(0, "8"), body(1, "0 101", EVENTS), codec={"transcode": ["PCMU", "telephone-event"]})
    assert told == (["8", "0", "101"], ["8"])
    made.say(1, 101, b"\x05\x0a\x00\xa0", 0)
    made.say(1, 0, bytes(160), 160)
    assert [(packet.payload_type, packet.sequence) for packet in made.heard(0)] == [(8, 101)]


def test_what_is_masked_is_not_shown_and_converted() -> None:
    made = Studio()
    told = made.call(body(0, "0"), body(1, "8"), codec={"mask": ["PCMU"], "transcode": ["PCMA"]})
    assert told[1] == ["0"]
    made.say(1, 8, bytes(160), 0)
    assert [packet.payload_type for packet in made.heard(0)] == [0]


def test_without_the_wish_nothing_is_added_and_a_strange_answer_passes() -> None:
    made = Studio()
    assert made.call(body(0, "8"), body(1, "0")) == (["8"], ["0"])
    assert made.is_plain


@pytest.mark.parametrize("codec", [{"transcode": "PCMA"}, {"transcode": [7, "opus", "AMR"]}, [], {"transcode": {}}])
def test_wishes_that_cannot_be_granted_are_left_aside(codec: object) -> None:
    made = Studio()
    assert made.formats(made.do({**ng.offer("c", "a", body(0, "0")), "codec": codec})) == ["0"]


def test_a_codec_that_cannot_be_converted_is_passed_on_as_it_was_answered() -> None:
    made = Studio()
    told = made.call(body(0, "18"), body(1, "8"), codec={"transcode": ["PCMA"]})
    assert told == (["18", "8"], ["8"])
    assert made.is_plain


def test_another_negotiation_ends_the_conversion_and_begins_it_again() -> None:
    made = Studio()
    made.call(body(0, "8"), body(1, "0"), codec={"transcode": ["PCMU"]})
    assert not made.is_plain
    made.do(ng.offer("c", "a", body(0, "0 8"), to_tag="b"))
    made.do(ng.answer("c", "a", "b", body(1, "0")))
    assert made.is_plain
    made.say(0, 0, bytes(160), 0)
    assert [packet.payload_type for packet in made.heard(1)] == [0]
    made.do(ng.offer("c", "b", body(1, "9"), to_tag="a", codec={"transcode": ["PCMA"]}))
    assert made.formats(made.do(ng.answer("c", "b", "a", body(0, "8")))) == ["9"]
    made.say(1, 9, bytes(160), 0)
    assert [packet.payload_type for packet in made.heard(0)] == [8]


def test_a_refused_offer_changes_no_conversion() -> None:
    made = Studio()
    made.call(body(0, "8"), body(1, "0"), codec={"transcode": ["PCMU"]})
    made.do(ng.offer("c", "a", body(0, "9"), to_tag="b"))
    made.say(0, 8, bytes(160), 0)
    assert [packet.payload_type for packet in made.heard(1)] == [0]


def test_sources_and_payloads_that_change_in_the_middle_of_speech() -> None:
    made = Studio()
    made.call(body(0, "8 9"), body(1, "0"), codec={"transcode": ["PCMU"]})
    for number, (payload_type, ssrc) in enumerate([(8, 5), (9, 5), (8, 6), (9, 7), (55, 7), (8, 7)]):
        made.say(0, payload_type, bytes(160), 160 * number, ssrc)
    heard = made.heard(1)
    assert [packet.payload_type for packet in heard] == [0, 0, 0, 0, 55, 0]
    assert [packet.ssrc for packet in heard] == [5, 5, 6, 7, 7, 7]


def test_reports_pass_a_converted_line() -> None:
    made = Studio()
    made.call(body(0, "8", "a=rtcp-mux"), body(1, "0", "a=rtcp-mux"), codec={"transcode": ["PCMU"]})
    made.say(0, 8, bytes(160), 0)
    report = bytes([0x80, 201, 0, 1, 0, 0, 0, 8])
    made.receive(0, report)
    assert [(one[0], one[1], one[3][1]) for one in made.opener.sent[1:]] == [(1, RTP, 5000)]
    assert rtp.parse(made.opener.sent[0][2]).payload_type == 0
