from __future__ import annotations

from routerd.simulation.chance import Chance


def test_a_seed_decides_every_draw() -> None:
    def draws(seed: int) -> list[object]:
        chance = Chance(seed)
        return [chance.below(10), chance.often(0.5), chance.between(1, 2), chance.one_of("abc"), chance.below(10**6)]

    assert draws(1) == draws(1)
    assert draws(1) != draws(2)


def test_draws_stay_within_their_bounds() -> None:
    chance = Chance(3)
    assert all(0 <= chance.below(3) < 3 for _ in range(200))
    assert all(1.5 <= chance.between(1.5, 2.5) <= 2.5 for _ in range(200))
    assert {chance.one_of("ab") for _ in range(100)} == {"a", "b"}
    assert not any(chance.often(0.0) for _ in range(100))
    assert all(chance.often(1.0) for _ in range(100))
    assert 350 < sum(chance.often(0.5) for _ in range(1000)) < 650
