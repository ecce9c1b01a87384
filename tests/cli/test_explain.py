from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rules_kit.builders import MOBILE, document, scenario
from rules_kit.player import compile_document
from rules_kit.recorder import recorded
from typer.testing import CliRunner

from routerd.cli.main import program
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from click.testing import Result


@pytest.fixture
def settings(tmp_path: Path) -> str:
    store = Store(tmp_path / "routerd.db")
    tables = compile_document(document())
    played = scenario(phones={MOBILE: {"answer_after_s": 4}})
    calls = [("call.end", recorded(tables, played, name)) for name in ("0-aa1", "0-aa2", "0-b")]
    start = ("call.start", {"id": "0-live", "account": "acme", "at": 1.0})
    store.apply("p", 1, [*calls, start])
    store.close()
    path = tmp_path / "routerd.toml"
    path.write_text(f'[store]\nurl = "sqlite:{tmp_path / "routerd.db"}"\n')
    return str(path)


def said(verb: str, settings: str, *words: str) -> Result:
    return CliRunner().invoke(program(verb), [verb, "--settings", settings, *words])


def test_a_call_is_explained_from_the_store_without_a_daemon(settings: str) -> None:
    shown = said("explain", settings, "0-aa1")
    assert shown.exit_code == 0, shown.output
    assert "Inbound call 0-aa1" in shown.output
    assert "gate 10 ring plan: [extension:2001] → [+919000000001] → passed" in shown.output
    told = json.loads(said("explain", settings, "0-aa1", "--json").output)
    assert (told["id"], told["final"]["id"]) == ("0-aa1", "a")


def test_the_beginning_of_an_id_is_enough_where_it_is_one(settings: str) -> None:
    assert "0-b" in said("explain", settings, "0-b").output
    several = said("explain", settings, "0-a")
    assert several.exit_code == 1
    assert "begins the ids of 0-aa1, 0-aa2" in several.output
    assert said("explain", settings, "zz").exit_code == 1


def test_of_a_call_in_progress_the_daemon_is_asked(settings: str, api: Any, tmp_path: Path) -> None:
    shown = said("explain", settings, "0-l")
    assert (shown.exit_code, "token" in shown.output) == (2, True)  # the daemon has never run here
    both = tmp_path / "both.toml"
    both.write_text(Path(settings).read_text() + api.settings.read_text())
    path = "/v1/accounts/acme/calls/0-live/"
    told = {"id": "0-live", "text": ["Inbound call 0-live", "  goes on"]}
    api.answers["GET", path + "explanation"] = (200, told)
    rows = [{"at_s": 0.0, "kind": "sip", "text": "A -> INVITE"}]
    api.answers["GET", path + "timeline"] = (200, {"call": "0-live", "timeline": rows, "ladder": []})
    shown = said("explain", str(both), "0-l")
    assert (shown.exit_code, shown.output) == (0, "Inbound call 0-live\n  goes on\n")
    assert json.loads(said("explain", str(both), "0-l", "--json").output) == told
    assert "A -> INVITE" in said("trace", str(both), "0-l").output
    assert json.loads(said("trace", str(both), "0-l", "--json").output) == {"timeline": rows}


def test_another_machines_daemon_is_asked_by_its_address(
    settings: str, api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROUTERD_URL", f"http://127.0.0.1:{api.port}")
    monkeypatch.setenv("ROUTERD_TOKEN", "other")
    api.answers["GET", "/v1/accounts/acme/calls/0-aa1/explanation"] = (200, {"id": "0-aa1", "text": ["from there"]})
    assert said("explain", settings, "0-aa1").output == "from there\n"
    assert api.asked[0].headers["authorization"] == "Bearer other"
    assert said("explain", settings, "0-b").exit_code == 1


def test_the_time_line(settings: str) -> None:
    shown = said("trace", settings, "0-b")
    assert shown.exit_code == 0, shown.output
    assert "30.000 s" in shown.output
    assert "event" in shown.output
    rows = json.loads(said("trace", settings, "0-b", "--json").output)["timeline"]
    assert [row["kind"] for row in rows][0 :: len(rows) - 1] == ["call", "end"]


def test_without_a_file_the_daemon_is_asked_and_wrong_settings_are_two(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(f'[store]\nurl = "sqlite:{tmp_path / "none.db"}"\n[admin]\nlisten = "127.0.0.1:1"\n'
                    f'token_file = "{tmp_path / "token"}"\n')  # fmt: skip
    (tmp_path / "token").write_text("secret")
    shown = said("explain", str(path), "x")
    assert (shown.exit_code, "no daemon answers" in shown.output) == (1, True)
    assert said("trace", str(tmp_path / "missing.toml"), "x").exit_code == 2
