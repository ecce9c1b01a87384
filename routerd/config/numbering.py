"""How numbers are read and written in a country, from the public numbering metadata (the ``phonenumbers`` package).

:class:`Numbering` answers from that metadata and keeps what it has answered. Everything is made when a document is
compiled; during a call only the compiled :class:`~routerd.rules.tables.NumberPlan` is looked at.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS
from phonenumbers.phonemetadata import PhoneMetadata

from routerd.rules.tables import CountryLengths, NumberPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

EVERYWHERE: Final = ("112",)
_LONGEST_INTERNATIONAL_PREFIX: Final = 4
_NON_GEOGRAPHIC: Final = "001"


class UnknownCountryError(LookupError):
    """The numbering metadata knows no such country."""


class Numbering:
    """The world's numbering plans. ``plan`` and ``emergency_numbers`` answer for a country (ISO 3166, capitals)."""

    def countries(self) -> frozenset[str]:
        """Give all countries that have a plan."""
        return frozenset(SUPPORTED_REGIONS)

    def plan(self, country: str) -> NumberPlan:
        """Give the compiled plan of ``country``. Raises UnknownCountryError."""
        return _plan(country)

    def emergency_numbers(self, country: str) -> tuple[str, ...]:
        """Give the numbers that reach help in ``country``, shortest first; 112 where nothing is known."""
        return _emergency_numbers(country)

    def is_possible(self, number: str) -> bool:
        """Say whether the length of an E.164 number is possible under its calling code."""
        codes = _codes()
        for size in (1, 2, 3):
            lengths = codes.get(number[1 : 1 + size])
            if lengths is not None:
                return len(number) - 1 - size in lengths.lengths
        return False


@lru_cache(maxsize=300)
def _plan(country: str) -> NumberPlan:
    metadata = PhoneMetadata.metadata_for_region(country, None) if country in SUPPORTED_REGIONS else None
    if metadata is None:
        raise UnknownCountryError(country)
    return NumberPlan(
        country=country,
        code=str(metadata.country_code),
        lengths=_subscriber_lengths(metadata),
        national_prefix=metadata.national_prefix or "",
        international_prefixes=_international_prefixes(metadata),
        codes=_codes(),
    )


def _subscriber_lengths(metadata: PhoneMetadata) -> tuple[int, ...]:
    """Give the lengths of people's numbers: what decides from which length on a country code must be meant.

    Toll-free and machine numbers are left out: in India they have up to 13 digits, so that 919812345678 would never be
    'too long for a national number'.
    """
    kinds = (metadata.fixed_line, metadata.mobile)
    found = {length for kind in kinds if kind is not None for length in kind.possible_length if length > 0}
    general = metadata.general_desc
    return tuple(sorted(found or {length for length in (general.possible_length if general else ()) if length > 0}))


@lru_cache(maxsize=1)
def _codes() -> dict[str, CountryLengths]:
    """Give the possible lengths under every calling code of the world, as its main country has them.

    A country that shares the code may say less exactly: with all of +1 a local number of 7 digits would be possible.
    """
    result: dict[str, CountryLengths] = {}
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        lengths = set(_general_lengths(code, regions[0]))
        if lengths:
            result[str(code)] = CountryLengths(code=str(code), lengths=tuple(sorted(lengths)))
    return result


def _general_lengths(code: int, region: str) -> Iterator[int]:
    if region == _NON_GEOGRAPHIC:
        metadata = PhoneMetadata.metadata_for_nongeo_region(code, None)
    else:
        metadata = PhoneMetadata.metadata_for_region(region, None)
    if metadata is not None and metadata.general_desc is not None:
        yield from (length for length in metadata.general_desc.possible_length if length > 0)


def _international_prefixes(metadata: PhoneMetadata) -> tuple[str, ...]:
    """Write the pattern of international prefixes out as strings, longest first."""
    found: set[str] = set()
    if metadata.preferred_international_prefix:
        found.add(metadata.preferred_international_prefix.replace("~", ""))
    if metadata.international_prefix:
        found.update(_matches(metadata.international_prefix, _LONGEST_INTERNATIONAL_PREFIX))
    return tuple(sorted(found, key=lambda prefix: (-len(prefix), prefix)))


@lru_cache(maxsize=300)
def _emergency_numbers(country: str) -> tuple[str, ...]:
    if country not in SUPPORTED_REGIONS:
        return EVERYWHERE
    metadata = PhoneMetadata.short_metadata_for_region(country)
    kind = metadata.emergency if metadata is not None else None
    if kind is None or not kind.national_number_pattern:
        return EVERYWHERE
    longest = max((length for length in kind.possible_length if length > 0), default=4)
    found = _matches(kind.national_number_pattern, min(longest, 5))
    return tuple(sorted(found, key=lambda number: (len(number), number))) or EVERYWHERE


def _matches(pattern: str, longest: int) -> Iterator[str]:
    """Give all digit strings of up to ``longest`` digits that the whole ``pattern`` matches."""
    full = re.compile(pattern).fullmatch
    for size in range(1, longest + 1):
        for value in range(10**size):
            text = f"{value:0{size}d}"
            if full(text):
                yield text
