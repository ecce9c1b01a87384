from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routerd.media_worker import dtls
from routerd.media_worker.dtls import MAX_STRANGERS, MTU_BYTES, Dtls, Identity

if TYPE_CHECKING:
    from collections.abc import Callable

ALICE, BOB, MALLORY = ("192.0.2.1", 4000), ("192.0.2.2", 5000), ("198.51.100.9", 6000)

ALERT = b"\x15\xfe\xfd\0\0" + bytes(5) + b"\x77\0\x02\x02\x28"  # plain, fatal: handshake failure


class Pair:
    """Alice begins, Bob is the server; what they send crosses at once."""

    def __init__(self, *, proven: bool = True) -> None:
        self.alice, self.bob = Dtls(Identity.make()), Dtls(Identity.make())
        self.alice.meet((self.bob.identity.fingerprint,), server=False)
        self.bob.meet((self.alice.identity.fingerprint,), server=True)
        self.bob.expected = lambda source: source == ALICE
        self.proven = proven

    def shake(self, *, source: tuple[str, int] = ALICE, client: Dtls | None = None) -> None:
        client = client or self.alice
        self.carry(client.begin(BOB), source, client)

    def carry(self, to_bob: list[bytes], source: tuple[str, int] = ALICE, client: Dtls | None = None) -> None:
        client = client or self.alice
        for _ in range(20):
            if not to_bob:
                return
            to_alice = [out for data in to_bob for out in self.bob.take(data, source, proven=self.proven)]
            to_bob = [out for data in to_alice for out in client.take(data, BOB, proven=self.proven)]

    def assert_same_keys(self) -> None:
        one, other = self.alice.keys, self.bob.keys
        assert one is not None
        assert other is not None
        assert (one.suite, one.ours, one.theirs) == (other.suite, other.theirs, other.ours)
        assert one.ours != one.theirs
        assert (one.source, other.source) == (BOB, ALICE)


@pytest.mark.parametrize("proven", [True, False])
def test_both_sides_come_to_the_same_keys(proven: bool) -> None:
    pair = Pair(proven=proven)
    pair.shake()
    pair.assert_same_keys()


def test_an_unproven_source_gets_a_cookie_and_less_than_it_sent() -> None:
    pair = Pair(proven=False)
    (hello,) = pair.alice.begin(BOB)
    for _ in range(5):
        (answer,) = pair.bob.take(hello, MALLORY, proven=False)
        assert answer[13] == 3  # HelloVerifyRequest
        assert len(answer) < len(hello)
    assert not pair.bob._associations
    pair.carry([hello])
    pair.assert_same_keys()


def test_a_cookie_is_its_owners_only() -> None:
    pair = Pair(proven=False)
    (hello,) = pair.alice.begin(BOB)
    (verify,) = pair.bob.take(hello, ALICE, proven=False)
    (again,) = pair.alice.take(verify, BOB, proven=False)
    (answer,) = pair.bob.take(again, MALLORY, proven=False)
    assert answer[13] == 3
    assert not pair.bob._associations


def test_another_certificate_than_described_gives_no_keys() -> None:
    pair = Pair()
    pair.bob.meet((Identity.make().fingerprint,), server=True)
    pair.shake()
    assert pair.bob.keys is None
    pair.alice.meet((Identity.make().fingerprint,), server=False)
    pair.shake()
    assert pair.alice.keys is None


def test_a_strangers_handshake_does_not_disturb_the_partys() -> None:
    pair = Pair(proven=False)
    mallory = Dtls(Identity.make())
    mallory.meet((pair.bob.identity.fingerprint,), server=False)
    pair.shake(source=MALLORY, client=mallory)
    assert pair.bob.keys is None
    pair.shake()
    pair.assert_same_keys()
    late = Dtls(Identity.make())
    late.meet((pair.bob.identity.fingerprint,), server=False)
    pair.shake(source=MALLORY, client=late)
    assert pair.bob.foreign == 1
    pair.assert_same_keys()


def test_a_hello_from_the_partys_address_after_the_handshake_changes_nothing() -> None:
    pair = Pair()
    pair.shake()
    mallory = Dtls(Identity.make())
    mallory.meet((pair.bob.identity.fingerprint,), server=False)
    for hello in mallory.begin(BOB):
        pair.bob.take(hello, ALICE, proven=True)
    pair.assert_same_keys()


def test_strangers_are_served_so_often_only() -> None:
    pair = Pair(proven=False)
    mallory = Dtls(Identity.make())
    mallory.meet((pair.bob.identity.fingerprint,), server=False)
    (hello,) = mallory.begin(BOB)
    answers = [pair.bob.take(hello, ("198.51.100.9", port), proven=False) for port in range(1000, 1100)]
    assert sum(map(bool, answers)) == MAX_STRANGERS
    assert pair.bob.foreign == 100 - MAX_STRANGERS
    pair.shake()
    pair.assert_same_keys()


def test_garbage_does_not_end_a_handshake_nor_what_came_of_it() -> None:
    pair = Pair()
    (hello,) = pair.alice.begin(BOB)
    flight = pair.bob.take(hello, ALICE, proven=True)
    for garbage in (b"\x16", b"\x16\xfe\xfd" + bytes(60), bytes([22]) * 1500, ALERT):
        pair.bob.take(garbage, ALICE, proven=True)
    pair.carry([out for data in flight for out in pair.alice.take(data, BOB, proven=True)])
    pair.assert_same_keys()
    for garbage in (b"\x16", ALERT, bytes([23]) * 1500):
        pair.bob.take(garbage, ALICE, proven=True)
    pair.assert_same_keys()


def test_the_same_fingerprint_again_keeps_the_keys_and_another_begins_anew() -> None:
    pair = Pair()
    pair.shake()
    keys = pair.bob.keys
    pair.bob.meet((pair.alice.identity.fingerprint,), server=True)
    assert pair.bob.keys is keys
    carol = Dtls(Identity.make())
    carol.meet((pair.bob.identity.fingerprint,), server=False)
    pair.bob.meet((carol.identity.fingerprint,), server=True)
    assert pair.bob.keys is None
    pair.shake(client=carol)
    assert pair.bob.keys is not None
    assert carol.keys is not None
    assert pair.bob.keys.theirs == carol.keys.ours


def test_a_lost_flight_is_sent_again() -> None:
    pair = Pair()
    (hello,) = pair.alice.begin(BOB)
    assert pair.alice.tick() == []
    assert pair.bob.take(hello, ALICE, proven=True)  # and lost
    again = wait_for(pair.alice.tick, 5)
    assert {destination for _, destination in again} == {BOB}
    pair.carry([data for data, _ in again])
    pair.assert_same_keys()
    assert pair.alice.tick() == []


def wait_for(
    ask: Callable[[], list[tuple[bytes, tuple[str, int]]]], seconds: float
) -> list[tuple[bytes, tuple[str, int]]]:
    pace = threading.Event()
    for _ in range(int(seconds * 20)):
        found = ask()
        if found:
            return found
        pace.wait(0.05)
    message = "nothing is sent again"
    raise TimeoutError(message)


def test_who_never_described_itself_is_not_served() -> None:
    bob, alice = Dtls(Identity.make()), Dtls(Identity.make())
    alice.meet((bob.identity.fingerprint,), server=False)
    (hello,) = alice.begin(BOB)
    assert bob.take(hello, ALICE, proven=True) == []
    assert bob.foreign == 1
    assert bob.begin(ALICE) == []


def test_the_strongest_fingerprint_decides() -> None:
    alice, mallory = Identity.make(), Identity.make()
    pair = Pair()
    bob = pair.bob
    bob.meet((alice.fingerprint, ("sha-512", bytes(64))), server=True)
    client = Dtls(alice)
    client.meet((bob.identity.fingerprint,), server=False)
    pair.shake(client=client)
    assert bob.keys is None
    bob.meet((mallory.fingerprint, alice.fingerprint), server=True)
    client = Dtls(alice)
    client.meet((bob.identity.fingerprint,), server=False)
    pair.shake(client=client)
    assert bob.keys is not None


def test_usable_fingerprints() -> None:
    assert dtls.is_usable([("sha-256", bytes(32))])
    assert not dtls.is_usable([("sha-256", bytes(20)), ("sha-1", bytes(20)), ("md5", bytes(16))])
    assert not dtls.is_usable([])


def test_records_are_put_into_datagrams_uncut() -> None:
    def record(size: int) -> bytes:
        return b"\x16\xfe\xfd" + bytes(8) + size.to_bytes(2, "big") + bytes(size)

    sizes = [600, 500, 1187, 10, 10, 3000, 5]
    made = dtls.datagrams(b"".join(map(record, sizes)))
    assert [len(one) for one in made] == [613 + 513, 1200, 46, 3013, 18]
    assert b"".join(made) == b"".join(map(record, sizes))
    assert max(map(len, made[:3])) <= MTU_BYTES
    assert dtls.datagrams(b"") == []


_BOB = Pair()


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=300))
def test_anything_may_come(data: bytes) -> None:
    _BOB.bob.take(data, ALICE, proven=True)
    _BOB.bob.take(b"\x16\xfe\xff" + data, MALLORY, proven=False)
    _BOB.bob.tick()
