"""One lane: who is heard, where it goes, what is counted."""

from __future__ import annotations

import pytest

from routerd.media import rtp
from routerd.media.relay_lane import CONSISTENT_PACKETS, LEARNING_WINDOW_S, Address, Lane, RtcpLane

PHONE = ("192.0.2.1", 4000)
OTHER_PORT = ("192.0.2.1", 4444)
STRANGER = ("198.51.100.66", 6666)
FAR = ("203.0.113.9", 9000)
TRANSLATED = ("192.0.2.200", 31000)
PRIVATE = ("10.0.0.5", 4000)
RTCP = bytes([0x80, 201, 0, 1, 0, 0, 0, 8])


def packet(sequence: int, timestamp: int | None = None, ssrc: int = 7, kind: int = 8, size: int = 160) -> bytes:
    return rtp.build(kind, sequence, sequence * 160 if timestamp is None else timestamp, ssrc, bytes(size))


def joined(lane: Lane, partner: Lane, partner_address: Address | None = FAR) -> None:
    lane.partner, partner.partner = partner, lane
    partner.signal(partner_address)


@pytest.fixture
def lane() -> Lane:
    made = Lane()
    joined(made, Lane())
    made.describe({8: 8000, 101: 8000}, frozenset({101}))
    return made


def heard(lane: Lane, source: Address, count: int, began: float = 10.0, step: float = 0.02) -> int:
    return sum(lane.receive(packet(i), source, began + i * step) is not None for i in range(count))


class TestLatching:
    def test_the_signalled_address_settles_at_once(self, lane: Lane) -> None:
        lane.signal(PHONE)
        lane.learn(open_to_others=True)
        assert lane.receive(packet(1), PHONE, 1.0) == FAR
        assert lane.settled == PHONE

    @pytest.mark.parametrize("intruder", [STRANGER, OTHER_PORT])
    def test_a_third_party_is_not_heard_before_during_or_after_learning(self, lane: Lane, intruder: Address) -> None:
        lane.signal(PHONE)
        assert heard(lane, intruder, 50, 0.0) == 0
        lane.learn(open_to_others=True)
        assert heard(lane, intruder, 50, 1.0) == 0
        assert lane.target == PHONE
        assert lane.receive(packet(1), PHONE, 2.1) == FAR
        assert heard(lane, intruder, 500, 2.2) == 0
        assert lane.settled == PHONE
        assert (lane.foreign, lane.packets) == (600, 1)

    def test_another_port_is_learnt_when_it_alone_speaks_through_the_window(self, lane: Lane) -> None:
        lane.signal(PHONE)
        lane.learn(open_to_others=True)
        assert heard(lane, OTHER_PORT, int(LEARNING_WINDOW_S / 0.02), 1.0) == 0
        assert heard(lane, OTHER_PORT, 10, 1.0 + LEARNING_WINDOW_S) == 10
        assert lane.target == OTHER_PORT

    def test_the_signalled_address_takes_a_learnt_lane_back_and_keeps_it(self, lane: Lane) -> None:
        lane.signal(PHONE)
        lane.learn(open_to_others=True)
        heard(lane, STRANGER, 400, 1.0)
        assert lane.settled == STRANGER
        assert lane.receive(packet(1), PHONE, 20.0) == FAR
        assert lane.target == PHONE
        assert heard(lane, STRANGER, 400, 21.0) == 0

    def test_a_party_behind_a_translator_settles_after_a_few_packets(self, lane: Lane) -> None:
        lane.signal(PRIVATE, TRANSLATED[0])
        lane.learn(open_to_others=True)
        assert heard(lane, TRANSLATED, 10) == 10 - CONSISTENT_PACKETS + 1
        assert lane.target == TRANSLATED

    def test_a_stranger_does_not_stand_in_the_way_of_a_translated_party(self, lane: Lane) -> None:
        lane.signal(PRIVATE, TRANSLATED[0])
        lane.learn(open_to_others=True)
        told = 0
        for i in range(100):
            told += lane.receive(packet(i), STRANGER, 1.0 + i * 0.02) is not None
            if i >= 50:
                lane.receive(packet(i, ssrc=9), TRANSLATED, 1.01 + i * 0.02)
        assert told == 0
        assert lane.settled == TRANSLATED

    def test_a_settled_lane_refuses_another_port_until_renegotiated(self, lane: Lane) -> None:
        lane.signal(PHONE)
        lane.learn(open_to_others=True)
        heard(lane, PHONE, 5)
        assert heard(lane, OTHER_PORT, 500, 20.0) == 0
        lane.signal(OTHER_PORT)
        lane.learn(open_to_others=True)
        assert heard(lane, OTHER_PORT, 5, 40.0) == 5
        assert heard(lane, PHONE, 5, 41.0) == 0

    def test_renegotiation_at_the_same_address_goes_on_hearing_whom_it_had_learnt(self, lane: Lane) -> None:
        lane.signal(PRIVATE, TRANSLATED[0])
        lane.learn(open_to_others=True)
        heard(lane, TRANSLATED, 10)
        lane.signal(PRIVATE, TRANSLATED[0])
        lane.learn(open_to_others=True)
        assert lane.target == TRANSLATED
        assert heard(lane, TRANSLATED, 10, 20.0) == 10

    def test_a_party_that_may_not_send_teaches_nothing(self, lane: Lane) -> None:
        lane.signal(PHONE)
        lane.learn(open_to_others=False)
        assert heard(lane, STRANGER, 500) == 0
        assert lane.target == PHONE

    def test_without_a_usable_address_the_only_speaker_is_learnt(self, lane: Lane) -> None:
        lane.signal(None)
        lane.learn(open_to_others=True)
        assert heard(lane, STRANGER, 200) > 0
        assert lane.target == STRANGER


class TestCounting:
    @pytest.fixture
    def settled(self, lane: Lane) -> Lane:
        lane.signal(PHONE)
        return lane

    @pytest.mark.parametrize(
        "data", [b"", b"\x80", b"\x40" + bytes(20), b"\x80" + bytes(2048), b"GET / HTTP/1.1\r\n\r\n"]
    )
    def test_garbage(self, settled: Lane, data: bytes) -> None:
        assert settled.receive(data, PHONE, 1.0) is None
        assert (settled.garbage, settled.packets, settled.settled) == (1, 0, None)
        settled.receive(packet(1), PHONE, 1.0)
        assert settled.receive(data, PHONE, 1.0) is None
        assert (settled.garbage, settled.packets) == (2, 1)

    def test_a_steady_stream(self, settled: Lane) -> None:
        assert heard(settled, PHONE, 200) == 200
        assert (settled.packets, settled.octets, settled.lost) == (200, 200 * 172, 0)
        assert settled.jitter_ms == pytest.approx(0.0, abs=0.001)
        assert (settled.first_s, settled.last_s, settled.ssrc) == (10.0, pytest.approx(13.98), 7)

    def test_loss_reordering_and_wrapping(self, settled: Lane) -> None:
        for sequence in (65533, 65534, 65535, 0, 2, 1, 3, 6):
            settled.receive(packet(sequence), PHONE, 1.0)
        assert settled.lost == 2

    def test_jitter_of_a_wavering_stream(self, settled: Lane) -> None:
        for sequence in range(2000):
            settled.receive(packet(sequence), PHONE, 10.0 + sequence * 0.02 + 0.004 * (sequence % 2))
        assert settled.jitter_ms == pytest.approx(4.0, rel=0.05)

    def test_events_and_rtcp_on_the_port_do_not_count_as_jitter_or_loss(self, settled: Lane) -> None:
        for i in range(100):
            kind, timestamp = (101, 1600) if 10 <= i < 20 else (8, i * 160)
            settled.receive(packet(i, timestamp, kind=kind), PHONE, 10.0 + i * 0.02)
            settled.receive(RTCP + bytes(8), PHONE, 10.0 + i * 0.02)
        assert settled.jitter_ms == pytest.approx(0.0, abs=0.001)
        assert (settled.lost, settled.packets, settled.ssrc_changes) == (0, 200, 0)

    def test_the_settled_source_may_change_its_ssrc_and_jump(self, settled: Lane) -> None:
        heard(settled, PHONE, 10)
        assert settled.receive(packet(40000, ssrc=99), PHONE, 11.0) == FAR
        assert settled.receive(packet(10000, ssrc=99), PHONE, 11.02) == FAR
        assert (settled.ssrc_changes, settled.lost, settled.ssrc) == (1, 0, 99)

    def test_a_time_stamp_that_wraps_is_no_jitter(self, settled: Lane) -> None:
        for i in range(50):
            settled.receive(packet(2 * i, 0xFFFFFFFF - 1600 + i * 160), PHONE, 10.0 + i * 0.02)
        assert settled.jitter_ms < 1.0

    def test_blocked_and_undeliverable_packets_are_heard_but_go_nowhere(self, settled: Lane) -> None:
        settled.block(blocked=True)
        assert heard(settled, PHONE, 3) == 0
        settled.block(blocked=False)
        assert heard(settled, PHONE, 3) == 3
        assert (settled.packets, settled.undelivered) == (6, 3)


def test_rtcp_lane() -> None:
    lane = RtcpLane()
    joined(lane, RtcpLane())
    lane.signal(PHONE)
    assert lane.receive(RTCP, PHONE, 1.0) == FAR
    assert lane.receive(packet(1), PHONE, 1.0) is None
    assert lane.receive(RTCP, STRANGER, 1.0) is None
    assert lane.receive(RTCP + bytes(2048), PHONE, 1.0) is None
    assert (lane.packets, lane.garbage, lane.foreign, lane.first_s) == (1, 2, 1, 1.0)


@pytest.mark.parametrize("kind", [Lane, RtcpLane])
def test_a_relaxed_lane_passes_what_is_no_rtp(kind: type[Lane]) -> None:
    lane = kind()
    joined(lane, kind())
    lane.relaxed = True
    lane.signal(PHONE)
    for data in (b"\x00\x01t38", b"\x16\xfe\xff", packet(1)):
        assert lane.receive(data, PHONE, 1.0) == FAR
    assert lane.receive(b"", PHONE, 1.0) is None
    assert lane.receive(b"\x00", STRANGER, 1.0) is None
    assert (lane.packets, lane.garbage, lane.foreign) == (3, 1, 1)


def test_a_source_that_was_proven_by_other_means_is_heard_at_once_and_sent_to() -> None:
    lane, other = RtcpLane(), RtcpLane()
    joined(lane, other)
    lane.signal(PHONE)
    lane.adopt(STRANGER)
    assert lane.receive(RTCP, STRANGER, 1.0) == FAR
    assert other.send_to == STRANGER
    lane.adopt(STRANGER)
    assert lane.settled == STRANGER
