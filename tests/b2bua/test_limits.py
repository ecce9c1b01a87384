from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from routerd.b2bua.limits import Bans, Failures, GoodSources, Rates


@given(st.lists(st.floats(0, 5), max_size=80))
def test_a_bucket_never_gives_more_than_it_was_filled_with(gaps: list[float]) -> None:
    rates: Rates[str] = Rates(2.0, 3.0)
    now, given_out = 100.0, 0
    for gap in gaps:
        now += gap
        given_out += rates.take("a", now)
    assert given_out <= 3 + 2 * (now - 100.0) + 1e-6


def test_a_bucket_refills_and_each_key_has_its_own() -> None:
    rates: Rates[str] = Rates(1.0, 2.0, remembered=2)
    assert [rates.take("a", 0.0) for _ in range(3)] == [True, True, False]
    assert rates.take("b", 0.0)
    assert rates.take("a", 1.0)
    assert not rates.take("a", 1.5)
    assert rates.take("c", 2.0)
    assert len(rates) == 2


def test_failures_within_the_window_add_up() -> None:
    failures: Failures[str] = Failures(3, 10.0, remembered=2)
    assert [failures.add("a", at) for at in (0.0, 1.0, 2.0)] == [False, False, True]
    assert len(failures) == 0
    assert [failures.add("a", at) for at in (0.0, 1.0, 12.0, 13.0)] == [False] * 4
    failures.forgive("a")
    assert [failures.add("a", at) for at in (20.0, 21.0)] == [False, False]
    for name in "bcd":
        failures.add(name, 22.0)
    assert len(failures) == 2


def test_bans_end() -> None:
    bans: Bans[str] = Bans(remembered=2)
    bans.ban("a", 10.0)
    assert bans.holds("a", 9.9)
    assert bans.listed(9.9) == [("a", 10.0)]
    assert not bans.holds("a", 10.0)
    assert len(bans) == 0
    for name in "abc":
        bans.ban(name, 20.0)
    assert not bans.holds("a", 11.0)
    assert bans.lift("b")
    assert not bans.lift("b")


def test_good_sources_are_few_a_user() -> None:
    good: GoodSources[str] = GoodSources(remembered=2)
    for last in range(10):
        good.add("u", f"10.0.0.{last}")
    assert good.knows("u", "10.0.0.9")
    assert not good.knows("u", "10.0.0.1")
    good.add("u", "10.0.0.5")
    good.add("v", "x")
    good.add("w", "x")
    assert len(good) == 2
    assert not good.knows("u", "10.0.0.9")
