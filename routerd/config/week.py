"""A stretch of days cut into spans in which the same time groups are open, and the words for such spans.

A decision hangs on time only through the open time groups, so a week has a handful of different situations; the
analysis looks at each of them once instead of at every minute.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import msgspec

from routerd.rules.calendar import is_open, local

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from routerd.rules.tables import AccountTables, TimeGroup, Window, Zone

DAY_S: Final = 86400
MAX_SPANS: Final = 5000
MAX_WORDS: Final = 6
_EPOCH: Final = dt.date(1970, 1, 1).toordinal()
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


class Span(msgspec.Struct, frozen=True):
    """From ``start`` to ``end`` (UTC seconds) exactly the groups in ``open`` are open."""

    start: float
    end: float
    open: frozenset[str]


def spans(tables: AccountTables, at: float, days: int = 7) -> list[Span]:
    """Cut the ``days`` local days that begin with the day of ``at`` into spans."""
    zone = tables.zones[tables.account.zone]
    start = _midnight(zone, at)
    end = start + days * DAY_S
    changes: dict[float, list[tuple[str, bool]]] = {start: []}
    for group in tables.time_groups.values():
        for instant, state in _changes(group, tables.zones[group.zone], start, end):
            changes.setdefault(instant, []).append((group.id, state))
    result: list[Span] = []
    opened: set[str] = set()
    instants = sorted(changes)[:MAX_SPANS]
    for instant, following in pairwise([*instants, end]):
        for name, state in changes[instant]:
            (opened.add if state else opened.discard)(name)
        result.append(Span(instant, following, frozenset(opened)))
    return result


def _midnight(zone: Zone, at: float) -> float:
    """Give the instant at which the local day of ``at`` began (or, after a gap at midnight, what comes next)."""
    ordinal = local(zone, at).ordinal
    return min(_instants(zone, ordinal, 0, at))


def _instants(zone: Zone, ordinal: int, minute: int, near: float) -> set[float]:
    """Give the instants that may show this wall time: one for each offset that holds around then."""
    wall = (ordinal - _EPOCH) * DAY_S + minute * 60
    offsets = {zone.first_offset} if not zone.offsets else set()
    for index, instant in enumerate(zone.instants):
        if instant <= near + 2 * DAY_S:
            current = zone.offsets[index]
            before = zone.offsets[index - 1] if index else zone.first_offset
            offsets = {current, before} if instant > near - 2 * DAY_S else {current}
    return {float(wall - offset) for offset in offsets or {zone.first_offset}}


def _changes(group: TimeGroup, zone: Zone, start: float, end: float) -> Iterator[tuple[float, bool]]:
    """Give the instants at which ``group`` opens or closes, beginning with its state at ``start``."""
    minutes = set(_edges(group))
    candidates = {start, *(float(t) for t in zone.instants if start < t < end)}
    first, last = local(zone, start).ordinal, local(zone, end).ordinal
    for ordinal in range(first, last + 1):
        near = float((ordinal - _EPOCH) * DAY_S)
        for minute in minutes:
            candidates |= {t for t in _instants(zone, ordinal, minute, near) if start < t < end}
    state = False
    for instant in sorted(candidates):
        now = is_open(group, zone, instant)
        if now is not state:
            yield instant, now
            state = now


def _edges(group: TimeGroup) -> Iterator[int]:
    yield 0
    windows: list[Window] = [window for rule in group.rules for window in rule.windows or ()]
    windows += [window for exception in group.exceptions.values() for window in exception.windows or ()]
    for window in windows:
        yield window.start_minute
        yield window.end_minute
        yield window.end_minute + 1  # with calendar_day the end minute is inside


def words(chosen: Sequence[Span], every: Sequence[Span], zone: Zone) -> str:
    """Say when: ``always``, or such as ``Sat 14:00 - Mon 10:00``; the beginning and the end of the week are joined."""
    if len(chosen) == len(every):
        return "always"
    joined: list[tuple[float, float]] = []
    for span in chosen:
        if joined and joined[-1][1] == span.start:
            joined[-1] = (joined[-1][0], span.end)
        else:
            joined.append((span.start, span.end))
    if len(joined) > 1 and joined[0][0] == every[0].start and joined[-1][1] == every[-1].end:
        joined = [*joined[1:-1], (joined[-1][0], joined[0][1])]
    said = [f"{clock(zone, start)} - {clock(zone, end)}" for start, end in joined]
    more = f" and {len(said) - MAX_WORDS} more times" if len(said) > MAX_WORDS else ""
    return ", ".join(said[:MAX_WORDS]) + more


def clock(zone: Zone, at: float) -> str:
    """Show an instant as weekday and time of the zone."""
    moment = local(zone, at)
    return f"{_DAYS[(moment.ordinal + 6) % 7]} {moment.minute // 60:02d}:{moment.minute % 60:02d}"


def situations(every: Iterable[Span]) -> dict[frozenset[str], list[Span]]:
    """Group spans by what is open in them."""
    result: dict[frozenset[str], list[Span]] = {}
    for span in every:
        result.setdefault(span.open, []).append(span)
    return result
