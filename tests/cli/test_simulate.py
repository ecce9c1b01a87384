"""``routerd simulate`` as a command: one scenario, many lines, seeds; exit statuses and errors."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from routerd.cli import simulate
from routerd.simulation.documents import NUMBERS, plain

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT = json.loads(plain())
SCENARIO = {
    "at": "2026-11-23T06:30:00Z",
    "call": {"kind": "inbound", "trunk": "pstn", "from": "+919812345678", "to": NUMBERS[0]},
    "state": {"registered": {"bob": "203.0.113.2"}},
    "phones": {"extension:bob": {"answer_after_s": 2}},
}


def printed() -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, width=200, soft_wrap=True, highlight=False), text


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    document, scenario = tmp_path / "acme.json", tmp_path / "call.json"
    document.write_text(json.dumps(DOCUMENT))
    scenario.write_text(json.dumps(SCENARIO))
    return document, scenario


def lines(*objects: Any) -> list[dict[str, Any]]:
    source = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in objects]
    return list(simulate.results(source))


def test_json_is_the_result_and_nothing_else(files: tuple[Path, Path]) -> None:
    console, text = printed()
    assert simulate.run(*files, as_json=True, console=console) == 0
    result = json.loads(text.getvalue())
    assert result["outcome"] == "answered"
    assert set(result) == {
        "outcome", "reason", "answered_by", "sip_status", "q850", "caller_id", "legs", "nodes", "final", "trace",
    }  # fmt: skip


def test_people_see_a_ladder_and_a_decision(files: tuple[Path, Path]) -> None:
    console, text = printed()
    assert simulate.run(*files, as_json=False, console=console) == 0
    for word in ("Ladder", "INVITE sip:", "SIP/2.0 200 OK", "Legs", "extension:bob", "Decision", "answered_by"):
        assert word in text.getvalue()


def test_a_scenario_may_be_yaml(files: tuple[Path, Path], tmp_path: Path) -> None:
    scenario = tmp_path / "call.yaml"
    scenario.write_text("at: '2026-11-23T06:30:00Z'\ncall: {kind: softphone, from: alice, to: '1002'}\n")
    console, text = printed()
    assert simulate.run(files[0], scenario, as_json=True, console=console) == 0
    assert json.loads(text.getvalue())["reason"] == "unreachable"


@pytest.mark.parametrize(("which", "content"), [(0, "{}"), (1, "{}"), (1, "at: [")])
def test_wrong_input_is_status_2(files: tuple[Path, Path], which: int, content: str) -> None:
    files[which].write_text(content)
    console, text = printed()
    assert simulate.run(*files, as_json=True, console=console) == 2
    assert json.loads(text.getvalue())["error"]
    console, text = printed()
    assert simulate.run(*files, as_json=False, console=console) == 2
    assert "error" in text.getvalue()


def test_a_missing_file_is_status_2(files: tuple[Path, Path], tmp_path: Path) -> None:
    console, text = printed()
    assert simulate.run(files[0], tmp_path / "none.json", as_json=False, console=console) == 2
    assert "No such file" in text.getvalue()


def test_a_wrong_line_gives_an_error_and_the_next_is_read() -> None:
    good = {"document": DOCUMENT, "scenario": SCENARIO}
    found = lines(
        good,
        b"nonsense",
        {"document": DOCUMENT},
        {"document": {"schema": 1}, "scenario": SCENARIO},
        {"document": DOCUMENT, "scenario": {**SCENARIO, "speed": 1}},
        b"  \n",
        good,
    )
    assert ["error" in one for one in found] == [False, True, True, True, True, False]
    assert "speed" in found[4]["error"]
    assert found[3]["errors"][0]["message"]
    assert found[0] == found[5]


def test_results_are_printed_in_order() -> None:
    target = io.BytesIO()
    line = json.dumps({"document": DOCUMENT, "scenario": SCENARIO}).encode()
    assert simulate.play_lines([line, b"x", line], target) == 0
    assert [("error" in json.loads(one)) for one in target.getvalue().splitlines()] == [False, True, False]


def test_seeds_are_played_and_counted() -> None:
    console, text = printed()
    assert simulate.storm(1, 3, console) == 0
    assert "3 seeds" in text.getvalue()
    assert "0 seeds broken" in text.getvalue()
