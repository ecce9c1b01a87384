from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import MediaError
from routerd.media import dtmf
from routerd.media.dtmf import Event, EventReader

PACKETS = dtmf.event_payloads("5", 5, 160)


def presses(digits: str, packets: int = 5) -> list[tuple[int, bytes]]:
    """Timestamp and payload of each packet of these digits, pressed one after the other."""
    return [
        (1000 + 2000 * number, payload)
        for number, digit in enumerate(digits)
        for payload, _ in dtmf.event_payloads(digit, packets, 160)
    ]


def test_a_press_as_it_is_sent() -> None:
    events = [dtmf.parse_event(payload) for payload, _ in PACKETS]
    assert [event.duration for event in events] == [160, 320, 480, 640, 800, 800, 800, 800]
    assert [event.is_end for event in events] == [False] * 5 + [True] * 3
    assert {event.code for event in events} == {5}
    assert [offset for _, offset in PACKETS] == [160 * at for at in range(8)]
    assert dtmf.parse_event(dtmf.event_payloads("#", 10_000, 160)[-1][0]).duration <= 0xFFFF


@given(st.integers(0, 255), st.booleans(), st.integers(0, 63), st.integers(0, 0xFFFF))
def test_events_travel(code: int, is_end: bool, volume: int, duration: int) -> None:
    event = Event(code, is_end, volume, duration)
    assert dtmf.parse_event(dtmf.build_event(event)) == event


def test_what_is_no_event_and_no_digit() -> None:
    with pytest.raises(MediaError):
        dtmf.parse_event(b"\x05\x0a\x00")
    for wrong in ("", "x", "55"):
        with pytest.raises(MediaError):
            dtmf.code_of(wrong)
    assert EventReader().hear(1, 1, b"\x05") is None
    assert EventReader().hear(1, 1, bytes([16, 10, 0, 160])) is None


@given(st.text("0123456789*#ABCD", min_size=1, max_size=12), st.integers(0, 1 << 30))
def test_with_a_third_lost_and_some_twice_and_out_of_order_each_press_is_told_once(digits: str, seed: int) -> None:
    chance = random.Random(seed)
    packets = presses(digits)
    by_press: dict[int, list[tuple[int, bytes]]] = {}
    for packet in packets:
        if chance.random() > 0.3:
            by_press.setdefault(packet[0], []).append(packet)
    reader, told = EventReader(), list[str]()
    for timestamp in sorted(by_press):
        arrived = by_press[timestamp]
        arrived += chance.choices(arrived, k=2)
        chance.shuffle(arrived)
        for stamp, payload in arrived:
            heard = reader.hear(7, stamp, payload)
            told += [heard[0]] if heard else []
    survived = [digit for number, digit in enumerate(digits) if 1000 + 2000 * number in by_press]
    assert told == survived


def test_late_packets_of_an_older_press_are_no_press() -> None:
    reader = EventReader()
    told = [reader.hear(7, stamp, payload) for stamp, payload in presses("12")]
    assert [heard[0] for heard in told if heard] == ["1", "2"]
    assert reader.hear(7, *presses("12")[7]) is None


def test_another_source_is_another_press() -> None:
    reader = EventReader()
    assert reader.hear(7, 1000, PACKETS[0][0]) == ("5", 160)
    assert reader.hear(8, 1000, PACKETS[0][0]) == ("5", 160)


def test_a_press_too_long_for_one_timestamp_goes_on_under_the_next() -> None:
    reader = EventReader()
    assert reader.hear(7, 1000, dtmf.build_event(Event(5, False, 10, 0xFFFF))) is not None
    assert reader.hear(7, 1000 + 0xFFFF, dtmf.build_event(Event(5, False, 10, 160))) is None
    assert reader.hear(7, 1000 + 0xFFFF, dtmf.build_event(Event(5, True, 10, 320))) is None
    assert reader.hear(7, 500_000, dtmf.build_event(Event(5, False, 10, 160))) == ("5", 160)
