"""The read-only verbs: what the running daemon says over its admin listener."""

from __future__ import annotations

import json
import sys
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from routerd.cli.client import DEFAULT_SETTINGS, AccountId, AsJson, Daemon, SettingsFile, account_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

WIDE = 200  # for files and pipes, where nothing is cut
EverySeconds = Annotated[
    float | None, typer.Option("--watch", metavar="SECONDS", min=0.2, help="Show it again and again, until Ctrl-C.")
]
REGISTRATION_COLUMNS = ("extension", "contact", "transport", "remote", "nat", "expires_in_s", "user_agent")
CALL_COLUMNS = ("id", "kind", "from", "to", "state", "since_s", "agent", "queue", "legs")
TRUNK_COLUMNS = ("id", "target", "up", "calls", "max_channels", "registration", "health", "last_hour")
RECORD_COLUMNS = ("id", "at", "kind", "from", "to", "outcome", "reason", "duration_s")


def registrations(
    settings: SettingsFile = DEFAULT_SETTINGS,
    account: AccountId = "acme",
    json_: AsJson = False,
    every: EverySeconds = None,
) -> None:
    """Who is registered now.

    Example: routerd registrations --account acme
    """
    watch(lambda: fetch(settings, account, "registrations"), json_, REGISTRATION_COLUMNS, every)


def calls(
    settings: SettingsFile = DEFAULT_SETTINGS,
    account: AccountId = "acme",
    json_: AsJson = False,
    every: EverySeconds = None,
) -> None:
    """The calls of this moment.

    Example: routerd calls --watch 1
    """
    watch(lambda: fetch(settings, account, "calls"), json_, CALL_COLUMNS, every)


def trunks(
    settings: SettingsFile = DEFAULT_SETTINGS,
    account: AccountId = "acme",
    json_: AsJson = False,
    every: EverySeconds = None,
) -> None:
    """The trunks and whether they are up.

    Example: routerd trunks
    """
    watch(lambda: fetch(settings, account, "trunks"), json_, TRUNK_COLUMNS, every)


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
    return Daemon(settings_file).ask("GET", account_path(account, *view.split("/")), query=query).content


def watch(
    ask: Callable[[], dict[str, Any]], as_json: bool, columns: tuple[str, ...], every_s: float | None = None
) -> None:
    """Show a view once, or every ``every_s`` seconds until Ctrl-C."""
    show(ask(), as_json, columns)
    while every_s is not None:
        try:
            time.sleep(every_s)
        except KeyboardInterrupt:
            return
        found = ask()
        if sys.stdout.isatty():
            Console().clear()
        show(found, as_json, columns)


def show(found: dict[str, Any], as_json: bool, columns: tuple[str, ...] = ()) -> None:
    """Print a view: JSON, or a table for each list in it."""
    if as_json:
        print(json.dumps(found, indent=2, default=str))
        return
    for name, rows in found.items():
        if not isinstance(rows, list):
            if rows is not None:
                print(f"{name}: {cell(name, rows)}")
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
    """Give a value as people read it: nothing for None, a time for seconds since 1970, words for lists and objects."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        if _is_time(column):
            return f"{datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%SZ}"
        return str(value) if isinstance(value, int) else f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, list):
        return ", ".join(cell("", one) for one in value)
    if isinstance(value, dict):
        return _words(column, value)
    return str(value)


def _is_time(column: str) -> bool:
    return column in {"at", "confirm_until"} or column.endswith(("_at", "_since"))


def _words(column: str, value: dict[str, Any]) -> str:
    """Tell an object in a cell: a place in a queue, a leg, else every value that is there by its name."""
    if column == "queue" and "position" in value:
        return f"{value.get('department')} {value['position']}/{value.get('of')} for {cell('', value.get('since_s'))} s"
    if "target" in value and "state" in value:
        return f"{value['target']} {value['state']}"
    return ", ".join(f"{name} {cell(name, one)}" for name, one in value.items() if one is not None)
