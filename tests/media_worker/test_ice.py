from __future__ import annotations

import random

from routerd.media import stun
from routerd.media.profiles import Ice
from routerd.media_worker.ice import MAX_VALIDATED, IceLite, fresh_credentials

BROWSER = ("192.0.2.7", 4000)
OTHER = ("198.51.100.9", 5000)
THEIRS = Ice("abcd", "theirpasswordtheirpassword")


def agent() -> IceLite:
    ice = IceLite(fresh_credentials())
    ice.meet(THEIRS)
    return ice


def check(ice: IceLite, *, nominate: bool = False, password: str = "", username: str = "") -> bytes:
    name = username or f"{ice.ours.ufrag}:{THEIRS.ufrag}"
    key = (password or ice.ours.password).encode()
    return stun.binding_request(b"123456789012", name, key, priority=1, nominate=nominate)


def test_a_check_is_answered_and_its_source_validated() -> None:
    ice = agent()
    request = check(ice)
    answer = ice.take(request, BROWSER)
    assert answer is not None
    assert len(answer) <= len(request)
    message = stun.parse(answer)
    assert message.kind == stun.BINDING_SUCCESS
    assert message.is_authentic(ice.ours.password.encode())
    assert stun.mapped_address(message) == BROWSER
    assert ice.is_validated(BROWSER)
    assert not ice.is_validated(OTHER)
    assert ice.nominated is None


def test_a_nomination_says_where_packets_go_and_may_move_them() -> None:
    ice = agent()
    ice.take(check(ice, nominate=True), BROWSER)
    assert ice.nominated == BROWSER
    ice.take(check(ice), OTHER)
    assert ice.nominated == BROWSER
    ice.take(check(ice, nominate=True), OTHER)
    assert ice.nominated == OTHER


def test_wrong_credentials_are_counted_and_not_answered() -> None:
    ice = agent()
    for request in (
        check(ice, nominate=True, password="x" * 22),
        check(ice, nominate=True, username=f"{ice.ours.ufrag}:other"),
        check(ice, nominate=True, username=f"other:{THEIRS.ufrag}"),
        check(ice, nominate=True, username=ice.ours.ufrag),
    ):
        assert ice.take(request, OTHER) is None
    assert (ice.wrong, ice.checks, ice.nominated) == (4, 0, None)
    assert not ice.is_validated(OTHER)


def test_garbage_is_counted_and_not_answered() -> None:
    ice = agent()
    chance = random.Random(3)
    sound = check(ice)
    for _ in range(2000):
        data = bytearray(sound)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        assert ice.take(bytes(data), OTHER) is None
    for size in (0, 19, 20, 1281, 4000):
        assert ice.take(sound[:20] + bytes(max(0, size - 20)), OTHER) is None
    assert ice.wrong + ice.garbage >= 2000
    assert ice.nominated is None
    assert ice.take(sound, BROWSER) is not None


def test_a_party_that_thinks_it_is_controlled_is_told_so() -> None:
    ice = agent()
    request = check(ice)
    attributes = request.replace(b"\x80\x2a", b"\x80\x29")[20:-32]
    again = stun._sealed(stun.BINDING_REQUEST, b"123456789012", attributes, ice.ours.password.encode())
    answer = ice.take(again, BROWSER)
    assert answer is not None
    assert stun.parse(answer).get(stun.ERROR_CODE) == b"\x00\x00\x04\x57"
    assert not ice.is_validated(BROWSER)


def test_what_must_be_understood_and_is_not_is_named() -> None:
    ice = agent()
    attributes = check(ice)[20:-32] + stun._attribute(0x0777, b"")
    again = stun._sealed(stun.BINDING_REQUEST, b"123456789012", attributes, ice.ours.password.encode())
    answer = ice.take(again, BROWSER)
    assert answer is not None
    assert stun.parse(answer).get(stun.UNKNOWN_ATTRIBUTES) == b"\x07\x77"


def test_a_keep_alive_is_neither_answered_nor_counted() -> None:
    ice = agent()
    request = stun._sealed(stun.BINDING_INDICATION, b"123456789012", b"", b"x")
    assert ice.take(request, BROWSER) is None
    assert (ice.garbage, ice.wrong, ice.checks) == (0, 0, 0)


def test_other_credentials_are_another_party() -> None:
    ice = agent()
    ice.take(check(ice, nominate=True), BROWSER)
    ice.meet(THEIRS)
    assert ice.nominated == BROWSER
    ice.meet(Ice("wxyz", THEIRS.password))
    assert ice.nominated is None
    assert not ice.is_validated(BROWSER)
    assert ice.take(check(ice), BROWSER) is None  # the old name


def test_validated_sources_are_bounded() -> None:
    ice = agent()
    ice.take(check(ice, nominate=True), BROWSER)
    for port in range(1000, 1000 + 3 * MAX_VALIDATED):
        ice.take(check(ice), (OTHER[0], port))
    assert len(ice._validated) == MAX_VALIDATED
    assert ice.is_validated(BROWSER)


def test_credentials_are_fresh_and_allowed() -> None:
    one, other = fresh_credentials(), fresh_credentials()
    assert one != other
    assert len(one.ufrag) >= 4
    assert len(one.password) >= 22
    assert one.lite
