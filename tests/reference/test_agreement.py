"""The rules and the switch decide every seeded case as the reference model does."""

from __future__ import annotations

import os

import pytest
from carriers import compare, kinds, through_rules, through_switch

RULES_CASES = 20_000
SWITCH_CASES = 1_500
SOAK_CASES = int(os.environ.get("ROUTERD_SOAK_CASES", "1000000"))
PARTS = 4  # so that several workers share the cases


def share(part: int, cases: int) -> range:
    return range(part * cases // PARTS, (part + 1) * cases // PARTS)


@pytest.mark.parametrize("part", range(PARTS))
def test_the_rules_agree_with_the_model(part: int) -> None:
    played, wrong = compare(share(part, RULES_CASES), through_rules)
    assert played == RULES_CASES // PARTS
    assert not wrong, (kinds(wrong), dict(list(wrong.items())[:3]))


@pytest.mark.parametrize("part", range(PARTS))
def test_the_switch_agrees_with_the_model(part: int) -> None:
    played, wrong = compare(share(part, SWITCH_CASES), through_switch)
    assert played == SWITCH_CASES // PARTS
    assert not wrong, (kinds(wrong), dict(list(wrong.items())[:3]))


@pytest.mark.soak
def test_the_rules_agree_with_the_model_for_long() -> None:
    _, wrong = compare(range(RULES_CASES, RULES_CASES + SOAK_CASES), through_rules)
    assert not wrong, (kinds(wrong), dict(list(wrong.items())[:3]))
