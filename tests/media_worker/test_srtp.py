from __future__ import annotations

import random
import struct

import pytest

from routerd.errors import MediaError
from routerd.media import rtp, sdes
from routerd.media_worker.srtp import MAX_BYTES, PROFILES, RESTART_AFTER, Srtp

SUITE = "AES_CM_128_HMAC_SHA1_80"


def pair(suite: str = SUITE) -> tuple[Srtp, Srtp]:
    size = sdes.SUITES[suite].secret_bytes
    one, other = bytes(range(size)), bytes(range(size, 2 * size))
    return Srtp(suite, one, other), Srtp(suite, other, one)


def packet(sequence: int, ssrc: int = 1, size: int = 160) -> bytes:
    return rtp.build(8, sequence & 0xFFFF, sequence * 160 & 0xFFFFFFFF, ssrc, bytes(size))


REPORT = struct.pack(">BBHIIIIII", 0x80, 200, 6, 1, 0, 0, 0, 0, 0)


@pytest.mark.parametrize("suite", sorted(PROFILES))
def test_what_one_side_secures_the_other_reads(suite: str) -> None:
    alice, bob = pair(suite)
    secured = alice.protect(packet(1), rtcp=False)
    assert secured is not None
    assert secured[12:] != packet(1)[12:]
    assert len(secured) > len(packet(1))
    assert bob.unprotect(secured, rtcp=False) == packet(1)
    report = bob.protect(REPORT, rtcp=True)
    assert report is not None
    assert alice.unprotect(report, rtcp=True) == REPORT


def test_every_suite_of_descriptions_is_served() -> None:
    assert set(PROFILES) == set(sdes.SUITES)


def test_a_replay_and_a_forgery_are_counted_and_not_heard() -> None:
    alice, bob = pair()
    secured = alice.protect(packet(1), rtcp=False)
    assert secured is not None
    assert bob.unprotect(secured, rtcp=False)
    assert bob.unprotect(secured, rtcp=False) is None
    assert bob.unprotect(secured[:-1] + bytes([secured[-1] ^ 1]), rtcp=False) is None
    assert bob.unprotect(packet(2), rtcp=False) is None
    assert bob.unprotect(secured, rtcp=True) is None
    assert bob.refused == 4


def test_ten_thousand_bad_packets_do_not_hurt_the_good_ones() -> None:
    alice, bob = pair()
    chance = random.Random(7)
    for _ in range(10_000):
        size = chance.choice((0, 1, 11, 12, 13, 20, 60, 182, 1499, 1500, 1501, 4000))
        data = chance.randbytes(size)
        data = b"\x80\x08" + data[2:] if size > 2 and chance.random() < 0.7 else data
        assert bob.unprotect(data, rtcp=chance.random() < 0.2) is None
    assert bob.refused == 10_000
    for sequence in range(50):
        secured = alice.protect(packet(sequence), rtcp=False)
        assert secured is not None
        assert bob.unprotect(secured, rtcp=False) == packet(sequence)


def test_numbers_may_turn_over_and_come_out_of_order() -> None:
    alice, bob = pair()
    for sequence in (65530, 65533, 65531, 65535, 65536, 65534, 65540):
        secured = alice.protect(packet(sequence), rtcp=False)
        assert secured is not None
        assert bob.unprotect(secured, rtcp=False) == packet(sequence)


def test_no_packet_is_secured_twice() -> None:
    alice, _ = pair()
    assert alice.protect(packet(1), rtcp=False) is not None
    assert alice.protect(packet(1), rtcp=False) is None


def test_who_begins_anew_under_his_old_ssrc_gets_another() -> None:
    alice, bob = pair()
    for sequence in range(5000, 5200):
        secured = alice.protect(packet(sequence), rtcp=False)
        assert secured is not None
        bob.unprotect(secured, rtcp=False)
    heard = []
    for sequence in range(RESTART_AFTER + 10):
        again = alice.protect(packet(sequence), rtcp=False)
        plain = bob.unprotect(again, rtcp=False) if again is not None else None
        if plain is not None:
            heard.append((rtp.parse(plain).ssrc, rtp.parse(plain).sequence))
    assert len(heard) == 10
    assert len({ssrc for ssrc, _ in heard}) == 1
    assert heard[0][0] != 1
    report = alice.protect(REPORT, rtcp=True)
    assert report is not None
    told = bob.unprotect(report, rtcp=True)
    assert told is not None
    assert struct.unpack_from(">I", told, 4)[0] == heard[0][0]


def test_what_is_too_long_is_dropped() -> None:
    alice, _ = pair()
    assert alice.protect(packet(1, size=MAX_BYTES), rtcp=False) is None
    assert alice.protect(b"", rtcp=False) is None
    assert alice.protect(b"", rtcp=True) is None


def test_keys_are_checked() -> None:
    with pytest.raises(MediaError):
        Srtp("F8_128_HMAC_SHA1_80", bytes(30), bytes(30))
    with pytest.raises(MediaError):
        Srtp(SUITE, bytes(29), bytes(30))
    alice, _ = pair()
    assert alice.matches(SUITE, bytes(range(30)), bytes(range(30, 60)))
    assert not alice.matches(SUITE, bytes(30), bytes(range(30, 60)))
