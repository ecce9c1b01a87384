"""The live facts of a past call, as far as they were read then: the world in which a replay decides.

A fact is answered from the read set of the step that is being decided, else from what an earlier step of the same
call read last. What was never read is not known: :class:`UnrecordedError` says which fact, and :func:`words` what that
means to a person. Only the health of trunks is taken for granted; ``assumed`` names the trunks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_HEALTHY: Final = ("trunk_up:", "may_start:")
_DRAW: Final = "draw:"
_WORDS: Final = {
    "registered": "from where extension {} was registered",
    "has_session": "whether {} was logged in",
    "on_break": "whether {} was on a break",
    "calls_of": "how many calls {} had",
    "wrap_up_until": "until when {} had wrap-up",
    "affinity": "with whom the other party had spoken before",
    "last_offered": "who of {} was offered a call last",
    "idle_since": "since when {} was idle",
    "channels": "how many calls counted for {}",
    "waiting": "how many calls waited in {}",
    "used_today": "how often {} was shown that day",
    "draw": "what chance would have said",
}


class UnrecordedError(Exception):
    """The decision needs a fact that was not read then; caught by the replay, never passed on."""

    def __init__(self, fact: str) -> None:
        super().__init__(fact)
        self.fact = fact


def words(fact: str) -> str:
    """Return what a missing fact (``question:subject``) means, without the numbers of customers."""
    question, _, subject = fact.partition(":")
    return _WORDS.get(question, question + " of {}").format(subject) + " was not recorded"


class KnownFacts(Mapping[str, Any]):
    """A read set for :class:`~routerd.rules.facts.RecordedState`: one step's reads over the earlier ones'."""

    __slots__ = ("_earlier", "_now", "assumed")

    def __init__(self, now: Mapping[str, Any], earlier: Mapping[str, Any], assumed: set[str]) -> None:
        self._now = now
        self._earlier = earlier
        self.assumed = assumed

    def __getitem__(self, fact: str) -> Any:
        if fact in self._now:
            return self._now[fact]
        if fact in self._earlier and not fact.startswith(_DRAW):
            return self._earlier[fact]
        if fact.startswith(_HEALTHY):
            self.assumed.add(fact.partition(":")[2])
            return True
        raise UnrecordedError(fact)

    def __iter__(self) -> Iterator[str]:
        return iter({**self._earlier, **self._now})

    def __len__(self) -> int:
        return len({**self._earlier, **self._now})
