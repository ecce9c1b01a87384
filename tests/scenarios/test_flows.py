"""Written call flows, played in virtual time: RFC 3665's, and others that read well as text."""

from __future__ import annotations

from pathlib import Path

import pytest

from routerd.cli.simulate import tables_of
from routerd.simulation.documents import plain
from routerd.simulation.script import play

FOLDER = Path(__file__).parent
FLOWS = sorted(FOLDER.glob("*/*.txt"))


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_the_flow_goes_as_written(path: Path) -> None:
    play(path.read_text(encoding="utf-8"), tables_of(plain()))


def test_every_flow_says_what_it_shows() -> None:
    assert len(FLOWS) >= 19
    for path in FLOWS:
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# "), path
        if path.parent.name == "rfc3665":
            assert first.startswith(f"# RFC 3665 §{path.stem.partition('-')[0]}: "), path
