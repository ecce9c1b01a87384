"""The document's destinations as a graph: what leads where, what is reached from a number, and what leads back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.config.problems import join
from routerd.config.references import LISTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routerd.config.document import Destination, Document

Node = tuple[str, str]  # (destination type, id)
Edge = tuple[Node, str, str]  # (where to, pointer, kind: time, rule, failover, option or fault)
_WAITLESS: Final = {"time", "rule", "failover"}


class Graph:
    """Nodes are everything that a destination can name; edges carry the pointer of the destination."""

    def __init__(self, document: Document) -> None:
        self.edges: dict[Node, list[Edge]] = {}
        self.pointers: dict[Node, str] = {}
        for kind, name in LISTS.items():
            for place, item in enumerate(getattr(document, name)):
                node = (kind, item.id)
                self.edges[node] = []
                self.pointers[node] = f"/{name}/{place}"
        self.roots: list[Edge] = []
        self._fill(document)

    def _fill(self, document: Document) -> None:
        for place, number in enumerate(document.numbers):
            if number.destination is not None and number.destination.id is not None:
                target = (number.destination.type, number.destination.id)
                self.roots.append((target, f"/numbers/{place}/destination", "number"))
        for place, condition in enumerate(document.time_conditions):
            node = ("time_condition", condition.id)
            if condition.override != "unmatched":
                self._add(node, condition.matched, f"/time_conditions/{place}/matched", "time")
            if condition.override != "matched":
                self._add(node, condition.unmatched, f"/time_conditions/{place}/unmatched", "time")
        for place, router in enumerate(document.routers):
            for index, rule in enumerate(router.rules):
                self._add(
                    ("router", router.id), rule.destination, f"/routers/{place}/rules/{index}/destination", "rule"
                )
            self._add(("router", router.id), router.otherwise, f"/routers/{place}/otherwise", "rule")
        for place, agent in enumerate(document.agents):
            self._add(("agent", agent.id), agent.failover, f"/agents/{place}/failover", "failover")
        self._fill_departments(document)
        self._fill_menus(document)

    def _fill_departments(self, document: Document) -> None:
        for place, department in enumerate(document.departments):
            node = ("department", department.id)
            self._add(node, department.failover, f"/departments/{place}/failover", "failover")

    def _fill_menus(self, document: Document) -> None:
        for place, ivr in enumerate(document.ivrs):
            node = ("ivr", ivr.id)
            for option, destination in ivr.options.items():
                self._add(node, destination, join(f"/ivrs/{place}/options", option), "option")
            self._add(node, ivr.invalid.destination, f"/ivrs/{place}/invalid/destination", "fault")
            self._add(node, ivr.timeout.destination, f"/ivrs/{place}/timeout/destination", "fault")

    def _add(self, node: Node, destination: Destination | None, pointer: str, kind: str) -> None:
        if destination is not None and destination.id is not None:
            self.edges[node].append(((destination.type, destination.id), pointer, kind))

    def reached(self) -> set[Node]:
        """Give every node that some number leads to."""
        seen: set[Node] = set()
        todo = [target for target, _, _ in self.roots]
        while todo:
            node = todo.pop()
            if node not in seen:
                seen.add(node)
                todo.extend(target for target, _, _ in self.edges.get(node, ()))
        return seen

    def cycles(self) -> Iterator[list[Edge]]:
        """Give the cycles that a call can run through without a person doing anything; each once, as its edges."""
        done: set[Node] = set()
        for start in self.edges:
            if start not in done:
                yield from self._from(start, done)

    def _from(self, start: Node, done: set[Node]) -> Iterator[list[Edge]]:
        """Search in depth without recursion: chains may be as long as the document."""
        path: list[Edge] = []
        on_path: dict[Node, int] = {start: 0}
        stack = [(start, iter(self._moving(start)))]
        while stack:
            node, rest = stack[-1]
            edge = next(rest, None)
            if edge is None:
                stack.pop()
                done.add(node)
                del on_path[node]
                if path:
                    path.pop()
            elif edge[0] in on_path:
                yield [*path[on_path[edge[0]] :], edge]
            elif edge[0] not in done:
                on_path[edge[0]] = len(stack)
                path.append(edge)
                stack.append((edge[0], iter(self._moving(edge[0]))))

    def _moving(self, node: Node) -> list[Edge]:
        return [edge for edge in self.edges.get(node, ()) if edge[2] in _WAITLESS]
