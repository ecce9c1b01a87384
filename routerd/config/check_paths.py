"""Where calls go: dead ends by time of the week, loops, what no call reaches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.config.check_sounds import played
from routerd.config.graph import Graph
from routerd.config.problems import join
from routerd.config.week import situations, words
from routerd.rules.tables import Destination

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.config import document as d
    from routerd.config.findings import Findings
    from routerd.config.graph import Edge
    from routerd.config.reach import Reach
    from routerd.config.week import Span
    from routerd.rules.tables import AccountTables

_CHECKED: Final = ("ivr", "department", "time_condition", "router", "voicemail")
_MAX_CYCLES: Final = 100


def check_paths(
    document: d.Document, tables: AccountTables, reach: Reach, every: Sequence[Span], findings: Findings
) -> None:
    """Note dead ends, loops, and what is never reached."""
    ends = DeadEnds(tables, reach, every, findings)
    for place, number in enumerate(document.numbers):
        if number.status == "active":
            ends.check(number.destination, "number", f"/numbers/{place}", f"calls to {number.number}")
    graph = Graph(document)
    reached = graph.reached()
    for place, ivr in enumerate(document.ivrs):
        for option, destination in ivr.options.items():
            if destination.type != "hangup" and ("ivr", ivr.id) in reached:
                pointer = join(f"/ivrs/{place}/options", option)
                ends.check(destination, "ivr", pointer, f"option {option} of ivr {ivr.id}")
    for cycle, _ in zip(graph.cycles(), range(_MAX_CYCLES), strict=False):
        _cycle(cycle, findings)
    _unreached(document, graph, findings)
    _rules(document, findings)


class DeadEnds:
    """Says when a destination leads to hang-up, looking at each situation of the week once."""

    def __init__(self, tables: AccountTables, reach: Reach, every: Sequence[Span], findings: Findings) -> None:
        self.tables = tables
        self.reach = reach
        self.every = every
        self.situations = situations(every)
        self.findings = findings
        self.known: dict[tuple[str, str | None, str | None, str], tuple[str, str]] = {}

    def check(self, destination: d.Destination | None, context: str, pointer: str, what: str) -> None:
        """Note when calls that go to ``destination`` in ``context`` are hung up whatever happens."""
        if destination is None:
            self.findings.warning("dead_end", pointer, f"{what} are hung up always: no destination", "give it one")
            return
        key = (destination.type, destination.id, destination.number, context)
        if key not in self.known:
            self.known[key] = self._when(
                Destination(type=destination.type, id=destination.id, number=destination.number), context
            )
        when, why = self.known[key]
        if when:
            self.findings.warning("dead_end", pointer, f"{what} are hung up {when}: {why}", _advice(why))

    def _when(self, destination: Destination, context: str) -> tuple[str, str]:
        dead: list[Span] = []
        first = ""
        for opened, found in self.situations.items():
            why = self.reach.dead_end(destination, opened, context)
            if why is not None:
                dead.extend(found)
                first = first or why
        dead.sort(key=lambda span: span.start)
        zone = self.tables.zones[self.tables.account.zone]
        return (words(dead, self.every, zone) if dead else "", first)


def _advice(why: str) -> str:
    if "not used in context ivr" in why:
        return "ivr_agent_unavailable: failover, or lead the option to a department with a failover"
    if why.endswith("hangup"):
        return "a mailbox or an announcement would say goodbye"
    return "a failover to a mailbox would catch these calls"


def _cycle(cycle: list[Edge], findings: Findings) -> None:
    way = " -> ".join(f"{kind} {name}" for (kind, name), _, _ in cycle)
    failovers = any(kind == "failover" for _, _, kind in cycle)
    pointer = cycle[0][1]
    if failovers:
        findings.warning("failover_leads_back", pointer, f"this failover leads back: {way}", "end it in a mailbox")
    else:
        findings.error("loop", pointer, f"calls can run in a circle: {way}", "the sixth transition ends the call")


def _unreached(document: d.Document, graph: Graph, findings: Findings) -> None:
    reached = graph.reached()
    used = {name for kind, name in reached if kind == "announcement"} | played(document)
    for (kind, name), pointer in graph.pointers.items():
        personal = kind == "voicemail" and document.voicemails[int(pointer.rpartition("/")[2])].agent is not None
        if kind in _CHECKED and (kind, name) not in reached and not personal:
            findings.info(
                "never_reached", pointer, f"no number leads to the {kind} {name}", "remove it, or lead calls there"
            )
        if kind == "announcement" and name not in used:
            findings.info("never_reached", pointer, f"nothing plays the sound {name}", "remove it")
    groups = {condition.time_group for condition in document.time_conditions}
    groups |= {rule.time_group for router in document.routers for rule in router.rules if rule.time_group}
    groups |= {agent.time_group for agent in document.agents if agent.time_group}
    for place, group in enumerate(document.time_groups):
        if group.id not in groups:
            findings.info("never_reached", f"/time_groups/{place}", f"nothing asks for {group.id}", "remove it")


def _rules(document: d.Document, findings: Findings) -> None:
    """Note rules behind one that always holds, options that cannot be entered, branches that an override cuts off."""
    for place, router in enumerate(document.routers):
        for index, rule in enumerate(router.rules):
            always = rule.caller_prefixes is None and rule.time_group is None and rule.returning is None
            behind = index + 1 < len(router.rules) or router.otherwise is not None
            if always and behind:
                findings.warning(
                    "never_reached",
                    f"/routers/{place}/rules/{index}",
                    f"this rule of router {router.id} always holds: nothing behind it is reached",
                    "give it a condition, or move it to 'otherwise'",
                )
                break
    for place, ivr in enumerate(document.ivrs):
        for option in ivr.options:
            if len(option) > ivr.max_digits:
                pointer = join(f"/ivrs/{place}/options", option)
                findings.warning("never_reached", pointer, f"option {option} exceeds max_digits", "raise max_digits")
    for place, condition in enumerate(document.time_conditions):
        if condition.override != "auto":
            findings.info(
                "never_reached",
                f"/time_conditions/{place}/override",
                f"{condition.id} is held at {condition.override}: the other branch is not reached",
                "override: auto",
            )
