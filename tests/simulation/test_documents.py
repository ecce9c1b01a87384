from __future__ import annotations

import json

import pytest

from routerd.cli.simulate import tables_of
from routerd.simulation.chance import Chance
from routerd.simulation.documents import SHAPES, document, extension_of, plain


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_is_a_document_that_loads(shape: str) -> None:
    for seed in range(12):
        tables = tables_of(document(shape, Chance(seed)))
        assert tables.agents["a"].extension == extension_of("a") == "2001"
    assert document(shape, Chance(1)) == document(shape, Chance(1))
    assert document(shape, Chance(1)) != document(shape, Chance(2))


def test_the_plain_company_loads_and_parts_can_be_replaced() -> None:
    assert set(tables_of(plain()).extensions) == {"alice", "bob", "carol"}
    assert json.loads(plain(sounds=[]))["sounds"] == []
