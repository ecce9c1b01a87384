from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.config.check_people import check_people

if TYPE_CHECKING:
    from collections.abc import Callable

    Find = Callable[..., list[Any]]


def bare(tree: dict[str, Any], **more: Any) -> None:
    tree["agents"].append({"id": "meera", "name": "Meera", **more})


def test_nothing_can_ring_an_agent(findings: Find) -> None:
    (finding,) = findings("agent_unringable", bare)
    assert (finding.pointer, finding.severity) == ("/agents/2", "warning")
    assert check_people.__doc__


@pytest.mark.parametrize(
    "more",
    [
        {"call_forward_number": "+919000000001"},
        {"sip_address": "sip:meera@example.com"},
        {"alternate_numbers": ["+919000000001"], "sticky": {"strategy": "order"}},
        {"status": "disabled"},
    ],
)
def test_something_rings_or_the_agent_is_off(findings: Find, more: dict[str, Any]) -> None:
    assert not findings("agent_unringable", lambda tree: bare(tree, **more))


def test_a_number_without_a_route_rings_nothing(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["outbound_routes"] = [{"prefix": "+1", "trunks": ["pstn"]}, {"prefix": "112", "trunks": ["pstn"]}]
        bare(tree, call_forward_number="+919000000001")

    assert "no route" in findings("agent_unringable", edit)[0].message


def test_login_based_but_locked_out(findings: Find) -> None:
    def edit(tree: dict[str, Any], *, blocked: bool) -> None:
        tree["agents"][0].update(login_based_calling=True, web_login={"enabled": True, "blocked": blocked})

    (finding,) = findings("agent_unringable", lambda tree: edit(tree, blocked=True))
    assert finding.pointer == "/agents/0/login_based_calling"
    assert not findings("agent_unringable", lambda tree: edit(tree, blocked=False))


def test_a_department_without_members(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["departments"][0]["members"] = []

    (finding,) = findings("department_empty", edit)
    assert finding.severity == "warning"
    assert "always" in finding.message


def test_a_department_that_is_empty_at_times(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["time_groups"] = [{"id": "days", "rules": [{"windows": [{"from": "06:00", "to": "22:00"}]}]}]
        for agent in tree["agents"]:
            agent["time_group"] = "days"

    (finding,) = findings("department_empty", edit)
    assert "Mon 22:00 - Tue 06:00" in finding.message
    assert finding.severity == "info"

    def one_stays(tree: dict[str, Any]) -> None:
        edit(tree)
        tree["agents"][1]["time_group"] = None

    assert not findings("department_empty", one_stays)


def test_a_member_twice(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["departments"][0]["members"].append({"agent": "asha"})

    assert [finding.pointer for finding in findings("member_twice", edit)] == ["/departments/0/members/2"]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("alternate_numbers", ["+919000000001"]),
        ("failover_on", ["busy"]),
        ("call_forward_digits", {"digits": "12", "after_s": 1}),
    ],
)
def test_keys_without_effect(findings: Find, key: str, value: Any) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["agents"][0][key] = value

    assert [finding.pointer for finding in findings("no_effect", edit)] == [f"/agents/0/{key}"]
