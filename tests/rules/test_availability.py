from __future__ import annotations

from typing import Any

import pytest
from rules_kit.builders import CLOSED, agent, document, play, scenario

GATES = [
    ({"status": "disabled"}, {}, "agent_disabled"),
    ({"status": "blocked"}, {}, "agent_blocked"),
    ({"calling_agent": False}, {}, "not_calling_agent"),
    ({"login_based_calling": True}, {}, "logged_out"),
    ({"login_based_calling": True}, {"sessions": ["a"], "on_break": ["a"]}, "on_break"),
    ({"time_group": "office"}, {}, "outside_time_group"),
    ({"do_not_disturb": True}, {}, "do_not_disturb"),
    ({}, {"in_call": ["a"]}, "agent_busy"),
    ({"extension": None}, {}, "no_reachable_number"),
]


def reason(changes: dict[str, Any], state: dict[str, Any]) -> str | None:
    made = document(
        agents=[agent("a", **{"extension": "2001", "intercom": "1001", **changes}), agent("c", "2003", "1003")]
    )
    made["departments"] = []
    made["voicemails"] = []
    result = play(made, scenario(at=CLOSED, state=state))
    assert result["legs"] == [] or result["reason"] == "no_answer"
    return str(result["reason"])


@pytest.mark.parametrize(("changes", "state", "expected"), GATES)
def test_each_gate_names_its_reason(changes: dict[str, Any], state: dict[str, Any], expected: str) -> None:
    assert reason(changes, state) == expected


def test_the_first_failing_gate_wins() -> None:
    changes: dict[str, Any] = {}
    state: dict[str, Any] = {}
    for gate_changes, gate_state, expected in reversed(GATES[:4] + GATES[5:]):
        changes.update(gate_changes)
        state.update(gate_state)
        assert reason(changes, state) == expected


def test_a_session_does_not_count_without_log_in() -> None:
    assert reason({}, {"sessions": [], "on_break": ["a"]}) == "no_answer"


def test_max_calls_says_how_many_make_busy() -> None:
    assert reason({"max_calls": 2}, {"in_call": ["a"]}) == "no_answer"
    assert reason({"max_calls": 2}, {"in_call": ["a", "a"]}) == "agent_busy"


def test_call_waiting_rings_the_registered_phone_only() -> None:
    made = document()
    made["agents"][0]["call_waiting"] = True
    result = play(made, scenario(state={"in_call": ["a"]}))
    assert [leg["target"] for leg in result["legs"]] == ["extension:2001"]
