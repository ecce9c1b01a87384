"""The reference model holds every routing vector."""

from __future__ import annotations

import json
from pathlib import Path

from agreement import differences
from model.simulation import simulate


def test_model_holds_all_vectors(shared: Path) -> None:
    wrong = {}
    cases = [case for path in sorted((shared / "vectors").glob("*.json")) for case in json.loads(path.read_text())]
    for case in cases:
        found = differences(case["expect"], simulate(case["document"], case["scenario"]))
        if found:
            wrong[case["id"]] = found
    assert cases
    assert wrong == {}
