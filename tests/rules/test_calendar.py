from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules_kit.player import seconds, zone_data

from routerd.config.zones import compile_zone
from routerd.rules import calendar
from routerd.rules.tables import TimeException, TimeGroup, TimeRule, Window

NEW_YORK = compile_zone("America/New_York", zone_data("America/New_York"))
KOLKATA = compile_zone("Asia/Kolkata", zone_data("Asia/Kolkata"))


def window(text: str) -> Window:
    start, end = ([int(part) for part in side.split(":")] for side in text.split("-"))
    return Window(start_minute=start[0] * 60 + start[1], end_minute=end[0] * 60 + end[1])


def rule(text: str | None, **parts: Any) -> TimeRule:
    windows = (window(text),) if text else None
    return TimeRule(windows=windows, **{"days": None, "dates": None, "months": None, **parts})


def group(*rules: TimeRule, calendar_day: bool = False, exceptions: tuple[TimeException, ...] = ()) -> TimeGroup:
    return TimeGroup(
        id="g", zone="z", calendar_day=calendar_day, rules=rules, exceptions={e.ordinal: e for e in exceptions}
    )


def closed_on(day: str) -> TimeException:
    return TimeException(ordinal=date.fromisoformat(day).toordinal(), open=False, windows=None)


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("America/New_York")).timestamp()


def is_open(found: TimeGroup, text: str) -> bool:
    return calendar.is_open(found, NEW_YORK, at(text))


@given(st.integers(min_value=1_600_000_000, max_value=2_000_000_000))
def test_the_wall_clock_is_that_of_the_zone(instant: int) -> None:
    wall = datetime.fromtimestamp(instant, UTC).astimezone(ZoneInfo("America/New_York"))
    moment = calendar.local(NEW_YORK, instant)
    assert moment.ordinal == wall.toordinal()
    assert moment.minute == wall.hour * 60 + wall.minute


def test_windows_are_half_open() -> None:
    office = group(rule("10:00-18:00"))
    assert not is_open(office, "2026-11-23T09:59:59")
    assert is_open(office, "2026-11-23T10:00:00")
    assert is_open(office, "2026-11-23T17:59:59")
    assert not is_open(office, "2026-11-23T18:00:00")


def test_the_end_minute_counts_on_calendar_days() -> None:
    office = group(rule("10:00-18:00"), calendar_day=True)
    assert is_open(office, "2026-11-23T18:00:59")
    assert not is_open(office, "2026-11-23T18:01:00")


def test_the_tail_past_midnight_belongs_to_the_day_of_opening() -> None:
    friday = group(rule("22:00-06:00", days=frozenset({4})))
    assert is_open(friday, "2026-11-21T05:59:00")
    assert not is_open(friday, "2026-11-20T02:00:00")
    assert not is_open(friday, "2026-11-21T06:00:00")


def test_calendar_days_test_the_day_of_the_instant() -> None:
    friday = group(rule("22:00-06:00", days=frozenset({4})), calendar_day=True)
    assert is_open(friday, "2026-11-20T02:00:00")
    assert is_open(friday, "2026-11-20T06:00:30")
    assert not is_open(friday, "2026-11-21T02:00:00")


def test_equal_ends_are_a_whole_day_from_there() -> None:
    friday = group(rule("09:00-09:00", days=frozenset({4})))
    assert not is_open(friday, "2026-11-20T08:59:00")
    assert is_open(friday, "2026-11-20T09:00:00")
    assert is_open(friday, "2026-11-21T08:59:00")
    assert not is_open(friday, "2026-11-21T09:00:00")


def test_dates_and_months_follow_the_day_of_opening() -> None:
    last = group(rule("22:00-02:00", dates=frozenset({31}), months=frozenset({12})))
    assert is_open(last, "2027-01-01T01:59:00")
    assert not is_open(last, "2026-12-31T01:00:00")


def test_dates_are_not_clamped() -> None:
    assert not any(
        calendar.is_open(group(rule(None, dates=frozenset({31}))), NEW_YORK, at("2026-11-01T12:00:00") + day * 86400)
        for day in range(30)
    )


def test_an_exception_replaces_its_date_only() -> None:
    nights = group(rule("22:00-06:00"), exceptions=(closed_on("2026-12-25"),))
    assert not is_open(nights, "2026-12-25T00:30:00")
    assert not is_open(nights, "2026-12-25T23:00:00")
    assert is_open(nights, "2026-12-26T00:30:00")


def test_an_exceptions_window_ends_at_midnight_and_is_half_open() -> None:
    special = TimeException(ordinal=date(2026, 11, 22).toordinal(), open=True, windows=(window("20:00-02:00"),))
    noon = TimeException(ordinal=date(2026, 11, 24).toordinal(), open=True, windows=(window("11:00-13:00"),))
    found = group(calendar_day=True, exceptions=(special, noon))
    assert is_open(found, "2026-11-22T23:59:59")
    assert not is_open(found, "2026-11-22T01:00:00")
    assert not is_open(found, "2026-11-23T01:00:00")
    assert not is_open(found, "2026-11-24T13:00:00")


def test_an_open_exception_without_windows_is_the_whole_day() -> None:
    special = TimeException(ordinal=date(2026, 11, 22).toordinal(), open=True, windows=None)
    assert is_open(group(exceptions=(special,)), "2026-11-22T04:00:00")


@pytest.mark.parametrize(("instant", "opened"), [("2026-03-08T06:59:00Z", False), ("2026-03-08T07:00:00Z", True)])
def test_a_skipped_wall_time_does_not_exist(instant: str, *, opened: bool) -> None:
    assert calendar.is_open(group(rule("02:30-09:00")), NEW_YORK, seconds(instant)) is opened


def test_a_repeated_wall_time_counts_both_times() -> None:
    quarter = group(rule("01:15-01:45"))
    first = datetime(2026, 11, 1, 5, 30, tzinfo=UTC)
    assert [calendar.is_open(quarter, NEW_YORK, (first + timedelta(hours=h)).timestamp()) for h in range(3)] == [
        True,
        True,
        False,
    ]


def test_no_rules_are_never_open() -> None:
    assert not calendar.is_open(group(), KOLKATA, 0.0)


def test_the_nearest_miss() -> None:
    office = group(rule("10:00-18:00"))
    assert calendar.minutes_missed(office, NEW_YORK, at("2026-11-23T09:45:00")) == 15
    assert calendar.minutes_missed(office, NEW_YORK, at("2026-11-23T18:10:00")) == 10
    assert calendar.minutes_missed(group(closed := rule("10:00-18:00", days=frozenset())), NEW_YORK, 0.0) is None
    assert closed.days == frozenset()
    shut = group(rule("10:00-18:00"), exceptions=(closed_on("2026-11-23"),))
    assert calendar.minutes_missed(shut, NEW_YORK, at("2026-11-23T09:45:00")) is None
