"""``routerd apply``, ``versions``, ``rollback`` and ``confirm``: the document's life, through the API."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - typer resolves annotations
from typing import Annotated, Any

import typer

from routerd.cli.client import (
    DEFAULT_SETTINGS,
    WRONG_INPUT,
    AccountId,
    Answer,
    AsJson,
    Daemon,
    SettingsFile,
    account_path,
    end,
    tell,
)
from routerd.cli.progress import waiting
from routerd.cli.views import cell, show
from routerd.config.problems import Problems
from routerd.config.yaml_tree import YamlStop, read_yaml
from routerd.errors import ConfigError

APPLY_S = 120.0
COLUMNS = ("version", "at", "author", "source", "in_force")
ConfirmWithin = Annotated[
    float | None, typer.Option(metavar="SECONDS", help="Go back by itself unless `routerd confirm` comes in time.")
]


def apply(
    document: Annotated[Path, typer.Argument(metavar="DOCUMENT", help="The routing document, YAML or JSON.")],
    settings: SettingsFile = DEFAULT_SETTINGS,
    account: Annotated[str, typer.Option(envvar="ROUTERD_ACCOUNT", help="Whose; default: the document's own.")] = "",
    confirm_within: ConfirmWithin = None,
    if_version: Annotated[int | None, typer.Option(help="Only when this version is in force.")] = None,
    json_: AsJson = False,
) -> None:
    """Bring a document in force, without dropping a call; a wrong one changes nothing and every error is told.

    Exit status: 0 in force, 1 said no, 2 wrong input. Example: routerd apply acme.yaml --confirm-within 60
    """
    try:
        text = document.read_bytes()
    except OSError as error:
        raise end(f"{document}: {error.strerror}", WRONG_INPUT) from error
    yaml = document.suffix in {".yaml", ".yml"}
    headers = {"Content-Type": "application/yaml" if yaml else "application/json"}
    if if_version is not None:
        headers["If-Match"] = f'"{if_version}"'
    query = {"confirm_within": str(confirm_within)} if confirm_within is not None else None
    path = account_path(account or account_of(text, str(document)), "document")
    daemon = Daemon(settings)
    with waiting(f"{document} is judged, compiled and brought in force"):
        answer = daemon.ask("PUT", path, body=text, headers=headers, query=query, timeout_s=APPLY_S)
    tell(answer.content, said(answer), as_json=json_)


def account_of(text: bytes, source: str) -> str:
    """Give the id of the account that a document is of; a document without one ends the program."""
    try:
        tree: Any = read_yaml(text.decode("utf-8"), Problems(source))
        return str(tree["account"]["id"])
    except (ConfigError, YamlStop, UnicodeDecodeError, KeyError, TypeError) as error:
        raise end(f"{source}: the document does not say account.id; name it by --account", WRONG_INPUT) from error


def said(answer: Answer) -> str:
    """Tell which version is in force, and for how long it is so without a confirmation."""
    content = answer.content
    version = content.get("version")
    if not content.get("changed", True):
        return f"nothing to change: version {version} is in force"
    until = content.get("confirm_until")
    if not until:
        return f"version {version} is in force"
    deadline = cell("confirm_until", until)
    again = f"; unless `routerd confirm` comes by {deadline}, version {content.get('before')} comes back"
    return f"version {version} is in force{again}"


def versions(settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False) -> None:
    """The document's versions, newest first.

    Example: routerd versions
    """
    show(Daemon(settings).ask("GET", account_path(account, "versions")).content, json_, COLUMNS)


def rollback(
    version: Annotated[int, typer.Argument(metavar="VERSION", help="Whose text comes back, as a new version.")],
    settings: SettingsFile = DEFAULT_SETTINGS,
    account: AccountId = "acme",
    confirm_within: ConfirmWithin = None,
    json_: AsJson = False,
) -> None:
    """Bring an older version's text in force again.

    Exit status: 0 in force, 1 said no, 2 wrong input. Example: routerd rollback 4
    """
    query = {"confirm_within": str(confirm_within)} if confirm_within is not None else None
    path = account_path(account, "versions", str(version), "rollback")
    daemon = Daemon(settings)
    with waiting(f"version {version} is brought in force again"):
        answer = daemon.ask("POST", path, query=query, body={}, timeout_s=APPLY_S)
    tell(answer.content, said(answer), as_json=json_)


def confirm(settings: SettingsFile = DEFAULT_SETTINGS, account: AccountId = "acme", json_: AsJson = False) -> None:
    """Keep the version that was applied with --confirm-within.

    Exit status: 0 kept, 1 nothing waits for it. Example: routerd confirm
    """
    answer = Daemon(settings).ask("POST", account_path(account, "document", "confirm"), body={})
    tell(answer.content, f"version {answer.content.get('version')} stays", as_json=json_)
