from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from routerd.cli import views
from routerd.cli.main import program

if TYPE_CHECKING:
    from pathlib import Path

RECORDS = {"records": [{"id": "call-1", "from": "+911", "to": "+922", "outcome": "answered", "at": 1.0, "legs": []}]}


class Admin(BaseHTTPRequestHandler):
    asked: list[tuple[str, str]]
    status = 200

    def do_GET(self) -> None:
        type(self).asked.append((self.path, self.headers.get("Authorization", "")))
        self.send_response(self.status)
        self.end_headers()
        self.wfile.write(json.dumps(RECORDS if self.status == 200 else {"error": {"message": "no"}}).encode())

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def admin(tmp_path: Path) -> Any:
    class Fresh(Admin):
        asked: list[tuple[str, str]] = []  # noqa: RUF012 - one a test

    server = HTTPServer(("127.0.0.1", 0), Fresh)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "s.toml").write_text(
        f'[admin]\nlisten = "127.0.0.1:{server.server_port}"\ntoken_file = "{tmp_path / "token"}"\n'
    )
    yield Fresh, str(tmp_path / "s.toml")
    server.shutdown()
    thread.join()
    server.server_close()


def test_records_are_asked_for_with_the_token_and_shown(admin: Any) -> None:
    handler, settings = admin
    shown = CliRunner().invoke(
        program("records"), ["records", "--settings", settings, "--number", "+911", "--account", "a b"]
    )
    assert shown.exit_code == 0, shown.output
    assert "1 records" in shown.output
    assert "call-1" in shown.output
    assert handler.asked == [("/v1/accounts/a%20b/records?number=%2B911&limit=20", "Bearer secret")]


def test_records_are_narrowed_by_what_is_said(admin: Any) -> None:
    handler, settings = admin
    said = ["--agent", "asha", "--outcome", "answered", "--reason", "busy", "--since", "2026-11-23"]
    said += ["--cursor", "1.0:a"]
    shown = CliRunner().invoke(program("records"), ["records", "--settings", settings, *said])
    assert shown.exit_code == 0, shown.output
    ((path, _),) = handler.asked
    assert path.endswith("limit=20&agent=asha&outcome=answered&reason=busy&since=1795392000.0&cursor=1.0%3Aa")


@pytest.mark.parametrize("verb", ["calls", "registrations", "trunks", "records"])
def test_json_is_what_the_daemon_said(admin: Any, verb: str) -> None:
    _, settings = admin
    shown = CliRunner().invoke(program(verb), [verb, "--settings", settings, "--json"])
    assert json.loads(shown.output) == RECORDS


def test_a_refusal_is_status_one_and_no_daemon_too(admin: Any, tmp_path: Path) -> None:
    handler, settings = admin
    handler.status = 404
    assert CliRunner().invoke(program("calls"), ["calls", "--settings", settings]).exit_code == 1
    (tmp_path / "gone.toml").write_text(f'[admin]\nlisten = "127.0.0.1:1"\ntoken_file = "{tmp_path / "token"}"\n')
    assert CliRunner().invoke(program("calls"), ["calls", "--settings", str(tmp_path / "gone.toml")]).exit_code == 1


def test_wrong_settings_are_status_two(tmp_path: Path) -> None:
    missing = str(tmp_path / "none.toml")
    assert CliRunner().invoke(program("calls"), ["calls", "--settings", missing]).exit_code == 2


def test_times_are_for_people_and_ids_are_whole(capsys: Any) -> None:
    row = {"id": "0-" + "a" * 32, "at": 1795438800.5, "kind": "inbound", "from": "[odd]", "to": None}
    views.show({"records": [row]}, as_json=False, columns=views.RECORD_COLUMNS)
    said = capsys.readouterr().out
    assert row["id"] in said
    assert "2026-11-23 13:00:00Z" in said
    assert "[odd]" in said
    assert "None" not in said


@pytest.mark.parametrize(("column", "value", "text"), [
    ("calls", [], ""),
    ("calls", ["0-a", "0-b"], "0-a, 0-b"),
    ("up", True, "yes"),
    ("in_force", False, "no"),
    ("since_s", 1.5, "1.5"),
    ("since_s", 12.0, "12"),
    ("calls", 30, "30"),
    ("max_channels", None, ""),
    ("idle_since", 1795438800.5, "2026-11-23 13:00:00Z"),
    ("confirm_until", 1795438800, "2026-11-23 13:00:00Z"),
    ("queue", {"department": "support", "position": 1, "of": 3, "since_s": 12.25}, "support 1/3 for 12.25 s"),
    ("legs", [{"target": "extension:2001", "state": "ringing", "agent": "asha"}], "extension:2001 ringing"),
    ("last_hour", {"calls": 4, "asr": 0.75, "pdd_p50_s": None}, "calls 4, asr 0.75"),
])  # fmt: skip
def test_cells_are_words(column: str, value: Any, text: str) -> None:
    assert views.cell(column, value) == text


def test_what_is_no_list_is_told_as_people_read_it_too(capsys: Any) -> None:
    found = {"versions": [{"version": 2, "in_force": True}], "confirm_until": 1795438800.0, "before": None}
    views.show(found, as_json=False, columns=("version", "in_force"))
    said = capsys.readouterr().out
    assert "confirm_until: 2026-11-23 13:00:00Z" in said
    assert "None" not in said
    assert "True" not in said
