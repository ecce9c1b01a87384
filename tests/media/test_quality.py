from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.media import quality


def test_a_good_line_is_worth_what_a_telephone_can_be() -> None:
    assert quality.estimate(8, 1000, 0, 1.0, 20.0) == pytest.approx(4.38, abs=0.03)
    assert quality.estimate(0, 1000, 0, 0.0, None) == pytest.approx(4.38, abs=0.03)


@pytest.mark.parametrize(
    ("payload", "lost", "jitter_ms", "round_trip_ms", "expected"),
    [
        (8, 50, 2.0, 40.0, 3.9),  # 5 % of G.711 with concealment
        (8, 250, 2.0, 40.0, 2.35),
        (18, 0, 2.0, 40.0, 4.09),
        (3, 0, 2.0, 40.0, 3.75),
        (9, 0, 2.0, 40.0, 4.3),
        (8, 0, 2.0, 800.0, 2.77),
        (8, 0, 150.0, 40.0, 3.46),
    ],
)
def test_what_loss_codec_and_delay_cost(
    payload: int, lost: int, jitter_ms: float, round_trip_ms: float, expected: float
) -> None:
    score = quality.estimate(payload, 1000 - lost, lost, jitter_ms, round_trip_ms)
    assert score == pytest.approx(expected, abs=0.2)


def test_nothing_heard_has_no_score() -> None:
    assert quality.estimate(8, 0, 0, 0.0, None) is None
    assert quality.mos(-5.0) == 1.0
    assert quality.mos(120.0) == 4.5


@given(
    payload=st.integers(0, 127),
    packets=st.integers(1, 10**6),
    lost=st.integers(0, 10**6),
    jitter=st.floats(0, 5000),
    trip=st.none() | st.floats(0, 10000),
)
def test_worse_never_scores_better(payload: int, packets: int, lost: int, jitter: float, trip: float | None) -> None:
    score = quality.estimate(payload, packets, lost, jitter, trip)
    assert score is not None
    assert 1.0 <= score <= 4.5
    for worse in (
        quality.estimate(payload, packets, lost + 1000, jitter, trip),
        quality.estimate(payload, packets, lost, jitter + 100, trip),
        quality.estimate(payload, packets, lost, jitter, (trip or 0.0) + 300),
    ):
        assert worse is not None
        assert worse <= score + 0.02  # the formula turns by a hair below R = 6.5 (G.107 Annex B)
