"""What the rules may know of the live state, and the log of what they asked.

:class:`LiveState` is the question list; the switch and the simulation answer it. The rules never hold one: they ask
through :class:`Facts`, which writes each answer down. That *read set* goes into the call's record, and
:func:`replay` turns it back into a live state that answers the same, so a past call can be decided again exactly.

One ``Facts`` serves one ``start`` or one ``advance``: within it the world stands still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


class AffinityEntry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A caller last spoke with ``agent`` at ``last_at`` (UTC seconds), over ``number``; ``shown`` is what we showed."""

    agent: str
    number: str | None
    department: str | None
    last_at: float
    shown: str | None = None


class LiveState(Protocol):
    """The live facts. Wall times are UTC seconds; the asking call itself is excluded from every count."""

    def registered(self, extension: str) -> tuple[str, ...]:
        """Source addresses of the extension's live bindings, newest first."""

    def has_session(self, agent: str) -> bool:
        """Whether the agent is logged in."""

    def on_break(self, agent: str) -> bool:
        """Whether the agent is on a break."""

    def calls_of(self, agent: str) -> int:
        """How many other calls ring or hold this agent."""

    def wrap_up_until(self, agent: str, department: str) -> float:
        """When the agent's wrap-up for the department ends; 0.0: none."""

    def affinity(self, caller: str) -> tuple[AffinityEntry, ...]:
        """With whom this caller spoke before."""

    def last_offered(self, department: str) -> str | None:
        """The member last offered a call: the round robin's cursor."""

    def idle_since(self, agent: str) -> float | None:
        """When the agent's last call or wrap-up ended, or when they logged in."""

    def channels(self, key: str) -> int:
        """Calls that count for ``account``, ``trunk:ID`` or ``number:+…``."""

    def may_start(self, trunk: str) -> bool:
        """Whether the trunk's calls a second allow one more now."""

    def waiting(self, department: str) -> int:
        """Other calls that wait in the department's queue."""

    def used_today(self, number: str) -> int:
        """How often the number was shown today (the account's day)."""

    def trunk_up(self, trunk: str) -> bool:
        """Whether the trunk's health checks pass."""

    def draw(self, below: int) -> int:
        """A random integer, ``0 <= n < below``."""


class Facts:
    """Asks the live state and logs each answer in ``reads`` (key ``question:subject``)."""

    __slots__ = ("_draws", "_live", "account", "reads")

    def __init__(self, live: LiveState, account: str) -> None:
        self._live = live
        self._draws = 0
        self.account = account
        self.reads: dict[str, Any] = {}

    def registered(self, extension: str) -> tuple[str, ...]:
        """See :meth:`LiveState.registered`."""
        value = self.reads["registered:" + extension] = self._live.registered(extension)
        return value

    def has_session(self, agent: str) -> bool:
        """See :meth:`LiveState.has_session`."""
        value = self.reads["has_session:" + agent] = self._live.has_session(agent)
        return value

    def on_break(self, agent: str) -> bool:
        """See :meth:`LiveState.on_break`."""
        value = self.reads["on_break:" + agent] = self._live.on_break(agent)
        return value

    def calls_of(self, agent: str) -> int:
        """See :meth:`LiveState.calls_of`."""
        value = self.reads["calls_of:" + agent] = self._live.calls_of(agent)
        return value

    def wrap_up_until(self, agent: str, department: str) -> float:
        """See :meth:`LiveState.wrap_up_until`."""
        value = self.reads[f"wrap_up_until:{agent}:{department}"] = self._live.wrap_up_until(agent, department)
        return value

    def affinity(self, caller: str) -> tuple[AffinityEntry, ...]:
        """See :meth:`LiveState.affinity`."""
        value = self.reads["affinity:" + caller] = self._live.affinity(caller)
        return value

    def last_offered(self, department: str) -> str | None:
        """See :meth:`LiveState.last_offered`."""
        value = self.reads["last_offered:" + department] = self._live.last_offered(department)
        return value

    def idle_since(self, agent: str) -> float | None:
        """See :meth:`LiveState.idle_since`."""
        value = self.reads["idle_since:" + agent] = self._live.idle_since(agent)
        return value

    def channels(self, key: str) -> int:
        """See :meth:`LiveState.channels`."""
        value = self.reads["channels:" + key] = self._live.channels(key)
        return value

    def may_start(self, trunk: str) -> bool:
        """See :meth:`LiveState.may_start`."""
        value = self.reads["may_start:" + trunk] = self._live.may_start(trunk)
        return value

    def waiting(self, department: str) -> int:
        """See :meth:`LiveState.waiting`."""
        value = self.reads["waiting:" + department] = self._live.waiting(department)
        return value

    def used_today(self, number: str) -> int:
        """See :meth:`LiveState.used_today`."""
        value = self.reads["used_today:" + number] = self._live.used_today(number)
        return value

    def trunk_up(self, trunk: str) -> bool:
        """See :meth:`LiveState.trunk_up`."""
        value = self.reads["trunk_up:" + trunk] = self._live.trunk_up(trunk)
        return value

    def draw(self, below: int) -> int:
        """See :meth:`LiveState.draw`; each draw is a read of its own, so many-sided."""
        value = self.reads[f"draw:{self._draws}:{below}"] = self._live.draw(below)
        self._draws += 1
        return value

    @staticmethod
    def replay(reads: Mapping[str, Any]) -> LiveState:
        """Return a live state that answers as ``reads`` say; what was never asked has the quiet answer."""
        return RecordedState(reads)


class RecordedState:
    """A live state made of a read set: facts that are missing have the answer of an idle, healthy switch."""

    __slots__ = ("_draws", "_reads")

    def __init__(self, reads: Mapping[str, Any]) -> None:
        self._reads = reads
        self._draws = 0

    def registered(self, extension: str) -> tuple[str, ...]:
        """See :meth:`LiveState.registered`."""
        return tuple(self._reads.get("registered:" + extension, ()))

    def has_session(self, agent: str) -> bool:
        """See :meth:`LiveState.has_session`."""
        return bool(self._reads.get("has_session:" + agent, False))

    def on_break(self, agent: str) -> bool:
        """See :meth:`LiveState.on_break`."""
        return bool(self._reads.get("on_break:" + agent, False))

    def calls_of(self, agent: str) -> int:
        """See :meth:`LiveState.calls_of`."""
        return int(self._reads.get("calls_of:" + agent, 0))

    def wrap_up_until(self, agent: str, department: str) -> float:
        """See :meth:`LiveState.wrap_up_until`."""
        return float(self._reads.get(f"wrap_up_until:{agent}:{department}", 0.0))

    def affinity(self, caller: str) -> tuple[AffinityEntry, ...]:
        """See :meth:`LiveState.affinity`; entries that came back from JSON are rebuilt."""
        entries = self._reads.get("affinity:" + caller, ())
        return tuple(e if isinstance(e, AffinityEntry) else msgspec.convert(e, AffinityEntry) for e in entries)

    def last_offered(self, department: str) -> str | None:
        """See :meth:`LiveState.last_offered`."""
        value: str | None = self._reads.get("last_offered:" + department)
        return value

    def idle_since(self, agent: str) -> float | None:
        """See :meth:`LiveState.idle_since`."""
        value: float | None = self._reads.get("idle_since:" + agent)
        return value

    def channels(self, key: str) -> int:
        """See :meth:`LiveState.channels`."""
        return int(self._reads.get("channels:" + key, 0))

    def may_start(self, trunk: str) -> bool:
        """See :meth:`LiveState.may_start`."""
        return bool(self._reads.get("may_start:" + trunk, True))

    def waiting(self, department: str) -> int:
        """See :meth:`LiveState.waiting`."""
        return int(self._reads.get("waiting:" + department, 0))

    def used_today(self, number: str) -> int:
        """See :meth:`LiveState.used_today`."""
        return int(self._reads.get("used_today:" + number, 0))

    def trunk_up(self, trunk: str) -> bool:
        """See :meth:`LiveState.trunk_up`."""
        return bool(self._reads.get("trunk_up:" + trunk, True))

    def draw(self, below: int) -> int:
        """See :meth:`LiveState.draw`."""
        value = int(self._reads.get(f"draw:{self._draws}:{below}", 0))
        self._draws += 1
        return value
