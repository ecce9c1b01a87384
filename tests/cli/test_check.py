from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from routerd.cli.check import CLEAN, FOUND, WRONG, check, run

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "conf" / "demo.yaml"
MONDAY = 1_795_392_000.0


def said(path: Path, number: str = "", days: int = 2, *, as_json: bool = False) -> tuple[int, str]:
    out = io.StringIO()
    status = run(path, number, days, as_json=as_json, at=MONDAY, console=Console(file=out, width=120, soft_wrap=True))
    return status, out.getvalue()


def test_the_demo_is_clean() -> None:
    status, text = said(DEMO)
    assert (status, text.rstrip().endswith("clean")) == (CLEAN, True)


def test_findings_have_line_severity_code_and_hint(tmp_path: Path) -> None:
    document = tmp_path / "company.yaml"
    document.write_text(
        DEMO.read_text(encoding="utf-8").replace("  - {agent: meera}", "  - {agent: asha}"), encoding="utf-8"
    )
    status, text = said(document)
    assert status == FOUND
    assert "warning member_twice /departments/1/members/1: asha is a member twice (the first place holds)" in text
    line = int(text.partition("company.yaml:")[2].partition(":")[0])
    assert "agent: asha" in document.read_text(encoding="utf-8").split("\n")[line - 1]
    result = json.loads(said(document, as_json=True)[1])
    assert result["valid"] is True
    assert result["findings"][0]["code"] == "member_twice"


def test_what_is_invalid_or_unreadable(tmp_path: Path) -> None:
    document = tmp_path / "company.yaml"
    document.write_text("schema: 1\naccount: {id: a, name: A, country: IN, timezon: UTC}\n", encoding="utf-8")
    status, text = said(document)
    assert status == WRONG
    assert 'company.yaml:2: /account/timezon: unknown key "timezon" (did you mean "timezone"?)' in text
    assert said(tmp_path / "missing.yaml")[0] == WRONG
    result = json.loads(said(document, as_json=True)[1])
    assert (result["valid"], result["errors"][0]["line"]) == (False, 2)


def test_the_sounds_files_are_judged_where_their_folder_is_known(tmp_path: Path) -> None:
    runner, app = CliRunner(), typer.Typer()
    app.command()(check)
    assert runner.invoke(app, [str(DEMO), "--sounds-dir", str(ROOT / "conf" / "sounds")]).exit_code == CLEAN
    settings = tmp_path / "routerd.toml"
    settings.write_text(f'[document]\nsounds_dir = "{tmp_path}"\n')
    (tmp_path / "music.wav").write_bytes(b"OggS, not a WAV")
    done = runner.invoke(app, [str(DEMO), "--settings", str(settings), "--json"])
    assert done.exit_code == WRONG
    errors = json.loads(done.stdout)["errors"]
    assert [error["pointer"] for error in errors] == [f"/sounds/{place}/file" for place in range(5)]
    assert "Ogg" in errors[4]["message"]
    assert "sounds_dir" in errors[0]["hint"]
    settings.write_text("nonsense = 1\n")
    assert runner.invoke(app, [str(DEMO), "--settings", str(settings)]).exit_code == WRONG
    assert not list(tmp_path.glob("*cache*"))


def test_secrets_need_not_be_here_to_be_checked(tmp_path: Path) -> None:
    document = tmp_path / "company.yaml"
    text = DEMO.read_text(encoding="utf-8").replace("asha-demo-2001", "{env: ROUTERD_SECRET_NOT_HERE}")
    document.write_text(text, encoding="utf-8")
    assert said(document)[0] == CLEAN


def test_the_schedule() -> None:
    status, text = said(DEMO, "+918069651180")
    assert status == CLEAN
    assert "Mon 2026-11-23" in text
    assert "Support: meera, ravi" in text
    rows = json.loads(said(DEMO, "+918069651180", as_json=True)[1])["schedule"]
    assert [row["target"] for row in rows[:3]] == ["Support: meera", "Support: meera, ravi", "Support: meera"]
    status, text = said(DEMO, "+918069650000")
    assert status == WRONG
    assert "not a number of the document" in text


@pytest.mark.parametrize(
    ("arguments", "status"),
    [([str(DEMO)], 0), ([str(DEMO), "--json"], 0), (["/nowhere/x.yaml"], 2), ([str(DEMO), "--days", "0"], 2)],
)
def test_the_command(arguments: list[Any], status: int) -> None:
    app = typer.Typer()
    app.command()(check)
    assert CliRunner().invoke(app, arguments).exit_code == status


def test_the_week_table_joins_days_and_sets_odd_ones_apart(tmp_path: Path) -> None:
    text = DEMO.read_text(encoding="utf-8").replace("Asia/Kolkata", "America/New_York")
    document = tmp_path / "company.yaml"
    document.write_text(text.replace("2026-12-25", "2026-11-26"), encoding="utf-8")
    out = io.StringIO()
    at = 1_793_000_000.0  # four weeks before the exception; the clocks go back on the first of November
    run(document, "+918069651100", 40, as_json=False, at=at, console=Console(file=out, width=160))
    lines = out.getvalue().split("\n")
    back = next(line for line in lines if "2026-11-01" in line)
    assert "clocks go back by 60 minutes" in back
    holiday = next(line for line in lines if "2026-11-26" in line)
    assert holiday.count("2026") == 1
    assert "exception of office" in holiday
    assert any("Mon 2026-11-23 - Wed 2026-11-25" in line for line in lines)
    assert any("Fri 2026-11-27" in line and " - " not in line for line in lines)
    rows = json.loads(said(document, "+918069651100", 40, as_json=True)[1])["schedule"]
    assert len({row["date"] for row in rows}) == 40
