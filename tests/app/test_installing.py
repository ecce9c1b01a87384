from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import structlog
from rules_kit.builders import document
from rules_kit.player import compile_document

from routerd.app.installing import Installing
from routerd.config.snapshot import frames

if TYPE_CHECKING:
    from routerd.rules.tables import Snapshot

PARTS = list(frames(compile_document(document())))


class Place:
    def __init__(self) -> None:
        self.done: list[Snapshot] = []
        self.installing = Installing(asyncio.get_running_loop(), self.done.append)

    def send(self, version: int, parts: list[bytes] = PARTS) -> None:
        self.installing.begin(version)
        for part in parts:
            self.installing.part(part)
        self.installing.install(version)

    async def turns(self) -> int:
        """How many turns of the loop go by until a snapshot is there."""
        count = 0
        while not self.done and count < 1000:
            await asyncio.sleep(0)
            count += 1
        return count


@pytest.fixture
async def place() -> Any:
    return Place()


async def test_before_serving_it_is_there_at_once(place: Place) -> None:
    place.send(3)
    assert [snapshot.version for snapshot in place.done] == [3]
    assert place.done[0].accounts["acme"].numbers


async def test_while_serving_one_part_a_turn(place: Place) -> None:
    place.installing.paced = True
    place.send(4)
    assert not place.done
    assert len(PARTS) <= await place.turns() <= len(PARTS) + 2
    assert place.done[0].version == 4


async def test_another_that_begins_takes_its_place(place: Place) -> None:
    place.installing.paced = True
    place.send(4)
    await asyncio.sleep(0)
    place.send(5)
    await place.turns()
    for _ in range(len(PARTS)):
        await asyncio.sleep(0)
    assert [snapshot.version for snapshot in place.done] == [5]


@pytest.mark.parametrize("parts", [PARTS[:-1], [b"nonsense", *PARTS], PARTS[:-2] + PARTS[-1:] * 2])
async def test_what_is_no_snapshot_is_told_and_forgotten(place: Place, parts: list[bytes]) -> None:
    with structlog.testing.capture_logs() as lines:
        place.send(6, parts)
    assert not place.done
    assert [line["event"] for line in lines] == ["a snapshot cannot be used: the one before stays"]
    place.send(7)
    assert [snapshot.version for snapshot in place.done] == [7]
