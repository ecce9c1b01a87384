from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console

from routerd.cli import progress

if TYPE_CHECKING:
    import pytest


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool) -> Any:
    consoles: list[Console] = []

    def console(**_: object) -> Console:
        consoles.append(Console(force_terminal=terminal, record=True, stderr=True, width=80))
        return consoles[-1]

    monkeypatch.setattr(progress, "Console", console)
    with progress.waiting("judged"):
        pass
    with progress.bar("copying") as told:
        told(5, 10)
        told(10, 10)
    return [made.export_text() for made in consoles]


def test_a_terminal_shows_that_and_how_far_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    waited, copied = shown(monkeypatch, terminal=True)
    assert "judged" in waited
    assert "copying" in copied
    assert "100%" in copied


def test_files_and_pipes_get_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, terminal=False) == ["", ""]
