from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.config.reach import Reach
from routerd.config.schedule import schedule

if TYPE_CHECKING:
    from collections.abc import Callable


def rows(tree: dict[str, Any], compiled: Callable[..., Any], at: float, days: int) -> list[Any]:
    tables = compiled(tree)
    return schedule(tables, Reach(tables), tables.numbers["+918069651170"].destination, at, days)


def with_hours(tree: dict[str, Any], zone: str) -> None:
    tree["account"]["timezone"] = zone
    tree["time_groups"] = [
        {
            "id": "office",
            "rules": [{"windows": [{"from": "10:00", "to": "18:00"}], "days": ["mon", "tue"]}],
            "exceptions": [{"date": "2026-11-24", "open": False}],
        }
    ]
    tree["agents"][0]["time_group"] = "office"
    tree["agents"][1]["time_group"] = "office"


def test_a_week_with_an_exception(company: dict[str, Any], compiled: Callable[..., Any], monday: float) -> None:
    with_hours(company, "UTC")
    found = rows(company, compiled, monday + 3600, 3)
    assert [(row.weekday, row.start, row.end, row.target) for row in found] == [
        ("Mon", "00:00", "10:00", "voicemail general"),
        ("Mon", "10:00", "18:00", "Support: asha, ravi"),
        ("Mon", "18:00", "24:00", "voicemail general"),
        ("Tue", "00:00", "24:00", "voicemail general"),
        ("Wed", "00:00", "24:00", "voicemail general"),
    ]
    assert found[3].marks == ("exception of office",)


def test_days_of_clock_changes_are_marked(company: dict[str, Any], compiled: Callable[..., Any]) -> None:
    with_hours(company, "America/New_York")
    spring = rows(company, compiled, 1_805_000_000.0, 3)  # 2027-03-14 is among them
    marks = {row.date: row.marks for row in spring if row.marks}
    assert marks == {"2027-03-14": ("clocks go from 02:00 to 03:00",)}
    autumn = rows(company, compiled, 1_825_500_000.0, 4)  # 2027-11-07
    assert {row.date: row.marks for row in autumn if row.marks} == {"2027-11-07": ("clocks go back by 60 minutes",)}
