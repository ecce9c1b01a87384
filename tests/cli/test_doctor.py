from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from routerd.app.doctor import Finding
from routerd.cli import doctor as module
from routerd.cli.main import program

if TYPE_CHECKING:
    from pathlib import Path

GOOD = Finding("ports", "ok", "4 can be had")
ODD = Finding("clock", "warning", "nothing keeps it [synchronised]", "run chrony")
BAD = Finding("dns", "problem", "sip.example has no address")


@pytest.mark.parametrize(("findings", "status"), [([GOOD], 0), ([GOOD, ODD], 0), ([GOOD, BAD, ODD], 1)])
def test_problems_alone_make_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, findings: list[Finding], status: int
) -> None:
    monkeypatch.setattr(module, "examine", lambda _: findings)
    done = CliRunner().invoke(program("doctor"), ["doctor"])
    assert done.exit_code == status
    for finding in findings:
        assert finding.state in done.output
        assert finding.text.split()[0] in done.output
    said = CliRunner().invoke(program("doctor"), ["doctor", "--json"])
    assert said.exit_code == status
    assert [one["state"] for one in json.loads(said.output)["findings"]] == [finding.state for finding in findings]


def test_wrong_settings_are_wrong_input(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_text("[nonsense]\n")
    done = CliRunner().invoke(program("doctor"), ["doctor", "--settings", str(tmp_path / "s.toml")])
    assert done.exit_code == 2
    assert "nonsense" in done.output
    assert CliRunner().invoke(program("doctor"), ["doctor", "--settings", "none"]).exit_code == 2
