from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.media import sdes

SECRET = bytes(range(30))
INLINE = "inline:" + base64.b64encode(SECRET).decode()
STRONG = "AES_CM_128_HMAC_SHA1_80"
WEAK = "AES_CM_128_HMAC_SHA1_32"


def test_what_is_written_is_read() -> None:
    for suite in sdes.SUITES.values():
        secret = bytes(range(suite.secret_bytes))
        read = sdes.parse(sdes.Crypto(7, suite, secret).value)
        assert read is not None
        assert (read.tag, read.suite, read.secret) == (7, suite, secret)


def test_the_example_of_the_rfc() -> None:
    read = sdes.parse("1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32")
    assert read is None  # its key has an identifier, which we cannot keep
    read = sdes.parse("1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20")
    assert read is not None
    assert read.secret == b"=-n@%^x!Bjufr9)?,#5h\\`=&]{qiPQ"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1",
        f"x {STRONG} {INLINE}",
        f"1 F8_128_HMAC_SHA1_80 {INLINE}",
        f"1 AES_256_CM_HMAC_SHA1_80 {INLINE}",
        f"1 {STRONG} {INLINE[:-4]}",
        f"1 {STRONG} {INLINE}AAAA",
        f"1 {STRONG} inline:!!!!",
        f"1 {STRONG} uri:{INLINE}",
        f"1 {STRONG} {INLINE};{INLINE}",
        f"1 {STRONG} {INLINE}|2^31|1:4",
        f"1 {STRONG} {INLINE} UNENCRYPTED_SRTP",
        f"1 {STRONG} {INLINE} UNENCRYPTED_SRTCP",
        f"1 {STRONG} {INLINE} UNAUTHENTICATED_SRTP",
        f"1 {STRONG} {INLINE} KDR=3",
        f"1 {STRONG} {INLINE} " + "WSH=64 " * 100,
        f"{'9' * 5000} {STRONG} {INLINE}",
    ],
)
def test_what_cannot_be_served_is_left_out(value: str) -> None:
    assert sdes.parse(value) is None


def test_the_first_that_can_be_served_is_chosen() -> None:
    lines = [f"1 F8_128_HMAC_SHA1_80 {INLINE}", f"3 {WEAK} {INLINE} WSH=128", f"4 {STRONG} {INLINE}"]
    chosen = sdes.choose(lines)
    assert chosen is not None
    assert (chosen.tag, chosen.suite.name) == (3, WEAK)
    assert [crypto.tag for crypto in sdes.offered(lines)] == [3, 4]
    assert sdes.choose(lines[:1]) is None


def test_an_answer_takes_up_one_of_the_offer() -> None:
    offer = [sdes.Crypto(1, sdes.SUITES[STRONG], SECRET), sdes.Crypto(2, sdes.SUITES[WEAK], SECRET[::-1])]
    found = sdes.answered(offer, [f"2 {WEAK} {INLINE}"])
    assert found is not None
    ours, theirs = found
    assert (ours, theirs.secret) == (offer[1], SECRET)
    assert sdes.answered(offer, []) is None
    assert sdes.answered(offer, [f"2 {STRONG} {INLINE}"]) is None
    assert sdes.answered(offer, [f"3 {WEAK} {INLINE}"]) is None
    assert sdes.answered(offer, [f"1 {STRONG} {INLINE}", f"2 {WEAK} {INLINE}"]) is None
    assert sdes.answered(offer, ["2 nonsense"]) is None


def test_a_key_is_never_shown() -> None:
    crypto = sdes.Crypto(1, sdes.SUITES[STRONG], SECRET)
    assert base64.b64encode(SECRET).decode() not in repr(crypto)
    assert str(SECRET) not in repr([crypto])


@given(st.text(max_size=80))
def test_garbage_raises_nothing(text: str) -> None:
    for value in (text, f"1 {STRONG} {text}", f"1 {STRONG} inline:{text}", f"{text} {STRONG} {INLINE}"):
        sdes.parse(value)
