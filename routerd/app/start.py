"""``routerd run``: judge everything first, then start everything; nothing is started when something is wrong."""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from routerd.app.composition import engine_answers, make_setup, read_settings
from routerd.app.documents import DocumentReader, errors_of, read_files
from routerd.app.listening import check_addresses
from routerd.app.media import serve
from routerd.app.setup import write_setup
from routerd.app.sounds import cache_of
from routerd.app.supervisor import Supervisor
from routerd.edge import logs, sdnotify
from routerd.edge.reload import Certificates, trust
from routerd.errors import ConfigError, StoreError
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.app.setup import Setup
    from routerd.config.settings import Settings
    from routerd.rules.tables import AccountTables

WRONG_INPUT = 2


def judge(setup: Setup, *, own_media: bool) -> tuple[list[AccountTables], list[ConfigError]]:
    """Look at documents, certificates, store and addresses; the files' tables and every error there is."""
    control = setup.control
    good, errors = read_files(_reader(setup), control.documents)
    errors += _certificates(setup)
    errors += _folders(setup)
    try:
        Store(Path(control.store)).close()
    except StoreError as error:
        errors.append(ConfigError(str(error), pointer="/store/url", hint="the folder must exist and be writable"))
    wanted = [(one.transport, one.host, one.port) for one in setup.sip.switch.listeners]
    wanted.append(("tcp", *control.admin))
    if own_media and setup.media is not None:
        wanted.append(("udp", *setup.media.listen))
    return [tables for _, _, tables in good], errors + check_addresses(wanted)


def _reader(setup: Setup) -> DocumentReader:
    """Make the sounds now: the control process finds them made."""
    control = setup.control
    return DocumentReader(control.secrets_dir, control.sounds_dir, cache_of(control.store))


def _folders(setup: Setup) -> list[ConfigError]:
    """Make the folders of recordings and messages, for the owner only; what cannot be made is an error."""
    switch = setup.sip.switch
    errors = []
    for key, path in (("recordings_dir", switch.recordings_dir), ("voicemail_dir", switch.voicemail_dir)):
        try:
            Path(path).mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            message = f"the folder {path} cannot be made: {error.strerror}"
            errors.append(ConfigError(message, pointer=f"/media/{key}", hint="a folder that the daemon may write to"))
    return errors


def _certificates(setup: Setup) -> list[ConfigError]:
    errors = []
    try:
        if setup.sip.certificate:
            Certificates(Path(setup.sip.certificate), Path(setup.sip.key))
        trust(Path(setup.sip.authorities) if setup.sip.authorities else None)
    except ConfigError as error:
        errors.append(error)
    return errors


def run(settings_file: Path, on_ready: Callable[[Settings, list[AccountTables]], None]) -> int:
    """Run the daemon until SIGTERM; the exit status, 2 with every error on standard error when input is wrong.

    ``on_ready`` is called once when calls are taken, with the settings and the documents of the files.
    """
    try:
        settings = read_settings(settings_file)
    except ConfigError as error:
        return refuse(errors_of(error))
    setup = make_setup(settings)
    own_media = setup.media is not None and not engine_answers(setup.media.listen)
    accounts, errors = judge(setup, own_media=own_media)
    if errors:
        return refuse(errors)
    run_dir = Path(settings.run.directory).resolve()
    write_setup(setup, run_dir)
    logs.configure("supervisor", json=setup.log_json, level=setup.log_level)
    supervisor_of = partial(Supervisor, run_dir, media=own_media, drain_s=settings.run.drain_s)
    return asyncio.run(_supervise(supervisor_of, lambda: on_ready(settings, accounts)))


def run_media(settings_file: Path) -> int:
    """Run only the embedded media engine, until SIGTERM; the exit status, 2 when input is wrong."""
    try:
        settings = read_settings(settings_file)
    except ConfigError as error:
        return refuse(errors_of(error))
    setup = make_setup(settings)
    if setup.media is None:
        return refuse([ConfigError("the settings name other engines", pointer="/media/engine", hint='"embedded"')])
    errors = check_addresses([("udp", *setup.media.listen)])
    if errors:
        return refuse(errors)
    logs.configure("media", json=setup.log_json, level=setup.log_level)
    return serve(setup.media, lambda: sdnotify.notify("READY=1"))


async def _supervise(supervisor_of: Callable[..., Supervisor], on_ready: Callable[[], None]) -> int:
    return await supervisor_of(on_ready=on_ready).run()


def refuse(errors: list[ConfigError]) -> int:
    """Write every error to standard error; the exit status of wrong input."""
    for error in errors:
        sys.stderr.write(f"routerd: {error}\n")
    sys.stderr.write(f"routerd: {len(errors)} {'error' if len(errors) == 1 else 'errors'}, nothing was started\n")
    return WRONG_INPUT
