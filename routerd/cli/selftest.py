"""``routerd selftest``: one real call over loopback through the running daemon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from routerd.app.composition import read_settings
from routerd.app.documents import errors_of
from routerd.app.selftest import run
from routerd.errors import ConfigError

DEFAULT_SETTINGS = Path("conf/routerd.toml")
WELL, SAID_NO, WRONG_INPUT = 0, 1, 2


def selftest(
    settings: Annotated[Path, typer.Option(help="The machine's settings (TOML).")] = DEFAULT_SETTINGS,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Call from one free extension to another through the running daemon, with audio; no real phone rings.

    Exit status: 0 it went well, 1 it did not or no daemon answers, 2 the settings are wrong or no extensions are free.
    Example: routerd selftest
    """
    try:
        read = read_settings(settings)
        result = run(read)
    except ConfigError as error:
        for one in errors_of(error):
            typer.echo(f"routerd: {one}", err=True)
        raise typer.Exit(WRONG_INPUT) from error
    except OSError as error:
        typer.echo(f"routerd: no daemon answers at {read.admin.listen}: {error}", err=True)
        raise typer.Exit(SAID_NO) from error
    if as_json:
        print(json.dumps(result._asdict(), ensure_ascii=False))
    elif result.failure:
        print(f"{result.caller} called {result.callee}: {result.failure}")
    else:
        after_ms = (result.setup_s or 0) * 1000
        print(f"{result.caller} called {result.callee}: it rang after {after_ms:.1f} ms, was answered and hung up")
        print(f"packets heard: {result.caller_heard} by the caller, {result.callee_heard} by the callee")
    raise typer.Exit(SAID_NO if result.failure else WELL)
