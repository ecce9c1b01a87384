"""A document's life over HTTP: read, put, validated, its versions, rolled back, confirmed or reverted, withdrawn.

The ETag of a document is its version. ``If-Match`` makes a change depend on it (412 when another came in between) and
may be left out: then the change is made whatever is in force. Secrets never come out: each is ``{"set": true}``, and
that written back keeps it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, patch, post, put
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath, HeaderParameter, PathParameter, QueryParameter

from routerd.admin_api import describing
from routerd.admin_api.auditing import note_versions
from routerd.admin_api.authentication import caller_of, needs
from routerd.admin_api.backend import backend_of, carry_out
from routerd.admin_api.bodies import JSON, MERGE_TYPES, YAML, read_document, read_object, wants_yaml
from routerd.admin_api.changes import (
    LONGEST_CONFIRM_S,
    SHORTEST_CONFIRM_S,
    Applied,
    Wish,
    etag_of,
    read_conditions,
)
from routerd.admin_api.paging import Cursor, Limit, number_of, page_of
from routerd.admin_api.problems import Problem, answers, no_such
from routerd.config import editing
from routerd.config.findings import Finding  # noqa: TC001 - msgspec resolves annotations
from routerd.config.load import MAX_JSON_BYTES
from routerd.store import versions

if TYPE_CHECKING:
    from routerd.store.versions import DocumentVersion

AnyRequest = Request[Any, Any, Any]
ConfirmWithin = Annotated[
    float | None,
    QueryParameter(
        ge=SHORTEST_CONFIRM_S,
        le=LONGEST_CONFIRM_S,
        description="Seconds after which the version before comes back by itself unless the new one is confirmed.",
    ),
]
IfMatch = Annotated[str, HeaderParameter(name="If-Match", description='The ETag that must be in force, such as "7".')]
IfNoneMatch = Annotated[str, HeaderParameter(name="If-None-Match", description="`*`: only if there is none yet.")]
Version = Annotated[int, PathParameter(ge=1, le=10**15)]
VERSIONS: Final = "/v1/accounts/{account:str}/versions"
DOCUMENT: Final = "/v1/accounts/{account:str}/document"
READ: Final = [needs("read", "document")]
WRITE: Final = [needs("document")]
CREATED: Final = {201: ResponseSpec(Applied, generate_examples=False, description="The account is new")}


class Judged(msgspec.Struct, frozen=True):
    """A document that may come, and what the static analysis finds in it."""

    valid: bool
    findings: list[Finding]


class VersionFacts(msgspec.Struct, frozen=True):
    """One version, without its text; ``at`` in UTC seconds."""

    version: int
    at: float
    author: str
    source: str
    digest: str
    in_force: bool


def wish_of(request: AnyRequest, confirm_within: float | None = None) -> Wish:
    """Give who wants a change, and the conditions of the headers."""
    conditions = read_conditions(request.headers.get("if-match", ""), request.headers.get("if-none-match", ""))
    return Wish(caller_of(request).name, confirm_within_s=confirm_within, **conditions)


async def answer(request: AnyRequest, state: State, applied: Applied) -> Response[Applied]:
    """Answer a change that was made: when the sip process routes by it, unless that takes too long."""
    note_versions(request, applied.before, applied.version)
    applied = msgspec.structs.replace(applied, serving=await backend_of(state).serving())
    status = 201 if applied.version and not applied.before else 200
    headers = {"ETag": etag_of(applied.version)} if applied.version else {}
    return Response(applied, status_code=status, headers=headers)


async def current_of(state: State, account: str) -> DocumentVersion:
    """Give the version in force; raises the 404."""
    known = await backend_of(state).documents.current(account)
    if known is None:
        raise no_such("document of the account", account)
    return known


def shown(known: DocumentVersion, *, yaml: bool) -> bytes:
    """Give a stored text as it is read back."""
    tree = editing.redacted(editing.read_stored(known.text, known.source))
    return editing.write_yaml(tree) if yaml else editing.write_plain(tree)


@get("/v1/accounts", guards=READ, responses=answers(), tags=["document"])
async def accounts(request: AnyRequest, state: State) -> dict[str, Any]:
    """Give the accounts that the token may see, with the version in force and until when it must be confirmed."""
    backend, caller = backend_of(state), caller_of(request)
    rows = [
        {"account": account, "version": version, "confirm_until": backend.documents.pending(account)}
        for account, version in backend.versions.items()
        if caller.sees(account)
    ]
    return {"accounts": rows}


@get(DOCUMENT, guards=READ, responses=answers(404), tags=["document"], opt=describing.gives_document(304))
async def document(
    request: AnyRequest, state: State, account: FromPath[str], if_none_match: IfNoneMatch = ""
) -> Response[bytes]:
    """Give the document in force as it was written, without comments and secrets; YAML when `Accept` names it."""
    known = await current_of(state, account)
    headers = {"ETag": etag_of(known.version), "Vary": "Accept"}
    if etag_of(known.version) in [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]:
        return Response(b"", status_code=304, headers=headers)
    yaml = wants_yaml(request)
    text = await asyncio.to_thread(shown, known, yaml=yaml)
    return Response(text, headers=headers, media_type=YAML if yaml else JSON)


@put(DOCUMENT, guards=WRITE, request_max_body_size=MAX_JSON_BYTES, tags=["document"],
     responses={**answers(408, 409, 412, 413, 415, 422), **CREATED}, opt=describing.takes_document())  # fmt: skip
async def put_document(
    request: AnyRequest,
    state: State,
    account: FromPath[str],
    confirm_within: ConfirmWithin = None,
    if_match: IfMatch = "",  # noqa: ARG001 - read with the other conditions
    if_none_match: IfNoneMatch = "",  # noqa: ARG001 - the same
) -> Response[Applied]:
    """Bring a document in force: it is validated, compiled and swapped, or refused with every error of it."""
    wish = wish_of(request, confirm_within)
    text, source = await read_document(request)
    return await answer(request, state, await backend_of(state).documents.put(account, text, source, wish))


@patch(DOCUMENT, guards=WRITE, responses=answers(404, 408, 409, 412, 413, 415, 422), tags=["document"],
       opt=describing.takes_patch("Document"))  # fmt: skip
async def patch_document(
    request: AnyRequest,
    state: State,
    account: FromPath[str],
    confirm_within: ConfirmWithin = None,
    if_match: IfMatch = "",  # noqa: ARG001 - read with the other conditions
) -> Response[Applied]:
    """Change the document by a JSON merge patch (RFC 7396); lists are replaced as a whole."""
    wish = wish_of(request, confirm_within)
    changes = await read_object(request, MERGE_TYPES)

    def change(tree: editing.Tree) -> None:
        merged = editing.merge_patch(tree, changes)
        tree.clear()
        tree.update(merged)

    return await answer(request, state, await backend_of(state).documents.edit(account, change, wish))


@delete(DOCUMENT, guards=WRITE, status_code=200, responses=answers(404, 409, 412), tags=["document"])
async def withdraw_document(
    request: AnyRequest,
    state: State,
    account: FromPath[str],
    if_match: IfMatch = "",  # noqa: ARG001 - read with the other conditions
) -> Response[Applied]:
    """Take the account out of force, when no call of it goes on; its versions stay and can be rolled back to."""
    await current_of(state, account)
    calls = (await carry_out(state, "calls", {"account": account})).get("calls", [])
    if any(call.get("account", account) == account for call in calls):
        raise Problem(409, "calls of the account go on", code="calls_go_on", hint="wait for their end, or hang up")
    return await answer(request, state, await backend_of(state).documents.withdraw(account, wish_of(request)))


@post(DOCUMENT + "/validate", guards=READ, status_code=200, responses=answers(408, 413, 415, 422), tags=["document"],
      request_max_body_size=MAX_JSON_BYTES, opt={**describing.takes_document(), "audited": False})  # fmt: skip
async def validate(request: AnyRequest, state: State, account: FromPath[str]) -> Judged:
    """Judge a document, changing nothing: 422 with every error, else what the static analysis finds."""
    text, source = await read_document(request)
    return Judged(valid=True, findings=await backend_of(state).documents.judge(account, text, source))


@post(DOCUMENT + "/confirm", guards=WRITE, status_code=200, responses=answers(404, 409), tags=["document"])
async def confirm(request: AnyRequest, state: State, account: FromPath[str]) -> Response[Applied]:
    """Let the version stay that was applied with `confirm_within`."""
    await current_of(state, account)
    return await answer(request, state, await backend_of(state).documents.confirm(account))


@post(DOCUMENT + "/revert", guards=WRITE, status_code=200, responses=answers(404, 409), tags=["document"])
async def revert(request: AnyRequest, state: State, account: FromPath[str]) -> Response[Applied]:
    """Bring back at once what was before the version that waits to be confirmed."""
    await current_of(state, account)
    applied = await backend_of(state).documents.revert(account, caller_of(request).name)
    return await answer(request, state, applied)


@get(VERSIONS, guards=READ, responses=answers(404), tags=["document"])
async def listed(state: State, account: FromPath[str], limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
    """Give the versions of the account's document, newest first: when, by whom, where from."""
    backend = backend_of(state)
    found = await backend.run(versions.listed, account, number_of(cursor), limit)
    in_force = backend.versions.get(account, 0)
    if not found and not cursor:
        raise no_such("document of the account", account)
    rows = [_facts(one, in_force) for one in found]
    page = page_of("versions", rows, limit, lambda row: row.version)
    return {**page, "confirm_until": backend.documents.pending(account)}


@get(VERSIONS + "/{version:int}", guards=READ, responses=answers(404), tags=["document"])
async def one_version(state: State, account: FromPath[str], version: Version) -> dict[str, Any]:
    """Give one version, with its document as it was written, without secrets."""
    found = await backend_of(state).run(versions.one, account, version)
    if found is None:
        raise no_such("version", str(version))
    tree = await asyncio.to_thread(lambda: editing.redacted(editing.read_stored(found.text, found.source)))
    facts = _facts(found, backend_of(state).versions.get(account, 0))
    return {**msgspec.to_builtins(facts), "document": tree}


@post(VERSIONS + "/{version:int}/rollback", guards=WRITE, status_code=200, tags=["document"],
      responses={**answers(404, 409, 412, 422), **CREATED})  # fmt: skip
async def rollback(
    request: AnyRequest,
    state: State,
    account: FromPath[str],
    version: Version,
    confirm_within: ConfirmWithin = None,
    if_match: IfMatch = "",  # noqa: ARG001 - read with the other conditions
) -> Response[Applied]:
    """Bring an older version's document in force again, as a new version."""
    wish = wish_of(request, confirm_within)
    return await answer(request, state, await backend_of(state).documents.rollback(account, version, wish))


def _facts(found: DocumentVersion, in_force: int) -> VersionFacts:
    return VersionFacts(found.version, found.at, found.author, found.source, found.digest, found.version == in_force)


ROUTES: list[Any] = [
    accounts, document, put_document, patch_document, withdraw_document, validate, confirm, revert, listed, one_version,
    rollback,
]  # fmt: skip
