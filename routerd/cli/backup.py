"""``routerd backup`` and ``restore``: the store copied while the daemon runs, and such a copy put in its place."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from routerd.app.composition import make_setup, read_settings
from routerd.app.doctor import is_running
from routerd.cli.client import DEFAULT_SETTINGS, SAID_NO, WRONG_INPUT, AsJson, SettingsFile, end
from routerd.cli.progress import bar
from routerd.errors import ConfigError, StoreError
from routerd.store.backup import back_up
from routerd.store.backup import restore as put_back

if TYPE_CHECKING:
    from routerd.app.setup import Setup
    from routerd.config.settings import Settings

CopyFile = Annotated[Path, typer.Argument(metavar="FILE", help="The copy: one SQLite file.")]


class Place(NamedTuple):
    """Where the store is, and the folders that belong to it."""

    settings: Settings
    store: Path
    folders: list[str]


def backup(
    file: CopyFile,
    settings: SettingsFile = DEFAULT_SETTINGS,
    force: Annotated[bool, typer.Option("--force", help="Replace FILE where it is there.")] = False,
    json_: AsJson = False,
) -> None:
    """Copy the store to FILE, whole and checked, while the daemon runs: documents, records, messages' list, tokens.

    Recordings and mailboxes' messages are files in folders of their own, which are named: copy them after the store.
    Exit status: 0 done, 1 said no, 2 wrong input. Example: routerd backup /var/backups/routerd-monday.db --force
    """
    place = place_of(settings)
    try:
        with bar("copying the store") as progress:
            made = back_up(place.store, file.resolve(), progress, replace=force)
    except StoreError as error:
        raise end(str(error), SAID_NO) from error
    if json_:
        told = {"file": str(file), "store": str(place.store), **made._asdict(), "copy_too": place.folders}
        print(json.dumps(told, ensure_ascii=False))
        return
    print(f"{file}: {made.size_bytes} bytes, form {made.form}, {_counted(made.rows)}, checked")
    print("not in it, copy them too: " + " ".join(place.folders))


def restore(file: CopyFile, settings: SettingsFile = DEFAULT_SETTINGS, json_: AsJson = False) -> None:
    """Put the copy FILE in the place of the store; the daemon must be stopped. The old store is kept beside it.

    Copies of older versions are brought to today's form, those of newer ones are refused.
    Exit status: 0 done, 1 said no, 2 wrong input. Example: routerd restore /var/backups/routerd-monday.db
    """
    place = place_of(settings)
    if is_running(place.settings):
        raise end(f"a daemon runs at {place.settings.admin.listen}: stop it first", SAID_NO)
    try:
        done = put_back(file.resolve(), place.store, suffix=f".before-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}")
    except StoreError as error:
        raise end(str(error), SAID_NO) from error
    kept = str(done.kept) if done.kept else None
    if json_:
        told = {"store": str(place.store), **done._asdict(), "kept": kept, "copy_too": place.folders}
        print(json.dumps(told, ensure_ascii=False))
        return
    steps = f" (brought from form {done.form_before} to {done.form})" if done.form != done.form_before else ""
    print(f"{place.store}: {_counted(done.rows)}{steps}")
    print(f"the store of before is {kept}" if kept else "there was no store before")
    print("put these back too: " + " ".join(place.folders))


def place_of(settings_file: Path) -> Place:
    """Find the store and what belongs to it; wrong settings end the program."""
    try:
        settings = read_settings(settings_file)
    except ConfigError as error:
        raise end(str(error), WRONG_INPUT) from error
    setup: Setup = make_setup(settings)
    switch = setup.sip.switch
    return Place(settings, Path(setup.control.store), [switch.recordings_dir, switch.voicemail_dir])


def _counted(rows: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in rows.items())
