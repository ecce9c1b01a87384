from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routerd.config.week import DAY_S, clock, situations, spans, words
from routerd.rules.calendar import is_open

if TYPE_CHECKING:
    from collections.abc import Callable

CLOCKS = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.sampled_from([0, 15, 30, 59]))
DAYS = st.lists(st.sampled_from(["mon", "tue", "wed", "thu", "fri", "sat", "sun"]), max_size=4)
RULES = st.fixed_dictionaries(
    {"windows": st.lists(st.fixed_dictionaries({"from": CLOCKS, "to": CLOCKS}), max_size=2), "days": DAYS}
)
GROUPS = st.fixed_dictionaries({
    "rules": st.lists(RULES, max_size=3),
    "semantics": st.sampled_from(["start_day", "calendar_day"]),
    "timezone": st.sampled_from(["UTC", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe"]),
})  # fmt: skip


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(st.lists(GROUPS, min_size=1, max_size=3), st.sampled_from([1_795_392_000.0, 1_804_982_400.0, 1_825_459_200.0]))
def test_spans_say_what_the_calendar_says(company: dict[str, Any], compiled: Any, groups: list[Any], at: float) -> None:
    company["time_groups"] = [{"id": f"g{i}", **group} for i, group in enumerate(groups)]
    tables = compiled(company)
    every = spans(tables, at)
    assert every[0].start == at
    assert every[-1].end == at + 7 * DAY_S
    assert all(before.end == after.start for before, after in pairwise(every))
    for span in every:
        for instant in (span.start, (span.start + span.end) // 2, span.end - 1):
            found = {
                name for name, group in tables.time_groups.items() if is_open(group, tables.zones[group.zone], instant)
            }
            assert found == span.open, (instant, span)


def test_words(company: dict[str, Any], compiled: Callable[..., Any], monday: float) -> None:
    company["time_groups"] = [{"id": "g", "rules": [{"windows": [{"from": "10:00", "to": "18:00"}], "days": ["mon"]}]}]
    tables = compiled(company)
    zone = tables.zones["UTC"]
    every = spans(tables, monday)
    parts = situations(every)
    assert words(parts[frozenset({"g"})], every, zone) == "Mon 10:00 - Mon 18:00"
    assert words(parts[frozenset()], every, zone) == "Mon 18:00 - Mon 10:00"
    assert words(every, every, zone) == "always"
    assert clock(zone, monday + 3 * DAY_S + 61) == "Thu 00:01"


def test_without_groups_there_is_one_span(company: dict[str, Any], compiled: Callable[..., Any], monday: float) -> None:
    (span,) = spans(compiled(company), monday + 7777, 3)
    assert (span.start, span.end, span.open) == (monday, monday + 3 * DAY_S, frozenset())
