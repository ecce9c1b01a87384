"""The reference model is a second opinion only while it shares nothing with routerd."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

MODEL = sorted((Path(__file__).parent / "model").glob("*.py"))
MAY = {"__future__", "collections", "dataclasses", "datetime", "ipaddress", "random", "typing", "zoneinfo"}
MODULE_MOST = 500


@pytest.mark.parametrize("path", MODEL, ids=[path.name for path in MODEL])
def test_imports_and_size(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    roots = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            roots.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            roots.add((node.module or "").partition(".")[0])
    assert roots <= MAY | {"model", "phonenumbers"}
    assert len(text.splitlines()) <= MODULE_MOST


def test_there_is_a_model() -> None:
    assert len(MODEL) > 5
