"""``routerd demo``: the daemon, a scripted phone and trunk, one real call, and its story."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from routerd.cli.run import phones_table, servers_of
from routerd.rules import trace
from routerd.rules.recorded import read_trace

if TYPE_CHECKING:
    from routerd.app.demo import Story
    from routerd.config.settings import Settings
    from routerd.rules.tables import AccountTables
    from routerd.simulation.network import Packet

DEFAULT_SETTINGS = Path("conf/routerd.toml")
RECORD_LINES = ("id", "kind", "from", "to", "outcome", "answered_by", "duration_s", "ended_by", "sip_status",
                "document_version")  # fmt: skip
COLUMN = 36


def demo(
    settings: Annotated[Path, typer.Option(help="The machine's settings (TOML).")] = DEFAULT_SETTINGS,
    *,
    once: Annotated[bool, typer.Option("--once", help="End after the call.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object about the call.")] = False,
) -> None:
    """Start the daemon, place one real call over loopback, tell its story, and stay up until Ctrl-C.

    Exit status: 0 the call went well, 1 it did not, 2 wrong settings or document.
    Example: routerd demo --settings conf/routerd.toml --once
    """
    from routerd.app import demo as play
    from routerd.app.composition import read_settings
    from routerd.app.documents import errors_of
    from routerd.app.start import refuse
    from routerd.errors import ConfigError

    try:
        read = read_settings(settings)
    except ConfigError as error:
        raise typer.Exit(refuse(errors_of(error))) from error
    teller = Teller(Console(soft_wrap=True, highlight=False), as_json=as_json, once=once)
    raise typer.Exit(play.run(read, teller.greet, teller.tell, once=once))


class Teller:
    """Prints what the demo does, for people or for programs."""

    def __init__(self, console: Console, *, as_json: bool, once: bool) -> None:
        self._out = console
        self._as_json = as_json
        self._once = once

    def greet(self, settings: Settings, accounts: list[AccountTables]) -> None:
        """Print the phones that can be registered."""
        if self._as_json:
            return
        for tables in accounts:
            self._out.print(phones_table(tables, settings))
        self._out.print(f"Up at {' and '.join(servers_of(settings))}. Placing one call …\n")

    def tell(self, story: Story) -> None:
        """Print the call's ladder, decision and record."""
        if self._as_json:
            print(json.dumps(as_plain(story), default=str, ensure_ascii=False), flush=True)
            return
        self._out.print("[bold]Ladder[/]")
        for line in ladder_lines(story):
            self._out.print(escape(line))
        if story.record is not None:
            self._tell_record(story.record, story.audio)
        self._out.print(self._last_words(story), soft_wrap=True)

    def _tell_record(self, record: dict[str, Any], heard: dict[str, int]) -> None:
        self._out.print("\n[bold]Decision[/]: what was looked at, what it was compared with, what came of it")
        for line in decision(record):
            self._out.print(f"  {escape(line)}")
        self._out.print("\n[bold]Record[/]")
        for name in RECORD_LINES:
            self._out.print(f"  {name:17} {escape(str(record.get(name)))}")
        for leg in record.get("legs", []):
            shown = ", ".join(f"{key} {value}" for key, value in leg.items() if value is not None)
            self._out.print(f"  leg               {escape(shown)}")
        self._out.print(
            f"  packets heard     by the trunk {heard['trunk_heard']}, by the phone {heard['phone_heard']}\n"
        )

    def _last_words(self, story: Story) -> str:
        if story.failure:
            return f"[red]The call did not go well:[/] {escape(story.failure)}"
        if self._once:
            return "The call went well."
        cast = story.cast
        return (
            f"The call went well. The daemon stays up, and so do the scripted phone {cast.extension.username} "
            f"({escape(cast.agent.name)}) and the trunk {cast.trunk.id}: register a phone with another row of the "
            f"table,\nthen dial {cast.agent.intercom or cast.extension.id} or any number. Stop: Ctrl-C"
        )


def ladder(story: Story) -> list[dict[str, Any]]:
    """Give what went over the sockets of the phone and the trunk, in order; times in seconds from the INVITE."""
    names = {story.phone: f"phone {story.cast.extension.username}", story.trunk: f"trunk {story.cast.trunk.id}"}
    names[story.server] = "routerd"
    began = next((packet.at for packet in story.packets if packet.data.startswith(b"INVITE")), None)
    if began is None:
        began = story.packets[0].at if story.packets else 0.0
    return [
        {
            "at_s": round(packet.at - began, 4),
            "from": names.get(packet.source, "?"),
            "to": names.get(packet.target, "?"),
            "message": headline(packet),
        }
        for packet in story.packets
    ]


def headline(packet: Packet) -> str:
    """Give a message in a few words: method and whom, or status and the method that it answers."""
    head = packet.data.partition(b"\r\n\r\n")[0].decode("utf-8", "replace").split("\r\n")
    first = head[0].removesuffix(" SIP/2.0")
    if not first.startswith("SIP/2.0 "):
        method, _, uri = first.partition(" ")
        return f"{method} {uri.partition(':')[2].partition('@')[0].partition(';')[0]}"
    cseq = next((line.rpartition(" ")[2] for line in head if line.lower().startswith("cseq:")), "")
    return f"{first.removeprefix('SIP/2.0 ')} ({cseq})"


def ladder_lines(story: Story) -> list[str]:
    """Draw the ladder: the trunk on the left, the phone on the right, the switch between them."""
    trunk = f"trunk {story.cast.trunk.id}"
    lines = [f"{'ms':>9}  {trunk + ' ── routerd':{COLUMN}}routerd ── phone {story.cast.extension.username}"]
    for row in ladder(story):
        towards_us = row["to"] == "routerd"
        on_left = trunk in {row["from"], row["to"]}
        text = ("──▶ " if towards_us == on_left else "◀── ") + row["message"]
        lines.append(f"{row['at_s'] * 1000:9.1f}  {'' if on_left else ' ' * COLUMN}{text}")
    return lines


def decision(record: dict[str, Any]) -> list[str]:
    """Give the decision behind a record as lines for people."""
    return trace.render(read_trace(record.get("trace") or ()))


def as_plain(story: Story) -> dict[str, Any]:
    """Give the story as one JSON object."""
    return {
        "failure": story.failure or None,
        "ladder": ladder(story),
        "decision": decision(story.record or {}),
        "record": story.record,
        "audio": story.audio,
    }
