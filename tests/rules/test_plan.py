from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from routerd.rules import plan

if TYPE_CHECKING:
    import msgspec

WORDS = [
    kind
    for kind in vars(plan).values()
    if isinstance(kind, type) and issubclass(kind, plan.Command | plan.Event) and kind.__module__ == plan.__name__
]


@pytest.mark.parametrize("kind", WORDS)
def test_every_word_of_the_language_is_frozen_and_untracked(kind: type[msgspec.Struct]) -> None:
    assert kind.__struct_config__.frozen
    assert not kind.__struct_config__.gc
    assert kind.__doc__


def test_the_module_names_all_its_words() -> None:
    assert plan.__doc__ is not None
    missing = [k.__name__ for k in WORDS if k not in {plan.Command, plan.Event} and k.__name__ not in plan.__doc__]
    assert missing == []
