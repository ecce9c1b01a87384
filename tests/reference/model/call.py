"""One call in virtual time: its clock, the live state around it, its events, and what will be its result."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from model.book import Book
from model.hours import instant

EVER = float("inf")
TICK = 1e-6  # two times nearer than this are one


class Over(Exception):  # noqa: N818 - the usual end of a call
    """The call has come to its end; the result stands in the call."""


@dataclass
class LegRecord:
    """One leg as the result shows it."""

    order: tuple[float, ...]
    target: str
    agent: str | None
    start_s: float
    end_s: float | None = None
    result: str | None = None
    shown: str | None = None


@dataclass
class Live:
    """Section 6's ``state``, as it changes."""

    registered: dict[str, list[str]]
    sessions: set[str]
    on_break: set[str]
    in_call: Counter[str]
    channels: dict[str, int]
    affinity: list[dict[str, Any]]
    last_offered: dict[str, str]
    idle_since: dict[str, float]
    freed_at: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, state: dict[str, Any]) -> Live:
        registered = {
            extension: [source] if isinstance(source, str) else list(source)
            for extension, source in (state.get("registered") or {}).items()
        }
        return cls(
            registered={extension: sources for extension, sources in registered.items() if sources},
            sessions=set(state.get("sessions") or []),
            on_break=set(state.get("on_break") or []),
            in_call=Counter(state.get("in_call") or []),
            channels=dict(state.get("channels") or {}),
            affinity=list(state.get("affinity") or []),
            last_offered=dict(state.get("last_offered") or {}),
            idle_since={agent: instant(since).timestamp() for agent, since in (state.get("idle_since") or {}).items()},
        )


class Call:
    """What the tables act upon."""

    def __init__(self, document: dict[str, Any], scenario: dict[str, Any]) -> None:
        self.book = Book(document)
        self.scenario = scenario
        self.asked: dict[str, Any] = scenario["call"]
        self.began: datetime = instant(scenario["at"])
        self.live = Live.of(scenario.get("state") or {})
        self.phones: dict[str, dict[str, Any]] = scenario.get("phones") or {}
        self.events = deque(sorted(scenario.get("events") or [], key=lambda event: float(event["at_s"])))
        self.now = 0.0
        self.answered = False
        self.in_menu = False
        self.digits: deque[str] = deque()
        self.caller: str = self.asked.get("from") or "anonymous"
        self.dialled: str | None = None
        self.makes_pstn_calls = True  # false in a call that was started by an agent under block_outbound
        self.legs: list[LegRecord] = []
        self.uncounted = False  # emergency calls are not counted against limits
        self.nodes: list[dict[str, Any]] = []
        self.transitions = 0
        self.rounds = 0
        self.first_reason: str | None = None
        self.outcome: str | None = None
        self.answered_by: str | None = None
        self.sip_status: int | None = None
        self.q850: int | None = None
        self.final: dict[str, Any] | None = None

    # -- time

    def wall(self) -> datetime:
        return self.began + timedelta(seconds=self.now)

    def wait(self, until: float) -> dict[str, Any] | None:
        """Go on to the next event, or to ``until`` (None). What was pressed ahead is forgotten outside of menus."""
        if not self.in_menu:
            self.digits.clear()
        if self.events and float(self.events[0]["at_s"]) <= until + TICK:
            event = self.events.popleft()
            self.now = max(self.now, float(event["at_s"]))
            self._happens(event)
            return event
        if until == EVER:
            raise RuntimeError("the call would never end")
        self.now = max(self.now, until)
        return None

    def _happens(self, event: dict[str, Any]) -> None:
        live, agent = self.live, event.get("agent", "")
        match event["do"]:
            case "caller_hangup":
                self.give_up()
            case "logout":
                live.sessions.discard(agent)
            case "break":
                live.on_break.add(agent)
            case "call_ended":
                if live.in_call[agent] > 0:
                    live.in_call[agent] -= 1
                    live.freed_at[agent] = self.now
                    live.idle_since[agent] = self.wall().timestamp()
            case "digits":
                if self.in_menu:
                    self.digits.extend(event["digits"])

    # -- the result

    def visit(self, kind: str, name: str | None, context: str | None) -> dict[str, Any]:
        node = {"type": kind, "id": name, "context": context, "at_s": self.now, "reason": None}
        self.nodes.append(node)
        return node

    def note(self, reason: str) -> None:
        """A destination is left, or the call ends, for this reason."""
        if self.first_reason is None:
            self.first_reason = reason

    def finish(self, outcome: str, status: int | None, q850: int | None, kind: str, name: str | None) -> None:
        self.outcome, self.sip_status, self.q850 = outcome, status, q850
        self.final = {"type": kind, "id": name, "at_s": self.now}
        raise Over

    def give_up(self) -> None:
        """The caller leaves: cancel everything, no failover."""
        for leg in self.legs:
            if leg.result is None:
                leg.result, leg.end_s = "cancelled", self.now
        self.note("abandoned")
        self.finish("abandoned", 200 if self.answered else 487, None, "hangup", None)

    def result(self) -> dict[str, Any]:
        legs = sorted(self.legs, key=lambda leg: (round(leg.start_s, 4), leg.order))
        return {
            "outcome": self.outcome,
            "reason": self.first_reason,
            "answered_by": self.answered_by,
            "sip_status": self.sip_status,
            "q850": self.q850,
            "caller_id": self.legs[-1].shown if legs else None,
            "legs": [
                {
                    "target": leg.target,
                    "agent": leg.agent,
                    "start_s": round(leg.start_s, 3),
                    "end_s": None if leg.end_s is None else round(leg.end_s, 3),
                    "result": leg.result,
                }
                for leg in legs
            ],
            "nodes": [{**node, "at_s": round(node["at_s"], 3)} for node in self.nodes],
            "final": self.final and {**self.final, "at_s": round(self.final["at_s"], 3)},
        }
