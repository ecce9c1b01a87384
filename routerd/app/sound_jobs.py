"""Sounds made by children: jobs out, what was wrong with each back, whatever becomes of a child."""

from __future__ import annotations

import os
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
    with tempfile.TemporaryFile(dir=cache) as out:
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "routerd.app.sound_child"],
                input=msgspec.json.encode(jobs), stdout=out, stderr=subprocess.PIPE, env=environment, cwd=cache,
                timeout=JOB_S * len(jobs), check=False,
            )  # fmt: skip
            last = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
            ending = f"exit status {done.returncode}{': ' + last[:200] if last else ''}"
        except subprocess.TimeoutExpired:
            ending = "it took too long"
        except OSError as error:
            ending = f"no child can be started: {error.strerror}"
        out.seek(0)
        return [msgspec.json.decode(line, type=str | None) for line in out.read().splitlines()], ending
