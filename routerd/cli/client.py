"""What verbs say to the running daemon: requests to its HTTP API, and how its refusals are told.

The address and the token are those of the settings; ``ROUTERD_URL`` and ``ROUTERD_TOKEN`` take their place, for a
daemon on another machine. Every failure ends the program with lines on standard error: 1 the daemon said no or is not
there, 2 what was given is wrong.
"""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple
from urllib.parse import quote, urlencode

import typer

from routerd.app.composition import read_settings
from routerd.errors import ConfigError

DONE, SAID_NO, WRONG_INPUT = 0, 1, 2
ANSWER_S: Final = 5.0
INPUT_STATUSES: Final = frozenset({400, 413, 415, 422})
DEFAULT_SETTINGS: Final = Path("conf/routerd.toml")
SettingsFile = Annotated[Path, typer.Option("--settings", help="The machine's settings (TOML).")]
AccountId = Annotated[str, typer.Option(envvar="ROUTERD_ACCOUNT", help="The account's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON in place of text.")]


class Answer(NamedTuple):
    """A good answer: its status, headers (lower-case names) and content."""

    status: int
    headers: dict[str, str]
    content: dict[str, Any]


class Daemon:
    """The API of one daemon; :meth:`ask` for anything below ``/v1``."""

    def __init__(self, settings_file: Path) -> None:
        self.url = os.environ.get("ROUTERD_URL", "").rstrip("/")
        self._token = os.environ.get("ROUTERD_TOKEN", "")
        if self.url and self._token:
            return
        try:
            settings = read_settings(settings_file)
            self._token = self._token or Path(settings.admin.token_file).read_text(encoding="ascii").strip()
        except (ConfigError, OSError) as error:
            raise end(str(error), WRONG_INPUT) from error
        self.url = self.url or f"http://{settings.admin.listen}"

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: bytes | dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
        timeout_s: float = ANSWER_S,
    ) -> Answer:
        """Send one request; ``path`` begins with ``/v1``. A refusal or silence ends the program."""
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json", **(headers or {})}
        url = f"{self.url}{path}" + (f"?{urlencode(query)}" if query else "")
        request = urllib.request.Request(url, method=method, data=content, headers=sent)  # noqa: S310 - as settings say
        try:
            with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310 - the same
                found = {name.lower(): value for name, value in answer.headers.items()}
                return Answer(answer.status, found, _content(answer.read()))
        except urllib.error.HTTPError as error:
            status = WRONG_INPUT if error.code in INPUT_STATUSES else SAID_NO
            raise end("\n".join(refusals(error.read())), status) from error
        except (OSError, ValueError) as error:
            raise end(f"no daemon answers at {self.url}: {error}", SAID_NO) from error


def account_path(account: str, *parts: str) -> str:
    """Give a path below an account."""
    return "/".join(["/v1/accounts", *(quote(part, safe="") for part in (account, *parts))])


def refusals(body: bytes) -> list[str]:
    """Give the lines that tell people why the daemon refused."""
    try:
        found = json.loads(body)
        faults = found.get("errors") or [found["error"]]
        return [refusal(fault) for fault in faults]
    except (ValueError, KeyError, AttributeError, TypeError):
        return [body.decode(errors="replace")]


def refusal(fault: dict[str, Any]) -> str:
    """Give one fault as a line: where, what, what to do."""
    line = f" (line {fault['line']})" if fault.get("line") else ""
    where = f"{fault['pointer']}{line}: " if fault.get("pointer") else ""
    hint = f" ({fault['hint']})" if fault.get("hint") else ""
    return f"{where}{fault.get('message', '')}{hint}"


def end(message: str, status: int) -> typer.Exit:
    """Write to standard error; raise what comes back, to end the program with ``status``."""
    sys.stderr.writelines(f"routerd: {line}\n" for line in message.splitlines())
    return typer.Exit(status)


def tell(content: dict[str, Any], text: str, *, as_json: bool) -> None:
    """Print what came of it: the daemon's own words, or a line."""
    print(json.dumps(content, indent=2, ensure_ascii=False, default=str) if as_json else text)


def _content(body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    found = json.loads(body)
    return found if isinstance(found, dict) else {"items": found}
