"""A sound over HTTP: its file when a WAV is sent or asked for, its entry of the document when it is JSON.

A file that is sent gets a name of its own, made of its content, and the document's entry names it: so each upload is a
version like any other change, and a rollback plays what was played then.
"""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, get, put
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - the same

from routerd.admin_api import describing
from routerd.admin_api.backend import backend_of
from routerd.admin_api.bodies import JSON_TYPES, media_type
from routerd.admin_api.changes import Applied, etag_of
from routerd.admin_api.document import CREATED, READ, WRITE, IfMatch, current_of
from routerd.admin_api.objects import change_entry, entry_of, put_entry
from routerd.admin_api.problems import Problem, answers
from routerd.config import editing

AnyRequest = Request[Any, Any, Any]
PATH: Final = "/v1/accounts/{account:str}/sounds/{name:str}"
LARGEST_FILE_BYTES: Final = 64_000_000
WAV_TYPES: Final = frozenset({"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"})
_BODY: Final = {**describing.takes_file(describing.WAV)[describing.BODY], **describing.takes("Sound")[describing.BODY]}
_GIVES: Final = {
    **describing.gives("Sound")[describing.GIVES], **describing.takes_file(describing.WAV)[describing.BODY],
}  # fmt: skip


@put(PATH, guards=WRITE, request_max_body_size=LARGEST_FILE_BYTES, tags=["sounds"], opt={describing.BODY: _BODY},
     responses={**answers(404, 408, 409, 412, 413, 415, 422), **CREATED})  # fmt: skip
async def put_sound(
    request: AnyRequest,
    state: State,
    account: FromPath[str],
    name: FromPath[str],
    if_match: IfMatch = "",  # noqa: ARG001 - read with the other conditions
) -> Response[Applied]:
    """Put a sound: a WAV file (`Content-Type: audio/wav`), which is kept and which the entry names, or the entry."""
    given = media_type(request)
    if given in JSON_TYPES:
        return await put_entry(request, state, account, "sounds", name)
    if given not in WAV_TYPES:
        raise Problem(415, f"{given[:100]} is not taken here", pointer="Content-Type", hint="audio/wav")
    await current_of(state, account)
    file = await backend_of(state).documents.keep_sound(account, name, await request.body())
    created = False

    def change(tree: editing.Tree) -> int:
        nonlocal created
        place = editing.place_of(tree, "sounds", name)
        entry = {} if place is None else dict(tree["sounds"][place])
        for made in ("text", "voice", "duration_s"):
            entry.pop(made, None)
        place, created = editing.put_entry(tree, "sounds", name, {**entry, "file": file})
        return place

    response = await change_entry(request, state, account, "sounds", change)
    response.status_code = 201 if created else 200
    return response


@get(PATH, guards=READ, tags=["sounds"], responses=answers(404), opt={describing.GIVES: _GIVES})
async def get_sound(request: AnyRequest, state: State, account: FromPath[str], name: FromPath[str]) -> Response[Any]:
    """Give a sound: its WAV file when `Accept` names audio, else its entry of the document."""
    entry, version = await entry_of(state, account, "sounds", name)
    headers = {"ETag": etag_of(version), "Vary": "Accept"}
    if "audio/" not in request.headers.get("accept", "").lower():
        return Response(entry, headers=headers)
    file = entry.get("file")
    if not isinstance(file, str):
        raise Problem(404, "this sound is spoken, not a file", hint="its text stands in the entry")
    content = await backend_of(state).documents.sound_file(account, file)
    return Response(content, headers=headers, media_type=describing.WAV)


ROUTES: list[Any] = [put_sound, get_sound]
