"""Packets on a recording's clock: loss, reordering, another source, a clock that jumps."""

from __future__ import annotations

import random
from array import array

from routerd.media.track import Track

RATE = 8000
FRAME = 160


def frame(value: int, size: int = FRAME) -> array[int]:
    return array("h", [value] * size)


def frames_of(samples: array[int]) -> list[int]:
    assert len(samples) % FRAME == 0
    return [samples[start] for start in range(0, len(samples), FRAME)]


def test_the_first_packet_lies_where_it_arrived_the_next_by_their_time_stamps() -> None:
    track = Track(RATE)
    for number in range(4):
        track.put(7, 5000 + number * FRAME, RATE, frame(number + 1), 3 * FRAME + number * FRAME + (number % 2) * 50)
    assert frames_of(track.take(8 * FRAME)) == [0, 0, 0, 1, 2, 3, 4, 0]


def test_loss_is_silence_and_order_does_not_matter() -> None:
    order = [0, 2, 1, 5, 4, 4]
    track = Track(RATE)
    for number in order:
        track.put(7, number * FRAME, RATE, frame(number + 1), number * FRAME)
    assert frames_of(track.take(7 * FRAME)) == [1, 2, 3, 0, 5, 6, 0]


def test_any_order_within_the_window_gives_the_same_sound() -> None:
    chance = random.Random(4)
    for _ in range(20):
        numbers = list(range(1, 40))
        for place in range(len(numbers) - 3):
            other = place + chance.randrange(3)
            numbers[place], numbers[other] = numbers[other], numbers[place]
        track = Track(RATE)
        track.put(1, 0, RATE, frame(99), 0)
        for turn, number in enumerate(numbers):
            track.put(1, number * FRAME, RATE, frame(number), turn * FRAME)
        assert frames_of(track.take(40 * FRAME)) == [99, *range(1, 40)]


def test_what_was_taken_is_settled() -> None:
    track = Track(RATE)
    track.put(1, 0, RATE, frame(1), 0)
    assert frames_of(track.take(2 * FRAME)) == [1, 0]
    track.put(1, FRAME, RATE, frame(2), 2 * FRAME)
    assert track.late == 1
    track.put(1, FRAME + FRAME // 2, RATE, frame(3), 2 * FRAME)  # half of it can still be heard
    assert list(track.take(3 * FRAME)) == [3] * 80 + [0] * 80
    assert track.take(3 * FRAME) == array("h")
    assert track.take(FRAME) == array("h")


def test_another_source_and_a_clock_that_jumps_are_placed_by_arrival() -> None:
    track = Track(RATE)
    track.put(1, 0, RATE, frame(1), 0)
    track.put(2, 777_777, RATE, frame(2), 10 * FRAME)
    track.put(2, 3_000_000, RATE, frame(3), 12 * FRAME)  # far ahead
    track.put(2, 3_000_000 + FRAME, RATE, frame(4), 200 * FRAME)  # its clock stood still
    heard = frames_of(track.take(201 * FRAME))
    assert {place: value for place, value in enumerate(heard) if value} == {0: 1, 10: 2, 12: 3, 200: 4}


def test_time_stamps_wrap() -> None:
    track = Track(RATE)
    track.put(1, (1 << 32) - FRAME, RATE, frame(1), 0)
    track.put(1, 0, RATE, frame(2), FRAME + 40)
    assert frames_of(track.take(2 * FRAME)) == [1, 2]


def test_the_recordings_clock_stood_still() -> None:
    track = Track(RATE)
    track.put(1, 0, RATE, frame(1), 0)
    track.forget()
    track.put(1, 500 * FRAME, RATE, frame(2), 2 * FRAME)
    assert frames_of(track.take(3 * FRAME)) == [1, 0, 2]


def test_a_wide_recording_of_a_narrow_clock() -> None:
    """G.722 has 16,000 samples a second and a clock of 8,000 (RFC 3551 4.5.2)."""
    track = Track(16000)
    for number in (0, 1):
        track.put(1, number * FRAME, RATE, frame(number + 1, 320), 0)
    assert list(track.take(640)) == [1] * 320 + [2] * 320
