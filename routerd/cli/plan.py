"""``routerd plan``: what a document says otherwise than the one in force, and which past calls it would send elsewhere.

It runs over the store's file, read-only and in this process, so the daemon notices nothing of it.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress

from routerd.app.composition import read_settings
from routerd.app.planning import DAY_S, against_running, read, replay_all, to_json
from routerd.app.sounds import SoundLibrary, cache_of
from routerd.cli.client import DEFAULT_SETTINGS, AsJson, SettingsFile
from routerd.config.difference import ADDED, REMOVED, REORDERED, Difference
from routerd.config.problems import DocumentErrors
from routerd.errors import ConfigError, StoreError
from routerd.store.reading import StoreReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from routerd.rules.verdict import Group, Report


NOTHING, SOMETHING, WRONG = 0, 1, 2
MAX_DAYS: Final = 3660
_SIGNS: Final = {ADDED: "[green]+[/]", REMOVED: "[red]-[/]", REORDERED: "[yellow]~[/]"}


def plan(
    document: Annotated[Path, typer.Argument(help="The routing document that may come: JSON or YAML.")],
    *,
    days: Annotated[float, typer.Option(min=0, max=MAX_DAYS, help="Decide the calls of so many last days again.")] = 7,
    settings: SettingsFile = DEFAULT_SETTINGS,
    json_: AsJson = False,
) -> None:
    """Say what DOCUMENT would change: in the document in force, and for the calls of the last days.

    Exit status: 0 no call would be decided otherwise, 1 some would (or it cannot be told), 2 wrong input.
    Example: routerd plan conf/demo.yaml --days 14
    """
    try:
        machine = read_settings(settings)
        path = Path(machine.store.url.removeprefix("sqlite:"))
        sounds = SoundLibrary(machine.document.sounds_dir, cache_of(str(path)))
    except ConfigError as error:
        raise typer.Exit(_refuse([error], as_json=json_)) from error
    raise typer.Exit(run(document, path, days, sounds=sounds, at=time.time(), as_json=json_))


def run(
    document: Path,
    store: Path,
    days: float,
    *,
    sounds: SoundLibrary,
    at: float,
    as_json: bool,
    console: Console | None = None,
) -> int:
    """Do what the command does at the wall time ``at``; return the exit status."""
    out = console or Console(soft_wrap=True, highlight=False)
    try:
        text = document.read_bytes()
        new, tables = read(text, str(document), sounds)
        with StoreReader(store) as reader:
            version, changes = against_running(reader, new)
            report = replay_all(reader, tables, at - days * DAY_S, _bar)
    except OSError as error:
        return _refuse([ConfigError(error.strerror or str(error), source=str(document))], as_json=as_json)
    except DocumentErrors as error:
        return _refuse(error.errors, as_json=as_json)
    except (ConfigError, StoreError) as error:
        return _refuse([error], as_json=as_json)
    if as_json:
        out.file.write(json.dumps(to_json(version, changes, report), ensure_ascii=False) + "\n")
    else:
        _print(out, document, version, changes, report, days)
    return SOMETHING if report.different or len(report.undecidable) > bool(report.lost) else NOTHING


@contextmanager
def _bar(total: int) -> Iterator[Callable[[int], None]]:
    """Show how far it is, on a terminal only."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("deciding recorded calls again", total=total)
        yield lambda calls: progress.advance(task, calls)


# -- what is said ----------------------------------------------------------------------------------------------------


def _print(out: Console, document: Path, version: int, changes: list[Difference], report: Report, days: float) -> None:
    against = f"version {version}, which is in force" if version else "nothing: the account has no document yet"
    out.print(f"[bold]{escape(str(document))}[/] against {against}")
    for change in changes:
        out.print(f"  {_SIGNS.get(change.what, '[cyan]±[/]')} {escape(change.section)} {escape(change.name)}"
                  f"{'' if change.fields else ' ' + change.what}")  # fmt: skip
        for field in change.fields:
            out.print(f"      {escape(str(field))}")
    if not changes:
        out.print("  it says the same")
    different = sum(group.count for group in report.different)
    unknown = sum(group.count for group in report.undecidable)
    out.print(f"\n[bold]{report.calls} calls[/] of the last {days:g} days: {report.same} as they were, "
              f"{different} otherwise, {unknown} not decidable")  # fmt: skip
    _print_groups(out, "otherwise", report.different)
    _print_groups(out, "not decidable", report.undecidable)
    if report.assumed:
        out.print(f"taken for healthy, since not asked then: {escape(', '.join(sorted(report.assumed)))}")


def _print_groups(out: Console, title: str, groups: list[Group]) -> None:
    if groups:
        out.print(f"\n{title}")
    for group in groups:
        out.print(f"  {group.count:6}  {escape(group.said)}")
        out.print(f"          such as {escape(', '.join(group.examples))}", style="dim")


def _refuse(errors: Sequence[Exception], *, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(json.dumps({"errors": [str(error) for error in errors]}, ensure_ascii=False) + "\n")
    else:
        for error in errors:
            sys.stderr.write(f"routerd: {error}\n")
    return WRONG
