"""``routerd simulate``: one call, or thousands, through the real switch in virtual time (routing.md section 6)."""

from __future__ import annotations

import sys
from pathlib import Path  # noqa: TC003 - typer resolves annotations
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from routerd.app.simulating import results, stage_of, tables_of
from routerd.config.positions import TextStop, read_tree
from routerd.config.problems import DocumentErrors, Problems
from routerd.errors import ConfigError
from routerd.simulation.play import Play
from routerd.simulation.scenario import read
from routerd.simulation.storm import play_seed

if TYPE_CHECKING:
    from collections.abc import Iterable

RAN, FAILED, WRONG = 0, 1, 2
__all__ = ["results", "simulate", "stage_of", "tables_of"]


def simulate(
    config: Annotated[Path | None, typer.Option("--config", help="The routing document: JSON or YAML.")] = None,
    scenario: Annotated[Path | None, typer.Option("--scenario", help="The scenario: JSON or YAML.")] = None,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result object and nothing else.")] = False,
    lines: Annotated[
        bool, typer.Option("--lines", help='Read {"document": …, "scenario": …} a line; print one result a line.')
    ] = False,
    seeds: Annotated[int, typer.Option(min=0, help="Play so many seeded random worlds instead, and check them.")] = 0,
    first: Annotated[int, typer.Option(help="The first of the seeds.")] = 1,
) -> None:
    """Play a call through the real switch in virtual time and say what became of it.

    Exit status: 0 it ran, 1 a seeded world broke a rule, 2 the input is wrong.
    Example: routerd simulate --config conf/demo.yaml --scenario call.json
    """
    if seeds:
        raise typer.Exit(storm(first, seeds))
    if lines:
        raise typer.Exit(play_lines(sys.stdin.buffer, sys.stdout.buffer))
    if config is None or scenario is None:
        typer.echo("simulate needs --config and --scenario, or --lines, or --seeds", err=True)
        raise typer.Exit(WRONG)
    raise typer.Exit(run(config, scenario, as_json=as_json))


# -- many ------------------------------------------------------------------------------------------------------------


def play_lines(source: Iterable[bytes], target: Any) -> int:
    """Play one scenario a line; a wrong line gives ``{"error": …}`` and the next one is read."""
    encode = msgspec.json.encode
    for result in results(source):
        target.write(encode(result) + b"\n")
        target.flush()
    return RAN


# -- one -------------------------------------------------------------------------------------------------------------


def run(config: Path, scenario: Path, *, as_json: bool, console: Console | None = None) -> int:
    """Play one scenario of a file; returns the exit status."""
    out = console or Console(soft_wrap=True, highlight=False)
    try:
        stage = stage_of(config.read_bytes(), str(config))
        played = Play(stage, read(_as_json(scenario), str(scenario)), recording=not as_json)
        result = played.run()
    except OSError as error:
        return _refuse(out, [ConfigError(error.strerror or str(error), source=str(error.filename))], as_json=as_json)
    except DocumentErrors as error:
        return _refuse(out, error.errors, as_json=as_json)
    except ConfigError as error:
        return _refuse(out, [error], as_json=as_json)
    if as_json:
        out.file.write(msgspec.json.encode(result).decode() + "\n")
    else:
        _print(out, played, result)
    return RAN


def _as_json(path: Path) -> bytes:
    """Read a scenario's file as JSON; YAML is turned into it. Raises ConfigError or OSError."""
    text = path.read_bytes()
    if text.lstrip()[:1] == b"{":
        return text
    problems = Problems(str(path))
    try:
        tree = read_tree(text.decode("utf-8-sig", "replace"), str(path), problems)
    except TextStop as stop:
        raise ConfigError(stop.message, line=stop.line, hint=stop.hint, source=str(path)) from stop
    problems.raise_any()
    return msgspec.json.encode(tree)


def _refuse(out: Console, errors: Iterable[ConfigError], *, as_json: bool) -> int:
    listed = list(errors)
    if as_json:
        out.file.write(msgspec.json.encode({"error": "; ".join(str(one) for one in listed)}).decode() + "\n")
        return WRONG
    for error in listed:
        out.print(f"[red]error[/] {escape(str(error))}")
    return WRONG


def _print(out: Console, played: Play, result: dict[str, Any]) -> None:
    ladder = Table(title="Ladder", title_justify="left", box=None, pad_edge=False)
    for column in ("at", "from", "", "to", "message"):
        ladder.add_column(column)
    for packet in played.world.network.transcript:
        line = packet.data.partition(b"\r\n")[0].decode("utf-8", "replace")
        ladder.add_row(
            f"{packet.at:.3f}",
            _where(packet.source),
            "->",
            _where(packet.target),
            escape(line.removesuffix(" SIP/2.0")),
        )
    out.print(ladder)
    legs = Table(title="Legs", title_justify="left", box=None, pad_edge=False)
    for column in ("target", "agent", "start", "end", "result"):
        legs.add_column(column)
    for leg in result["legs"]:
        legs.add_row(*(escape(str(leg[name] if leg[name] is not None else "")) for name in leg))
    out.print(legs)
    out.print("Decision")
    for step in result["trace"] or []:
        out.print("  " + escape(" ".join(str(part) for part in msgspec.to_builtins(step))))
    words = [f"[bold]{result['outcome']}[/]"]
    named = ("reason", "answered_by", "sip_status", "q850", "caller_id")
    words += [f"{name} {escape(str(result[name]))}" for name in named if result[name] is not None]
    out.print(", ".join(words))


def _where(address: tuple[str, int]) -> str:
    return f"{address[0]}:{address[1]}"


# -- storms ----------------------------------------------------------------------------------------------------------


def storm(first: int, count: int, console: Console | None = None) -> int:
    """Play seeded worlds and print what was broken, by seed; returns the exit status."""
    out = console or Console(soft_wrap=True, highlight=False)
    broken, rows, calls = 0, set(), 0
    for seed in range(first, first + count):
        report = play_seed(seed, tables_of)
        rows |= report.rows
        calls += report.calls
        if report.faults:
            broken += 1
            for fault in report.faults:
                out.print(f"[red]seed {seed}[/] ({report.shape}): {escape(fault)}")
    out.print(f"{count} seeds, {calls} calls, {len(rows)} rows of the table visited, {broken} seeds broken")
    return FAILED if broken else RAN
