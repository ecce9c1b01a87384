from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.reach import Reach
from routerd.rules.tables import Destination

if TYPE_CHECKING:
    from collections.abc import Callable

NOBODY: frozenset[str] = frozenset()


def agent(name: str) -> Destination:
    return Destination(type="agent", id=name)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"status": "disabled"}, "agent_disabled"),
        ({"status": "blocked"}, "agent_blocked"),
        ({"calling_agent": False}, "not_calling_agent"),
        ({"time_group": "g"}, "outside_time_group"),
        ({"do_not_disturb": True}, "do_not_disturb"),
        ({"extension": None}, "no_reachable_number"),
        ({}, None),
    ],
)
def test_gates(
    company: dict[str, Any], compiled: Callable[..., Any], change: dict[str, Any], reason: str | None
) -> None:
    company["time_groups"] = [{"id": "g"}]
    company["agents"][0].update(change)
    tables = compiled(company)
    assert Reach(tables).gate(tables.agents["asha"], NOBODY) == reason


def test_an_agents_failover_counts_only_in_context_number(
    company: dict[str, Any], compiled: Callable[..., Any]
) -> None:
    company["agents"][0].update(status="disabled", failover={"type": "voicemail", "id": "general"})
    reach = Reach(compiled(company))
    assert reach.dead_end(agent("asha"), NOBODY) is None
    assert "agent_disabled" in (reach.dead_end(agent("asha"), NOBODY, "ivr") or "")
    assert "agent_disabled" in (reach.dead_end(agent("asha"), NOBODY, "nested") or "")


def test_locked_out_agents_count_as_logged_out(company: dict[str, Any], compiled: Callable[..., Any]) -> None:
    tables = compiled(company)
    assert Reach(tables, frozenset({"asha"})).gate(tables.agents["asha"], NOBODY) == "logged_out"


def test_destinations(company: dict[str, Any], compiled: Callable[..., Any]) -> None:
    company["outbound_routes"] = [{"prefix": "+91", "trunks": ["pstn"]}, {"prefix": "+1", "trunks": []}]
    reach = Reach(compiled(company))
    assert reach.dead_end(None, NOBODY) == "no destination"
    assert reach.dead_end(Destination(type="hangup"), NOBODY) == "hangup"
    assert reach.dead_end(Destination(type="external", number="+919812345678"), NOBODY) is None
    assert reach.dead_end(Destination(type="external", number="+14155550123"), NOBODY) == "no route to +14155550123"
    assert reach.dead_end(Destination(type="voicemail", id="general"), NOBODY) is None
    assert reach.rung(Destination(type="department", id="support"), NOBODY) == "Support: asha, ravi"


def test_menus_that_lead_to_each_other_end_in_bounded_time(
    company: dict[str, Any], compiled: Callable[..., Any]
) -> None:
    names = [f"m{i}" for i in range(12)]
    company["ivrs"] = [
        {
            "id": name,
            "prompt": "hello",
            "options": {str(i): {"type": "ivr", "id": other} for i, other in enumerate(names)},
        }
        for name in names
    ]
    begun = time.process_time()
    assert Reach(compiled(company)).dead_end(Destination(type="ivr", id="m0"), NOBODY) is not None
    assert time.process_time() - begun < 5
