"""Time groups (routing.md section 3), over precomputed zone transitions: a bisect and a few comparisons.

An instant is taken to the zone's wall clock first and compared there, so a wall time that a DST change skips never
occurs, and one that it repeats counts both times.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from routerd.rules.tables import TimeGroup, TimeRule, Window, Zone

_EPOCH_ORDINAL = 719163
_DAY_S = 86400


class Moment(msgspec.Struct, frozen=True, gc=False):
    """An instant on a wall clock: the local date's ordinal and the minute of its day."""

    ordinal: int
    minute: int


def local(zone: Zone, at: float) -> Moment:
    """Return what the clocks of ``zone`` show at ``at`` (UTC seconds)."""
    index = bisect_right(zone.instants, at)
    offset = zone.offsets[index - 1] if index else zone.first_offset
    days, second = divmod(int(at // 1) + offset, _DAY_S)
    return Moment(days + _EPOCH_ORDINAL, second // 60)


def is_open(group: TimeGroup, zone: Zone, at: float) -> bool:
    """Return whether ``group`` is open at ``at`` (UTC seconds)."""
    moment = local(zone, at)
    exception = group.exceptions.get(moment.ordinal)
    if exception is not None:
        return exception.open and _in_exception(exception.windows, moment.minute)
    if group.calendar_day:
        return any(_holds_on_calendar_day(rule, moment) for rule in group.rules)
    return any(_holds_from_start_day(rule, moment) for rule in group.rules)


def minutes_missed(group: TimeGroup, zone: Zone, at: float) -> int | None:
    """Return by how many minutes the nearest window of that day was missed (for the trace); None: none that day."""
    moment = local(zone, at)
    exception = group.exceptions.get(moment.ordinal)
    if exception is not None:
        windows = (exception.windows or ()) if exception.open else ()
    else:
        windows = tuple(w for rule in group.rules if _on_day(rule, moment.ordinal) for w in rule.windows or ())
    distances = [min(abs(w.start_minute - moment.minute), abs(moment.minute - w.end_minute)) for w in windows]
    return min(distances, default=None)


def _in_exception(windows: tuple[Window, ...] | None, minute: int) -> bool:
    """Half-open whatever the semantics; a window that passes midnight ends at 24:00 (section 8)."""
    if windows is None:
        return True
    return any(w.start_minute <= minute and (minute < w.end_minute or w.end_minute <= w.start_minute) for w in windows)


def _holds_on_calendar_day(rule: TimeRule, moment: Moment) -> bool:
    """The instant's own day is tested, and the end minute is inside."""
    if not _on_day(rule, moment.ordinal):
        return False
    if rule.windows is None:
        return True
    minute = moment.minute
    return any(
        w.start_minute <= minute <= w.end_minute
        if w.start_minute < w.end_minute
        else minute >= w.start_minute or minute <= w.end_minute
        for w in rule.windows
    )


def _holds_from_start_day(rule: TimeRule, moment: Moment) -> bool:
    """The tail past midnight belongs to the day on which the window opened."""
    today = _on_day(rule, moment.ordinal)
    if rule.windows is None:
        return today
    minute = moment.minute
    for window in rule.windows:
        start, end = window.start_minute, window.end_minute
        if start < end:
            if today and start <= minute < end:
                return True
        elif (today and minute >= start) or (minute < end and _on_day(rule, moment.ordinal - 1)):
            return True
    return False


def _on_day(rule: TimeRule, ordinal: int) -> bool:
    if rule.days is not None and (ordinal + 6) % 7 not in rule.days:
        return False
    if rule.dates is None and rule.months is None:
        return True
    day = date.fromordinal(ordinal)
    return (rule.dates is None or day.day in rule.dates) and (rule.months is None or day.month in rule.months)
