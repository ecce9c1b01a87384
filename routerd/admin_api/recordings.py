"""Recorded calls: the WAV file of a call, heard or deleted. Listening is for the scope ``calls``, not for readers."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from litestar import delete, get
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - litestar resolves annotations
from litestar.response import File

from routerd.admin_api.authentication import needs
from routerd.admin_api.backend import backend_of, need_account
from routerd.admin_api.problems import answers, no_such
from routerd.store import retention

WAV: Final = "audio/wav"


async def file_of(state: State, account: str, call_id: str) -> Path:
    """Give a call's recording; raises the 404 when there is none (any more)."""
    need_account(state, account)
    file = await backend_of(state).run(retention.recording_of, account, call_id)
    if not file or not await asyncio.to_thread(Path(file).is_file):
        raise no_such("recording of call", call_id)
    return Path(file)


@get("/v1/accounts/{account:str}/recordings/{call_id:str}", guards=[needs("calls")], responses=answers(404),
     tags=["recordings"], media_type=WAV)  # fmt: skip
async def recording(state: State, account: FromPath[str], call_id: FromPath[str]) -> File:
    """Give the recording of a call: stereo, left who made the first offer."""
    found = await file_of(state, account, call_id)
    return File(found, filename=found.name, media_type=WAV, headers={"Cache-Control": "no-store"})


@delete("/v1/accounts/{account:str}/recordings/{call_id:str}", guards=[needs("calls")], responses=answers(404),
        tags=["recordings"])  # fmt: skip
async def remove(state: State, account: FromPath[str], call_id: FromPath[str]) -> None:
    """Delete the recording of a call; its record stays."""
    found = await file_of(state, account, call_id)
    await asyncio.to_thread(retention.delete_files, str(found))
    await backend_of(state).run(retention.forget_recording, call_id)


ROUTES: list[Any] = [recording, remove]
