"""Time groups at many instants: the compiled zones of the product against the wall clock of the reference model."""

from __future__ import annotations

import zoneinfo
from copy import deepcopy
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

import pytest
from generate import case
from generate_document import group
from model.hours import is_open as open_by_the_clock
from rules_kit.player import compile_document

from routerd.rules import calendar

if TYPE_CHECKING:
    from collections.abc import Iterator

ZONES = [
    "Asia/Kolkata", "America/New_York", "Europe/London", "Australia/Lord_Howe", "America/St_Johns", "Africa/Casablanca",
    "Pacific/Apia", "Asia/Kathmandu", "America/Sao_Paulo", "Africa/Cairo", "Pacific/Chatham", "UTC", "Europe/Dublin",
]  # fmt: skip
DAYS = [
    (2026, 3, 8), (2026, 11, 1), (2026, 3, 29), (2026, 10, 25), (2026, 4, 5), (2026, 10, 4), (2026, 12, 25),
    (2026, 11, 22), (2026, 11, 8), (2027, 2, 28), (2028, 2, 29), (2026, 12, 31), (2045, 3, 12), (2045, 7, 1),
    (2045, 11, 5),
]  # fmt: skip
DOCUMENTS = 120
INSTANTS = 200


@pytest.fixture(autouse=True)
def _one_edition_of_the_zones() -> Iterator[None]:
    """The machine's own zone files may be of another year than the package that the product compiles."""
    zoneinfo.reset_tzpath(to=())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.parametrize("part", range(3))
def test_open_and_closed_as_the_clock_says(part: int) -> None:
    seen = {True: 0, False: 0}
    for seed in range(part, DOCUMENTS, 3):
        rng = Random(seed)
        document = deepcopy(case(seed)["document"])
        made = {**group(rng), "timezone": rng.choice(ZONES)}
        document["time_groups"][1] = made
        tables = compile_document(document)
        compiled = tables.time_groups["g"]
        for _ in range(INSTANTS):
            day = datetime(*rng.choice(DAYS), tzinfo=UTC).timestamp()
            at = day + rng.randrange(-1440, 2880) * 60 + rng.choice([0, 0, 0, -1, 1, 30, 59, 59.999])
            wanted = open_by_the_clock(made, "UTC", datetime.fromtimestamp(at, UTC))
            assert calendar.is_open(compiled, tables.zones[compiled.zone], at) is wanted, (seed, at, made)
            seen[wanted] += 1
    assert min(seen.values()) > 1000
