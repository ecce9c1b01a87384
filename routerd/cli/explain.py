"""``routerd explain`` and ``routerd trace``: why a call went where it went, and what happened when.

The record is read from the store's file, beside a running daemon or without one. The daemon is asked where the file
cannot be read (another machine's, another user's), where ``ROUTERD_URL`` names one, and for calls in progress.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from routerd.app.composition import read_settings
from routerd.b2bua import ladder
from routerd.cli.client import DEFAULT_SETTINGS, SAID_NO, WRONG_INPUT, AccountId, AsJson, SettingsFile, end
from routerd.cli.views import WIDE, fetch
from routerd.errors import ConfigError, StoreError
from routerd.rules import explanation
from routerd.store.reading import StoreReader

CallId = Annotated[str, typer.Argument(metavar="CALL", help="The call's id; from the store's file, its beginning too.")]
MOST_SHOWN: Final = 10
_COLOURS: Final = {"decision": "cyan", "leg": "green", "event": "dim", "media": "magenta", "sip": "yellow"}


def explain(
    call: CallId, settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False
) -> None:
    """Why a call went where it went: nodes, gates with the values they compared, the nearest miss, legs.

    Exit status: 0 explained, 1 no such call, 2 wrong input. Example: routerd explain 0-5f3a
    """
    record, call_id = look_up(settings, call)
    if record is None:
        told = fetch(settings, account, f"calls/{call_id}/explanation")
    else:
        told = {**explanation.to_json(record), "text": explanation.explain(record)}
    print(json.dumps(told, ensure_ascii=False, default=str) if json_ else "\n".join(told["text"]))


def trace(
    call: CallId, settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False
) -> None:
    """What happened when: SIP messages, legs, decisions and media of a call on one time line.

    Exit status: 0 shown, 1 no such call, 2 wrong input. Example: routerd trace 0-5f3a
    """
    record, call_id = look_up(settings, call)
    if record is None:
        rows = fetch(settings, account, f"calls/{call_id}/timeline")["timeline"]
    else:
        rows = explanation.timeline(record, ladder.rows(record))
    if json_:
        print(json.dumps({"timeline": rows}, ensure_ascii=False))
        return
    table = Table(box=None, pad_edge=False, show_header=False)
    for row in rows:
        colour = _COLOURS.get(row["kind"])
        text = escape(row["text"])
        table.add_row(f"{row['at_s']:10.3f} s", row["kind"], f"[{colour}]{text}[/]" if colour else text)
    Console(width=None if sys.stdout.isatty() else WIDE, soft_wrap=True, highlight=False).print(table)


def look_up(settings_file: Path, call: str) -> tuple[dict[str, Any] | None, str]:
    """Give the call's record and id; None when the daemon is to be asked. Several, or none, end the program."""
    if os.environ.get("ROUTERD_URL"):
        return None, call
    try:
        path = Path(read_settings(settings_file).store.url.removeprefix("sqlite:"))
    except ConfigError as error:
        raise end(str(error), WRONG_INPUT) from error
    try:
        with StoreReader(path) as reader:
            found, started = reader.find(call, MOST_SHOWN), reader.in_progress(call)
    except StoreError:
        return None, call
    if len(found) == 1:
        return found[0], str(found[0]["id"])
    if found or len(started) > 1:
        raise end(f"{call} begins the ids of {_names(found + started)}", SAID_NO)
    if started:
        return None, str(started[0]["id"])
    raise end(f"no call {call} in {path}", SAID_NO)


def _names(found: list[dict[str, Any]]) -> str:
    more = ", …" if len(found) >= MOST_SHOWN else ""
    return ", ".join(str(one["id"]) for one in found) + more
