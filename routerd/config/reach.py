"""Where a call would end at best: a walk over the compiled tables, for one situation of open time groups.

This is an analysis over all calls, not a decision about one: it supposes that everybody is logged in, registered and
free, and asks whether the call then reaches somebody or something, or is hung up. What one call does is decided in
rules/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from routerd.rules.tables import AccountTables, Agent, Department, Destination, Ivr, Router, RouterRule

MAX_TRANSITIONS: Final = 5  # the sixth ends the call (routing.md 2.3)


class Reach:
    """Walks destinations of ``tables``; ``portal_locked`` are login-based agents who can never log in."""

    def __init__(self, tables: AccountTables, portal_locked: frozenset[str] = frozenset()) -> None:
        self.tables = tables
        self.portal_locked = portal_locked
        self._known: dict[tuple[str, str, frozenset[str], str, int], str | None] = {}

    def has_route(self, number: str) -> bool:
        """Say whether some outbound route carries ``number``."""
        routes = self.tables.routes
        return any(routes.get(number[:length]) for length in self.tables.route_lengths)

    def can_ring(self, agent: Agent) -> bool:
        """Say whether anything can ring this agent: an extension, a SIP address, or a number that has a route."""
        if agent.extension is not None or agent.sip_address is not None:
            return True
        numbers = [agent.call_forward_number, *(agent.alternate_numbers if agent.sticky else ())]
        return any(number is not None and self.has_route(number) for number in numbers)

    def gate(self, agent: Agent, opened: frozenset[str]) -> str | None:
        """Give the first gate of routing.md 2.2 that must fail, None when the agent can be rung."""
        if agent.status != "enabled":
            return "agent_disabled" if agent.status == "disabled" else "agent_blocked"
        if not agent.calling_agent:
            return "not_calling_agent"
        if agent.id in self.portal_locked:
            return "logged_out"
        if agent.time_group is not None and agent.time_group not in opened:
            return "outside_time_group"
        if agent.do_not_disturb:
            return "do_not_disturb"
        return None if self.can_ring(agent) else "no_reachable_number"

    def dead_end(
        self, destination: Destination | None, opened: frozenset[str], context: str = "number", used: int = 0
    ) -> str | None:
        """Say why a call that goes to ``destination`` is hung up whatever happens; None when it may reach something."""
        if destination is None:
            return "no destination"
        if used > MAX_TRANSITIONS:
            return "too many transitions (loop)"
        kind = destination.type
        if kind == "hangup":
            return "hangup"
        if kind == "external":
            return None if self.has_route(destination.number or "") else f"no route to {destination.number}"
        if kind in {"voicemail", "announcement"}:
            return None
        key = (kind, destination.id or "", opened, context, used)
        if key not in self._known:  # menus branch: without this a walk would be exponential in their depth
            self._known[key] = self._follow(kind, destination.id or "", opened, context, used)
        return self._known[key]

    def _follow(self, kind: str, name: str, opened: frozenset[str], context: str, used: int) -> str | None:
        tables = self.tables
        if kind == "agent":
            return self._agent(tables.agents[name], opened, context, used)
        if kind == "department":
            return self._department(tables.departments[name], opened, used)
        if kind == "ivr":
            return self._ivr(tables.ivrs[name], opened, used)
        if kind == "router":
            return self._router(tables.routers[name], opened, used)
        condition = tables.time_conditions[name]
        matched = condition.override == "matched" or (condition.override == "auto" and condition.time_group in opened)
        target = condition.matched if matched else condition.unmatched
        why = self.dead_end(target, opened, "nested", used + 1)
        return why and f"{'in' if matched else 'outside'} {condition.time_group}: {why}"

    def _agent(self, agent: Agent, opened: frozenset[str], context: str, used: int) -> str | None:
        reason = self.gate(agent, opened)
        if reason is None:
            return None
        allowed = context == "number" or (context == "ivr" and self.tables.account.ivr_agent_unavailable == "failover")
        said = f"agent {agent.id} {reason}"
        limited = agent.failover_on is not None and reason not in agent.failover_on
        if not allowed or agent.failover is None or limited:
            return said + (" and no failover" if allowed else f", whose failover is not used in context {context}")
        why = self.dead_end(agent.failover, opened, "nested", used + 1)
        return why and f"{said}, failover: {why}"

    def members(self, department: Department, opened: frozenset[str]) -> list[str]:
        """Give the members who can be rung in this situation."""
        agents = self.tables.agents
        return [m.agent for m in department.members if self.gate(agents[m.agent], opened) is None]

    def _department(self, department: Department, opened: frozenset[str], used: int) -> str | None:
        if self.members(department, opened) or (department.queue is not None and department.queue.join_empty):
            return None
        said = f"nobody of department {department.id}"
        if department.failover is None:
            return f"{said} and no failover"
        why = self.dead_end(department.failover, opened, "nested", used + 1)
        return why and f"{said}, failover: {why}"

    def _ivr(self, ivr: Ivr, opened: frozenset[str], used: int) -> str | None:
        if ivr.dial_by_intercom and any(
            self.gate(agent, opened) is None for agent in self.tables.agents.values() if agent.intercom
        ):
            return None
        ways = [(destination, "ivr") for destination in ivr.options.values()]
        ways += [(ivr.invalid.destination, "nested"), (ivr.timeout.destination, "nested")]
        # a menu's way on is no transition, but a menu may lead to itself: count it, so that the walk ends
        if any(self.dead_end(destination, opened, context, used + 1) is None for destination, context in ways):
            return None
        return f"every way out of ivr {ivr.id} ends the call"

    def _router(self, router: Router, opened: frozenset[str], used: int) -> str | None:
        for rule in router.rules:
            if not _may_hold(rule, opened):
                continue
            why = self.dead_end(rule.destination, opened, "nested", used + 1)
            if why is not None or (rule.caller_prefixes is None and rule.returning is None):
                return why and f"router {router.id}: {why}"
        why = self.dead_end(router.otherwise, opened, "nested", used + 1)
        return why and f"router {router.id}, otherwise: {why}"

    def rung(self, destination: Destination | None, opened: frozenset[str], used: int = 0) -> str:
        """Say in words who would ring: for the schedule preview."""
        if destination is None or used > MAX_TRANSITIONS:
            return "hang up"
        kind, name = destination.type, destination.id or ""
        if kind == "agent":
            return self._rung_agent(self.tables.agents[name], opened, used)
        if kind == "department":
            department = self.tables.departments[name]
            members = self.members(department, opened)
            return (
                f"{department.name}: {', '.join(members)}"
                if members
                else self.rung(department.failover, opened, used + 1)
            )
        if kind == "time_condition":
            condition = self.tables.time_conditions[name]
            inside = condition.override == "matched" or (
                condition.override == "auto" and condition.time_group in opened
            )
            return self.rung(condition.matched if inside else condition.unmatched, opened, used + 1)
        if kind == "router":
            return self._rung_router(self.tables.routers[name], opened, used)
        if kind == "ivr":
            ivr = self.tables.ivrs[name]
            keys = [f"{key}: {self.rung(target, opened, used + 1)}" for key, target in ivr.options.items()]
            return f"menu {name} ({'; '.join(keys)})"
        return {"hangup": "hang up", "external": f"outside {destination.number}"}.get(kind, f"{kind} {name}")

    def _rung_agent(self, agent: Agent, opened: frozenset[str], used: int) -> str:
        reason = self.gate(agent, opened)
        if reason is None:
            return agent.id
        return self.rung(agent.failover, opened, used + 1) if used == 0 else f"hang up ({agent.id} {reason})"

    def _rung_router(self, router: Router, opened: frozenset[str], used: int) -> str:
        said: list[str] = []
        for rule in router.rules:
            if not _may_hold(rule, opened):
                continue
            target = self.rung(rule.destination, opened, used + 1)
            if rule.caller_prefixes is None and rule.returning is None:
                return "; ".join([*said, target])
            condition = ", ".join(rule.caller_prefixes or ("returning" if rule.returning else "new",))
            said.append(f"from {condition}: {target}")
        return "; ".join([*said, self.rung(router.otherwise, opened, used + 1)])


def _may_hold(rule: RouterRule, opened: frozenset[str]) -> bool:
    return rule.time_group is None or rule.time_group in opened
