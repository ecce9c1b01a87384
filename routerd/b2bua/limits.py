"""Rates, failures and bans: what one source may do, and what a user's name may suffer.

Everything here is bounded: what has been silent for longest is forgotten first. Times are monotonic seconds.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Generic, TypeVar

REMEMBERED = 50_000
GOOD_SOURCES_PER_USER = 8

_Key = TypeVar("_Key")


class Rates(Generic[_Key]):
    """A token bucket for each key: ``per_second`` flows in, ``burst`` is what it holds."""

    __slots__ = ("_burst", "_levels", "_per_second", "_remembered")

    def __init__(self, per_second: float, burst: float, remembered: int = REMEMBERED) -> None:
        self._per_second = per_second
        self._burst = burst
        self._remembered = remembered
        self._levels: OrderedDict[_Key, tuple[float, float]] = OrderedDict()

    def take(self, key: _Key, now: float) -> bool:
        """Take one token; False when the bucket is empty."""
        levels = self._levels
        level, at = levels.get(key, (self._burst, now))
        level = min(self._burst, level + (now - at) * self._per_second)
        allowed = level >= 1.0
        levels[key] = (level - 1.0 if allowed else level, now)
        levels.move_to_end(key)
        if len(levels) > self._remembered:
            levels.popitem(last=False)
        return allowed

    def __len__(self) -> int:
        return len(self._levels)


class Failures(Generic[_Key]):
    """How often a key failed within a window; told when that was once too often."""

    __slots__ = ("_allowed", "_counts", "_remembered", "_window_s")

    def __init__(self, allowed: int, window_s: float, remembered: int = REMEMBERED) -> None:
        self._allowed = allowed
        self._window_s = window_s
        self._remembered = remembered
        self._counts: OrderedDict[_Key, tuple[int, float]] = OrderedDict()

    def add(self, key: _Key, now: float) -> bool:
        """Count a failure; True when it makes ``allowed`` of them, whereupon the count begins anew."""
        counts = self._counts
        count, since = counts.get(key, (0, now))
        if now - since > self._window_s:
            count, since = 0, now
        count += 1
        if count >= self._allowed:
            counts.pop(key, None)
            return True
        counts[key] = (count, since)
        counts.move_to_end(key)
        if len(counts) > self._remembered:
            counts.popitem(last=False)
        return False

    def forgive(self, key: _Key) -> None:
        """Forget the failures of a key that has done well."""
        self._counts.pop(key, None)

    def __len__(self) -> int:
        return len(self._counts)


class Bans(Generic[_Key]):
    """Keys that are shut out, each until its time."""

    __slots__ = ("_remembered", "_until")

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._until: OrderedDict[_Key, float] = OrderedDict()

    def ban(self, key: _Key, until: float) -> None:
        """Shut ``key`` out until ``until``."""
        self._until[key] = until
        self._until.move_to_end(key)
        if len(self._until) > self._remembered:
            self._until.popitem(last=False)

    def lift(self, key: _Key) -> bool:
        """End a ban; False when there is none."""
        return self._until.pop(key, None) is not None

    def holds(self, key: _Key, now: float) -> bool:
        """Whether ``key`` is shut out now."""
        until = self._until.get(key)
        if until is None:
            return False
        if until <= now:
            del self._until[key]
            return False
        return True

    def listed(self, now: float) -> list[tuple[_Key, float]]:
        """Return the bans that hold: key and until when."""
        return [(key, until) for key, until in self._until.items() if until > now]

    def __len__(self) -> int:
        return len(self._until)


class GoodSources(Generic[_Key]):
    """From where each user has lately shown the right password: those places go on working during an attack."""

    __slots__ = ("_remembered", "_sources")

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self._remembered = remembered
        self._sources: OrderedDict[_Key, list[str]] = OrderedDict()

    def add(self, user: _Key, source: str) -> None:
        """Remember that ``user`` was right from ``source``."""
        sources = self._sources.get(user)
        if sources is None:
            self._sources[user] = [source]
            if len(self._sources) > self._remembered:
                self._sources.popitem(last=False)
            return
        self._sources.move_to_end(user)
        if sources[0] != source:
            if source in sources:
                sources.remove(source)
            sources.insert(0, source)
            del sources[GOOD_SOURCES_PER_USER:]

    def knows(self, user: _Key, source: str) -> bool:
        """Whether ``user`` was right from ``source`` before."""
        return source in self._sources.get(user, ())

    def __len__(self) -> int:
        return len(self._sources)
