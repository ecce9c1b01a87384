from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from routerd.cli import main as module
from routerd.cli.main import VERBS, called, function_of, program

ROOT = Path(__file__).resolve().parents[2]


def test_help_lists_every_verb_without_importing_one() -> None:
    code = (
        "import sys; sys.argv = ['routerd', '--help']\n"
        "from routerd.cli.main import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    print('imported', [name for name in sys.modules if name.startswith('routerd.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    for name, verb in VERBS.items():
        assert name in done.stdout
        assert verb.line in done.stdout
    assert done.stdout.splitlines()[-1] == "imported ['routerd.cli', 'routerd.cli.main']"


@pytest.mark.parametrize("name", list(VERBS))
def test_every_verb_is_there_and_shows_an_example(name: str) -> None:
    shown = CliRunner().invoke(program(name), [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert f"Example: routerd {name}" in " ".join(shown.output.split())
    assert (function_of(VERBS[name]).__doc__ or "").strip()


def test_an_unknown_verb_is_wrong_input(monkeypatch: Any) -> None:
    monkeypatch.setattr(sys, "argv", ["routerd", "fly"])
    with pytest.raises(SystemExit) as ended:
        module.main()
    assert ended.value.code == 2


@pytest.mark.parametrize(("words", "environment", "verb"), [
    (["routerd", "--x", "calls", "--json"], {}, "calls"),
    (["routerd"], {}, ""),
    (["routerd"], {"_ROUTERD_COMPLETE": "complete_bash", "COMP_WORDS": "routerd apply --"}, "apply"),
    (["routerd"], {"_ROUTERD_COMPLETE": "complete_zsh", "_TYPER_COMPLETE_ARGS": "routerd login a"}, "login"),
    (["routerd", "run"], {"COMP_WORDS": "routerd apply"}, "run"),
])  # fmt: skip
def test_the_verb_that_is_called_or_completed(words: list[str], environment: dict[str, str], verb: str) -> None:
    assert called(words, environment) == verb


def test_a_shell_completes_a_verbs_options() -> None:
    environment = {"_ROUTERD_COMPLETE": "complete_bash", "COMP_WORDS": "routerd apply --", "COMP_CWORD": "2"}
    done = subprocess.run(
        [sys.executable, "-c", "from routerd.cli.main import main; import sys; sys.argv = ['routerd']; main()"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )
    assert "--confirm-within" in done.stdout.splitlines()
