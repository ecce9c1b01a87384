"""Section 4.1, gate 5: what was dialled, as a number of a country."""

from __future__ import annotations

from dataclasses import dataclass

import phonenumbers


@dataclass(frozen=True)
class Dialled:
    e164: str
    national: str
    own_country: bool
    possible: bool


def read(text: str, country: str) -> Dialled | None:
    """None: no number at all. Without a plus a country code is recognised when the whole is too long."""
    digits = "".join(character for character in text if character not in " -().")
    if not digits.lstrip("+").isdigit():
        return None
    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
    possible = _possible(number)
    own = number.country_code == phonenumbers.country_code_for_region(country)
    if not possible and not digits.startswith("+"):
        try:
            longer = phonenumbers.parse("+" + digits, None)
        except phonenumbers.NumberParseException:
            longer = None
        if longer is not None and _possible(longer) and _too_long(number):
            number, possible = longer, True
            own = number.country_code == phonenumbers.country_code_for_region(country)
    national = phonenumbers.national_significant_number(number)
    return Dialled(f"+{number.country_code}{national}", national, own, possible)


def _possible(number: phonenumbers.PhoneNumber) -> bool:
    """By its length for its country; a length that only works within a town is none."""
    return phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE


def _too_long(number: phonenumbers.PhoneNumber) -> bool:
    return phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.TOO_LONG


def country_code(country: str) -> int:
    return int(phonenumbers.country_code_for_region(country))
