from __future__ import annotations

import datetime as dt
import io
import zoneinfo
from typing import TYPE_CHECKING

import pytest

from routerd.config.zones import compile_zone, fixed_zone
from routerd.errors import ConfigError
from routerd.rules.calendar import local

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = [
    "Asia/Kolkata", "America/New_York", "Europe/London", "Europe/Dublin", "Australia/Lord_Howe", "Africa/Casablanca",
    "Asia/Jerusalem", "America/Sao_Paulo", "Pacific/Apia", "America/St_Johns", "Asia/Tehran", "Etc/GMT-14", "UTC",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_offsets_are_those_of_zoneinfo_until_2100(name: str, zone_data: Callable[[str], bytes]) -> None:
    zone = compile_zone(name, zone_data(name))
    reference = zoneinfo.ZoneInfo.from_file(io.BytesIO(zone_data(name)))
    assert len(zone.instants) < 400
    begin = int(dt.datetime(2000, 1, 1, tzinfo=dt.UTC).timestamp())
    end = int(dt.datetime(2100, 1, 1, tzinfo=dt.UTC).timestamp())
    instants = {begin, end - 1, *range(begin, end, 86_400 * 9 + 3571)}
    instants |= {instant + step for instant in zone.instants if instant < end for step in (-1, 0, 1)}
    for instant in sorted(instants):
        moment = local(zone, instant)
        expected = dt.datetime.fromtimestamp(instant, reference)
        assert (moment.ordinal, moment.minute) == (expected.toordinal(), expected.hour * 60 + expected.minute), expected


def test_every_zone_compiles(zone_data: Callable[[str], bytes]) -> None:
    names = sorted(name for name in zoneinfo.available_timezones() if "/" in name)[::7]
    assert len(names) > 50
    for name in names:
        zone = compile_zone(name, zone_data(name))
        assert list(zone.instants) == sorted(set(zone.instants))
        assert len(zone.instants) == len(zone.offsets)


def test_what_is_no_zone(zone_data: Callable[[str], bytes]) -> None:
    good = zone_data("Europe/London")
    for data in (b"", b"TZif", good[:60], b"x" * 100, good[:-5] + b"???\n", good.replace(b"M3.5.0", b"X3.5.0")):
        with pytest.raises(ConfigError):
            compile_zone("X", data)


def test_utc_never_changes() -> None:
    assert fixed_zone("UTC").instants == ()
    assert local(fixed_zone("X", 3600), 0).minute == 60


@pytest.mark.parametrize(
    ("rule", "at"),
    [
        ("J60", "2027-03-01"),
        ("J60", "2028-03-01"),
        ("59", "2027-03-01"),
        ("59", "2028-02-29"),
        ("M2.5.2/26", "2028-03-01"),
    ],
)
def test_other_forms_of_the_footer(rule: str, at: str, zone_data: Callable[[str], bytes]) -> None:
    data = zone_data("UTC")
    footer = f"\nAAA0BBB,{rule},M12.1.0\n".encode()
    zone = compile_zone("X", data[: data.rstrip(b"\n").rindex(b"\n")] + footer)
    days = {dt.datetime.fromtimestamp(instant, dt.UTC).date().isoformat() for instant in zone.instants}
    assert at in days
