from __future__ import annotations

from routerd.admin_api import rates
from routerd.admin_api.rates import Rates


def test_a_bucket_empties_and_fills_again() -> None:
    made = Rates(2.0, 3.0)
    assert [made.take("a", 0.0) for _ in range(4)] == [0, 0, 0, 0.5]
    assert made.wait_s("a", 0.25) == 0.25
    assert made.take("a", 0.5) == 0
    assert made.take("a", 100.0) == 0
    assert [made.take("a", 100.0) for _ in range(3)] == [0, 0, 0.5]


def test_memory_is_bounded() -> None:
    made = Rates(1.0, 1.0)
    for number in range(rates.MOST_KEYS + 10):
        made.take(f"k{number}", 0.0)
    assert len(made._levels) == rates.MOST_KEYS
    assert made.wait_s("k0", 0.0) == 0
    assert made.wait_s(f"k{rates.MOST_KEYS}", 0.0) == 1
