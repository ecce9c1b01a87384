from __future__ import annotations

import wave
from array import array
from math import cos, pi, sin
from pathlib import Path

import pytest

import routerd
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


FOLDER = str(Path(routerd.__file__).parent / "prompts")


def heard(name: str) -> array[int]:
    with wave.open(p.prompt_path(FOLDER, name)) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000), name
        return array("h", sound.readframes(sound.getnframes()))


def level(samples: array[int]) -> float:
    return (sum(value * value for value in samples) / len(samples)) ** 0.5 / 32_768


def power(samples: array[int], pitch_hz: float) -> float:
    """The share of a pitch in the samples: 1 for a pure tone."""
    turn = 2 * pi * pitch_hz / 8000
    real = sum(value * cos(turn * at) for at, value in enumerate(samples))
    imaginary = sum(value * sin(turn * at) for at, value in enumerate(samples))
    return 2 * (real**2 + imaginary**2) / len(samples) / sum(value * value for value in samples)


def test_every_prompt_is_shipped_and_can_be_heard() -> None:
    files = {path.stem for path in Path(FOLDER).glob("*")}
    assert files == set(p.PROMPTS)
    assert sum(path.stat().st_size for path in Path(FOLDER).glob("*")) < 2_000_000
    for name in p.SPOKEN:
        samples = heard(name)
        assert 0.2 < len(samples) / 8000 < 12, name
        assert 0.02 < level(samples) < 0.2, name
        assert max(abs(value) for value in samples) < 32_000, name


@pytest.mark.parametrize(
    ("name", "whole_s", "sounding", "pitches"),
    [
        ("beep", 0.4, [(0, 0.4)], [1000]),
        ("ringback", 5, [(0, 1)], [425]),
        ("ringback-us", 6, [(0, 2)], [440, 480]),
        ("ringback-uk", 3, [(0, 0.4), (0.6, 1)], [400, 450]),
        ("ringback-in", 3, [(0, 0.4), (0.6, 1)], [400, 375, 425]),
        ("busy", 1, [(0, 0.5)], [425]),
        ("busy-us", 1, [(0, 0.5)], [480, 620]),
    ],
)
def test_tones_have_their_pitches_and_cadences(
    name: str, whole_s: float, sounding: list[tuple[float, float]], pitches: list[float]
) -> None:
    samples = heard(name)
    assert len(samples) == whole_s * 8000
    silent = array("h", samples)
    for first, last in sounding:
        burst = samples[int(first * 8000) : int(last * 8000)]
        assert sum(power(burst, pitch) for pitch in pitches) > 0.95
        assert level(burst) > 0.05
        silent[int(first * 8000) : int(last * 8000)] = array("h", bytes(2 * len(burst)))
    assert not any(silent)


def test_music_is_a_loop_without_a_seam_or_a_gap() -> None:
    samples = heard("music")
    assert len(samples) > 10 * 8000
    step = max(abs(one - other) for one, other in zip(samples[1:], samples[:-1], strict=True))
    assert abs(samples[0] - samples[-1]) < step / 4
    second = [level(samples[at : at + 8000]) for at in range(0, len(samples) - 8000, 8000)]
    assert min(second) > 0.02
