"""The admin API of a daemon, asked with its first token."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any

from kit.ports import HOST

if TYPE_CHECKING:
    from kit.daemon import Daemon


class Api:
    """Paths are those below the account."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon

    def _open(self, method: str, path: str, body: Any) -> tuple[int, bytes]:
        token = (self._daemon.folder / "admin.token").read_text().strip()
        request = urllib.request.Request(
            f"http://{HOST}:{self._daemon.admin_port}/v1/accounts/acme{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The status and what it says, also when it refuses."""
        status, said = self._open(method, path, body)
        return status, json.loads(said) if said else None

    def file(self, path: str) -> bytes:
        """What is there to be downloaded."""
        status, said = self._open("GET", path, None)
        assert status == 200, said
        return said

    def get(self, path: str) -> Any:
        return json.loads(self.file(path))

    def order(self, method: str, path: str, body: Any) -> Any:
        """Have something done; it is not refused."""
        status, said = self.ask(method, path, body)
        assert status < 300, said
        return said
