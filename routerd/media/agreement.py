"""What both parties of a line have said of formats, and what follows for each packet and each voice.

Theory of operation. An offer is only remembered: what it says holds from the answer on, so that a refused one changes
nothing. ``described`` is what a side said itself, ``told`` what it was told of the other side: it sends under the
numbers that it was told, and wants to get its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.media.formats import NOTHING, LineFormats, choose

if TYPE_CHECKING:
    from routerd.media.formats import Format


class Agreement:
    """The formats of one line, by side."""

    __slots__ = ("_offer", "described", "is_answered", "told")

    def __init__(self) -> None:
        self.described: list[LineFormats] = [NOTHING, NOTHING]
        self.told: list[LineFormats] = [NOTHING, NOTHING]
        self.is_answered: bool = False
        self._offer: tuple[int, LineFormats, LineFormats] | None = None

    def offer(self, side: int, described: LineFormats, told: LineFormats) -> None:
        """``side`` offered this, the other side was told that. Next: ``answer``, or another offer."""
        self._offer = (side, described, told)

    @property
    def offered(self) -> LineFormats:
        """What the last offer says."""
        return NOTHING if self._offer is None else self._offer[1]

    @property
    def offered_as(self) -> LineFormats:
        """What the other side was told of that."""
        return NOTHING if self._offer is None else self._offer[2]

    def answer(self, side: int, described: LineFormats, told: LineFormats) -> None:
        """``side`` answered this, the offerer was told that."""
        if self._offer is not None:
            offerer, theirs, passed_on = self._offer
            self.described[offerer], self.told[1 - offerer] = theirs, passed_on
        self.described[side], self.told[1 - side] = described, told
        self.is_answered = True

    def heard(self, side: int) -> dict[int, Format]:
        """What the payload types of packets that ``side`` sends mean."""
        return {**self.described[side].by_type, **self.told[side].by_type}

    def speech_to(self, side: int) -> Format | None:
        """What to speak in to ``side``; None when nothing that is known here was agreed."""
        return choose(self.described[side], self.told[side])

    def digits_to(self, side: int) -> Format | None:
        """What to tell digits in to ``side``; None: by their tones."""
        return self.described[side].digits if self.told[side].digits is not None else None

    def digits_from(self, side: int) -> bool:
        """Whether ``side`` can tell its digits as events."""
        return self.told[side].digits is not None and self.described[side].digits is not None

    def ptime_ms(self, side: int) -> int:
        """How long packets to ``side`` should be."""
        return self.described[side].ptime_ms
