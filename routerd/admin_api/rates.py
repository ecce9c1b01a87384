"""How often one may ask: a bucket of tokens for each key, and no more keys than memory is meant for."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

MOST_KEYS: Final = 10_000


class Rates:
    """Allows ``per_second`` requests a key for ever and ``burst`` at once.

    ``take(key, now)`` counts one and gives 0, or the seconds after which there is room again. A key that is full again
    is forgotten; beyond ``MOST_KEYS`` the one that was seen longest ago is.
    """

    def __init__(self, per_second: float, burst: float) -> None:
        self._per_second = per_second
        self._burst = burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()  # key: (what is left, at)

    def take(self, key: str, now: float) -> float:
        """Count one request of ``key`` at the monotonic time ``now``."""
        left = self._left(key, now)
        if left < 1:
            return (1 - left) / self._per_second
        self._keep(key, left - 1, now)
        return 0.0

    def wait_s(self, key: str, now: float) -> float:
        """Give how long ``key`` has to wait, counting nothing."""
        left = self._left(key, now)
        return 0.0 if left >= 1 else (1 - left) / self._per_second

    def _left(self, key: str, now: float) -> float:
        left, at = self._levels.get(key, (self._burst, now))
        return min(self._burst, left + (now - at) * self._per_second)

    def _keep(self, key: str, left: float, now: float) -> None:
        self._levels[key] = (left, now)
        self._levels.move_to_end(key)
        if len(self._levels) > MOST_KEYS:
            self._levels.popitem(last=False)
