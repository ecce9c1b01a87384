"""A sip process takes its leave."""

from __future__ import annotations

import asyncio
from typing import Any

from routerd.app.leaving import NUMBER, Leaving


class Switchboard:
    """Answers commands; a call ends by itself after so many looks, or when it is hung up."""

    def __init__(self, **looks_left: int) -> None:
        self.looks_left = looks_left
        self.verbs: list[str] = []
        self.unsettled = 0
        self.leaving = Leaving(self.command, 0.0)

    def command(self, command: Any) -> None:
        self.verbs.append(command.verb)
        if command.verb == "hang_up":
            self.looks_left.pop(command.arguments["call"])
        if command.verb == "calls":
            assert command.number == NUMBER
            calls = [{"id": call} for call in self.looks_left]
            self.leaving.told({"calls": calls, "unsettled": self.unsettled})
            self.unsettled = max(0, self.unsettled - 1)
            self.looks_left = {call: left - 1 for call, left in self.looks_left.items() if left > 1}


async def test_without_calls_it_leaves_at_once() -> None:
    board = Switchboard()
    board.leaving = Leaving(board.command, 60.0)
    await asyncio.wait_for(board.leaving.leave(), 5.0)
    assert board.verbs == ["drain", "calls", "calls"]


async def test_calls_that_end_in_time_are_not_hung_up() -> None:
    board = Switchboard(a=3)
    board.leaving = Leaving(board.command, 60.0)
    await asyncio.wait_for(board.leaving.leave(), 10.0)
    assert board.verbs[0] == "drain"
    assert "hang_up" not in board.verbs


async def test_what_lasts_longer_is_hung_up() -> None:
    board = Switchboard(a=1_000_000)
    board.leaving = Leaving(board.command, 0.05)
    await asyncio.wait_for(board.leaving.leave(), 10.0)
    assert board.verbs.count("hang_up") == 1


async def test_a_hurry_ends_the_wait() -> None:
    board = Switchboard(a=1_000_000)
    board.leaving = Leaving(board.command, 600.0)
    leaving = asyncio.ensure_future(board.leaving.leave())
    board.leaving.hurry.set()
    await asyncio.wait_for(leaving, 10.0)
    assert board.verbs.count("hang_up") == 1


async def test_what_became_of_recordings_is_waited_for() -> None:
    board = Switchboard()
    board.unsettled = 4
    await asyncio.wait_for(board.leaving.leave(), 10.0)
    assert board.unsettled == 0
    assert board.verbs.count("calls") == 5
