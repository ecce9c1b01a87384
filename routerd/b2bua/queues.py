"""Who waits for whom: freed agents are offered to waiting calls, longest first (routing.md 2.6).

Theory of operation. A call that waits stands in its account's ``waiting`` lists, in order of joining. When an agent
becomes free (a call or wrap-up ended, a log-in, the end of a break), the waiting calls of the departments with that
agent are told one after the other; each asks its own gates, and the first that rings the agent occupies them, so the
next one sees a busy agent. Nothing can come between: the switch does one thing at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua.call_states import UNDECIDED
from routerd.rules import plan

if TYPE_CHECKING:
    from routerd.b2bua.live_state import AccountState
    from routerd.b2bua.switch import Switch
    from routerd.rules.tables import AccountTables


class Queues:
    """The bell that rings when an agent becomes free."""

    __slots__ = ("_switch",)

    def __init__(self, switch: Switch) -> None:
        self._switch = switch

    def agent_freed(self, account: str, agent: str, now: float) -> None:
        """Tell the calls that wait for ``agent``, longest waiting first."""
        state = self._switch.state_of(account)
        waiting: list[tuple[float, str]] = []
        for department in list(state.waiting):
            if self._is_member(account, department, agent):
                waiting.extend((since, call) for call, since in state.waiting[department].items())
        for _, call_id in sorted(waiting):
            call = self._switch.call_by_id.get(call_id)
            if call is not None:
                call.advance(plan.AgentFreed(agent), now)

    def _is_member(self, account: str, department: str, agent: str) -> bool:
        tables: AccountTables | None = self._switch.exchange.account(account)
        found = tables.departments.get(department) if tables is not None else None
        return found is not None and any(member.agent == agent for member in found.members)

    def wrap_up(self, state: AccountState, agent: str, department: str, wrap_up_s: float, now: float) -> None:
        """Let ``agent`` finish their notes before the next call of ``department``."""
        until = self._switch.exchange.wall(now) + wrap_up_s
        state.wrap_up[agent, department] = until
        Rest(self._switch, state.name, agent, department, until).begin(wrap_up_s, now)


class Rest:
    """One wrap-up that runs."""

    __slots__ = ("_account", "_agent", "_department", "_switch", "_until")

    def __init__(self, switch: Switch, account: str, agent: str, department: str, until: float) -> None:
        self._switch = switch
        self._account = account
        self._agent = agent
        self._department = department
        self._until = until

    def begin(self, delay_s: float, now: float) -> None:
        """Start the timer."""
        self._switch.exchange.timers.after(delay_s, self, "wrap_up", now)

    def timer_fired(self, name: str, now: float) -> None:  # noqa: ARG002
        """The wrap-up is over, unless a later call began another one."""
        state = self._switch.state_of(self._account)
        key = (self._agent, self._department)
        if state.wrap_up.get(key) == self._until:
            del state.wrap_up[key]
            state.idle_since[self._agent] = self._switch.exchange.wall(now)
            self._switch.queues.agent_freed(self._account, self._agent, now)


def agent_left(switch: Switch, account: str, agent: str, event: plan.Event, now: float) -> None:
    """Tell every call that rings ``agent`` (or waits for them) that they logged out or took a break."""
    calls = set(switch.state_of(account).agent_calls.get(agent, ()))
    for waiting in switch.state_of(account).waiting.values():
        calls.update(waiting)
    for call_id in sorted(calls):
        call = switch.call_by_id.get(call_id)
        if call is not None and call.state in UNDECIDED:
            call.advance(event, now)
