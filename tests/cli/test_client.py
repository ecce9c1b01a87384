from __future__ import annotations

from typing import Any

import pytest
import typer

from routerd.cli.client import Daemon, account_path, refusal, refusals


def test_a_request_bears_the_settings_token(api: Any) -> None:
    api.answers["GET", "/v1/accounts/a%2Fb/agents"] = (200, {"agents": []})
    answer = Daemon(api.settings).ask("GET", account_path("a/b", "agents"), query={"q": "+1"})
    assert answer.content == {"agents": []}
    (asked,) = api.asked
    assert (asked.path, asked.headers["authorization"]) == ("/v1/accounts/a%2Fb/agents?q=%2B1", "Bearer secret")


def test_another_machines_daemon_is_named_by_the_environment(api: Any, monkeypatch: Any, tmp_path: Any) -> None:
    monkeypatch.setenv("ROUTERD_URL", f"http://127.0.0.1:{api.port}/")
    monkeypatch.setenv("ROUTERD_TOKEN", "other")
    api.answers["POST", "/v1/drain"] = (204, "")
    assert Daemon(tmp_path / "none.toml").ask("POST", "/v1/drain", body={}).content == {}
    assert api.asked[0].headers["authorization"] == "Bearer other"


@pytest.mark.parametrize(("status", "exit_code"), [(404, 1), (409, 1), (503, 1), (400, 2), (422, 2)])
def test_refusals_are_told_line_by_line(api: Any, capsys: Any, status: int, exit_code: int) -> None:
    faults = [
        {"code": "wrong", "message": "no such agent", "pointer": "/numbers/0", "line": 7, "hint": "asha"},
        {"code": "wrong", "message": "and more"},
    ]
    api.answers["GET", "/v1/x"] = (status, {"errors": faults})
    with pytest.raises(typer.Exit) as ended:
        Daemon(api.settings).ask("GET", "/v1/x")
    assert ended.value.exit_code == exit_code
    assert capsys.readouterr().err == "routerd: /numbers/0 (line 7): no such agent (asha)\nrouterd: and more\n"


def test_what_is_no_error_of_ours_is_shown_as_it_is() -> None:
    assert refusals(b"<html>") == ["<html>"]
    assert refusals(b"[]") == ["[]"]
    assert refusal({"message": "m"}) == "m"


def test_no_daemon_and_no_settings(tmp_path: Any, capsys: Any) -> None:
    with pytest.raises(typer.Exit) as ended:
        Daemon(tmp_path / "none.toml")
    assert ended.value.exit_code == 2
    (tmp_path / "token").write_text("secret")
    (tmp_path / "s.toml").write_text(f'[admin]\nlisten = "127.0.0.1:1"\ntoken_file = "{tmp_path / "token"}"\n')
    with pytest.raises(typer.Exit) as ended:
        Daemon(tmp_path / "s.toml").ask("GET", "/v1/x")
    assert ended.value.exit_code == 1
    assert "no daemon answers at http://127.0.0.1:1" in capsys.readouterr().err
