from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.config.check_numbers import check_numbers

if TYPE_CHECKING:
    from collections.abc import Callable

    Find = Callable[..., list[Any]]

OWN = "+918069651170"
FOREIGN = "+918069651199"


def pointers(found: list[Any]) -> list[str]:
    return [finding.pointer for finding in found]


def test_caller_ids_that_are_not_owned(findings: Find) -> None:
    def edit(tree: dict[str, Any], number: str) -> None:
        tree["account"]["pilot_number"] = number
        tree["agents"][0]["caller_ids"] = {"mode": "custom", "numbers": [number], "default": number}
        tree["area_code_caller_ids"] = [{"id": "a", "entries": [{"code": "22", "number": number}]}]
        tree["blocked_callers"] = [{"number": "anonymous", "numbers": [number]}]

    found = set(pointers(findings("caller_id_not_owned", lambda tree: edit(tree, FOREIGN))))
    assert found == {
        "/account/pilot_number",
        "/agents/0/caller_ids/numbers/0",
        "/agents/0/caller_ids/default",
        "/area_code_caller_ids/0/entries/0/number",
        "/blocked_callers/0/numbers/0",
    }
    assert not findings("caller_id_not_owned", lambda tree: edit(tree, OWN))
    assert check_numbers.__doc__


def test_a_suspended_caller_id(findings: Find) -> None:
    def edit(tree: dict[str, Any]) -> None:
        tree["account"]["pilot_number"] = OWN
        tree["numbers"][0]["status"] = "suspended"

    assert "suspended" in findings("caller_id_not_owned", edit)[0].message


def routes(tree: dict[str, Any], *prefixes: str) -> None:
    tree["trunks"].append({"id": "other", "target": "sip:127.0.0.1:5081"})
    tree["outbound_routes"] = [
        {"prefix": prefix, "trunks": ["pstn", "other"][: 1 + index % 2]} for index, prefix in enumerate(prefixes)
    ]


def test_duplicate_and_redundant_routes(findings: Find) -> None:
    found = findings("duplicate_prefix", lambda tree: routes(tree, "", "+91", "91"))
    assert [(f.pointer, f.severity) for f in found] == [("/outbound_routes/2", "error")]
    assert pointers(findings("shadowed_prefix", lambda tree: routes(tree, "", "+91", "+9198"))) == []
    assert pointers(findings("shadowed_prefix", lambda tree: routes(tree, "+91", "+1", "+9198"))) == [
        "/outbound_routes/2"
    ]
    assert not findings("duplicate_prefix", lambda tree: routes(tree, "", "+91", "+92"))


def test_a_prefix_that_no_number_has(findings: Find) -> None:
    found = findings("shadowed_prefix", lambda tree: routes(tree, "+91", "+44", "044"))
    assert [(f.pointer, f.severity) for f in found] == [("/outbound_routes/2", "warning")]


def test_the_destination_policy(findings: Find) -> None:
    def edit(tree: dict[str, Any], allow: list[str], deny: list[str]) -> None:
        tree["destination_policy"] = {"allow": allow, "deny": deny}

    assert pointers(findings("shadowed_prefix", lambda tree: edit(tree, ["+1900"], ["+1"]))) == [
        "/destination_policy/allow/0"
    ]
    assert pointers(findings("shadowed_prefix", lambda tree: edit(tree, [], ["+19", "+1900"]))) == [
        "/destination_policy/deny/1"
    ]
    assert pointers(findings("duplicate_prefix", lambda tree: edit(tree, ["+1", "1"], []))) == [
        "/destination_policy/allow/1"
    ]
    assert not findings("shadowed_prefix", lambda tree: edit(tree, ["+1"], ["+1900"]))


def test_blocked_callers(findings: Find) -> None:
    def edit(tree: dict[str, Any], *callers: str) -> None:
        tree["blocked_callers"] = [{"number": caller} for caller in callers]

    assert pointers(findings("shadowed_prefix", lambda tree: edit(tree, "+9199*", "+919999999999", "+91999*"))) == [
        "/blocked_callers/1",
        "/blocked_callers/2",
    ]
    assert pointers(findings("duplicate_prefix", lambda tree: edit(tree, "anonymous", "anonymous"))) == [
        "/blocked_callers/1"
    ]
    assert not findings("shadowed_prefix", lambda tree: edit(tree, "+9199*", "+9198*", "+919712345678"))


def test_router_rules_behind_a_shorter_prefix(findings: Find) -> None:
    def edit(tree: dict[str, Any], *prefixes: str) -> None:
        support = {"type": "department", "id": "support"}
        rules = [{"caller_prefixes": [prefix], "destination": support} for prefix in prefixes]
        tree["routers"] = [{"id": "r", "rules": rules, "otherwise": support}]
        tree["numbers"][0]["destination"] = {"type": "router", "id": "r"}

    assert pointers(findings("shadowed_prefix", lambda tree: edit(tree, "+91", "+9144"))) == ["/routers/0/rules/1"]
    assert not findings("shadowed_prefix", lambda tree: edit(tree, "+9144", "+91"))


def test_emergency_numbers_without_a_route(findings: Find) -> None:
    def edit(tree: dict[str, Any], *prefixes: str) -> None:
        tree["outbound_routes"] = [{"prefix": prefix, "trunks": ["pstn"]} for prefix in prefixes]

    (finding,) = findings("emergency_without_route", lambda tree: edit(tree, "+1"))
    assert finding.pointer == "/account/emergency_numbers/0"
    assert not findings("emergency_without_route", lambda tree: edit(tree, "+1", "112"))
    assert not findings("emergency_without_route", lambda tree: edit(tree, "+91"))

    def no_trunk(tree: dict[str, Any]) -> None:
        tree["trunks"] = tree["outbound_routes"] = []

    assert findings("emergency_without_route", no_trunk)[0].severity == "error"


def test_numbers_that_cannot_be_and_numbers_without_a_route(findings: Find) -> None:
    def edit(tree: dict[str, Any], number: str, prefix: str = "") -> None:
        tree["agents"][0]["call_forward_number"] = number
        tree["outbound_routes"][0]["prefix"] = prefix

    assert pointers(findings("impossible_number", lambda tree: edit(tree, "+91900"))) == [
        "/agents/0/call_forward_number"
    ]
    assert not findings("impossible_number", lambda tree: edit(tree, "+919000000001"))
    assert pointers(findings("no_route", lambda tree: edit(tree, "+14155550123", "+91"))) == [
        "/agents/0/call_forward_number"
    ]
    assert not findings("no_route", lambda tree: edit(tree, "+919000000001", "+91"))
