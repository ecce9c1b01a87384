from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.config.check_paths import DeadEnds

if TYPE_CHECKING:
    from collections.abc import Callable

    Find = Callable[..., list[Any]]

OFFICE = {
    "id": "office",
    "rules": [{"windows": [{"from": "10:00", "to": "18:00"}], "days": ["mon", "tue", "wed", "thu", "fri"]}],
}


def lead(tree: dict[str, Any], kind: str, name: str | None = None) -> None:
    tree["numbers"][0]["destination"] = {"type": kind, "id": name} if name else {"type": kind}


def test_a_dead_end_says_when(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["time_groups"] = [OFFICE]
        tree["agents"][0]["time_group"] = "office"
        lead(tree, "agent", "asha")

    (finding,) = findings("dead_end", edit)
    assert finding.pointer == "/numbers/0"
    assert "Mon 18:00 - Tue 10:00" in finding.message
    assert "Fri 18:00 - Mon 10:00" in finding.message
    assert "outside_time_group" in finding.message


def test_a_failover_catches_it(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["time_groups"] = [OFFICE]
        tree["agents"][0].update(time_group="office", failover={"type": "voicemail", "id": "general"})
        lead(tree, "agent", "asha")

    assert not findings("dead_end", edit)


def test_a_failover_limited_to_other_reasons_does_not(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["time_groups"] = [OFFICE]
        tree["agents"][0].update(
            time_group="office", failover={"type": "voicemail", "id": "general"}, failover_on=["no_answer"]
        )
        lead(tree, "agent", "asha")

    assert findings("dead_end", edit)


def test_a_number_without_destination_is_dead_always_and_a_suspended_one_is_not_asked(findings: Find) -> None:
    def edit(tree: dict[str, Any], status: str = "active") -> None:
        tree["numbers"].append({"number": "+918069651180", "status": status})

    (finding,) = findings("dead_end", edit)
    assert "always" in finding.message
    assert not findings("dead_end", lambda tree: edit(tree, "suspended"))


def test_an_option_whose_agent_is_out_hangs_up_although_the_agent_has_a_failover(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["time_groups"] = [OFFICE]
        tree["agents"][0].update(time_group="office", failover={"type": "voicemail", "id": "general"})
        tree["ivrs"] = [
            {
                "id": "main",
                "prompt": "hello",
                "options": {"1": {"type": "agent", "id": "asha"}, "2": {"type": "department", "id": "support"}},
            }
        ]
        lead(tree, "ivr", "main")

    (finding,) = findings("dead_end", edit)
    assert finding.pointer == "/ivrs/0/options/1"
    assert "context ivr" in finding.message

    def failing_over(tree: dict[str, Any]) -> None:
        edit(tree)
        tree["account"]["ivr_agent_unavailable"] = "failover"

    assert not findings("dead_end", failing_over)


def conditions(tree: dict[str, Any], second: dict[str, Any]) -> None:
    tree["time_groups"] = [OFFICE]
    tree["time_conditions"] = [
        {"id": "a", "time_group": "office", "matched": {"type": "department", "id": "support"},
         "unmatched": {"type": "time_condition", "id": "b"}},
        {"id": "b", "time_group": "office", "matched": {"type": "department", "id": "support"}, "unmatched": second},
    ]  # fmt: skip
    lead(tree, "time_condition", "a")


def test_a_loop(findings: Find) -> None:
    (finding,) = findings("loop", lambda tree: conditions(tree, {"type": "time_condition", "id": "a"}))
    assert finding.severity == "error"
    assert "time_condition a" in finding.message
    assert "time_condition b" in finding.message
    assert not findings("loop", lambda tree: conditions(tree, {"type": "voicemail", "id": "general"}))


def test_a_failover_that_leads_back(findings: Find) -> None:
    def edit(tree: dict[str, Any], back: str) -> None:
        tree["agents"][0]["failover"] = {"type": "agent", "id": "ravi"}
        tree["agents"][1]["failover"] = {"type": "agent", "id": back} if back else None

    (finding,) = findings("failover_leads_back", lambda tree: edit(tree, "asha"))
    assert "agent asha" in finding.message
    assert not findings("failover_leads_back", lambda tree: edit(tree, ""))


def test_never_reached_objects(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["ivrs"] = [{"id": "lost", "prompt": "hello"}]
        tree["sounds"].append({"id": "unheard", "text": "x"})
        tree["time_groups"] = [OFFICE]
        tree["voicemails"].append({"id": "mine", "agent": "asha"})

    pointers = {finding.pointer for finding in findings("never_reached", edit)}
    assert pointers == {"/ivrs/0", "/sounds/1", "/time_groups/0"}


def test_never_reached_rules_options_and_branches(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        support = {"type": "department", "id": "support"}
        tree["routers"] = [{"id": "r", "rules": [{"destination": {"type": "ivr", "id": "main"}}], "otherwise": support}]
        tree["ivrs"] = [{"id": "main", "prompt": "hello", "max_digits": 2, "options": {"1": support, "123": support}}]
        lead(tree, "router", "r")

    assert {finding.pointer for finding in findings("never_reached", edit)} == {
        "/routers/0/rules/0",
        "/ivrs/0/options/123",
    }

    def held(tree: dict[str, Any]) -> None:
        conditions(tree, {"type": "voicemail", "id": "general"})
        tree["time_conditions"][0]["override"] = "unmatched"

    assert {finding.pointer for finding in findings("never_reached", held)} == {"/time_conditions/0/override"}


def test_router_branches_are_looked_at(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["routers"] = [
            {"id": "r", "rules": [{"caller_prefixes": ["+9144"], "destination": {"type": "hangup"}}],
             "otherwise": {"type": "department", "id": "support"}}
        ]  # fmt: skip
        lead(tree, "router", "r")

    assert "router r: hangup" in findings("dead_end", edit)[0].message
    assert DeadEnds.check.__doc__
