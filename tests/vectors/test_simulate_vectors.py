"""The vectors of the contract, played through the real switch by ``routerd simulate``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from routerd.cli.simulate import results

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("ROUTERD_SHARED", ROOT.parent / "shared")) / "vectors"


def cases() -> list[Any]:
    found = [case for file in sorted(FOLDER.glob("*.json")) for case in json.loads(file.read_text())]
    return [pytest.param(case, id=case["id"]) for case in found]


def agrees(expected: Any, got: Any) -> bool:
    """Keys that are absent in ``expected`` are free; times to 0.05 s."""
    if isinstance(expected, dict):
        return isinstance(got, dict) and all(agrees(value, got.get(key)) for key, value in expected.items())
    if isinstance(expected, list):
        same = isinstance(got, list) and len(expected) == len(got)
        return same and all(agrees(one, other) for one, other in zip(expected, got, strict=True))
    if isinstance(expected, int | float) and not isinstance(expected, bool):
        return isinstance(got, int | float) and abs(expected - got) <= 0.05
    return bool(expected == got)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="no shared folder: set ROUTERD_SHARED")
@pytest.mark.parametrize("case", cases())
def test_the_switch_does_as_the_vector_says(case: dict[str, Any]) -> None:
    line = json.dumps({"document": case["document"], "scenario": case["scenario"]}).encode()
    (result,) = results([line])
    result = json.loads(json.dumps(result, default=str))
    assert "error" not in result, result["error"]
    assert agrees(case["expect"], result), {key: result.get(key) for key in case["expect"]}


def test_a_difference_is_seen() -> None:
    assert agrees({"legs": [{"end_s": 3}]}, {"legs": [{"end_s": 3.04, "result": "x"}]})
    assert not agrees({"legs": [{"end_s": 3}]}, {"legs": [{"end_s": 3.06}]})
    assert not agrees({"legs": [{}]}, {"legs": []})
