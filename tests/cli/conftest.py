"""A daemon's API that says what a test wants: every request is kept, answers come from a table."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from typer.testing import CliRunner

from routerd.cli.main import program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Api:
    """``answers[METHOD, PATH]`` is (status, JSON or text); what is not there is a 404."""

    def __init__(self, settings: Path, port: int) -> None:
        self.settings = settings
        self.port = port
        self.asked: list[Asked] = []
        self.answers: dict[tuple[str, str], tuple[int, Any]] = {}

    def run(self, verb: str, *arguments: str) -> Any:
        return CliRunner().invoke(program(verb), [verb, "--settings", str(self.settings), *arguments])

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.asked.append(Asked(handler.command, handler.path, headers, body))
        missing = (404, {"error": {"code": "not_found", "message": "no such thing", "pointer": "", "hint": "look"}})
        status, content = self.answers.get((handler.command, handler.path.partition("?")[0]), missing)
        handler.send_response(status)
        handler.end_headers()
        if status != 204:
            handler.wfile.write(content.encode() if isinstance(content, str) else json.dumps(content).encode())


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            made.answer(self)

        do_GET = do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - the base's names

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    settings = tmp_path / "settings.toml"
    (tmp_path / "token").write_text("secret\n")
    settings.write_text(f'[admin]\nlisten = "127.0.0.1:{server.server_port}"\ntoken_file = "{tmp_path / "token"}"\n')
    made = Api(settings, server.server_port)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield made
    server.shutdown()
    thread.join()
    server.server_close()
