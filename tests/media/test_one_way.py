from __future__ import annotations

import pytest

from routerd.media import rtp
from routerd.media.one_way import MANY, cause_of, is_private
from routerd.media.relay_lane import Lane

NAMED = ("10.0.0.5", 4000)
PUBLIC = "203.0.113.9"
OTHER = ("198.51.100.7", 9000)


def lane(named: tuple[str, int] | None = NAMED, signalling_host: str = "") -> Lane:
    made = Lane()
    made.signal(named, signalling_host)
    made.learn(open_to_others=False)
    return made


def speak(lane: Lane, source: tuple[str, int], packets: int = MANY) -> None:
    for number in range(packets):
        lane.receive(rtp.build(8, number, number * 160, 1, bytes(160)), source, number * 0.02)


def test_packets_from_another_address_than_it_named() -> None:
    silent = lane()
    speak(silent, OTHER)
    told = cause_of(silent)
    assert told.word == "unlatched"
    assert "198.51.100.7:9000" in told.text
    assert "10.0.0.5:4000" in told.text


def test_packets_from_elsewhere_while_nothing_usable_was_named() -> None:
    silent = lane(None)
    speak(silent, OTHER)
    assert "none that can be used" in cause_of(silent).text


def test_no_rtp() -> None:
    silent = lane()
    for _ in range(MANY):
        silent.receive(b"junk", NAMED, 0.0)
    assert cause_of(silent).word == "garbage"


def test_a_private_address_behind_a_translator() -> None:
    told = cause_of(lane(signalling_host=PUBLIC))
    assert told.word == "nat"
    assert PUBLIC in told.text


def test_nothing_at_all() -> None:
    assert cause_of(lane(signalling_host=NAMED[0])) == ("silent", "it sends nothing from 10.0.0.5:4000")
    assert cause_of(lane(("2001:db8::1", 7))).text.endswith("[2001:db8::1]:7")
    assert cause_of(lane(None)).word == "unnamed"


def test_a_voice_that_ended() -> None:
    silent = lane()
    speak(silent, NAMED, 50)
    assert cause_of(silent) == ("stopped", "it fell silent after 50 packets")
    speak(silent, OTHER)
    told = cause_of(silent)
    assert told.word == "moved"
    assert "10.0.0.5:4000" in told.text


@pytest.mark.parametrize(
    ("host", "private"),
    [("10.1.2.3", True), ("192.168.1.1", True), ("100.64.0.1", True), ("fd00::1", True), ("8.8.8.8", False),
     ("127.0.0.1", False), ("phone.example", False)],
)  # fmt: skip
def test_private_addresses(host: str, private: bool) -> None:
    assert is_private(host) is private
