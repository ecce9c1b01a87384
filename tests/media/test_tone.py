from __future__ import annotations

from array import array

import pytest

from routerd.errors import MediaError
from routerd.media import digit_tones, tone


def test_the_pairs_of_the_digits() -> None:
    assert [tone.pair_of(digit) for digit in "15#D"] == [(697, 1209), (770, 1336), (941, 1477), (941, 1633)]
    for wrong in ("", "x", "12"):
        with pytest.raises(MediaError):
            tone.pair_of(wrong)


def test_a_tone_has_its_length_its_level_and_no_clicks() -> None:
    samples = array("h", tone.make_tone([440], 0.5, 16000, 10000))
    assert len(samples) == 8000
    assert 9900 < max(samples) <= 10000
    assert abs(samples[0]) < 50
    assert abs(samples[-1]) < 800
    loud = array("h", tone.make_tone([440, 620], 0.1, 8000, 30000))
    assert max(loud) == 32767


def test_a_digit_is_recognised_and_silence_is_silent() -> None:
    assert digit_tones.ToneReader().hear(tone.make_digit("7", 0.1, 8000)) == ["7"]
    assert tone.make_silence(0.02, 8000) == bytes(320)
