from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from routerd.cli import backup as module
from routerd.cli.main import program
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    store = Store(tmp_path / "routerd.db")
    store.add_document("acme", b"schema: 1", source="a.yaml", digest="d", at=1.0)
    store.close()
    path = tmp_path / "routerd.toml"
    path.write_text(
        f'[store]\nurl = "sqlite:{tmp_path / "routerd.db"}"\n[admin]\nlisten = "127.0.0.1:1"\n'
        f'[media]\nrecordings_dir = "{tmp_path / "recorded"}"\nvoicemail_dir = "{tmp_path / "left"}"\n'
    )
    return path


def run(settings: Path, verb: str, *words: str) -> Any:
    return CliRunner().invoke(program(verb), [verb, *words, "--settings", str(settings)])


def test_there_and_back_again(settings: Path, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    said = run(settings, "backup", copy)
    assert said.exit_code == 0, said.output
    assert "1 documents, 0 records" in said.output
    assert f"copy them too: {tmp_path / 'recorded'} {tmp_path / 'left'}" in said.output
    assert run(settings, "backup", copy).exit_code == 1
    told = json.loads(run(settings, "backup", copy, "--force", "--json").output)
    assert (told["rows"]["documents"], told["copy_too"][1]) == (1, str(tmp_path / "left"))
    back = run(settings, "restore", copy)
    assert back.exit_code == 0, back.output
    assert "the store of before is " in back.output
    assert len(list(tmp_path.glob("routerd.db.before-*Z"))) == 1


def test_restoring_tells_programs_what_came_of_it(settings: Path, tmp_path: Path) -> None:
    copy = str(tmp_path / "copy.db")
    assert run(settings, "backup", copy).exit_code == 0
    (tmp_path / "routerd.db").unlink()
    told = json.loads(run(settings, "restore", copy, "--json").output)
    assert (told["kept"], told["rows"]["documents"], told["form"]) == (None, 1, told["form_before"])


def test_a_running_daemon_is_left_alone(settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    copy = str(tmp_path / "copy.db")
    assert run(settings, "backup", copy).exit_code == 0
    monkeypatch.setattr(module, "is_running", lambda _: True)
    refused = run(settings, "restore", copy)
    assert (refused.exit_code, "stop it first" in refused.output) == (1, True)
    monkeypatch.undo()
    other = Store(tmp_path / "routerd.db")  # a daemon with another listener
    refused = run(settings, "restore", copy)
    other.close()
    assert (refused.exit_code, "is in use" in refused.output) == (1, True)


def test_what_is_wrong_is_told_apart(settings: Path, tmp_path: Path) -> None:
    missing = run(settings, "restore", str(tmp_path / "none.db"))
    assert (missing.exit_code, "is not there" in missing.output) == (1, True)
    assert run(tmp_path / "none.toml", "backup", str(tmp_path / "copy.db")).exit_code == 2
