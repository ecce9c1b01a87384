from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from routerd.app.selftest import Result
from routerd.cli import selftest as module
from routerd.cli.main import program
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

WELL = Result("2002", "2001", "", 0.0042, 48, 49)
ILL = Result("2002", "2001", "2001 does not ring: 480")


def invoke(monkeypatch: pytest.MonkeyPatch, folder: Path, outcome: Any, *more: str) -> Any:
    def run(_settings: Any) -> Result:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    monkeypatch.setattr(module, "run", run)
    (folder / "s.toml").write_text("")
    return CliRunner().invoke(program("selftest"), ["selftest", "--settings", str(folder / "s.toml"), *more])


@pytest.mark.parametrize(
    ("outcome", "status", "words"),
    [
        (WELL, 0, "rang after 4.2 ms"),
        (ILL, 1, "2002 called 2001: 2001 does not ring: 480"),
        (ConnectionRefusedError("refused"), 1, "no daemon answers at 127.0.0.1:8080"),
        (ConfigError("no two extensions are free"), 2, "no two extensions"),
    ],
)
def test_what_is_said_and_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, outcome: Any, status: int, words: str
) -> None:
    done = invoke(monkeypatch, tmp_path, outcome)
    assert done.exit_code == status
    assert words in done.output


def test_for_programs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    done = invoke(monkeypatch, tmp_path, WELL, "--json")
    assert json.loads(done.output)["callee_heard"] == 49
    assert invoke(monkeypatch, tmp_path, ILL, "--json").exit_code == 1


def test_settings_that_cannot_be_read() -> None:
    assert CliRunner().invoke(program("selftest"), ["selftest", "--settings", "none.toml"]).exit_code == 2
