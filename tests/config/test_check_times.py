from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.check_times import gaps
from routerd.config.zones import compile_zone

if TYPE_CHECKING:
    from collections.abc import Callable

    Find = Callable[..., list[Any]]


def with_group(tree: dict[str, Any], **group: Any) -> None:
    tree["time_groups"] = [{"id": "g", **group}]
    tree["agents"][0]["time_group"] = "g"


def window(start: str, end: str, **more: Any) -> dict[str, Any]:
    return {"windows": [{"from": start, "to": end}], **more}


@pytest.mark.parametrize(
    "rules", [[], [{"days": []}], [{"dates": [31], "months": ["feb"]}], [{"windows": []}]], ids=str
)
def test_a_group_that_never_opens(findings: Find, rules: list[Any]) -> None:
    assert [f.pointer for f in findings("time_group_never_opens", lambda tree: with_group(tree, rules=rules))] == [
        "/time_groups/0"
    ]


@pytest.mark.parametrize(
    "rules", [[{}], [window("00:00", "00:00")], [window("00:00", "12:00"), window("12:00", "24:00")]]
)
def test_a_group_that_never_closes(findings: Find, rules: list[Any]) -> None:
    assert len(findings("time_group_never_closes", lambda tree: with_group(tree, rules=rules))) == 1


def test_a_group_that_opens_and_closes(findings: Find) -> None:
    for code in ("time_group_never_opens", "time_group_never_closes"):
        assert not findings(code, lambda tree: with_group(tree, rules=[window("10:00", "18:00")]))
        assert not findings(code, lambda tree: with_group(tree, rules=[{"dates": [29], "months": ["dec"]}]))


def test_an_edge_in_a_gap(findings: Find) -> None:
    def edit(tree: dict[str, Any], zone: str, *rules: dict[str, Any]) -> None:
        with_group(tree, rules=list(rules), timezone=zone)

    night = window("02:30", "06:00")
    (finding,) = findings("dst_gap", lambda tree: edit(tree, "America/New_York", night))
    assert "2027-03-14" in finding.message
    assert "02:00 to 03:00" in finding.message
    assert not findings("dst_gap", lambda tree: edit(tree, "Asia/Kolkata", night))
    assert not findings("dst_gap", lambda tree: edit(tree, "America/New_York", window("02:30", "06:00", days=["mon"])))
    assert not findings("dst_gap", lambda tree: edit(tree, "America/New_York", window("03:00", "06:00")))


def test_windows_of_a_closed_day_have_no_effect(findings: Find) -> None:
    def edit(tree: dict[str, Any], *, opened: bool) -> None:
        exception = {"date": "2026-12-24", "open": opened, "windows": [{"from": "10:00", "to": "12:00"}]}
        with_group(tree, rules=[window("10:00", "18:00")], exceptions=[exception])

    assert len(findings("no_effect", lambda tree: edit(tree, opened=False))) == 1
    assert not findings("no_effect", lambda tree: edit(tree, opened=True))


def test_gaps_of_half_an_hour(zone_data: Callable[[str], bytes], monday: float) -> None:
    zone = compile_zone("Australia/Lord_Howe", zone_data("Australia/Lord_Howe"))
    assert [(first, last) for _, first, last in gaps(zone, monday)] == [(120, 150)]
