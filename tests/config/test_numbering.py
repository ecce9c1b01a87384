from __future__ import annotations

import phonenumbers
import pytest

from routerd.config.numbering import Numbering, UnknownCountryError

NUMBERING = Numbering()


def test_india() -> None:
    plan = NUMBERING.plan("IN")
    assert (plan.code, plan.national_prefix, plan.international_prefixes, plan.lengths) == ("91", "0", ("00",), (10,))
    assert {"112", "100", "101", "102"} <= set(NUMBERING.emergency_numbers("IN"))


@pytest.mark.parametrize(
    ("country", "code", "national", "international", "emergency"),
    [
        ("US", "1", "1", "011", "911"),
        ("GB", "44", "0", "00", "999"),
        ("RU", "7", "8", "810", "112"),
        ("AU", "61", "0", "0011", "000"),
        ("JP", "81", "0", "010", "110"),
        ("SG", "65", "", "000", "999"),
    ],
)
def test_countries(country: str, code: str, national: str, international: str, emergency: str) -> None:
    plan = NUMBERING.plan(country)
    assert (plan.code, plan.national_prefix) == (code, national)
    assert international in plan.international_prefixes
    assert emergency in NUMBERING.emergency_numbers(country)


def test_every_country_has_a_plan_and_emergency_numbers() -> None:
    assert len(NUMBERING.countries()) > 200
    for country in ("IN", "US", "VA", "AQ" if "AQ" in NUMBERING.countries() else "NO"):
        assert NUMBERING.plan(country).lengths
        assert all(number.isdigit() for number in NUMBERING.emergency_numbers(country))
    assert NUMBERING.emergency_numbers("ZZ") == ("112",)
    with pytest.raises(UnknownCountryError):
        NUMBERING.plan("ZZ")


@pytest.mark.parametrize(
    "text", ["+918069651170", "+9191", "+14155550123", "+1415555", "+4930123456", "+999123456", "+808123"]
)
def test_possible_numbers_are_those_of_the_metadata(text: str) -> None:
    digits = phonenumbers.PhoneNumber()
    try:
        digits = phonenumbers.parse(text)
    except phonenumbers.NumberParseException:
        assert not NUMBERING.is_possible(text)
        return
    reason = phonenumbers.is_possible_number_with_reason(digits)
    assert NUMBERING.is_possible(text) is (reason == phonenumbers.ValidationResult.IS_POSSIBLE)


def test_all_calling_codes() -> None:
    codes = NUMBERING.plan("IN").codes
    assert len(codes) > 200
    assert {"1", "44", "91", "800", "998"} <= set(codes)


def test_a_local_number_is_not_possible_with_the_country_code() -> None:
    assert Numbering().is_possible("+14155550123")
    assert not Numbering().is_possible("+15550123")
