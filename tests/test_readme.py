"""What README and docs say, tried: commands run, snippets load, links lead somewhere, names exist."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from routerd.cli.main import VERBS
from routerd.config.load import load
from routerd.config.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
IDS = [page.name for page in PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ROUTERD = ".venv/bin/routerd "
CHEAP = {"check", "simulate"}


def blocks(page: Path, kind: str) -> list[str]:
    return [body for found, body in FENCE.findall(page.read_text(encoding="utf-8")) if found == kind]


def commands() -> list[str]:
    lines = [line for page in PAGES for body in blocks(page, "sh") for line in body.splitlines()]
    return list(dict.fromkeys(line.partition("  #")[0].strip() for line in lines if line.strip()))


def run(words: list[str], folder: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "routerd.cli.main", *words],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def test_there_is_something_to_try() -> None:
    kinds = {line.split()[0] for line in commands()}
    assert {"make", ".venv/bin/routerd"} <= kinds


@pytest.mark.parametrize("line", commands())
def test_every_command_works_or_could(line: str) -> None:
    words = shlex.split(line)
    if words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= make_targets()
    elif words[0] in {"curl", "python"}:
        assert "127.0.0.1" in line  # the pages' own examples of the API: tests/admin_api calls every route
    else:
        assert line.startswith(ROUTERD)
        verb, options = words[1], [word for word in words[2:] if word.startswith("--")]
        assert verb in VERBS
        said = run([verb, "--help"]).stdout
        assert all(option in said for option in options)
        if verb in CHEAP:
            done = run(words[1:])
            assert done.returncode == 0, done.stdout + done.stderr


def test_the_route_can_be_changed_as_the_readme_says(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    before, after = re.findall(r"`(\{type: agent, id: \w+\})`", text)
    document = (ROOT / "conf" / "demo.yaml").read_text(encoding="utf-8")
    assert before in document
    changed = tmp_path / "demo.yaml"
    changed.write_text(document.replace(before, after, 1), encoding="utf-8")
    assert run(["check", str(changed)]).returncode == 0
    rings = run(["check", str(changed), "--schedule", "+918069651170"]).stdout
    assert after.rpartition(" ")[2].rstrip("}") in rings


def test_the_phones_of_the_readme_are_those_of_the_demo() -> None:
    rows = re.findall(r"^\| (\d+) \| (\S+) \| (\S+) \| (\S+) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    document = load(
        (ROOT / "conf" / "demo.yaml").read_bytes(),
        source="demo.yaml", secrets=lambda _: "x", zones=frozenset({"Asia/Kolkata"}),
    )  # fmt: skip
    assert [(row[0], row[1]) for row in rows] == [(one.username, one.password) for one in document.extensions]
    assert {row[2] for row in rows} == set(document.account.domains)
    settings = load_settings((ROOT / "conf" / "routerd.toml").read_text(), "routerd.toml")
    assert {f"udp:{row[3]}" for row in rows} <= set(settings.sip.listen)


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_snippets_load(page: Path, tmp_path: Path) -> None:
    for body in blocks(page, "toml"):
        load_settings(body, page.name)
    for number, body in enumerate(blocks(page, "yaml")):
        path = tmp_path / f"{number}.yaml"
        path.write_text(body, encoding="utf-8")
        done = run(["check", str(path)])
        assert done.returncode == 0, done.stdout


def test_the_first_company_lacks_only_what_the_page_says(tmp_path: Path) -> None:
    page = ROOT / "docs" / "first-call.md"
    (first,) = blocks(page, "yml")
    (tmp_path / "office.yaml").write_text(first, encoding="utf-8")
    done = run(["check", "office.yaml", "--json"], tmp_path)
    assert done.returncode == 1, done.stdout
    (finding,) = json.loads(done.stdout)["findings"]
    assert f"`{finding['code']}`" in page.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_files_and_verbs_that_are_named_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for path in re.findall(r"`((?:routerd|tests|conf|systemd|requirements|benchmarks|docs)/[\w./-]+)`", text):
        assert (ROOT / path).exists(), path
    for verb in re.findall(r"`routerd ([a-z]+)", text):
        assert verb in VERBS, verb


def test_metrics_that_are_named_exist() -> None:
    named = {
        name.partition("{")[0]
        for page in PAGES
        for name in re.findall(r"`routerd_([a-z_{},]+)`", page.read_text(encoding="utf-8"))
    }
    assert len(named) > 15
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "routerd").rglob("*.py")))
    assert not [name for name in named if f'"{name}"' not in code]


def test_every_key_of_the_settings_stands_in_the_shipped_file() -> None:
    text = (ROOT / "conf" / "routerd.toml").read_text(encoding="utf-8")
    given: dict[str, Any] = tomllib.loads(text)
    defaults = load_settings("", "defaults")
    for section in defaults.__struct_fields__:
        known = getattr(defaults, section).__struct_fields__
        assert set(given[section]) == set(known), section
    assert load_settings(text, "routerd.toml") == defaults
