"""The read-only verbs: what the running daemon says over its admin listener."""

from __future__ import annotations

import json
import sys
import urllib.error
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote, urlencode

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from routerd.app.composition import read_settings
from routerd.errors import ConfigError

SAID_NO, WRONG_INPUT = 1, 2
ANSWER_S = 5.0
WIDE = 200  # for files and pipes, where nothing is cut
SettingsFile = Annotated[Path, typer.Option("--settings", help="The machine's settings (TOML).")]
AccountId = Annotated[str, typer.Option(help="The account's id.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON in place of a table.")]
DEFAULT_SETTINGS = Path("conf/routerd.toml")
REGISTRATION_COLUMNS = ("extension", "contact", "transport", "remote", "expires_in_s", "user_agent")
CALL_COLUMNS = ("id", "kind", "from", "to", "state", "since_s", "answered_by")
TRUNK_COLUMNS = ("id", "target", "up", "calls", "max_channels", "registration", "health")
RECORD_COLUMNS = ("id", "at", "kind", "from", "to", "outcome", "reason", "duration_s")


def registrations(
    settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False
) -> None:
    """Who is registered now.

    Example: routerd registrations --account acme
    """
    show(fetch(settings, account, "registrations"), json_, REGISTRATION_COLUMNS)


def calls(settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False) -> None:
    """The calls of this moment.

    Example: routerd calls --json
    """
    show(fetch(settings, account, "calls"), json_, CALL_COLUMNS)


def trunks(settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False) -> None:
    """The trunks and whether they are up.

    Example: routerd trunks
    """
    show(fetch(settings, account, "trunks"), json_, TRUNK_COLUMNS)


def records(
    settings: SettingsFile = DEFAULT_SETTINGS,
    account: AccountId = "acme",
    number: Annotated[str, typer.Option(help="Only calls from or to this number.")] = "",
    limit: Annotated[int, typer.Option(help="At most this many.")] = 20,
    agent: Annotated[str, typer.Option(help="Only calls that this agent made, was rung by or passed.")] = "",
    outcome: Annotated[str, typer.Option(help="Only calls that came out so: answered, rejected, …")] = "",
    reason: Annotated[str, typer.Option(help="Only calls with this reason: no_answer, agent_busy, …")] = "",
    since: Annotated[datetime | None, typer.Option(help="Not before this time (UTC).")] = None,
    until: Annotated[datetime | None, typer.Option(help="Not after this time (UTC).")] = None,
    *,
    cursor: Annotated[str, typer.Option(help="The 'next' of the page before.")] = "",
    json_: AsJson = False,
) -> None:
    """Past calls, newest first. Why one went where it went: routerd explain ID.

    Example: routerd records --number +919812345678 --since 2026-11-23
    """
    times = {"since": _seconds(since), "until": _seconds(until)}
    wanted = {"agent": agent, "outcome": outcome, "reason": reason, **times, "cursor": cursor}
    query = {"number": number, "limit": str(limit), **{name: value for name, value in wanted.items() if value}}
    show(fetch(settings, account, "records", query), json_, RECORD_COLUMNS)


def _seconds(moment: datetime | None) -> str:
    """UTC seconds for the API; a time without a zone is UTC."""
    return "" if moment is None else str(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def fetch(settings_file: Path, account: str, view: str, query: dict[str, str] | None = None) -> dict[str, Any]:
    """Ask the daemon for a view; ends the program with a line on standard error when that fails."""
    try:
        settings = read_settings(settings_file)
        token = Path(settings.admin.token_file).read_text(encoding="ascii").strip()
    except (ConfigError, OSError) as error:
        raise _end(str(error), WRONG_INPUT) from error
    path = f"http://{settings.admin.listen}/v1/accounts/{quote(account)}/{view}?{urlencode(query or {})}"
    request = urllib.request.Request(path, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:  # noqa: S310 - the same
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        raise _end(error.read().decode(errors="replace"), SAID_NO) from error
    except (OSError, ValueError) as error:
        raise _end(f"no daemon answers at {settings.admin.listen}: {error}", SAID_NO) from error


def show(found: dict[str, Any], as_json: bool, columns: tuple[str, ...] = ()) -> None:
    """Print a view: JSON, or a table for each list in it."""
    if as_json:
        print(json.dumps(found, indent=2, default=str))
        return
    for name, rows in found.items():
        if not isinstance(rows, list):
            print(f"{name}: {rows}")
            continue
        print(f"{len(rows)} {name}")
        if rows:
            Console(width=WIDE if not sys.stdout.isatty() else None).print(table_of(rows, columns or tuple(rows[0])))


def table_of(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> Table:
    """Make a table of rows."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell(column, row.get(column))) for column in columns))
    return table


def cell(column: str, value: Any) -> str:
    """Give a value as people read it: nothing for None, a time for seconds since 1970."""
    if value is None:
        return ""
    if column == "at" and isinstance(value, (int, float)):
        return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%SZ}"
    return str(value)


def _end(message: str, status: int) -> typer.Exit:
    sys.stderr.write(f"routerd: {message}\n")
    return typer.Exit(status)
