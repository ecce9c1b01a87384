"""What is going on right now, per account: log-ins, breaks, calls, affinity, cursors, counters (never in the document).

Theory of operation. :class:`AccountState` is changed by calls and commands; a call asks it through a
:class:`LiveView`, which leaves the asking call itself out of every count and is what the rules' ``Facts`` reads.
Wall times are UTC seconds. Everything is bounded: affinity by an LRU, the rest by the document's own size.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.sessions import Session
    from routerd.rules.facts import AffinityEntry
    from routerd.sip.tokens import Tokens

AFFINITY_CALLERS = 200_000
AFFINITY_PER_CALLER = 8
DAY_S = 86400


class Registered(Protocol):
    """Whoever knows the bindings."""

    def sources(self, account: str, extension: str) -> tuple[str, ...]:
        """Return the source addresses of the live bindings, newest first."""


class AccountState:
    """The live state of one account."""

    __slots__ = (
        "_affinity",
        "agent_calls",
        "breaks",
        "channels",
        "down",
        "idle_since",
        "last_offered",
        "name",
        "sessions",
        "taken",
        "trunk_tokens",
        "used",
        "waiting",
        "wrap_up",
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.sessions: dict[str, Session] = {}
        self.breaks: dict[str, str] = {}
        self.down: set[str] = set()
        self.agent_calls: dict[str, dict[str, int]] = {}
        self.channels: dict[str, int] = {}
        self.last_offered: dict[str, str] = {}
        self.idle_since: dict[str, float] = {}
        self.wrap_up: dict[tuple[str, str], float] = {}
        self.waiting: dict[str, dict[str, float]] = {}
        self.taken: dict[str, list[float]] = {}  # when agents took callers out of each queue lately
        self.used: dict[str, tuple[int, int]] = {}
        self.trunk_tokens: dict[str, tuple[float, float]] = {}
        self._affinity: OrderedDict[str, list[AffinityEntry]] = OrderedDict()

    # -- changed by calls --

    def occupy(self, agent: str, call: str) -> None:
        """A leg of ``call`` rings or holds ``agent``."""
        calls = self.agent_calls.setdefault(agent, {})
        calls[call] = calls.get(call, 0) + 1

    def vacate(self, agent: str, call: str) -> bool:
        """One leg of ``call`` lets ``agent`` go; returns whether that call holds the agent no more."""
        calls = self.agent_calls.get(agent)
        if calls is None or call not in calls:
            return False
        calls[call] -= 1
        if calls[call] > 0:
            return False
        del calls[call]
        if not calls:
            del self.agent_calls[agent]
        return True

    def count(self, key: str, change: int) -> None:
        """Count a channel of ``account``, ``trunk:ID`` or ``number:+…`` up or down."""
        value = self.channels.get(key, 0) + change
        if value > 0:
            self.channels[key] = value
        else:
            self.channels.pop(key, None)

    def remember(self, caller: str, entry: AffinityEntry) -> None:
        """Remember with whom a caller spoke; newest first, one entry an agent and number."""
        entries = [e for e in self._affinity.get(caller, ()) if (e.agent, e.number) != (entry.agent, entry.number)]
        entries.insert(0, entry)
        self._affinity[caller] = entries[:AFFINITY_PER_CALLER]
        self._affinity.move_to_end(caller)
        if len(self._affinity) > AFFINITY_CALLERS:
            self._affinity.popitem(last=False)

    def affinity(self, caller: str) -> tuple[AffinityEntry, ...]:
        """Return what is remembered of a caller, newest first."""
        return tuple(self._affinity.get(caller, ()))

    def use(self, number: str, day: int) -> None:
        """Count that ``number`` was shown on the account's ``day``."""
        last, count = self.used.get(number, (day, 0))
        self.used[number] = (day, count + 1 if last == day else 1)

    def take_token(self, trunk: str, per_second: float | None, now: float) -> bool:
        """Take one call from the trunk's rate (a bucket that holds one second's worth)."""
        if per_second is None:
            return True
        level, at = self.trunk_tokens.get(trunk, (max(per_second, 1.0), now))
        level = min(max(per_second, 1.0), level + (now - at) * per_second)
        allowed = level >= 1.0
        self.trunk_tokens[trunk] = (level - 1.0 if allowed else level, now)
        return allowed

    def has_token(self, trunk: str, per_second: float | None, now: float) -> bool:
        """Whether the trunk's rate allows one more call now, without taking it."""
        if per_second is None:
            return True
        level, at = self.trunk_tokens.get(trunk, (max(per_second, 1.0), now))
        return min(max(per_second, 1.0), level + (now - at) * per_second) >= 1.0


class LiveView:
    """The live state as one call may see it: a ``routerd.rules.facts.LiveState``."""

    __slots__ = ("_day", "_location", "_now", "_rates", "_state", "_tokens", "call", "held")

    def __init__(
        self,
        state: AccountState,
        location: Registered,
        call: str,
        tokens: Tokens,
        rates: Callable[[str], float | None],
    ) -> None:
        self._state = state
        self._location = location
        self.call = call
        self.held: list[str] = []
        self._tokens = tokens
        self._rates = rates
        self._now = 0.0
        self._day = 0

    def at(self, now: float, day: int) -> LiveView:
        """Set the instant (monotonic) and the account's day of the next questions."""
        self._now = now
        self._day = day
        return self

    def registered(self, extension: str) -> tuple[str, ...]:
        """Source addresses of the live bindings, newest first."""
        return self._location.sources(self._state.name, extension)

    def has_session(self, agent: str) -> bool:
        """Whether the agent is logged in."""
        return agent in self._state.sessions

    def on_break(self, agent: str) -> bool:
        """Whether the agent is on a break."""
        return agent in self._state.breaks

    def calls_of(self, agent: str) -> int:
        """How many other calls ring or hold this agent."""
        calls = self._state.agent_calls.get(agent)
        return 0 if not calls else len(calls) - (self.call in calls)

    def wrap_up_until(self, agent: str, department: str) -> float:
        """When the wrap-up ends (UTC seconds); 0.0: none."""
        return self._state.wrap_up.get((agent, department), 0.0)

    def affinity(self, caller: str) -> tuple[AffinityEntry, ...]:
        """With whom this caller spoke, newest first."""
        return self._state.affinity(caller)

    def last_offered(self, department: str) -> str | None:
        """The round robin's cursor."""
        return self._state.last_offered.get(department)

    def idle_since(self, agent: str) -> float | None:
        """Since when the agent has no call (UTC seconds)."""
        return self._state.idle_since.get(agent)

    def channels(self, key: str) -> int:
        """Other calls that count for ``key``: a call does not stand in its own way."""
        return self._state.channels.get(key, 0) - self.held.count(key)

    def may_start(self, trunk: str) -> bool:
        """Whether the trunk's calls per second allow one more."""
        return self._state.has_token(trunk, self._rates(trunk), self._now)

    def waiting(self, department: str) -> int:
        """Other calls that wait in the department's queue."""
        waiting: dict[str, Any] = self._state.waiting.get(department, {})
        return len(waiting) - (self.call in waiting)

    def used_today(self, number: str) -> int:
        """How often the number was shown on the account's day."""
        day, count = self._state.used.get(number, (self._day, 0))
        return count if day == self._day else 0

    def trunk_up(self, trunk: str) -> bool:
        """Whether the trunk is not known to be down."""
        return trunk not in self._state.down

    def draw(self, below: int) -> int:
        """Chance, injected."""
        return self._tokens.number(below)
