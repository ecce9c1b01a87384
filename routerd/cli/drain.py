"""``routerd drain``: no new calls, and wait until those in progress are over."""

from __future__ import annotations

import re
import time
import urllib.request
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from routerd.cli.client import DEFAULT_SETTINGS, DONE, SAID_NO, AsJson, Daemon, SettingsFile, end, tell

LOOK_EVERY_S = 0.5
ANSWER_S = 5.0


def drain(
    settings: SettingsFile = DEFAULT_SETTINGS,
    longest: Annotated[float, typer.Option("--timeout", help="Wait at most so many seconds.")] = 600.0,
    undo: Annotated[bool, typer.Option("--undo", help="Take calls again.")] = False,
    json_: AsJson = False,
) -> None:
    """Take no new calls and wait until those in progress are over; the daemon stays up, not ready.

    Exit status: 0 no call is left, 1 some lasted longer, or no daemon. Example: routerd drain --timeout 120
    """
    daemon = Daemon(settings)
    answer = daemon.ask("POST", "/v1/drain", body={"on": not undo})
    if undo:
        tell(answer.content, "calls are taken again", as_json=json_)
        return
    left = _wait(daemon, longest)
    tell({"calls": left}, "no call is left" if not left else f"{left} calls are left", as_json=json_)
    raise typer.Exit(DONE if not left else SAID_NO)


def _wait(daemon: Daemon, longest_s: float) -> int:
    until = time.monotonic() + longest_s
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("")
        while (left := calls_left(daemon)) and time.monotonic() < until:
            progress.update(task, description=f"{left} calls in progress")
            time.sleep(LOOK_EVERY_S)
    return left


def calls_left(daemon: Daemon) -> int:
    """Give how many calls there are, of all accounts; no daemon ends the program."""
    try:
        with urllib.request.urlopen(f"{daemon.url}/metrics", timeout=ANSWER_S) as answer:  # noqa: S310 - as settings say
            found = re.search(r"^routerd_calls_active ([0-9.e+]+)$", answer.read().decode(), re.MULTILINE)
    except OSError as error:
        raise end(f"no daemon answers at {daemon.url}: {error}", SAID_NO) from error
    return int(float(found[1])) if found is not None else 0
