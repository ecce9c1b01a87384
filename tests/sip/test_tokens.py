from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import LocalProtocolError
from routerd.sip.tokens import MAGIC_COOKIE, PoolTokens, SeededTokens, Tokens, process_of


class CountingDraw:
    def __init__(self) -> None:
        self.calls: list[int] = []

    def __call__(self, size_bytes: int) -> bytes:
        self.calls.append(size_bytes)
        return os.urandom(size_bytes)


def test_one_draw_serves_a_whole_pool() -> None:
    draw = CountingDraw()
    tokens = PoolTokens(draw, size_bytes=4096)
    given_out = {tokens.tag() for _ in range(512)}  # 512 * 8 bytes: exactly one pool
    assert draw.calls == [4096]
    assert len(given_out) == 512
    tokens.tag()
    assert draw.calls == [4096, 4096]


def test_nothing_is_drawn_before_it_is_needed() -> None:
    draw = CountingDraw()
    PoolTokens(draw)
    assert draw.calls == []


def test_every_digit_of_the_pool_is_given_once() -> None:
    pool = bytes(range(64))
    tokens = PoolTokens(lambda _: pool, size_bytes=64)
    parts = [tokens.nonce() for _ in range(8)]
    assert "".join(parts) == pool.hex()


def test_a_rest_too_short_for_the_token_is_never_stretched() -> None:
    tokens = PoolTokens(CountingDraw(), size_bytes=24)
    tokens.tag()
    tokens.tag()
    assert len(tokens.call_id()) == len("0-") + 32


def test_the_process_id_stands_in_branch_tag_and_call_id() -> None:
    tokens = PoolTokens(os.urandom, "p7")
    assert tokens.branch().startswith(MAGIC_COOKIE + "p7-")
    assert tokens.tag().startswith("p7-")
    assert tokens.call_id().startswith("p7-")
    assert [process_of(made()) for made in (tokens.branch, tokens.tag, tokens.call_id)] == ["p7"] * 3


@pytest.mark.parametrize("foreign", ["", "abc", "-", "p7-", "-x", MAGIC_COOKIE, "a.b-c"])
def test_foreign_tokens_bear_no_process(foreign: str) -> None:
    assert process_of(foreign) is None


def test_tags_have_64_random_bits_and_call_ids_128() -> None:
    tokens = PoolTokens(os.urandom, "1")
    assert len(bytes.fromhex(tokens.tag().removeprefix("1-"))) == 8
    assert len(bytes.fromhex(tokens.branch().removeprefix(MAGIC_COOKIE + "1-"))) == 8
    assert len(bytes.fromhex(tokens.call_id().removeprefix("1-"))) == 16
    assert len(bytes.fromhex(tokens.nonce())) == 8


@pytest.mark.parametrize("process_id", ["", "a-b", "ä", "a b", "a;b"])
def test_a_process_id_that_breaks_tokens_is_refused(process_id: str) -> None:
    with pytest.raises(LocalProtocolError):
        PoolTokens(os.urandom, process_id)


def test_a_pool_too_small_for_a_call_id_is_refused() -> None:
    with pytest.raises(LocalProtocolError):
        PoolTokens(os.urandom, size_bytes=15)


def test_a_short_draw_is_refused_instead_of_repeated() -> None:
    tokens = PoolTokens(lambda size_bytes: b"x" * (size_bytes - 1))
    with pytest.raises(LocalProtocolError):
        tokens.tag()


def transcript(tokens: Tokens) -> list[object]:
    items = list(range(20))
    tokens.shuffle(items)
    numbers = [tokens.number(1000) for _ in range(50)]
    return [tokens.branch(), tokens.tag(), tokens.call_id(), tokens.nonce(), numbers, items]


@given(st.integers(min_value=0, max_value=2**64 - 1))
def test_equal_seeds_give_equal_tokens(seed: int) -> None:
    assert transcript(SeededTokens(seed)) == transcript(SeededTokens(seed))
    assert transcript(SeededTokens(seed)) != transcript(SeededTokens(seed + 1))


def test_the_seeded_stream_is_splitmix64() -> None:
    assert SeededTokens(1234567)._stream(16) == (6457827717110365317).to_bytes(8, "big") + (
        3203168211198807973
    ).to_bytes(8, "big")


def test_seeded_tokens_do_not_repeat_over_many_pools() -> None:
    tokens = SeededTokens(5)
    assert len({tokens.branch() for _ in range(5000)}) == 5000


@given(st.integers(min_value=1, max_value=2**64), st.integers(min_value=0, max_value=1000))
def test_numbers_stay_below(below: int, seed: int) -> None:
    assert 0 <= SeededTokens(seed).number(below) < below


@pytest.mark.parametrize("below", [0, -1, 2**64 + 1])
def test_no_number_below_nothing(below: int) -> None:
    with pytest.raises(LocalProtocolError):
        SeededTokens(1).number(below)


def test_a_draw_above_the_last_whole_multiple_is_drawn_again() -> None:
    pool = b"\xff" * 8 + (5).to_bytes(8, "big")
    assert PoolTokens(lambda _: pool, size_bytes=16).number(3) == 2  # 2**64 - 1 is the favoured rest of 3


def test_numbers_are_even() -> None:
    tokens = SeededTokens(42)
    counts = Counter(tokens.number(6) for _ in range(12_000))
    assert set(counts) == set(range(6))
    assert all(1800 < count < 2200 for count in counts.values())


def test_shuffle_keeps_the_items_and_reaches_every_order() -> None:
    tokens = SeededTokens(9)
    orders: Counter[tuple[int, ...]] = Counter()
    for _ in range(6000):
        items = [1, 2, 3]
        tokens.shuffle(items)
        orders[tuple(items)] += 1
    assert len(orders) == 6
    assert all(sorted(order) == [1, 2, 3] for order in orders)
    assert all(850 < count < 1150 for count in orders.values())
    empty: list[int] = []
    tokens.shuffle(empty)
    assert empty == []
