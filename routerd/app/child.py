"""One child process: ``python -m routerd.app.child ROLE RUN_DIRECTORY``, started by the supervisor only.

A child ends when its supervisor does, however that ends. What a role needs is imported when the role is known: the sip
process must not load what only the control process uses.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from routerd.app.setup import CONTROL_SOCKET, read_setup, tell_ready
from routerd.edge import logs
from routerd.errors import RouterdError

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.app.setup import Setup

PR_SET_PDEATHSIG = 1
WRONG_INPUT = 2


def end_with_parent(parent: int) -> None:
    """Have the kernel send SIGTERM when the parent is gone; end at once when it already is (``parent``: its pid)."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if parent and os.getppid() != parent:
        sys.exit(1)


def open_files_limit() -> None:
    """Use as many descriptors as the system lets us: each relayed call takes four, each connection one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def run_sip(setup: Setup, run_dir: Path) -> int:
    """Be the sip process."""
    import uvloop

    from routerd.app.sip import serve
    from routerd.b2bua.switch import Switch
    from routerd.edge.clock import wall_offset
    from routerd.edge.tokens import system_tokens

    uvloop.run(
        serve(
            setup.sip,
            run_dir / CONTROL_SOCKET,
            lambda sip: Switch(sip.switch, system_tokens(), wall_offset=wall_offset(), secret=os.urandom(32)),
        )
    )
    return 0


def run_control(setup: Setup, run_dir: Path) -> int:
    """Be the control process."""
    import uvloop

    from routerd.app.control import serve

    uvloop.run(serve(setup, run_dir / CONTROL_SOCKET))
    return 0


def run_media(setup: Setup, _run_dir: Path) -> int:
    """Be the media process."""
    from routerd.app.media import serve

    if setup.media is None:
        return WRONG_INPUT
    return serve(setup.media, tell_ready)


ROLES: dict[str, Callable[[Setup, Path], int]] = {"sip": run_sip, "control": run_control, "media": run_media}


def main(arguments: list[str]) -> int:
    """Run the role ``arguments[0]`` with the run directory ``arguments[1]``, parent's pid third; the exit status."""
    role, run_dir, parent = arguments[0], Path(arguments[1]), int(arguments[2]) if len(arguments) > 2 else 0
    end_with_parent(parent)
    setup = read_setup(run_dir)
    logs.configure(role, json=setup.log_json, level=setup.log_level)
    open_files_limit()
    try:
        return ROLES[role](setup, run_dir)
    except (RouterdError, OSError) as error:
        logs.logger("app.child").error("process ends", role=role, error=str(error))
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
