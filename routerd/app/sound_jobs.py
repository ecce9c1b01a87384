"""Sounds made by children: jobs out, what was wrong with each back, whatever becomes of a child."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from routerd.edge.logs import logger

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logger("app.sound_jobs")

JOBS_AT_ONCE: Final = 20
JOB_S: Final = 35.0
_ROOT: Final = Path(__file__).resolve().parent.parent.parent


class Job(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One sound to be made into ``target``: of the file ``source``, or of ``text`` spoken by ``program``.

    ``size_bytes`` is the size of the source when it was judged.
    """

    target: str
    source: str = ""
    size_bytes: int = 0
    text: str = ""
    voice: str = "en"
    program: str = ""


def do_all(jobs: Sequence[Job], cache: Path) -> list[str | None]:
    """Have children do the jobs; what was wrong with each, None for nothing. It waits: call it in a thread.

    The job that a child dies of is blamed, and another child goes on with the rest.
    """
    results: list[str | None] = []
    while len(results) < len(jobs):
        batch = jobs[len(results) : len(results) + JOBS_AT_ONCE]
        said, ending = _do(batch, cache)
        results += said
        if len(said) < len(batch):
            log.warning("the child that makes sounds has ended early", ending=ending)
            results.append(f"the sound could not be made: {ending}")
    return results


def _do(jobs: Sequence[Job], cache: Path) -> tuple[list[str | None], str]:
    """Run one child: what it said of the jobs that it came to, and how it ended."""
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(_ROOT),
        "LANG": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
    }
    command = [sys.executable, "-P", "-m", "routerd.app.sound_child"]
    with tempfile.TemporaryFile(dir=cache) as out:
        try:
            child = subprocess.Popen(  # noqa: S603 - our own module, as a group: what it started ends with it
                command, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.PIPE, env=environment, cwd=cache,
                process_group=0,
            )  # fmt: skip
        except OSError as error:
            return [], f"no child can be started: {error.strerror}"
        ending = _wait(child, msgspec.json.encode(jobs), JOB_S * len(jobs))
        out.seek(0)
        return [msgspec.json.decode(line, type=str | None) for line in out.read().splitlines()], ending


def _wait(child: subprocess.Popen[bytes], asked: bytes, limit_s: float) -> str:
    """Wait for a child's end, or make it; how it ended."""
    with child:
        try:
            _, errors = child.communicate(asked, timeout=limit_s)
        except subprocess.TimeoutExpired:
            return "it took too long"
        finally:
            if child.returncode != 0:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child.pid, signal.SIGKILL)
    last = errors.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return f"exit status {child.returncode}{': ' + last[:200] if last else ''}"
