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
    if possible and not digits.startswith(("+", "0")) and len(digits) > _longest_subscriber(country):
        possible = digits.startswith(str(number.country_code))  # too long for a subscriber: a country code is meant
    own = number.country_code == phonenumbers.country_code_for_region(country)
    if not possible and not digits.startswith("+"):
        try:
            longer = phonenumbers.parse("+" + digits, None)
        except phonenumbers.NumberParseException:
            longer = None
        if longer is not None and _possible(longer) and len(digits) > _longest_subscriber(country):
            number, possible = longer, True
            own = number.country_code == phonenumbers.country_code_for_region(country)
    national = phonenumbers.national_significant_number(number)
    return Dialled(f"+{number.country_code}{national}", national, own, possible)


def _possible(number: phonenumbers.PhoneNumber) -> bool:
    """By its length for its country; a length that only works within a town is none."""
    return phonenumbers.is_possible_number_with_reason(number) == phonenumbers.ValidationResult.IS_POSSIBLE


def _longest_subscriber(country: str) -> int:
    """People's numbers: toll-free numbers of up to 13 digits would hide every country code in India."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(country, None)
    return max(max(kind.possible_length) for kind in (metadata.fixed_line, metadata.mobile))


def country_code(country: str) -> int:
    return int(phonenumbers.country_code_for_region(country))
