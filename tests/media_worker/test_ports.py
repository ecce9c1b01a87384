from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import RelayError
from routerd.media_worker.ports import PortPool


def test_pairs_are_even_and_lie_within_the_range() -> None:
    pool = PortPool(20001, 20008)
    assert [pool.take() for _ in range(pool.size)] == [20002, 20004, 20006]
    with pytest.raises(RelayError, match="no ports left"):
        pool.take()


def test_the_port_that_was_freed_last_is_used_last() -> None:
    pool = PortPool(20000, 20007)
    first = pool.take()
    pool.give_back(first)
    assert [pool.take() for _ in range(4)][-1] == first


def test_an_empty_range() -> None:
    with pytest.raises(RelayError):
        PortPool(20000, 20000, 7).take()


@given(st.integers(0, 1000), st.integers(1, 40))
def test_any_start_gives_every_port_once(start: int, pairs: int) -> None:
    pool = PortPool(20000, 20000 + 2 * pairs - 1, start)
    taken = [pool.take() for _ in range(len(pool))]
    assert sorted(taken) == list(range(20000, 20000 + 2 * pairs, 2))
    assert taken[0] == 20000 + 2 * (start % pairs)
    assert len(pool) == 0
