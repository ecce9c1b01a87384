"""How trunks do: attempts, answers and delays of the last hour, counted from the journal's records.

Answer-seizure ratio (ITU-T E.411): of the legs sent to a trunk, how many were answered. Post-dial delay: from the
leg's start to its ringing, the median and the 95th percentile. The window moves by minutes and begins empty with the
process.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

WINDOW_S: Final = 3600.0
MINUTE_S: Final = 60.0
MOST_DELAYS: Final = 500  # a minute and trunk


class _Minute:
    """What one trunk did in one minute."""

    __slots__ = ("answered", "attempts", "delays", "inbound", "inbound_answered", "number")

    def __init__(self, number: int) -> None:
        self.number = number
        self.attempts = 0
        self.answered = 0
        self.inbound = 0
        self.inbound_answered = 0
        self.delays: list[float] = []


class TrunkFigures:
    """Feed it each journal entry once (:meth:`hear`); ask by account. ``now`` gives monotonic seconds."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._since = now()
        self._minutes: dict[tuple[str, str], deque[_Minute]] = {}

    def hear(self, kind: str, entry: dict[str, Any]) -> None:
        """Take one journal entry; only the ends of calls count."""
        if kind != "call.end":
            return
        account = str(entry.get("account"))
        if entry.get("trunk"):
            minute = self._minute(account, str(entry["trunk"]))
            minute.inbound += 1
            minute.inbound_answered += entry.get("answered_at") is not None
        for leg in entry.get("legs") or ():
            if not leg.get("trunk"):
                continue
            minute = self._minute(account, str(leg["trunk"]))
            minute.attempts += 1
            minute.answered += leg.get("result") == "answered"
            start_s, ringing_s = leg.get("start_s"), leg.get("ringing_s")
            if start_s is not None and ringing_s is not None and len(minute.delays) < MOST_DELAYS:
                minute.delays.append(ringing_s - start_s)

    def of(self, account: str) -> dict[str, dict[str, Any]]:
        """Give the figures of an account's trunks, by trunk."""
        oldest = int((self._now() - WINDOW_S) // MINUTE_S)
        found = {}
        for (owner, trunk), minutes in self._minutes.items():
            if owner == account:
                _drop(minutes, oldest)
                found[trunk] = _figures(minutes)
        return found

    @property
    def measured_s(self) -> float:
        """How long the window is by now."""
        return min(WINDOW_S, self._now() - self._since)

    def _minute(self, account: str, trunk: str) -> _Minute:
        number = int(self._now() // MINUTE_S)
        minutes = self._minutes.setdefault((account, trunk), deque())
        if not minutes or minutes[-1].number != number:
            _drop(minutes, number - int(WINDOW_S // MINUTE_S))
            minutes.append(_Minute(number))
        return minutes[-1]


def _drop(minutes: deque[_Minute], oldest: int) -> None:
    while minutes and minutes[0].number <= oldest:
        minutes.popleft()


def _figures(minutes: deque[_Minute]) -> dict[str, Any]:
    attempts, answered = sum(one.attempts for one in minutes), sum(one.answered for one in minutes)
    delays = sorted(delay for one in minutes for delay in one.delays)
    return {
        "attempts": attempts,
        "answered": answered,
        "asr": round(answered / attempts, 4) if attempts else None,
        "inbound": sum(one.inbound for one in minutes),
        "inbound_answered": sum(one.inbound_answered for one in minutes),
        "pdd_median_s": _quantile(delays, 0.5),
        "pdd_p95_s": _quantile(delays, 0.95),
    }


def _quantile(ascending: list[float], part: float) -> float | None:
    return round(ascending[min(len(ascending) - 1, int(len(ascending) * part))], 3) if ascending else None
