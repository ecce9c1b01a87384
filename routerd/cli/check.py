"""``routerd check``: validates a document, reports the static analysis, previews a number's schedule."""

from __future__ import annotations

import json
import time
from itertools import groupby
from pathlib import Path  # noqa: TC003 - typer resolves annotations
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from routerd.app.composition import read_settings
from routerd.app.documents import errors_of
from routerd.app.host_files import placeholder, zone_data, zone_names
from routerd.app.sounds import SoundLibrary
from routerd.config.checks import analyse, locked_out
from routerd.config.compile import compile_account
from routerd.config.load import load, numbering, refuse
from routerd.config.problems import DocumentErrors, Problems
from routerd.config.reach import Reach
from routerd.config.schedule import schedule
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.config.document import Document
    from routerd.config.findings import Finding
    from routerd.config.schedule import Row
    from routerd.rules.tables import AccountTables

CLEAN, FOUND, WRONG = 0, 1, 2
MAX_DAYS = 366
_COLOURS = {"error": "red", "warning": "yellow", "info": "cyan"}


def check(
    document: Annotated[Path, typer.Argument(help="The routing document: JSON or YAML.")],
    *,
    number: Annotated[
        str, typer.Option("--schedule", metavar="NUMBER", help="Show who would ring when NUMBER is called.")
    ] = "",
    days: Annotated[int, typer.Option(min=1, max=MAX_DAYS, help="How many days the schedule covers.")] = 7,
    sounds_dir: Annotated[str, typer.Option(help="Judge the sounds' files too: the folder where they lie.")] = "",
    settings: Annotated[Path | None, typer.Option(help="The same, with the folder of these settings (TOML).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Validate DOCUMENT and report what is valid and will still surprise somebody.

    Exit status: 0 clean, 1 findings, 2 unreadable or invalid. Example: routerd check conf/demo.yaml
    """
    try:
        folder = sounds_dir or ("" if settings is None else read_settings(settings).document.sounds_dir)
    except ConfigError as error:
        out = Console(soft_wrap=True, highlight=False)
        raise typer.Exit(_refuse(out, errors_of(error), as_json=as_json)) from error
    raise typer.Exit(run(document, number, days, as_json=as_json, at=time.time(), sounds_dir=folder))


def run(
    path: Path,
    number: str,
    days: int,
    *,
    as_json: bool,
    at: float,
    sounds_dir: str = "",
    console: Console | None = None,
) -> int:
    """Do what the command does at the wall time ``at``; return the exit status."""
    out = console or Console(soft_wrap=True, highlight=False)
    try:
        text = path.read_bytes()
        document, tables = _read(text, str(path), SoundLibrary(sounds_dir))
        rows = _rows(document, tables, number, at, days) if number else []
    except OSError as error:
        return _refuse(out, [ConfigError(error.strerror or str(error), source=str(path))], as_json=as_json)
    except DocumentErrors as error:
        return _refuse(out, error.errors, as_json=as_json)
    except ConfigError as error:
        return _refuse(out, [error], as_json=as_json)
    words = text.decode("utf-8-sig")
    findings = analyse(document, tables, at=at, numbering=numbering(), text=words, source=str(path))
    if as_json:
        _print_json(out, valid=True, findings=findings, schedule=rows)
    else:
        _print(out, path, findings)
        if number:
            _print_schedule(out, number, tables.account.zone, rows)
    return FOUND if findings else CLEAN


def _read(text: bytes, source: str, sounds: SoundLibrary) -> tuple[Document, AccountTables]:
    document = load(text, source=source, secrets=placeholder, zones=zone_names())
    problems = Problems(source)
    sounds.judge(document, problems)
    refuse(problems, text.decode("utf-8-sig"))
    tables = compile_account(
        document, version=0, zone_data=zone_data, sound_durations=sounds.measure(document), numbering=numbering()
    )
    return document, tables


def _rows(document: Document, tables: AccountTables, number: str, at: float, days: int) -> list[Row]:
    own = tables.numbers.get(number)
    if own is None:
        known = ", ".join(list(tables.numbers)[:5])
        raise ConfigError(f"{number} is not a number of the document", pointer="/numbers", hint=f"such as {known}")
    return schedule(tables, Reach(tables, locked_out(document)), own.destination, at, days)


def _refuse(out: Console, errors: Sequence[ConfigError], *, as_json: bool) -> int:
    if as_json:
        listed = [
            {"message": e.message, "pointer": e.pointer, "line": e.line, "hint": e.hint, "source": e.source}
            for e in errors
        ]
        _print_json(out, valid=False, errors=listed)
        return WRONG
    for error in errors:
        out.print(f"[red]error[/] {escape(str(error))}")
    out.print(f"[red]{len(errors)} {'error' if len(errors) == 1 else 'errors'}[/]: the document is refused")
    return WRONG


def _print_json(out: Console, **content: Any) -> None:
    out.file.write(json.dumps(msgspec.to_builtins(content), ensure_ascii=False) + "\n")


def _print(out: Console, path: Path, findings: Sequence[Finding]) -> None:
    for finding in findings:
        hint = f" ({finding.hint})" if finding.hint else ""
        place = f"{path}:{finding.line}" if finding.line else str(path)
        out.print(
            f"{escape(place)}: [{_COLOURS[finding.severity]}]{finding.severity}[/] [bold]{finding.code}[/] "
            f"{escape(finding.pointer)}: {escape(finding.message)}{escape(hint)}"
        )
    out.print(f"{len(findings)} findings" if findings else f"{escape(str(path))}: [green]clean[/]")


def _print_schedule(out: Console, number: str, zone: str, rows: Sequence[Row]) -> None:
    """A week table: neighbouring days on which the same people ring at the same times share their lines."""
    table = Table(title=f"Who rings when {number} is called ({zone})", title_justify="left")
    for column in ("day", "from", "to", "rings", ""):
        table.add_column(column)
    for days in _alike(rows):
        first, last = days[0], days[-1]
        name = f"{first[0].weekday} {first[0].date}"
        if len(days) > 1:
            name += f" - {last[0].weekday} {last[0].date}"
        marks = "; ".join(first[0].marks)
        for row in first:
            table.add_row(name, row.start, row.end, escape(row.target), f"[yellow]{escape(marks)}[/]" if marks else "")
            name = marks = ""
        table.add_section()
    out.print(table)


def _alike(rows: Sequence[Row]) -> list[list[list[Row]]]:
    """Give the days, each as its rows, joined while they are alike; a day with a mark stands alone."""
    found: list[list[list[Row]]] = []
    for _, group in groupby(rows, key=lambda row: row.date):
        day = list(group)
        before = found[-1][-1] if found else None
        if before is not None and not day[0].marks and _times(before) == _times(day):
            found[-1].append(day)
        else:
            found.append([day])
    return found


def _times(day: Sequence[Row]) -> list[tuple[object, ...]]:
    return [(row.start, row.end, row.target, row.marks) for row in day]
