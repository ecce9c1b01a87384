"""``routerd run``: the daemon in the foreground, and, once it is up, how to register a phone with it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from routerd.config.settings import parse_listener

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.config.settings import Settings
    from routerd.rules.tables import AccountTables

DEFAULT_SETTINGS = Path("conf/routerd.toml")
MOST_PHONES = 12
WILDCARDS = frozenset({"0.0.0.0", "::"})  # noqa: S104 - compared, not bound


def run(
    settings: Annotated[Path, typer.Option(help="The machine's settings (TOML).")] = DEFAULT_SETTINGS,
) -> None:
    """Run the daemon until SIGTERM or Ctrl-C.

    Example: routerd run --settings conf/routerd.toml
    """
    from routerd.app import start

    raise typer.Exit(start.run(settings, greet))


def media(
    settings: Annotated[Path, typer.Option(help="The machine's settings (TOML).")] = DEFAULT_SETTINGS,
) -> None:
    """Run the embedded media relay alone; `routerd run` finds it and starts none of its own.

    Example: routerd media --settings /etc/routerd/routerd.toml
    """
    from routerd.app import start

    raise typer.Exit(start.run_media(settings))


def servers_of(settings: Settings) -> list[str]:
    """Give where phones find the daemon: ``host:port (transports)``, best transport first in the settings' order."""
    by_place: dict[str, list[str]] = {}
    for text in settings.sip.listen:
        listener = parse_listener(text)
        host = listener.advertise or settings.sip.advertise or listener.host
        host = "this machine's address" if host in WILDCARDS else host
        place = f"[{host}]:{listener.port}" if ":" in host else f"{host}:{listener.port}"
        by_place.setdefault(place, []).append(listener.transport)
    return [f"{place} ({', '.join(transports)})" for place, transports in by_place.items()]


def greet(settings: Settings, accounts: Sequence[AccountTables]) -> None:
    """Print the phones' SIP settings and what to do next."""
    console = Console()
    for tables in accounts:
        console.print(phones_table(tables, settings))
    console.print(next_steps(accounts, settings), soft_wrap=True, highlight=False)


def phones_table(tables: AccountTables, settings: Settings) -> Table:
    """Make the table of an account's phones: user, password, domain, server."""
    account = tables.account
    domain = account.domains[0] if account.domains else settings.sip.realm
    table = Table(title=f"{account.name}: register phones at {' or '.join(servers_of(settings))}", title_justify="left")
    for heading in ("user", "password", "domain", "whose", "dial from others"):
        table.add_column(heading)
    for extension in list(tables.extensions.values())[:MOST_PHONES]:
        agent = tables.agents.get(extension.agent or "")
        shown = " or ".join(dict.fromkeys(n for n in (agent and agent.intercom, extension.id) if n))
        table.add_row(extension.username, extension.password, domain, agent.name if agent else "", shown)
    if len(tables.extensions) > MOST_PHONES:
        table.caption = f"and {len(tables.extensions) - MOST_PHONES} more"
    return table


def next_steps(accounts: Sequence[AccountTables], settings: Settings) -> str:
    """Say what can be done now."""
    lines = ["Next: register two phones with the settings above and dial from one to the other;"]
    numbers = [number for tables in accounts for number in tables.numbers]
    if numbers:
        lines.append(f"      a trunk's call to {numbers[0]} rings where the document says;")
    lines.append("      or see one real call without any phone: routerd demo")
    lines.append(f"      health: http://{settings.admin.listen}/health/ready   stop: Ctrl-C")
    return "\n".join(lines)
