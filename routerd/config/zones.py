"""TZif bytes → the compiled :class:`~routerd.rules.tables.Zone`: every offset change from 2000 to 2100 (RFC 9636).

The bytes come in as an argument (the control process reads the zone files), so no zone file is read during a call.
What the file lists is taken as it stands; after its last transition the POSIX rule of its footer is written out year
by year.
"""

from __future__ import annotations

import datetime as dt
import re
import struct
from bisect import bisect_right
from typing import Final, NamedTuple

from routerd.errors import ConfigError
from routerd.rules.tables import Zone

FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2100
_HEADER: Final = struct.Struct(">4sc15x6I")  # RFC 9636 §3.1
_OFFSET: Final = r"([+-]?)(\d{1,3})(?::(\d{2}))?(?::(\d{2}))?"
_NAME: Final = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+\-]{3,}>)"
_FOOTER: Final = re.compile(rf"{_NAME}{_OFFSET}(?:{_NAME}(?:{_OFFSET})?,([^,]+),([^,]+))?")
_DAY: Final = re.compile(rf"(?:M(\d{{1,2}})\.([1-5])\.([0-6])|J(\d{{1,3}})|(\d{{1,3}}))(?:/{_OFFSET})?")


class _Block(NamedTuple):
    """The counts of a TZif data block, and where it begins."""

    at: int
    isut: int
    isstd: int
    leap: int
    times: int
    types: int
    chars: int

    def size(self, width: int) -> int:
        return self.times * (width + 1) + self.types * 6 + self.chars + self.leap * (width + 4) + self.isstd + self.isut


def compile_zone(name: str, data: bytes) -> Zone:
    """Compile the zone ``name`` from its TZif file's bytes. Raises ConfigError when they are not a zone."""
    try:
        instants, offsets, first, footer = _read(data)
    except (struct.error, IndexError, ValueError) as error:
        raise ConfigError(f"the zone data of {name} cannot be read: {error}") from error
    pairs = list(zip(instants, offsets, strict=True))
    if footer:
        after = instants[-1] if instants else -(1 << 62)
        pairs.extend(pair for pair in _rule(name, footer) if pair[0] > after)
    return _trim(name, first, pairs)


def fixed_zone(name: str, offset_s: int = 0) -> Zone:
    """Give a zone without transitions: UTC."""
    return Zone(name=name, first_offset=offset_s, instants=(), offsets=())


def _trim(name: str, first: int, pairs: list[tuple[int, int]]) -> Zone:
    """Keep the years that calls are made in, and only instants at which the offset changes."""
    begin = int(dt.datetime(FIRST_YEAR, 1, 1, tzinfo=dt.UTC).timestamp())
    index = bisect_right([instant for instant, _ in pairs], begin)
    current = pairs[index - 1][1] if index else first
    instants: list[int] = []
    offsets: list[int] = []
    first_offset = current
    for instant, offset in pairs[index:]:
        if offset != current:
            instants.append(instant)
            offsets.append(offset)
            current = offset
    return Zone(name=name, first_offset=first_offset, instants=tuple(instants), offsets=tuple(offsets))


def _header(data: bytes, at: int) -> tuple[bytes, _Block]:
    magic, version, isut, isstd, leap, times, types, chars = _HEADER.unpack_from(data, at)
    if magic != b"TZif":
        raise ValueError("no TZif header")
    return version, _Block(at + _HEADER.size, isut, isstd, leap, times, types, chars)


def _read(data: bytes) -> tuple[list[int], list[int], int, str]:
    """Read the newest data block: (instants, offsets from them, first offset, footer)."""
    version, block = _header(data, 0)
    width = 4
    if version != b"\0":  # versions 2 and later repeat everything in 64 bits, and have the footer
        _, block = _header(data, block.at + block.size(4))
        width = 8
    instants = list(struct.unpack_from(f">{block.times}{'q' if width == 8 else 'l'}", data, block.at))
    indices = struct.unpack_from(f">{block.times}B", data, block.at + block.times * width)
    types_at = block.at + block.times * (width + 1)
    kinds = [struct.unpack_from(">lBB", data, types_at + 6 * i) for i in range(block.types)]
    footer = ""
    if width == 8:
        footer = data[block.at + block.size(8) :].split(b"\n")[1].decode("ascii")
    return instants, [kinds[index][0] for index in indices], kinds[0][0], footer


def _seconds(sign: str, hours: str, minutes: str | None, seconds: str | None) -> int:
    value = int(hours) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
    return -value if sign == "-" else value


def _rule(name: str, footer: str) -> list[tuple[int, int]]:
    """Write the footer's rule out as (instant, offset), in order (POSIX TZ, RFC 9636 §3.3)."""
    match = _FOOTER.fullmatch(footer)
    if match is None:
        raise ConfigError(f"the zone data of {name} ends in a rule that cannot be read: {footer[:80]}")
    parts = match.groups()
    standard = -_seconds(*parts[0:4])
    begin = int(dt.datetime(FIRST_YEAR - 1, 1, 1, tzinfo=dt.UTC).timestamp())
    if parts[8] is None:
        return [(begin, standard)]
    daylight = standard + 3600 if parts[5] is None else -_seconds(*parts[4:8])
    result: list[tuple[int, int]] = []
    for year in range(FIRST_YEAR - 1, LAST_YEAR + 1):
        result.append((_moment(name, parts[8], year) - standard, daylight))
        result.append((_moment(name, parts[9], year) - daylight, standard))
    return sorted(result)


def _moment(name: str, rule: str, year: int) -> int:
    """Give the local wall time of a rule in ``year`` as seconds since 1970."""
    match = _DAY.fullmatch(rule)
    if match is None:
        raise ConfigError(f"the zone data of {name} has a rule that cannot be read: {rule[:80]}")
    month, week, weekday, julian, zero_based, *time = match.groups()
    if month is not None:
        day = _month_day(year, int(month), int(week), int(weekday))
    elif julian is not None:  # 1-365, 29 February is never counted
        after_leap_day = _days_in(year, 2) == 29 and int(julian) > 59
        day = dt.date(year, 1, 1).toordinal() + int(julian) - 1 + after_leap_day
    else:
        day = dt.date(year, 1, 1).toordinal() + int(zero_based)
    at = 7200 if time[1] is None else _seconds(*time)
    return (day - dt.date(1970, 1, 1).toordinal()) * 86400 + at


def _month_day(year: int, month: int, week: int, weekday: int) -> int:
    """Give the ordinal of the ``week``-th ``weekday`` (0 is Sunday; week 5 is the last) of a month."""
    first = dt.date(year, month, 1)
    skip = (weekday - first.isoweekday()) % 7
    day = 1 + skip + (week - 1) * 7
    while day > _days_in(year, month):
        day -= 7
    return first.toordinal() + day - 1


def _days_in(year: int, month: int) -> int:
    following = dt.date(year + month // 12, month % 12 + 1, 1)
    return following.toordinal() - dt.date(year, month, 1).toordinal()
