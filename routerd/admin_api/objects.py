"""The entries of a document's lists, one by one; each change of one makes a version, as putting the document does.

An entry is called by its ``id``, a number and a blocked caller by the number, an outbound route by its prefix (the
empty one by ``default``). Entries keep their places, a new one comes last. What is wrong is told with pointers into
the entry that was sent, or into the document where another part of it is hurt.
"""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Any, Final

from litestar import Response, delete, get, patch, put
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - the same

from routerd.admin_api import describing
from routerd.admin_api.backend import backend_of
from routerd.admin_api.bodies import MERGE_TYPES, read_object
from routerd.admin_api.changes import Applied, etag_of
from routerd.admin_api.document import CREATED, READ, WRITE, AnyRequest, IfMatch, answer, current_of, wish_of
from routerd.admin_api.paging import Cursor, Limit, page_of
from routerd.admin_api.problems import Problem, answers, no_such
from routerd.config import editing
from routerd.config.problems import DocumentErrors

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.config.editing import Tree
    from routerd.store.versions import DocumentVersion

LIVE: Final = frozenset({"agents", "trunks"})  # their lists are live views
OWN_ROUTES: Final = frozenset({"sounds"})  # a sound's file has the same path
EMPTY: Final = "default"


def name_in(section: str, name: str) -> str:
    """Give what a path's name stands for."""
    return "" if section == "outbound_routes" and name == EMPTY else name


class Trees:
    """The plain values of documents, as long as they are in force and not too large to be kept."""

    LARGEST: Final = 4_000_000
    MOST: Final = 4

    def __init__(self) -> None:
        self._kept: dict[tuple[str, int], Tree] = {}

    async def of(self, known: DocumentVersion) -> Tree:
        """Give the tree of a version, secrets hidden; it must not be changed."""
        key = (known.account, known.version)
        found = self._kept.get(key)
        if found is None:
            found = await asyncio.to_thread(lambda: editing.redacted(editing.read_stored(known.text, known.source)))
            if len(known.text) <= self.LARGEST:
                self._kept[key] = found
                while len(self._kept) > self.MOST:
                    del self._kept[next(iter(self._kept))]
        return found


async def entry_of(state: State, account: str, section: str, name: str) -> tuple[Tree, int]:
    """Give an entry, secrets hidden, and the document's version; raises the 404."""
    known = await current_of(state, account)
    tree = await state.trees.of(known)
    place = editing.place_of(tree, section, name_in(section, name))
    if place is None:
        raise no_such(f"entry of {section}", name)
    entry: Tree = tree[section][place]
    return entry, known.version


async def change_entry(
    request: AnyRequest, state: State, account: str, section: str, change: Callable[[Tree], int | None]
) -> Response[Applied]:
    """Change a document by ``change(tree)``, which gives the place of the entry that errors are about."""
    place: int | None = None

    def noted(tree: Tree) -> None:
        nonlocal place
        place = change(tree)

    try:
        applied = await backend_of(state).documents.edit(account, noted, wish_of(request))
    except DocumentErrors as error:
        base = f"/{section}/{place}/"
        for one in error.errors:
            if one.pointer.startswith(base):
                one.pointer = one.pointer[len(base) - 1 :]
        raise
    return await answer(request, state, applied)


async def list_section(state: State, account: str, section: str, limit: int, cursor: str) -> dict[str, Any]:
    """Give the entries of one list, in their order; ``cursor`` is the name of the last entry of the page before."""
    known = await current_of(state, account)
    tree = await state.trees.of(known)
    start = 0
    if cursor:
        place = editing.place_of(tree, section, name_in(section, cursor))
        if place is None:
            raise Problem(400, "the entry of this cursor is gone", pointer="/cursor", hint="begin at the first page")
        start = place + 1
    rows = tree.get(section, [])[start : start + limit]
    page = page_of(section, rows, limit, lambda entry: editing.name_of(section, entry) or EMPTY)
    return {**page, "version": known.version}


async def put_entry(request: AnyRequest, state: State, account: str, section: str, name: str) -> Response[Applied]:
    """Put one entry; 201 when it is new."""
    entry = await read_object(request)
    created = False

    def change(tree: Tree) -> int:
        nonlocal created
        place, created = editing.put_entry(tree, section, name_in(section, name), copy.deepcopy(entry))
        return place

    response = await change_entry(request, state, account, section, change)
    response.status_code = 201 if created else 200
    return response


async def patch_entry(request: AnyRequest, state: State, account: str, section: str, name: str) -> Response[Applied]:
    """Change one entry by a merge patch."""
    changes = await read_object(request, MERGE_TYPES)

    def change(tree: Tree) -> int:
        place = editing.place_of(tree, section, name_in(section, name))
        if place is None:
            raise no_such(f"entry of {section}", name)
        merged = editing.merge_patch(tree[section][place], changes)
        return editing.put_entry(tree, section, name_in(section, name), merged)[0]

    return await change_entry(request, state, account, section, change)


async def delete_entry(request: AnyRequest, state: State, account: str, section: str, name: str) -> Response[Applied]:
    """Remove one entry; what still refers to it is an error."""

    def change(tree: Tree) -> None:
        if not editing.remove_entry(tree, section, name_in(section, name)):
            raise no_such(f"entry of {section}", name)

    return await change_entry(request, state, account, section, change)


def _routes(section: str) -> list[Any]:
    """Make the routes of one list."""
    path = f"/v1/accounts/{{account:str}}/{section}"
    kind = describing.kind_of(section)
    common: dict[str, Any] = {"tags": [section]}
    changing = answers(404, 408, 409, 412, 413, 415, 422)

    async def read(state: State, account: FromPath[str], name: FromPath[str]) -> Response[dict[str, Any]]:
        entry, version = await entry_of(state, account, section, name)
        return Response(entry, headers={"ETag": etag_of(version)})

    async def replace(
        request: AnyRequest, state: State, account: FromPath[str], name: FromPath[str], if_match: IfMatch = ""
    ) -> Response[Applied]:
        del if_match  # read with the other conditions
        return await put_entry(request, state, account, section, name)

    async def change(
        request: AnyRequest, state: State, account: FromPath[str], name: FromPath[str], if_match: IfMatch = ""
    ) -> Response[Applied]:
        del if_match
        return await patch_entry(request, state, account, section, name)

    async def remove(
        request: AnyRequest, state: State, account: FromPath[str], name: FromPath[str], if_match: IfMatch = ""
    ) -> Response[Applied]:
        del if_match
        return await delete_entry(request, state, account, section, name)

    async def listed(state: State, account: FromPath[str], limit: Limit = 100, cursor: Cursor = "") -> dict[str, Any]:
        return await list_section(state, account, section, limit, cursor)

    one = f"{path}/{{name:str}}"
    routes: list[Any] = []
    if section not in OWN_ROUTES:
        routes = [
            get(one, guards=READ, responses=answers(404), summary=f"One of {section}", **common,
                opt=describing.gives(kind))(read),
            put(one, guards=WRITE, responses={**changing, **CREATED}, **common,
                summary=f"Put one of {section}", opt=describing.takes(kind))(replace),
        ]  # fmt: skip
    routes += [
        patch(one, guards=WRITE, responses=changing, summary=f"Change one of {section} (RFC 7396)", **common,
              opt=describing.takes_patch(kind))(change),
        delete(one, guards=WRITE, status_code=200, responses=answers(404, 409, 412, 422), **common,
               summary=f"Remove one of {section}")(remove),
        get(f"/v1/accounts/{{account:str}}/document/{section}", guards=READ, responses=answers(404), **common,
            summary=f"The document's {section}, in their order")(listed),
    ]  # fmt: skip
    if section not in LIVE:
        routes.append(get(path, guards=READ, responses=answers(404), **common,
                          summary=f"The document's {section}, in their order")(listed))  # fmt: skip
    return routes


ROUTES: list[Any] = [route for section in editing.SECTIONS for route in _routes(section)]
