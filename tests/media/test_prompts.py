from __future__ import annotations

import pytest

from routerd.media import prompts as p


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (0, ["0"]),
        (7, ["7"]),
        (19, ["19"]),
        (20, ["20"]),
        (42, ["40", "2"]),
        (100, ["1", "100"]),
        (301, ["3", "100", "1"]),
        (999, ["9", "100", "90", "9"]),
        (12_345, ["9", "100", "90", "9"]),
        (-3, ["0"]),
    ],
)
def test_a_number_is_said_in_parts(number: int, said: list[str]) -> None:
    assert p.number_prompts(number) == tuple(f"number-{part}" for part in said)


def test_every_number_position_and_wait_has_its_sounds() -> None:
    names = {name for number in range(1000) for name in p.number_prompts(number)}
    names |= {p.position_prompt(place) for place in range(200)}
    names |= {p.wait_prompt(float(seconds)) for seconds in range(0, 4000, 7)}
    assert names <= p.PROMPTS.keys()
    assert {"position-1", "position-20", "position-many", "wait-30-minutes", "wait-long"} <= names


@pytest.mark.parametrize(
    ("wait_s", "name"),
    [(0, "less-than-a-minute"), (60, "1-minutes"), (61, "2-minutes"), (301, "10-minutes"), (1800, "30-minutes")],
)
def test_a_wait_is_rounded_up(wait_s: float, name: str) -> None:
    assert p.wait_prompt(wait_s) == f"wait-{name}"


def test_tones_of_countries() -> None:
    assert [p.ringback_of(country) for country in ("IN", "US", "GB", "DE")] == [
        "ringback-in",
        "ringback-us",
        "ringback-uk",
        "ringback",
    ]
    assert (p.busy_of("CA"), p.busy_of("FR")) == ("busy-us", "busy")


def test_only_known_prompts_have_a_path() -> None:
    assert p.prompt_path("/p", "beep") == "/p/beep.wav"
    with pytest.raises(KeyError):
        p.prompt_path("/p", "../beep")
