from __future__ import annotations

from typing import Any

import pytest
from rules_kit.builders import MOBILE, agent, document
from rules_kit.player import World, attempt_of, compile_document

from routerd.rules.decision import Decision
from routerd.rules.facts import Facts
from routerd.rules.ring_plan import internal_plan, ring_plan

E, P, A1, A2 = "extension:2001", MOBILE, "+919000000002", "+919000000003"
ORDER, TOGETHER = {"strategy": "order"}, {"strategy": "simultaneous"}


def plan(*, registered: bool = True, waiting: bool = False, barred: bool = False, **changes: Any) -> list[list[str]]:
    made = document(agents=[agent("a", "2001", "1001", call_forward_number=P, **changes), agent("c", "2003", None)])
    made["departments"] = []
    made["voicemails"] = []
    tables = compile_document(made)
    world = World({"registered": {"2001": "203.0.113.7"} if registered else {}})
    call = {"at": "2026-11-23T06:30:00Z", "call": {"kind": "inbound", "to": "+918069651170"}}
    d = Decision(tables, attempt_of(tables, call), Facts(world, "acme"), 0.0)
    d.barred = barred
    return [[target.name for target in stage] for stage in ring_plan(d, tables.agents["a"], waiting=waiting)]


@pytest.mark.parametrize(
    ("sticky", "app_first", "stages"),
    [
        (None, True, [[E], [P]]),
        (None, False, [[E, P]]),
        (ORDER, True, [[E], [P], [A1], [A2]]),
        (ORDER, False, [[E, P], [A1], [A2]]),
        (TOGETHER, True, [[E], [P, A1, A2]]),
        (TOGETHER, False, [[E, P, A1, A2]]),
        (TOGETHER, None, [[E, P, A1, A2]]),
        (ORDER, None, [[E], [P], [A1], [A2]]),
    ],
)
def test_the_table(sticky: dict[str, str] | None, app_first: bool | None, stages: list[list[str]]) -> None:
    assert plan(sticky=sticky, app_first=app_first, alternate_numbers=[A1, A2]) == stages


def test_an_empty_stage_is_left_out() -> None:
    assert plan(registered=False) == [[P]]
    assert plan(registered=False, sticky=ORDER, alternate_numbers=[A1]) == [[P], [A1]]


def test_a_number_that_stands_twice_rings_once() -> None:
    assert plan(sticky=ORDER, alternate_numbers=[P, A1, A1]) == [[E], [P], [A1]]
    assert plan(sticky=TOGETHER, alternate_numbers=[P, A1, A1]) == [[E, P, A1]]


def test_a_sip_address_is_part_of_e() -> None:
    assert plan(sip_address="sip:asha@phone.example") == [[E, "sip:asha@phone.example"], [P]]
    assert plan(registered=False, sip_address="sip:asha@phone.example") == [["sip:asha@phone.example"], [P]]


def test_call_waiting_is_e_alone() -> None:
    assert plan(waiting=True, sticky=ORDER, alternate_numbers=[A1]) == [[E]]


def test_who_may_cause_no_pstn_leg_rings_no_number() -> None:
    assert plan(barred=True, sticky=ORDER, alternate_numbers=[A1]) == [[E]]
    assert plan(barred=True, registered=False) == []


def test_the_internal_plan() -> None:
    tables = compile_document(document())
    call = {"at": "2026-11-23T06:30:00Z", "call": {"kind": "inbound", "to": "+918069651170"}}
    d = Decision(tables, attempt_of(tables, call), Facts(World({"registered": {"2001": "x"}}), "acme"), 0.0)
    assert [[t.name for t in stage] for stage in internal_plan(d, "2001")] == [[E]]
    assert internal_plan(d, "2002") == ()
