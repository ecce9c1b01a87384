"""Time groups that never open or never close, windows that a clock change cuts, exceptions without effect."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from routerd.config.compile import clock_minute
from routerd.config.fields import WEEKDAYS
from routerd.rules.calendar import is_open, local

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routerd.config import document as d
    from routerd.config.findings import Findings
    from routerd.rules.tables import AccountTables, TimeGroup, Window, Zone

LOOK_AHEAD_DAYS: Final = 366
_DAY_S: Final = 86400
_DAY_MINUTES: Final = 1440


def check_times(document: d.Document, tables: AccountTables, at: float, findings: Findings) -> None:
    """Note what is odd about the time groups in the year after ``at``."""
    for place, group in enumerate(document.time_groups):
        compiled = tables.time_groups[group.id]
        zone = tables.zones[compiled.zone]
        pointer = f"/time_groups/{place}"
        _always(compiled, zone, at, pointer, findings)
        for index, rule in enumerate(group.rules):
            for number, window in enumerate(rule.windows or ()):
                _gap(group, rule, window, zone, at, f"{pointer}/rules/{index}/windows/{number}", findings)
        for index, exception in enumerate(group.exceptions):
            if not exception.open and exception.windows:
                findings.info(
                    "no_effect",
                    f"{pointer}/exceptions/{index}/windows",
                    f"{exception.date} is closed all day: its windows have no effect",
                    "open: true with windows opens within them only",
                )


def _always(group: TimeGroup, zone: Zone, at: float, pointer: str, findings: Findings) -> None:
    states = {is_open(group, zone, instant) for instant in _samples(group, zone, at)}
    if states == {False}:
        findings.warning("time_group_never_opens", pointer, f"{group.id} is closed all year", "check its rules")
    elif states == {True}:
        findings.warning("time_group_never_closes", pointer, f"{group.id} is open all year", "it may be left out")


def _samples(group: TimeGroup, zone: Zone, at: float) -> Iterator[float]:
    """Give instants of the coming year at which a state can have changed."""
    windows: list[Window] = [window for rule in group.rules for window in rule.windows or ()]
    windows += [window for exception in group.exceptions.values() for window in exception.windows or ()]
    edges = [edge for window in windows for edge in (window.start_minute, window.end_minute)]
    minutes = {0, *edges, *(edge + 1 for edge in edges)}
    midnight = at - (local(zone, at).minute * 60 + at % 60)
    for day in range(LOOK_AHEAD_DAYS):
        for minute in minutes:
            yield midnight + day * _DAY_S + minute * 60


def _gap(
    group: d.TimeGroup, rule: d.TimeRule, window: d.Window, zone: Zone, at: float, pointer: str, findings: Findings
) -> None:
    """Note a window one of whose edges does not exist on the day of a clock change."""
    edges = {clock_minute(text) % _DAY_MINUTES: text for text in (window.to, window.from_)}
    for ordinal, first, last in gaps(zone, at):
        date = dt.date.fromordinal(ordinal)
        inside = [text for minute, text in sorted(edges.items()) if first <= minute < last]
        if not inside or (rule.days is not None and WEEKDAYS[date.weekday()] not in rule.days):
            continue
        findings.info(
            "dst_gap",
            pointer,
            f"{inside[0]} does not exist on {date}: clocks of {zone.name} go from {_clock(first)} to {_clock(last)}",
            f"{group.id} changes state at {_clock(last)} on that day",
        )
        return


def gaps(zone: Zone, at: float) -> Iterator[tuple[int, int, int]]:
    """Give the wall times skipped in the year after ``at``: (date's ordinal, first missing minute, first existing)."""
    index = bisect_left(zone.instants, at)
    while index < len(zone.instants) and zone.instants[index] < at + LOOK_AHEAD_DAYS * _DAY_S:
        before = zone.offsets[index - 1] if index else zone.first_offset
        jump = (zone.offsets[index] - before) // 60
        if jump > 0:
            moment = local(zone, zone.instants[index])
            yield moment.ordinal, moment.minute - jump, moment.minute
        index += 1


def _clock(minute: int) -> str:
    return f"{minute % _DAY_MINUTES // 60:02d}:{minute % 60:02d}"
