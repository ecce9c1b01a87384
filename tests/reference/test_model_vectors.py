"""The reference model holds every routing vector."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from agreement import differences
from model.simulation import simulate

if TYPE_CHECKING:
    from pathlib import Path


def test_model_holds_all_vectors(shared: Path) -> None:
    wrong = {}
    cases = [case for path in sorted((shared / "vectors").glob("*.json")) for case in json.loads(path.read_text())]
    for case in cases:
        found = differences(case["expect"], simulate(case["document"], case["scenario"]))
        if found:
            wrong[case["id"]] = found
    assert cases
    assert wrong == {}
