from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from rules_kit.builders import CUSTOMER, NUMBER, change, document, scenario, softphone
from rules_kit.player import World, attempt_of, compile_document

from routerd.rules import machine
from routerd.rules.facts import Facts
from routerd.rules.plan import LegAnswered, LegRedirected, Ring

if TYPE_CHECKING:
    from routerd.rules.machine import Step

REGISTERED = {"2001": "203.0.113.7", "2002": "203.0.113.8", "2003": "203.0.113.9"}


def redirected(made: dict[str, Any], target: str, played: dict[str, Any] | None = None, leg: int = 0) -> Step:
    """Start the call, let ``leg`` answer 3xx with ``target``; the step that follows."""
    tables = compile_document(made)
    attempt = attempt_of(tables, played or scenario())
    world = World({"registered": REGISTERED})
    step = machine.start(tables, attempt, Facts(world, "acme"))
    return machine.advance(step, LegRedirected(leg, target), Facts(world, "acme"), attempt.at + 1)


def rung(step: Step) -> list[tuple[int, str]]:
    return [(command.leg, command.target) for command in step.commands if isinstance(command, Ring)]


@pytest.mark.parametrize(
    "target",
    [
        CUSTOMER,
        "9876543210",
        f"sip:{CUSTOMER}@192.0.2.1;transport=udp",
        f"tel:{CUSTOMER}",
        "sip:9876543210:x@acme.test",
    ],
)
def test_a_permitted_target_rings_inside_the_same_leg(target: str) -> None:
    assert rung(redirected(document(), target)) == [(0, CUSTOMER)]


@pytest.mark.parametrize("target", ["1002", "2002", "sip:1002@acme.test"])
def test_a_colleague_rings_inside_the_same_leg(target: str) -> None:
    assert rung(redirected(document(), target)) == [(0, "extension:2002")]


@pytest.mark.parametrize("target", ["112", NUMBER, "*97", "9198765", "sip:", "", "+14155550123"])
def test_everything_else_is_unreachable(target: str) -> None:
    assert rung(redirected(document(), target)) == [(1, "+919000000001")]


@pytest.mark.parametrize(
    "changes",
    [
        {"block_outbound": "all"},
        {"block_outbound": "only_extension"},
        {"caller_ids": {"mode": "custom", "numbers": []}},
    ],
)
def test_the_gates_of_the_agent_who_redirects(changes: dict[str, Any]) -> None:
    assert rung(redirected(change(document(), "agents", "a", **changes), CUSTOMER)) == [(1, "+919000000001")]


def test_the_address_of_the_redirecting_phone_counts() -> None:
    made = document(address_lists=[{"id": "hq", "addresses": ["192.0.2.0/24"]}])
    change(made, "extensions", "2001", addresses="hq")
    assert rung(redirected(made, CUSTOMER)) == [(1, "+919000000001")]


def test_a_colleague_who_is_not_available_is_no_target() -> None:
    for changes in ({"do_not_disturb": True}, {"login_based_calling": True}, {"status": "disabled"}):
        made = change(document(), "agents", "b", **changes)
        assert rung(redirected(made, "1002")) == [(1, "+919000000001")]


def test_a_redirect_is_followed_once() -> None:
    tables = compile_document(document())
    attempt = attempt_of(tables, scenario())
    facts = Facts(World({"registered": REGISTERED}), "acme")
    step = machine.start(tables, attempt, facts)
    step = machine.advance(step, LegRedirected(0, CUSTOMER), facts, attempt.at + 1)
    step = machine.advance(step, LegRedirected(0, "1002"), facts, attempt.at + 2)
    assert rung(step) == [(1, "+919000000001")]


def test_a_customers_redirect_is_the_calling_agents() -> None:
    step = redirected(document(), "9876500000", scenario(softphone(CUSTOMER)))
    (ring,) = [command for command in step.commands if isinstance(command, Ring)]
    assert (ring.leg, ring.target, ring.shown, ring.customer) == (0, "+919876500000", NUMBER, True)


def test_an_internal_redirect_to_the_outside_shows_an_allowed_number() -> None:
    step = redirected(document(), CUSTOMER, scenario(softphone("1002")))
    (ring,) = [command for command in step.commands if isinstance(command, Ring)]
    assert (ring.target, ring.shown) == (CUSTOMER, NUMBER)


def test_a_click_to_calls_own_leg_is_never_replaced() -> None:
    call = {"kind": "click_to_call", "agent": "a", "to": CUSTOMER}
    step = redirected(document(), "1002", scenario(call))
    assert rung(step) == []
    assert step.over
    assert step.reason == "unreachable"


def test_a_redirect_after_the_answer_means_nothing() -> None:
    tables = compile_document(document())
    attempt = attempt_of(tables, scenario())
    facts = Facts(World({"registered": REGISTERED}), "acme")
    step = machine.advance(machine.start(tables, attempt, facts), LegAnswered(0), facts, attempt.at)
    assert machine.advance(step, LegRedirected(0, CUSTOMER), facts, attempt.at).commands == ()
