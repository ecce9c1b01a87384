"""``routerd doctor``: what may keep this machine from taking calls."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from routerd.app.doctor import OK, PROBLEM, WARNING, Finding, examine, wrong_settings
from routerd.errors import ConfigError

DEFAULT_SETTINGS = Path("conf/routerd.toml")
HEALTHY, ILL, WRONG_INPUT = 0, 1, 2
COLOURS = {OK: "green", WARNING: "yellow", PROBLEM: "red"}


def doctor(
    settings: Annotated[Path, typer.Option(help="The machine's settings (TOML).")] = DEFAULT_SETTINGS,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Look at documents, ports, DNS, clock, certificates, NAT, store, folders, engines and file limits; start nothing.

    Exit status: 0 nothing that must be mended (warnings may be there), 1 problems, 2 the settings are wrong.
    Example: routerd doctor --settings /etc/routerd/routerd.toml
    """
    try:
        findings = examine(settings)
    except ConfigError as error:
        for line in wrong_settings(error):
            typer.echo(f"routerd: {line}", err=True)
        raise typer.Exit(WRONG_INPUT) from error
    if as_json:
        print(json.dumps({"findings": [finding._asdict() for finding in findings]}, ensure_ascii=False))
    else:
        Console(soft_wrap=True, highlight=False).print(table_of(findings))
    raise typer.Exit(ILL if any(finding.state == PROBLEM for finding in findings) else HEALTHY)


def table_of(findings: list[Finding]) -> Table:
    """Make the table for people."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for finding in findings:
        hint = f" [dim]({escape(finding.hint)})[/]" if finding.hint else ""
        colour = COLOURS[finding.state]
        table.add_row(finding.subject, f"[{colour}]{finding.state}[/]", escape(finding.text) + hint)
    return table
