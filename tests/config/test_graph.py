from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.config.graph import Graph

if TYPE_CHECKING:
    from collections.abc import Callable


def test_what_is_reached(company: dict[str, Any], read: Callable[..., Any]) -> None:
    company["voicemails"].append({"id": "lost"})
    graph = Graph(read(company))
    assert graph.reached() == {("department", "support"), ("voicemail", "general")}
    assert graph.pointers[("voicemail", "lost")] == "/voicemails/1"
    assert list(graph.cycles()) == []


def test_a_chain_as_long_as_the_document_needs_no_recursion(company: dict[str, Any], read: Callable[..., Any]) -> None:
    company["agents"] = [
        {"id": f"a{i}", "name": "A", "failover": {"type": "agent", "id": f"a{(i + 1) % 3000}"}} for i in range(3000)
    ]
    company["departments"][0]["members"] = []
    company["extensions"] = []
    (cycle,) = Graph(read(company)).cycles()
    assert len(cycle) == 3000


def test_menus_break_circles(company: dict[str, Any], read: Callable[..., Any]) -> None:
    company["ivrs"] = [{"id": "main", "prompt": "hello", "options": {"9": {"type": "ivr", "id": "main"}}}]
    assert list(Graph(read(company)).cycles()) == []


def test_an_agent_whose_own_failover_is_the_same_agent(company: dict[str, Any], read: Callable[..., Any]) -> None:
    company["agents"][0]["failover"] = {"type": "agent", "id": "asha"}
    assert [[edge[0] for edge in cycle] for cycle in Graph(read(company)).cycles()] == [[("agent", "asha")]]
