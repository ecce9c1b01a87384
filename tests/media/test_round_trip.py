from __future__ import annotations

import struct

from routerd.media.round_trip import KEPT, RoundTrips


def sender_report(middle: int) -> bytes:
    return struct.pack(">BBHI", 0x80, 200, 6, 1) + struct.pack(">IIIII", middle >> 16, (middle & 0xFFFF) << 16, 0, 0, 0)


def receiver_report(last_sr: int, waited_s: float) -> bytes:
    block = struct.pack(">IIIIII", 1, 0, 0, 0, last_sr, int(waited_s * 65536))
    return struct.pack(">BBHI", 0x81, 201, 7, 2) + block


def test_the_way_to_a_party_and_back() -> None:
    trips = RoundTrips()
    trips.hear(0, sender_report(0x12345678), 10.0)
    assert trips.seconds == [None, None]
    trips.hear(1, receiver_report(0x12345678, 1.5), 11.75)
    assert trips.seconds == [None, 0.25]
    trips.hear(0, receiver_report(0x12345678, 0.0), 12.0)  # its own time stamp: nobody asked it
    assert trips.seconds == [None, 0.25]


def test_what_cannot_be_is_left_alone() -> None:
    trips = RoundTrips()
    trips.hear(0, sender_report(7), 10.0)
    trips.hear(1, receiver_report(7, 3.0), 11.0)  # waited longer than it took
    trips.hear(1, receiver_report(8, 0.0), 11.0)  # never seen
    trips.hear(1, receiver_report(0, 0.0), 11.0)  # it had no report yet
    trips.hear(1, receiver_report(7, 0.0), 100.0)
    trips.hear(1, b"\x80\xc9\xff\xff junk", 11.0)
    assert trips.seconds == [None, None]


def test_only_so_many_reports_are_kept() -> None:
    trips = RoundTrips()
    for number in range(1, 100):
        trips.hear(0, sender_report(number), float(number))
    assert len(trips._sent[0]) == KEPT
    trips.hear(1, receiver_report(99, 0.0), 99.5)
    assert trips.seconds[1] == 0.5
