"""Section 3: is a time group open at an instant? Asked of the wall clock, every time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
DAY_S = 24 * 3600


def instant(text: str) -> datetime:
    """An instant as scenarios write it; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def seconds(clock: str) -> int:
    hour, minute = clock.split(":")[:2]
    return int(hour) * 3600 + int(minute) * 60


def is_open(group: dict[str, Any], account_zone: str, at: datetime) -> bool:
    local = at.astimezone(ZoneInfo(group.get("timezone") or account_zone))
    today = local.date()
    second = local.hour * 3600 + local.minute * 60 + local.second + local.microsecond / 1e6
    for exception in group.get("exceptions") or []:
        if exception["date"] == today.isoformat():
            return _exception_open(exception, second)
    calendar = (group.get("semantics") or "start_day") == "calendar_day"
    test = _calendar_day if calendar else _start_day
    return any(test(rule, today, second) for rule in group.get("rules") or [])


def _exception_open(exception: dict[str, Any], second: float) -> bool:
    if not exception["open"]:
        return False
    windows = exception.get("windows")
    if windows is None:
        return True
    for window in windows:
        start, end = seconds(window["from"]), seconds(window["to"])
        if end <= start:
            end = DAY_S  # it passes midnight: it ends there
        if start <= second < end:
            return True
    return False


def _day_fits(rule: dict[str, Any], day: date) -> bool:
    days, dates, months = rule.get("days"), rule.get("dates"), rule.get("months")
    return (
        (days is None or DAYS[day.weekday()] in days)
        and (dates is None or day.day in dates)
        and (months is None or MONTHS[day.month - 1] in months)
    )


def _start_day(rule: dict[str, Any], today: date, second: float) -> bool:
    windows = rule.get("windows")
    if windows is None:
        return _day_fits(rule, today)
    for window in windows:
        start, end = seconds(window["from"]), seconds(window["to"])
        if end <= start:
            if second >= start and _day_fits(rule, today):
                return True
            if second < end and _day_fits(rule, today - timedelta(days=1)):
                return True
        elif start <= second < end and _day_fits(rule, today):
            return True
    return False


def _calendar_day(rule: dict[str, Any], today: date, second: float) -> bool:
    if not _day_fits(rule, today):
        return False
    windows = rule.get("windows")
    if windows is None:
        return True
    for window in windows:
        start, end = seconds(window["from"]), seconds(window["to"])
        if start == end:
            return True
        last = end + 60  # the end minute is included
        if end < start:
            if second >= start or second < last:
                return True
        elif start <= second < last:
            return True
    return False
