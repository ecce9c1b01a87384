"""``routerd VERB``: the table of verbs; each stands in a module of its own, imported only when it is called."""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


class Verb(NamedTuple):
    """Where a verb stands and what the list of verbs says of it."""

    module: str
    function: str
    line: str


VERBS: dict[str, Verb] = {
    "run": Verb("routerd.cli.run", "run", "The daemon."),
    "demo": Verb("routerd.cli.demo", "demo", "The daemon, and one real call over loopback with its story."),
    "media": Verb("routerd.cli.run", "media", "The media relay alone, where it is a service of its own."),
    "check": Verb("routerd.cli.check", "check", "Validate a routing document and report what looks wrong."),
    "doctor": Verb("routerd.cli.doctor", "doctor", "What may keep this machine from taking calls."),
    "selftest": Verb("routerd.cli.selftest", "selftest", "One call over loopback through the running daemon."),
    "simulate": Verb("routerd.cli.simulate", "simulate", "One made-up call in virtual time."),
    "apply": Verb("routerd.cli.documents", "apply", "Bring a document in force."),
    "versions": Verb("routerd.cli.documents", "versions", "The document's versions."),
    "rollback": Verb("routerd.cli.documents", "rollback", "Bring an older version in force again."),
    "confirm": Verb("routerd.cli.documents", "confirm", "Keep what was applied with --confirm-within."),
    "registrations": Verb("routerd.cli.views", "registrations", "Who is registered now."),
    "calls": Verb("routerd.cli.views", "calls", "The calls of this moment."),
    "agents": Verb("routerd.cli.agents", "agents", "What the agents do."),
    "trunks": Verb("routerd.cli.views", "trunks", "The trunks and whether they are up."),
    "records": Verb("routerd.cli.views", "records", "Past calls, newest first."),
    "login": Verb("routerd.cli.agents", "login", "Log an agent in."),
    "logout": Verb("routerd.cli.agents", "logout", "Log an agent out."),
    "call": Verb("routerd.cli.agents", "call", "Ring an agent, then a number, and join them."),
    "drain": Verb("routerd.cli.drain", "drain", "Take no new calls, wait until the others are over."),
    "explain": Verb("routerd.cli.explain", "explain", "Why a call went where it went."),
    "trace": Verb("routerd.cli.explain", "trace", "What happened in a call, and when."),
    "plan": Verb("routerd.cli.plan", "plan", "What a document would change, also for past calls."),
    "backup": Verb("routerd.cli.backup", "backup", "Copy the store while the daemon runs."),
    "restore": Verb("routerd.cli.backup", "restore", "Put such a copy in the store's place."),
}


def function_of(verb: Verb) -> Callable[..., Any]:
    """Import a verb's function."""
    found: Callable[..., Any] = getattr(importlib.import_module(verb.module), verb.function)
    return found


def program(called: str) -> typer.Typer:
    """Make the program; only the verb ``called`` is imported, the others are there by name and line."""
    app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)
    app.callback(epilog="Each verb has an example: routerd VERB --help")(_about)
    for name, verb in VERBS.items():
        if name == called:
            app.command(name, short_help=verb.line)(function_of(verb))
        else:
            app.command(name, short_help=verb.line)(_about)
    return app


def _about() -> None:
    """A real-time call-routing engine: registrar, back-to-back user agent, routing."""


def main() -> None:
    """Run the command line; exit 0 done, 1 said no, 2 wrong input. Shell completion: routerd --install-completion."""
    program(called(sys.argv, os.environ))()


def called(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """Give the verb that is called, or whose options a shell wants to complete; "" for none."""
    line = environment.get("_TYPER_COMPLETE_ARGS") or environment.get("COMP_WORDS")
    given = line.split() if line and "_ROUTERD_COMPLETE" in environment else words
    return next((word for word in given[1:] if not word.startswith("-")), "")


if __name__ == "__main__":
    main()
