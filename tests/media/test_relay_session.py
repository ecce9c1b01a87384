from __future__ import annotations

import gc

import pytest

from routerd.media import rtp
from routerd.media.relay_lane import Lane
from routerd.media.relay_session import ONE_WAY_AFTER_S, RTCP, RTP, PartyMedia, RelaySession

ALICE = ("192.0.2.1", 4000)
BOB = ("192.0.2.2", 5000)
REPORT = bytes([0x80, 201, 0, 1, 0, 0, 0, 8])


def media(address: tuple[str, int], direction: str = "sendrecv") -> PartyMedia:
    return PartyMedia(address, (address[0], address[1] + 1), direction, clocks={8: 8000})


def answered(first: str = "sendrecv", second: str = "sendrecv", now: float = 100.0) -> RelaySession:
    session = RelaySession()
    session.signal(0, media(ALICE, first))
    session.signal(1, media(BOB, second))
    session.answered(now)
    return session


def packet(sequence: int) -> bytes:
    return rtp.build(8, sequence, sequence * 160, 1, bytes(160))


def talk(session: RelaySession, sides: tuple[int, ...], began: float, seconds: float) -> list[str]:
    """Both parties as told, a check a second; the events."""
    events = []
    for i in range(int(seconds / 0.02)):
        now = began + i * 0.02
        for side in sides:
            session.receive(side, RTP, packet(i), (ALICE, BOB)[side], now)
        if i % 50 == 0:
            events.append(session.check(now))
    return [event for event in events if event is not None]


def test_packets_go_to_the_other_side_component_by_component() -> None:
    session = answered()
    assert session.receive(0, RTP, packet(1), ALICE, 101.0) == (1, packet(1), BOB)
    assert session.receive(1, RTP, packet(1), BOB, 101.0) == (0, packet(1), ALICE)
    assert session.receive(0, RTCP, REPORT, ("192.0.2.1", 4001), 101.0) == (1, REPORT, ("192.0.2.2", 5001))
    assert session.receive(0, RTP, packet(2), ("198.51.100.1", 1), 101.0) is None


def test_nothing_is_relayed_to_an_unknown_party() -> None:
    session = RelaySession()
    session.signal(0, media(ALICE))
    assert session.receive(0, RTP, packet(1), ALICE, 1.0) is None
    assert session.receive(1, RTP, packet(1), BOB, 1.0) is None
    assert session.last_heard_s() == 1.0
    assert session.check(1000.0) is None


def test_blocking_one_side() -> None:
    session = answered()
    session.block(0, blocked=True)
    assert session.receive(0, RTP, packet(1), ALICE, 101.0) is None
    assert session.receive(1, RTP, packet(1), BOB, 101.0) is not None
    session.block(None, blocked=True)
    assert session.receive(1, RTP, packet(2), BOB, 101.0) is None
    session.block(None, blocked=False)
    assert session.receive(0, RTP, packet(2), ALICE, 101.0) is not None


def test_one_way_speech_is_told_once_and_so_is_its_end() -> None:
    session = answered()
    assert talk(session, (0,), 100.0, ONE_WAY_AFTER_S + 5) == ["one-way"]
    assert session.is_one_way
    assert talk(session, (0, 1), 110.1, 5) == ["two-way"]
    assert not session.is_one_way
    assert talk(session, (1,), 116.0, 12) == ["one-way"]


def test_two_way_speech_tells_nothing() -> None:
    assert talk(answered(), (0, 1), 100.0, 20) == []


def test_silence_of_both_is_not_one_way() -> None:
    assert talk(answered(), (), 100.0, 60) == []


@pytest.mark.parametrize(
    ("first", "second"), [("sendonly", "recvonly"), ("inactive", "inactive"), ("recvonly", "sendonly")]
)
def test_on_hold_one_way_speech_is_as_it_should_be(first: str, second: str) -> None:
    session = answered(first, second)
    assert not session.is_two_way
    assert talk(session, (0,), 100.0, 20) == []
    assert session.may_send(0) is (first == "sendonly")
    assert session.may_send(1) is (second == "sendonly")


def test_holding_ends_a_one_way_state_without_a_word() -> None:
    session = answered()
    talk(session, (0,), 100.0, 10)
    session.signal(0, media(ALICE, "sendonly"))
    session.signal(1, media(BOB, "recvonly"))
    session.answered(110.0)
    assert session.check(110.5) is None
    assert not session.is_one_way


def test_last_heard_counts_every_component_and_the_answer() -> None:
    session = answered(now=100.0)
    assert session.last_heard_s() == 100.0
    session.receive(1, RTCP, REPORT, ("192.0.2.2", 5001), 130.0)
    assert session.last_heard_s() == 130.0


def test_a_closed_session_relays_nothing_and_leaves_no_cycle() -> None:
    gc.collect()
    gc.disable()
    try:
        session = answered()
        session.receive(0, RTP, packet(1), ALICE, 101.0)
        session.close()
        assert session.receive(0, RTP, packet(2), ALICE, 101.0) is None
        assert session.lane(0, RTP).packets == 2
        del session
        assert not [one for one in gc.get_objects() if isinstance(one, (Lane, RelaySession))]
    finally:
        gc.enable()


def test_relaxed_sessions_pass_anything() -> None:
    session = answered()
    assert session.receive(0, RTP, b"\x00\x07fax", ALICE, 101.0) is None
    session.relax()
    assert session.receive(0, RTP, b"\x00\x07fax", ALICE, 101.0) == (1, b"\x00\x07fax", BOB)


def test_alone_with_the_house_nobody_is_missed_but_one_whose_reports_have_come() -> None:
    session = RelaySession()
    session.signal(0, media(ALICE))
    session.signal(1, PartyMedia(None, None))
    session.answered(100.0, house=1)
    assert not session.expects_life
    assert talk(session, (0,), 100.0, 20.0) == []
    assert not session.expects_life
    session.receive(0, RTCP, REPORT, ("192.0.2.1", 4001), 120.0)
    assert session.expects_life
    session.signal(0, media(ALICE, "recvonly"))
    session.answered(121.0, house=1)
    assert not session.expects_life
    session.signal(0, media(ALICE))
    session.signal(1, media(BOB))
    session.answered(130.0)
    assert session.expects_life
    assert session.is_two_way


def test_who_holds_does_not_want_to_hear_anything() -> None:
    assert [answered(direction).may_receive(0) for direction in ("sendrecv", "recvonly", "sendonly", "inactive")] == [
        True, True, False, False,
    ]  # fmt: skip
