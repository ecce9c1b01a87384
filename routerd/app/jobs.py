"""Work that would hold the control process' loop, done by children: one at a time, within a time, or refused.

Implements ``routerd.admin_api.decisions.Jobs``; the child is :mod:`routerd.app.job`.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.admin_api.problems import Problem
from routerd.app.tasks import Outcome, Plan, Replay, Simulate
from routerd.config.problems import DocumentErrors
from routerd.edge.logs import logger
from routerd.errors import ConfigError

if TYPE_CHECKING:
    from routerd.app.setup import ControlSetup

log = logger("app.jobs")

MOST_WAITING: Final = 8
SIMULATE_S: Final = 60.0
REPLAY_S: Final = 600.0
_decode: Final = msgspec.msgpack.Decoder(Outcome).decode


class ChildJobs:
    """Runs jobs one after the other."""

    def __init__(self, setup: ControlSetup) -> None:
        self._setup = setup
        self._one = asyncio.Lock()
        self._waiting = 0

    async def plan(self, account: str, text: bytes, source: str, days: float) -> dict[str, Any]:
        """Say what a text would change. Raises ConfigError when it is refused."""
        setup = self._setup
        task = Plan(text, source, account, setup.store, setup.sounds_dir, days, time.time())
        return await self._run(task, REPLAY_S)

    async def replay(self, account: str, text: bytes, source: str, days: float, call: str) -> dict[str, Any]:
        """Decide recorded calls again by a text: those of the last days, or one."""
        setup = self._setup
        task = Replay(text, source, account, setup.store, setup.sounds_dir, days, time.time(), call)
        return await self._run(task, REPLAY_S)

    async def simulate(self, text: bytes, source: str, scenario: bytes) -> dict[str, Any]:
        """Play a scenario. Raises ConfigError when the document or the scenario is refused."""
        return await self._run(Simulate(text, source, scenario), SIMULATE_S)

    async def _run(self, task: Plan | Replay | Simulate, within_s: float) -> dict[str, Any]:
        if self._waiting >= MOST_WAITING:
            raise Problem(503, "others wait already", code="busy", headers={"Retry-After": "10"})
        self._waiting += 1
        try:
            async with self._one:
                outcome = await self._child(msgspec.msgpack.encode(task), within_s)
        finally:
            self._waiting -= 1
        if outcome.errors:
            raise DocumentErrors(
                [ConfigError(one.message, pointer=one.pointer, line=one.line, hint=one.hint) for one in outcome.errors]
            )
        if outcome.missing:
            raise Problem(404, outcome.missing)
        result: dict[str, Any] = outcome.result
        return result

    async def _child(self, task: bytes, within_s: float) -> Outcome:
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "routerd.app.job", str(os.getpid()), stdin=pipe, stdout=pipe, stderr=pipe
        )
        try:
            async with asyncio.timeout(within_s):
                answer, said = await child.communicate(task)
        except TimeoutError as error:
            raise Problem(503, f"it took longer than {within_s:.0f} s", code="too_long") from error
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        try:
            return _decode(answer)
        except msgspec.MsgspecError as error:
            log.error("a job failed", status=child.returncode, said=said[-2000:].decode("utf-8", "replace"))  # noqa: TRY400
            raise Problem(500, "the job failed; the log says why") from error
