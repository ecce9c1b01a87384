from __future__ import annotations

import math
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.errors import MediaError
from routerd.media import g711

EVERY = bytes(range(256))


def from_mu_law(byte: int) -> int:
    """ITU-T G.711 table 2 by its formula, at 16 bits."""
    byte = ~byte & 0xFF
    magnitude = (((byte & 0x0F) << 3) + 0x84 << ((byte & 0x70) >> 4)) - 0x84
    return -magnitude if byte & 0x80 else magnitude


def from_a_law(byte: int) -> int:
    """ITU-T G.711 table 1 by its formula, at 16 bits."""
    byte ^= 0x55
    segment, step = (byte & 0x70) >> 4, (byte & 0x0F) << 4
    magnitude = step + 8 if segment == 0 else step + 0x108 << segment - 1
    return magnitude if byte & 0x80 else -magnitude


@pytest.mark.parametrize(("name", "formula"), [("PCMU", from_mu_law), ("PCMA", from_a_law)])
def test_every_byte_is_what_the_recommendation_says(name: str, formula: object) -> None:
    assert callable(formula)
    assert array("h", g711.decode(name, EVERY)).tolist() == [formula(byte) for byte in EVERY]


@given(st.binary(max_size=400), st.sampled_from(["PCMA", "PCMU"]))
def test_there_and_back(payload: bytes, name: str) -> None:
    again = g711.encode(name, g711.decode(name, payload))
    assert g711.decode(name, again) == g711.decode(name, payload)


@pytest.mark.parametrize(("first", "second", "table"), [("PCMA", "PCMU", g711.A_TO_U), ("PCMU", "PCMA", g711.U_TO_A)])
def test_from_one_law_to_the_other(first: str, second: str, table: bytes) -> None:
    wave = array("h", [int(12000 * math.sin(i / 7)) for i in range(800)])
    told = g711.encode(first, wave.tobytes())
    heard = array("h", g711.decode(second, told.translate(table)))
    assert max(abs(a - b) / (abs(a) + 200) for a, b in zip(wave, heard, strict=True)) < 0.12


@pytest.mark.parametrize("name", ["PCMA", "PCMU"])
def test_silence(name: str) -> None:
    assert abs(array("h", g711.decode(name, g711.SILENCE[name]))[0]) <= 8


def test_what_is_no_law_and_no_sample() -> None:
    for serve in (g711.decode, g711.encode):
        with pytest.raises(MediaError):
            serve("G729", b"12")
    with pytest.raises(MediaError, match="half"):
        g711.encode("PCMA", b"123")
