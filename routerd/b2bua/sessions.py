"""Agents' sessions and breaks: log in, log out, go on a break and come back; sessions that end when nobody renews them.

Theory of operation. A session without ``expires_s`` lasts until the agent logs out. One with it is a heartbeat: whoever
logs the agent in does so again before that time is over, else the agent is logged out, as if they had done so. Every
change is journalled as the whole state of the agent (logged in, on a break and why, until when), so that the last entry
is all that a restart needs. Breaks are kept apart from sessions: they may be taken without one, and end with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.b2bua.queues import agent_left
from routerd.rules import plan

if TYPE_CHECKING:
    from routerd.b2bua.live_state import AccountState
    from routerd.b2bua.switch import Switch
    from routerd.sip.timers import Timer


class Session:
    """A session that runs: since when (UTC seconds), and the timer of one that must be renewed."""

    __slots__ = ("_account", "_agent", "_switch", "_timer", "expires_at", "since")

    def __init__(self, switch: Switch, account: str, agent: str, since: float) -> None:
        self._switch = switch
        self._account = account
        self._agent = agent
        self._timer: Timer | None = None
        self.since = since
        self.expires_at: float | None = None

    def renew(self, expires_s: float | None, now: float) -> None:
        """Let it last ``expires_s`` from now; None: until the log-out."""
        self.drop()
        self.expires_at = None
        if expires_s is not None:
            exchange = self._switch.exchange
            self.expires_at = exchange.wall(now) + expires_s
            self._timer = exchange.timers.after(expires_s, self, "session", now)

    def drop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def timer_fired(self, _name: str, now: float) -> None:
        """Nobody has renewed it."""
        self._timer = None
        self._switch.exchange.note("session_expired_agent", f"{self._account}/{self._agent}")
        logout(self._switch, self._account, self._agent, now, reason="expired")


def login(switch: Switch, account: str, agent: str, expires_s: float | None, now: float) -> Session:
    """Log an agent in, or renew the session that there is."""
    exchange, state = switch.exchange, switch.state_of(account)
    session = state.sessions.get(agent)
    fresh = session is None
    if session is None:
        session = state.sessions[agent] = Session(switch, account, agent, exchange.wall(now))
    if fresh or expires_s is not None or session.expires_at is not None:
        session.renew(expires_s, now)
        _journal(switch, state, agent, "login")
    if fresh:
        state.idle_since[agent] = exchange.wall(now)
        exchange.publish("agent.login", {"account": account, "agent": agent})
        switch.queues.agent_freed(account, agent, now)
    return session


def logout(switch: Switch, account: str, agent: str, now: float, *, reason: str = "logout") -> bool:
    """Log an agent out, break and all; False when there was no session."""
    state = switch.state_of(account)
    session = state.sessions.pop(agent, None)
    if session is None:
        return False
    session.drop()
    state.breaks.pop(agent, None)
    _journal(switch, state, agent, "logout")
    switch.exchange.publish("agent.logout", {"account": account, "agent": agent, "reason": reason})
    agent_left(switch, account, agent, plan.AgentLoggedOut(agent), now)
    return True


def take_break(switch: Switch, account: str, agent: str, reason: str, now: float) -> None:
    """Send an agent on a break; ``reason`` is the agent's own word."""
    state = switch.state_of(account)
    state.breaks[agent] = reason
    _journal(switch, state, agent, "break")
    switch.exchange.publish("agent.break", {"account": account, "agent": agent, "reason": reason})
    agent_left(switch, account, agent, plan.AgentOnBreak(agent), now)


def end_break(switch: Switch, account: str, agent: str, now: float) -> bool:
    """Bring an agent back; False when they were on no break."""
    state = switch.state_of(account)
    if state.breaks.pop(agent, None) is None:
        return False
    _journal(switch, state, agent, "unbreak")
    switch.exchange.publish("agent.unbreak", {"account": account, "agent": agent})
    switch.queues.agent_freed(account, agent, now)
    return True


def restore(switch: Switch, entry: dict[str, Any], now: float) -> None:
    """Take an agent's state back after a restart; a session that would have ended meanwhile ends now."""
    account, agent = str(entry["account"]), str(entry["agent"])
    state = switch.state_of(account)
    if entry.get("on_break"):
        state.breaks[agent] = str(entry.get("reason") or "")
    if not entry.get("logged_in", True):
        return
    wall = switch.exchange.wall(now)
    session = state.sessions[agent] = Session(switch, account, agent, float(entry.get("since") or wall))
    expires_at = entry.get("expires_at")
    if expires_at is not None:
        session.renew(max(0.0, float(expires_at) - wall), now)


def _journal(switch: Switch, state: AccountState, agent: str, action: str) -> None:
    session = state.sessions.get(agent)
    switch.exchange.journal(
        "session",
        {
            "account": state.name,
            "agent": agent,
            "action": action,
            "logged_in": session is not None,
            "since": None if session is None else session.since,
            "expires_at": None if session is None else session.expires_at,
            "on_break": agent in state.breaks,
            "reason": state.breaks.get(agent),
        },
    )
