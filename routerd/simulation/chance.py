"""Draws of a seeded world: one stream, so that a run is a function of its seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from routerd.sip.tokens import SeededTokens

if TYPE_CHECKING:
    from collections.abc import Sequence

_Item = TypeVar("_Item")
MILLION = 1_000_000


class Chance:
    """What happens, how often, how late."""

    __slots__ = ("_tokens",)

    def __init__(self, seed: int) -> None:
        self._tokens = SeededTokens(seed, "c")

    def below(self, bound: int) -> int:
        """Draw a whole number from 0 to ``bound - 1``."""
        return self._tokens.number(bound)

    def often(self, probability: float) -> bool:
        """Draw whether something of this probability happens."""
        return self._tokens.number(MILLION) < probability * MILLION

    def between(self, least: float, most: float) -> float:
        """Draw a number, to the millisecond."""
        return round(least + (most - least) * self._tokens.number(MILLION) / MILLION, 3)

    def one_of(self, items: Sequence[_Item]) -> _Item:
        """Draw one of several."""
        return items[self._tokens.number(len(items))]
