"""Long lists, page by page: ``limit`` says how many, ``next`` of a page is the ``cursor`` of the one after it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from litestar.params import QueryParameter

from routerd.admin_api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MOST: Final = 1000
NEWEST: Final = (1 << 63) - 1

Limit = Annotated[int, QueryParameter(ge=1, le=MOST, description="How many at most.")]
Cursor = Annotated[str, QueryParameter(max_length=300, description="The `next` of the page before.")]


def number_of(cursor: str, otherwise: int = NEWEST) -> int:
    """Read a cursor that is a number; raises the 400."""
    if not cursor:
        return otherwise
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
        raise Problem(400, "this is no cursor of ours", pointer="/cursor", hint="the next of the page before")
    return int(cursor)


def page_of(name: str, rows: Sequence[Any], limit: int, place: Callable[[Any], Any]) -> dict[str, Any]:
    """Give a page; a full one says where the next begins."""
    page: dict[str, Any] = {name: msgspec.to_builtins(rows)}
    return {**page, "next": str(place(rows[-1]))} if len(rows) == limit else page
