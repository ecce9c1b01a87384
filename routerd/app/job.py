"""One job in a process of its own: ``python -m routerd.app.job PARENT``, the task on standard input.

Started by :mod:`routerd.app.jobs` only. Tasks and their outcomes (on standard output) are msgpack. It is nicer to
others than they are to it, and ends when its parent does.
"""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from routerd.app.child import end_with_parent
from routerd.app.planning import DAY_S, against_running, read, replay_all, to_json
from routerd.app.simulating import stage_of
from routerd.app.sounds import SoundLibrary, cache_of
from routerd.app.tasks import Outcome, Plan, Replay, Simulate, Wrong
from routerd.config.load import read_document
from routerd.config.problems import DocumentErrors
from routerd.errors import ConfigError, StoreError
from routerd.rules.recorded import read_call
from routerd.rules.verdict import Report, decide_again
from routerd.simulation.play import play
from routerd.simulation.scenario import read as read_scenario
from routerd.store.reading import StoreReader

NICE = 10
MOST_DIFFERENCES = 1000


def carry_out(task: Plan | Replay | Simulate) -> Outcome:
    """Do a task."""
    try:
        if isinstance(task, Simulate):
            return Outcome(play(stage_of(task.text, task.source), read_scenario(task.scenario)))
        with StoreReader(Path(task.store)) as store:
            return _plan(task, store) if isinstance(task, Plan) else _replay(task, store)
    except DocumentErrors as error:
        return Outcome(errors=[_wrong(one) for one in error.errors])
    except ConfigError as error:
        return Outcome(errors=[_wrong(error)])
    except StoreError as error:
        return Outcome(missing=str(error))
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        return Outcome(errors=[Wrong(str(error), "", 0, "")])


def _wrong(error: ConfigError) -> Wrong:
    return Wrong(error.message, error.pointer, error.line, error.hint)


def _tables(task: Plan | Replay, store: StoreReader) -> tuple[Any, Any]:
    running = store.document(task.account)
    old = None if running is None else read_document(running.text, source=running.source)
    found = read(task.text, task.source, SoundLibrary(task.sounds_dir, cache_of(task.store)), old)
    if found[0].account.id != task.account:
        raise ConfigError(f'the document is not of "{task.account}"', pointer="/account/id")
    return found


def _plan(task: Plan, store: StoreReader) -> Outcome:
    document, tables = _tables(task, store)
    version, changes = against_running(store, document)
    told = to_json(version, changes[:MOST_DIFFERENCES], replay_all(store, tables, task.at - task.days * DAY_S))
    return Outcome({**told, "differences": len(changes)})


def _replay(task: Replay, store: StoreReader) -> Outcome:
    _, tables = _tables(task, store)
    if not task.call:
        report = replay_all(store, tables, task.at - task.days * DAY_S)
    else:
        report = Report()
        found = [one for one in store.find(task.call, 1) if one["id"] == task.call and one["account"] == task.account]
        if not found:
            return Outcome(missing=f"no record of the call {task.call}")
        report.add(task.call, decide_again(tables, read_call(found[0])))
    told = to_json(0, [], report)
    return Outcome({name: value for name, value in told.items() if name not in {"document", "document_version"}})


def main(arguments: list[str]) -> int:
    """Do the task of standard input; the exit status."""
    end_with_parent(int(arguments[0]))
    with contextlib.suppress(PermissionError):  # a hardened unit forbids it
        os.nice(NICE)
    task = msgspec.msgpack.decode(sys.stdin.buffer.read(), type=Plan | Replay | Simulate)
    sys.stdout.buffer.write(msgspec.msgpack.encode(carry_out(task)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
