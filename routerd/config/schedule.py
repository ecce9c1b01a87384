"""Who would ring when: the next days of one number, span by span, with clock changes and exceptions marked."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import msgspec

from routerd.config.check_times import gaps
from routerd.config.week import clock, spans
from routerd.rules.calendar import local

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from routerd.config.reach import Reach
    from routerd.config.week import Span
    from routerd.rules.tables import AccountTables, Destination, Zone


class Row(msgspec.Struct, frozen=True):
    """On ``date``, from ``start`` to ``end`` (local, HH:MM), calls go to ``target``; ``marks``: what is odd."""

    date: str
    weekday: str
    start: str
    end: str
    target: str
    marks: tuple[str, ...] = ()


def schedule(tables: AccountTables, reach: Reach, destination: Destination | None, at: float, days: int) -> list[Row]:
    """Give the rows of ``days`` local days from the day of ``at`` (UTC seconds), in the account's time zone."""
    zone = tables.zones[tables.account.zone]
    every = spans(tables, at, days)
    rows: list[Row] = []
    for start, end, target in _merged(every, reach, destination):
        for row_start, row_end in _by_day(zone, start, end):
            ordinal = local(zone, row_start).ordinal
            finish = clock(zone, row_end)[4:]
            rows.append(
                Row(
                    dt.date.fromordinal(ordinal).isoformat(),
                    clock(zone, row_start)[:3],
                    clock(zone, row_start)[4:],
                    "24:00" if finish == "00:00" else finish,
                    target,
                    tuple(_marks(tables, zone, ordinal, at)),
                )
            )
    return rows


def _merged(every: Sequence[Span], reach: Reach, destination: Destination | None) -> Iterator[tuple[float, float, str]]:
    """Join neighbouring spans in which the same people ring."""
    begun: tuple[float, float, str] | None = None
    for span in every:
        target = reach.rung(destination, span.open)
        if begun is not None and begun[2] == target:
            begun = (begun[0], span.end, target)
            continue
        if begun is not None:
            yield begun
        begun = (span.start, span.end, target)
    if begun is not None:
        yield begun


def _by_day(zone: Zone, start: float, end: float) -> Iterator[tuple[float, float]]:
    """Cut a stretch at local midnights, clock changes included."""
    while start < end:
        ordinal = local(zone, start).ordinal
        low, high = start, min(end, start + 2 * 86400)
        if local(zone, high - 1).ordinal == ordinal:
            yield start, high
            start = high
            continue
        while high - low > 1:  # the first instant of the next local day
            middle = (low + high) // 2
            if local(zone, middle).ordinal == ordinal:
                low = middle
            else:
                high = middle
        yield start, high
        start = high


def _marks(tables: AccountTables, zone: Zone, ordinal: int, at: float) -> Iterator[str]:
    for day, first, last in gaps(zone, at - 86400):
        if day == ordinal:
            yield f"clocks go from {first // 60:02d}:{first % 60:02d} to {last // 60:02d}:{last % 60:02d}"
    for instant, offset, before in zip(zone.instants, zone.offsets, (zone.first_offset, *zone.offsets), strict=False):
        if offset < before and local(zone, instant).ordinal == ordinal:
            yield f"clocks go back by {(before - offset) // 60} minutes"
    for group in tables.time_groups.values():
        if ordinal in group.exceptions:
            yield f"exception of {group.id}"
