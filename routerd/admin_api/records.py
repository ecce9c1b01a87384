"""Past calls: their records, page by page, and why each went where it went."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath, FromQuery  # noqa: TC002 - litestar resolves annotations

from routerd.admin_api.authentication import needs
from routerd.admin_api.backend import backend_of
from routerd.admin_api.problems import Problem, answers, no_such
from routerd.rules import explanation
from routerd.store.queries import RecordFilter, cursor_of
from routerd.store.sqlite import Store


@get("/v1/accounts/{account:str}/records", guards=[needs("read")], responses=answers(), tags=["records"])
async def records(
    state: State,
    account: FromPath[str],
    since: FromQuery[float] = 0.0,
    until: FromQuery[float] = 1e12,
    number: FromQuery[str] = "",
    outcome: FromQuery[str] = "",
    limit: FromQuery[int] = 100,
    agent: FromQuery[str] = "",
    reason: FromQuery[str] = "",
    cursor: FromQuery[str] = "",
) -> dict[str, Any]:
    """Give past calls, newest first; ``since`` and ``until`` in UTC seconds, ``number`` as caller or callee.

    ``cursor`` is the ``next`` of the page before; there is one while there may be more.
    """
    wanted = RecordFilter(account, since, until, number, outcome, limit, agent, reason, cursor)
    try:
        found: list[dict[str, Any]] = await backend_of(state).run(Store.records, wanted)
    except ValueError as error:
        raise Problem(400, str(error), pointer="/cursor") from error
    page = {"records": found}
    return {**page, "next": cursor_of(found[-1])} if found and len(found) == limit else page


@get("/v1/accounts/{account:str}/records/{call_id:str}", guards=[needs("read")], responses=answers(404),
     tags=["records"])  # fmt: skip
async def record(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Give the record of one call."""
    return await record_of(state, account, call_id)


@get("/v1/accounts/{account:str}/calls/{call_id:str}/explanation", guards=[needs("read")], responses=answers(404),
     tags=["records"])  # fmt: skip
async def explanation_of(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Say why a call went where it went; ``text`` is for people, the rest exact."""
    found = await record_of(state, account, call_id)
    return {**explanation.to_json(found), "text": explanation.explain(found)}


@get("/v1/accounts/{account:str}/calls/{call_id:str}/timeline", guards=[needs("read")], responses=answers(404),
     tags=["records"])  # fmt: skip
async def timeline_of(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Say what happened in a call, and when."""
    return {"timeline": explanation.timeline(await record_of(state, account, call_id))}


async def record_of(state: State, account: str, call_id: str) -> dict[str, Any]:
    """Give the record of a call of the account; raises the 404."""
    found: dict[str, Any] | None = await backend_of(state).run(Store.record, call_id)
    if found is None or found.get("account") != account:
        raise no_such("record of that call")
    return found


ROUTES: list[Any] = [records, record, explanation_of, timeline_of]
