"""Mailboxes: their messages listed, heard, marked as heard, deleted. Listening is for the scope ``calls``."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from litestar import delete, get, put
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - litestar resolves annotations
from litestar.response import File

from routerd.admin_api.authentication import needs
from routerd.admin_api.backend import backend_of, carry_out, need_account
from routerd.admin_api.problems import answers, no_such
from routerd.store import messages

if TYPE_CHECKING:
    from routerd.store.messages import StoredMessage

WAV: Final = "audio/wav"
READ: Final = answers(404)
BOX: Final = "/v1/accounts/{account:str}/voicemails/{voicemail:str}/messages"


class MessageFacts(msgspec.Struct, frozen=True):
    """A message as it is listed; ``at`` in UTC seconds."""

    id: str
    call: str
    at: float
    caller: str
    caller_name: str
    duration_s: float
    size_bytes: int
    read: bool


@get(BOX, guards=[needs("read")], responses=READ, tags=["voicemails"])
async def listed(state: State, account: FromPath[str], voicemail: FromPath[str]) -> dict[str, list[MessageFacts]]:
    """Give a mailbox' messages, newest first."""
    need_account(state, account)
    found = await backend_of(state).run(messages.listed, account, voicemail)
    return {"messages": [_facts(message) for message in found]}


@delete(BOX, guards=[needs("calls")], responses=READ, tags=["voicemails"])
async def empty(state: State, account: FromPath[str], voicemail: FromPath[str]) -> None:
    """Delete all messages of a mailbox."""
    need_account(state, account)
    for message in await backend_of(state).run(messages.listed, account, voicemail):
        await carry_out(state, "voicemail_delete", _order(message))


@get(BOX + "/{message:str}", guards=[needs("calls")], responses=READ, tags=["voicemails"], media_type=WAV)
async def hear(state: State, account: FromPath[str], voicemail: FromPath[str], message: FromPath[str]) -> File:
    """Give a message's voice; that alone does not mark it as heard."""
    found = await find(state, account, voicemail, message)
    path = Path(found.file)
    if not await asyncio.to_thread(path.is_file):
        raise no_such("message", message)
    return File(path, filename=path.name, media_type=WAV, headers={"Cache-Control": "no-store"})


@put(BOX + "/{message:str}/read", guards=[needs("calls")], responses=READ, tags=["voicemails"])
async def mark(
    state: State, account: FromPath[str], voicemail: FromPath[str], message: FromPath[str]
) -> dict[str, Any]:
    """Mark a message as heard; lamps follow."""
    await carry_out(state, "voicemail_read", _order(await find(state, account, voicemail, message)))
    return {"message": message, "read": True}


@delete(BOX + "/{message:str}", guards=[needs("calls")], responses=READ, tags=["voicemails"])
async def remove(state: State, account: FromPath[str], voicemail: FromPath[str], message: FromPath[str]) -> None:
    """Delete a message; lamps follow."""
    await carry_out(state, "voicemail_delete", _order(await find(state, account, voicemail, message)))


async def find(state: State, account: str, voicemail: str, message: str) -> StoredMessage:
    """Give a message; raises the 404."""
    need_account(state, account)
    found = await backend_of(state).run(messages.find, account, voicemail, message)
    if found is None:
        raise no_such("message", message)
    return found


def _order(message: StoredMessage) -> dict[str, Any]:
    return {"account": message.account, "voicemail": message.voicemail, "id": message.id}


def _facts(message: StoredMessage) -> MessageFacts:
    return MessageFacts(
        message.id, message.call, message.at, message.caller, message.caller_name, message.duration_s,
        message.size_bytes, message.read,
    )  # fmt: skip


ROUTES: list[Any] = [listed, empty, hear, mark, remove]
