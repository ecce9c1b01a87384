"""Agents whom nothing can ring, departments that are empty, members that stand twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.config.week import situations, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.config import document as d
    from routerd.config.findings import Findings
    from routerd.config.reach import Reach
    from routerd.config.week import Span
    from routerd.rules.tables import AccountTables


def check_people(
    document: d.Document, tables: AccountTables, reach: Reach, every: Sequence[Span], findings: Findings
) -> None:
    """Note what keeps agents and departments from being rung."""
    for place, agent in enumerate(document.agents):
        _agent(agent, tables, reach, f"/agents/{place}", findings)
    by_situation = situations(every)
    zone = tables.zones[tables.account.zone]
    for place, department in enumerate(document.departments):
        _twice(department, f"/departments/{place}/members", findings)
        compiled = tables.departments[department.id]
        deserted = (found for opened, found in by_situation.items() if not reach.members(compiled, opened))
        empty = [span for found in deserted for span in found]
        if not empty:
            continue
        when = words(sorted(empty, key=lambda span: span.start), every, zone)
        catching = department.failover is not None or (department.queue is not None and department.queue.join_empty)
        note = findings.info if catching and when != "always" else findings.warning
        note(
            "department_empty",
            f"/departments/{place}/members",
            f"nobody of {department.name} can be rung {when}",
            "its failover takes these calls" if department.failover else "give it a failover, or members for that time",
        )


def _agent(agent: d.Agent, tables: AccountTables, reach: Reach, pointer: str, findings: Findings) -> None:
    if agent.status != "enabled":
        return
    if agent.id in reach.portal_locked:
        findings.warning(
            "agent_unringable",
            f"{pointer}/login_based_calling",
            f"{agent.name} counts only when logged in, and may not log in",
            "enable web_login, or switch login_based_calling off",
        )
    elif not reach.can_ring(tables.agents[agent.id]):
        routeless = agent.call_forward_number is not None
        findings.warning(
            "agent_unringable",
            pointer,
            f"nothing can ever ring {agent.name}: "
            + ("no route carries the numbers" if routeless else "no extension, no number, no SIP address"),
            "an outbound route" if routeless else "give an extension or a call_forward_number",
        )
    if agent.alternate_numbers and agent.sticky is None:
        findings.info("no_effect", f"{pointer}/alternate_numbers", "they ring only with sticky", "set sticky")
    if agent.failover_on is not None and agent.failover is None:
        findings.info("no_effect", f"{pointer}/failover_on", "there is no failover to be limited", "set failover")
    if agent.call_forward_digits is not None and agent.call_forward_number is None:
        findings.info("no_effect", f"{pointer}/call_forward_digits", "there is no call_forward_number", "remove it")


def _twice(department: d.Department, pointer: str, findings: Findings) -> None:
    seen: set[str] = set()
    for index, member in enumerate(department.members):
        if member.agent in seen:
            findings.warning(
                "member_twice", f"{pointer}/{index}", f"{member.agent} is a member twice", "the first place holds"
            )
        seen.add(member.agent)
