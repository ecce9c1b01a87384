"""Past calls: their records page by page, and whole as CSV or JSON lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath, QueryParameter
from litestar.response import Stream

from routerd.admin_api.authentication import needs
from routerd.admin_api.backend import backend_of
from routerd.admin_api.observation import observation_of
from routerd.admin_api.paging import MOST
from routerd.admin_api.problems import Problem, answers, no_such
from routerd.b2bua import ladder
from routerd.store import dispositions
from routerd.store.entries import summary
from routerd.store.exporting import CSV, JSON_LINES
from routerd.store.queries import RecordFilter, cursor_of, read_cursor

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from routerd.store.sqlite import Store

AnyRequest = Request[Any, Any, Any]
FORMS: Final = {"text/csv": CSV, "application/x-ndjson": JSON_LINES, "application/jsonl": JSON_LINES}
TYPES: Final = {CSV: "text/csv; charset=utf-8", JSON_LINES: "application/x-ndjson"}
ALL: Final = 1 << 40
Word = Annotated[str, QueryParameter(max_length=200)]
Instant = Annotated[float, QueryParameter(ge=0, le=1e12, description="UTC seconds.")]
Seconds = Annotated[float, QueryParameter(ge=0, le=1e12)]


@get("/v1/accounts/{account:str}/records", guards=[needs("read")], responses=answers(), tags=["records"])
async def records(
    request: AnyRequest,
    state: State,
    account: FromPath[str],
    *,
    since: Instant = 0.0,
    until: Instant = 1e12,
    number: Word = "",
    outcome: Word = "",
    limit: Annotated[int, QueryParameter(ge=1, le=MOST)] = 100,
    agent: Word = "",
    reason: Word = "",
    cursor: Word = "",
    department: Word = "",
    ivr: Word = "",
    kind: Word = "",
    trunk: Word = "",
    shortest_s: Seconds = 0.0,
    longest_s: Seconds = 1e12,
) -> Response[Any] | Stream:
    """Give past calls, newest first, by time, number (caller or callee), agent, department, menu, outcome, length.

    ``cursor`` is the ``next`` of the page before; there is one while there may be more. With ``Accept: text/csv`` or
    ``application/x-ndjson`` all of them are given at once, as a stream.
    """
    wanted = RecordFilter(
        account, since, until, number, outcome, limit, agent, reason, cursor, department, ivr, kind, trunk, shortest_s,
        longest_s,
    )  # fmt: skip
    if cursor:
        _check(cursor)
    form = _form(request.headers.get("accept", ""))
    if form:
        return await _exported(state, msgspec.structs.replace(wanted, limit=ALL), form)
    found: list[dict[str, Any]] = await backend_of(state).run(_page, wanted)
    page: dict[str, Any] = {"records": found}
    return Response({**page, "next": cursor_of(found[-1])} if found and len(found) == limit else page)


def _check(cursor: str) -> None:
    try:
        read_cursor(cursor)
    except ValueError as error:
        hint = "the next of the page before"
        raise Problem(400, "this is no cursor of ours", pointer="/cursor", hint=hint) from error


def _form(accept: str) -> str:
    named = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    return next((FORMS[name] for name in named if name in FORMS), "")


async def _exported(state: State, wanted: RecordFilter, form: str) -> Stream:
    name = f"records.{'csv' if form == CSV else 'jsonl'}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    pieces: AsyncIterator[bytes] = observation_of(state).export(wanted, form)
    return Stream(pieces, media_type=TYPES[form], headers=headers)


def _page(store: Store, wanted: RecordFilter) -> list[dict[str, Any]]:
    found = [summary(record) for record in store.records(wanted)]
    dispositions.add_to(store, found)
    return found


@get("/v1/accounts/{account:str}/records/{call_id:str}", guards=[needs("read")], responses=answers(404),
     tags=["records"])  # fmt: skip
async def record(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Give the record of one call, with what each step of its decision read."""
    return await record_of(state, account, call_id)


async def record_of(state: State, account: str, call_id: str) -> dict[str, Any]:
    """Give the record of a call of the account; raises the 404."""
    found: dict[str, Any] | None = await backend_of(state).run(_one, call_id)
    if found is None or found.get("account") != account:
        raise no_such("record of that call")
    return found


def _one(store: Store, call_id: str) -> dict[str, Any] | None:
    found = store.record(call_id)
    if found is not None:
        dispositions.add_to(store, [found])
        found["ladder"] = ladder.rows(found)
    return found


ROUTES: list[Any] = [records, record]
