from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from media_kit.studio import EVENTS, Studio, body, house, sound_of

from routerd.media import digit_tones, dtmf, g711, ng, tone
from routerd.media.relay_session import RTP
from routerd.media_worker.digits import MOST_A_SECOND
from routerd.media_worker.extension import Extension, Services

if TYPE_CHECKING:
    from routerd.media_worker.call import MediaCall

BOTH = (body(0, "8 101", EVENTS), body(1, "8 101", EVENTS))
PRESSED = dtmf.event_payloads("5", 5, 160)


def alone(*more: type[Extension], caller: bytes = BOTH[0]) -> Studio:
    made = Studio(*more)
    made.call(caller, house("8 101", EVENTS), ng.HOUSE)
    return made


def press(made: Studio, digit: str, timestamp: int, side: int = 0, loss: float = 0.0, seed: int = 0) -> None:
    chance = random.Random(seed)
    for payload, _ in dtmf.event_payloads(digit, 5, 160):
        if chance.random() >= loss:
            made.say(side, 101, payload, timestamp)
        made.pass_time(0.02)


def tones(digits: str, codec: str = "PCMA", seconds: float = 0.08) -> bytes:
    pause = tone.make_silence(0.08, 8000)
    return g711.encode(codec, b"".join(tone.make_digit(digit, seconds, 8000) + pause for digit in digits))


def told(made: Studio) -> str:
    return "".join(event["digit"] for event in made.events("dtmf"))


def test_the_house_is_told_each_digit_once_at_its_beginning() -> None:
    made = alone()
    made.say(0, 101, PRESSED[0][0], 1000, marker=True)
    assert made.events("dtmf") == [
        {
            "event": "dtmf", "call-id": "c", "tag": "a", "digit": "5", "duration-ms": 20, "source": "event",
            "started": "instance",
        }
    ]  # fmt: skip
    for payload, _ in PRESSED[1:]:
        made.say(0, 101, payload, 1000)
    press(made, "#", 4000)
    assert told(made) == "5#"


def test_events_of_a_wide_clock() -> None:
    wide = "a=rtpmap:110 telephone-event/48000"
    made = Studio()
    made.call(body(0, "8 110", wide), house("8 110", wide), ng.HOUSE)
    made.say(0, 110, dtmf.event_payloads("5", 1, 960)[0][0], 1000)
    assert [(event["digit"], event["duration-ms"]) for event in made.events("dtmf")] == [("5", 20)]


def test_with_a_third_lost_no_digit_is_lost_and_none_comes_twice() -> None:
    made = alone()
    for number, digit in enumerate(tone.DIGITS * 4):
        press(made, digit, 4000 * number, loss=0.3, seed=number)
    assert told(made) == tone.DIGITS * 4


@pytest.mark.parametrize(("formats", "codec"), [("8", "PCMA"), ("0", "PCMU")])
def test_the_sound_of_a_caller_without_events_is_listened_to(formats: str, codec: str) -> None:
    made = Studio()
    made.call(body(0, formats), house(formats), ng.HOUSE)
    made.speak(0, int(formats), tones("0123456789*#ABCD", codec))
    assert told(made) == "0123456789*#ABCD"
    assert {event["source"] for event in made.events("dtmf")} == {"inband"}


def test_the_sound_of_one_with_events_is_not_unless_it_is_asked_for() -> None:
    made = alone()
    made.speak(0, 8, tones("12"))
    assert told(made) == ""
    made.call(BOTH[0], house("8 101", EVENTS), ng.HOUSE, flags=["detect-DTMF"])
    made.speak(0, 8, tones("12"))
    assert told(made) == "12"


def test_a_press_that_comes_both_ways_is_one() -> None:
    made = Studio()
    made.call(BOTH[0], house("8 101", EVENTS), ng.HOUSE, flags=["detect-DTMF"])
    sound = tones("5")
    for at in range(0, len(sound), 160):
        made.say(0, 8, sound[at : at + 160], at)
        if at // 160 < len(PRESSED):
            made.say(0, 101, PRESSED[at // 160][0], 1)
        made.pass_time(0.02)
    assert told(made) == "5"


def test_between_two_parties_nobody_listens_unasked() -> None:
    made = Studio()
    made.call(*BOTH)
    press(made, "5", 1000)
    assert (told(made), made.is_plain, len(made.heard(1))) == ("", True, 8)
    made = Studio()
    made.call(*BOTH, flags=["detect-DTMF"])
    press(made, "5", 1000)
    press(made, "6", 1000, side=1)
    assert [(event["tag"], event["digit"]) for event in made.events("dtmf")] == [("a", "5"), ("b", "6")]
    assert len(made.heard(1)) == 8


def test_when_a_person_takes_the_houses_place_the_line_is_plain_again() -> None:
    made = alone()
    assert not made.is_plain
    made.do(ng.offer("c", "a", BOTH[0], to_tag="b"))
    made.do(ng.answer("c", "a", "b", BOTH[1]))
    assert made.is_plain
    press(made, "5", 1000)
    assert told(made) == ""


def test_a_negotiation_in_the_middle_of_a_press_does_not_make_two_of_it() -> None:
    made = alone()
    made.say(0, 101, PRESSED[0][0], 1000)
    made.do(ng.offer("c", "a", BOTH[0], to_tag=ng.HOUSE))
    made.do(ng.answer("c", "a", ng.HOUSE, house("8 101", EVENTS)))
    made.say(0, 101, PRESSED[3][0], 1000)
    made.do(ng.offer("c", "a", BOTH[0].replace(b"101", b"96"), to_tag=ng.HOUSE))
    made.do(ng.answer("c", "a", ng.HOUSE, house("8 96", EVENTS.replace("101", "96"))))
    made.say(0, 96, PRESSED[0][0], 9000)
    assert told(made) == "55"


def test_garbage_is_no_digit() -> None:
    made = alone()
    chance = random.Random(3)
    for number in range(300):
        made.say(0, 101, chance.randbytes(chance.randrange(4)), number)
        made.say(0, 101, bytes([chance.randrange(16, 256), 10, 0, 160]), number)
        made.say(0, 8, chance.randbytes(chance.randrange(400)), number)
        made.receive(0, b"\xbf\xe5" + chance.randbytes(10))
        made.receive(0, made_packet(chance), ("198.51.100.66", 9))
    assert told(made) == ""
    assert made.line.session.lane(0, RTP).foreign == 300


def made_packet(chance: random.Random) -> bytes:
    """A press of a stranger."""
    return b"\x80\x65" + chance.randbytes(10) + PRESSED[0][0]


def test_a_flood_of_presses_is_not_passed_on_to_the_controller() -> None:
    made = alone()
    for number in range(2000):
        made.say(0, 101, PRESSED[0][0], 1000 * number)
    assert len(made.events("dtmf")) == MOST_A_SECOND
    made.pass_time(1.0)
    made.say(0, 101, PRESSED[0][0], 9_999_999)
    assert len(made.events("dtmf")) == MOST_A_SECOND + 1


def test_blocked_digits_are_told_and_not_passed_on() -> None:
    made = Studio()
    made.call(*BOTH, flags=["detect-DTMF"])
    made.do(ng.block_dtmf("c", "a"))
    press(made, "5", 1000)
    press(made, "6", 1000, side=1)
    made.say(0, 8, bytes(160), 9000)
    assert [packet.payload_type for packet in made.heard(1)] == [8]
    assert len(made.heard(0)) == 8
    assert told(made) == "56"
    made.do(ng.unblock_dtmf("c"))
    press(made, "7", 20000)
    assert len(made.heard(1)) == 8
    assert made.ask(ng.block_dtmf("c", "x"))["result"] == "error"


def test_blocking_holds_over_another_negotiation_and_leaves_a_plain_line_plain() -> None:
    made = Studio()
    made.call(*BOTH)
    made.do(ng.block_dtmf("c"))
    renumbered = [text.replace(b"101", b"96") for text in BOTH]
    made.do(ng.offer("c", "a", renumbered[0], to_tag="b"))
    made.do(ng.answer("c", "a", "b", renumbered[1]))
    made.say(0, 96, PRESSED[0][0], 1)
    assert made.heard(1) == []
    made.do(ng.unblock_dtmf("c"))
    assert made.is_plain


def test_events_of_one_become_tones_for_another_who_has_none() -> None:
    made = Studio()
    told_parties = made.call(BOTH[0], body(1, "8"), flags=["inject-DTMF"])
    assert told_parties[1] == ["8", "101"]
    for number, digit in enumerate("159*"):
        press(made, digit, 8000 * number, loss=0.3, seed=number)
        made.pass_time(0.3)
    packets = made.heard(1)
    assert {packet.payload_type for packet in packets} == {8}
    pause = bytes(1600)
    groups = [sound_of(packets[at : at + 8]) for at in range(0, len(packets), 8)]
    assert digit_tones.ToneReader().hear(pause.join(groups)) == list("159*")
    assert told(made) == ""


def test_tones_of_one_without_events_become_events_for_another() -> None:
    made = Studio()
    made.call(BOTH[0], body(1, "8"), flags=["inject-DTMF"])
    made.speak(1, 8, tones("27#", seconds=0.2))
    made.pass_time(0.5)
    reader = dtmf.EventReader()
    events = [packet for packet in made.heard(0) if packet.payload_type == 101]
    heard = [reader.hear(packet.ssrc, packet.timestamp, packet.payload) for packet in events]
    assert [one[0] for one in heard if one] == ["2", "7", "#"]


@pytest.mark.parametrize("formats", [("8 101", EVENTS), ("8",)])
def test_legs_that_do_not_differ_stay_plain(formats: tuple[str, ...]) -> None:
    made = Studio()
    made.call(body(0, *formats), body(1, *formats), flags=["inject-DTMF"], codec={"transcode": ["PCMU", "G722"]})
    assert made.is_plain


def test_blocked_digits_are_not_converted_either() -> None:
    made = Studio()
    made.call(BOTH[0], body(1, "8"), flags=["inject-DTMF"])
    made.do(ng.block_dtmf("c", "a"))
    press(made, "5", 1000)
    made.pass_time(0.5)
    assert made.heard(1) == []


def test_digits_of_a_codec_that_is_not_spoken_here_harm_nobody() -> None:
    made = Studio()
    made.call(body(0, "18 101", EVENTS), body(1, "18"), flags=["inject-DTMF"])
    press(made, "5", 1000)
    made.say(0, 18, bytes(20), 9000)
    assert [packet.payload_type for packet in made.heard(1)] == [18]


def test_other_extensions_are_told() -> None:
    heard: list[tuple[int, str, float, float]] = []

    class Ear(Extension):
        def __init__(self, services: Services) -> None:
            self.services = services

        def pressed(self, call: MediaCall, side: int, digit: str, began_s: float, now: float) -> None:
            assert call.call_id == "c"
            heard.append((side, digit, began_s, now))

    made = alone(Ear)
    press(made, "9", 1000)
    assert [one[:2] for one in heard] == [(0, "9")]
    assert heard[0][2] <= heard[0][3] == pytest.approx(1000.0)


def test_what_is_played_to_the_caller_does_not_keep_its_digits_from_being_heard() -> None:
    made = alone()
    made.playing.press(made.held, 0, "1")
    press(made, "4", 1000)
    assert told(made) == "4"
