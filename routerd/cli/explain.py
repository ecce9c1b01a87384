"""``routerd explain`` and ``routerd trace``: why a call went where it went, and what happened when.

The record is read from the store's file, beside a running daemon or without one; where the file cannot be read (another
machine's, another user's) the daemon is asked for it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from routerd.app.composition import read_settings
from routerd.b2bua import ladder
from routerd.cli.client import DEFAULT_SETTINGS, SAID_NO, WRONG_INPUT, AccountId, AsJson, SettingsFile, end
from routerd.cli.views import fetch
from routerd.errors import ConfigError, StoreError
from routerd.rules import explanation
from routerd.store.reading import StoreReader

CallId = Annotated[str, typer.Argument(metavar="CALL", help="The call's id, or the beginning of it.")]
MOST_SHOWN: Final = 10
GOES_ON: Final = "goes_on"
_COLOURS: Final = {"sip": "yellow", "decision": "cyan", "leg": "green", "event": "dim", "media": "magenta"}


def explain(
    call: CallId, settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False
) -> None:
    """Why a call went where it went: nodes, gates with the values they compared, the nearest miss, legs.

    Exit status: 0 explained, 1 no such call, 2 wrong input. Example: routerd explain 0-5f3a
    """
    record = read_record(settings, account, call)
    if GOES_ON in record:
        told = fetch(settings, account, f"calls/{record[GOES_ON]}/explanation")
    else:
        told = {**explanation.to_json(record), "text": explanation.explain(record)}
    if json_:
        print(json.dumps(told, ensure_ascii=False, default=str))
        return
    print("\n".join(told["text"]))


def trace(
    call: CallId, settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False
) -> None:
    """What happened when: SIP messages, legs, decisions and media of a call on one time line.

    Exit status: 0 shown, 1 no such call, 2 wrong input. Example: routerd trace 0-5f3a
    """
    record = read_record(settings, account, call)
    if GOES_ON in record:
        rows = fetch(settings, account, f"calls/{record[GOES_ON]}/timeline")["timeline"]
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
    Console(soft_wrap=True, highlight=False).print(table)


def read_record(settings_file: Path, account: str, call: str) -> dict[str, Any]:
    """Give the record of the call, or its id under ``GOES_ON`` while the daemon is to be asked for it.

    Ends the program with a line on standard error when there is not exactly one.
    """
    try:
        path = Path(read_settings(settings_file).store.url.removeprefix("sqlite:"))
    except ConfigError as error:
        raise end(str(error), WRONG_INPUT) from error
    try:
        with StoreReader(path) as reader:
            found, started = reader.find(call, MOST_SHOWN), reader.in_progress(call)
    except StoreError:
        return fetch(settings_file, account, f"records/{call}")
    if len(found) == 1:
        return found[0]
    if found:
        raise end(f"{call} begins the ids of {_names(found)}", SAID_NO)
    if len(started) == 1:
        return {GOES_ON: str(started[0]["id"])}
    if started:
        raise end(f"{call} begins the ids of {_names(started)}", SAID_NO)
    raise end(f"no call {call} in {path}", SAID_NO)


def _names(found: list[dict[str, Any]]) -> str:
    more = ", …" if len(found) >= MOST_SHOWN else ""
    return ", ".join(str(one["id"]) for one in found) + more
