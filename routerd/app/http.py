"""Health, metrics and the read-only views over HTTP, in the control process' loop.

Views need the bearer token of the token file, which is made at the first start (0600); health and metrics do not: they
are for load balancers and scrapers, on a listener that is loopback unless said otherwise.
"""

from __future__ import annotations

import hmac
import os
import secrets
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import uvicorn
from litestar import Litestar, MediaType, Request, Response, get
from litestar.datastructures import State
from litestar.exceptions import HTTPException, NotAuthorizedException
from litestar.params import FromPath, FromQuery  # noqa: TC002 - litestar resolves annotations

from routerd.app.totals import render
from routerd.errors import StoreError
from routerd.rules import explanation
from routerd.store.queries import RecordFilter, cursor_of
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from routerd.app.control import Control

TOKEN_BYTES = 32
VIEWS = frozenset({"calls", "registrations", "trunks", "agents"})


def token_of(path: Path) -> str:
    """Read the admin token, making one (0600) when there is none; raises ``OSError``."""
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        token = secrets.token_urlsafe(TOKEN_BYTES)
        path.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
            out.write(token + "\n")
        return token


@get("/health/live", media_type=MediaType.TEXT, sync_to_thread=False)
def live() -> str:
    """Say that the control process runs."""
    return "alive\n"


@get("/health/ready", media_type=MediaType.TEXT, sync_to_thread=False)
def ready(state: State) -> Response[str]:
    """Say whether calls are taken: 200 or 503."""
    if state.control.hub.ready:
        return Response("ready\n")
    return Response("the sip process does not serve\n", status_code=503)


@get("/metrics", media_type=MediaType.TEXT)
async def metrics(state: State) -> str:
    """Give Prometheus its text."""
    return render(await state.control.samples())


@get("/v1/accounts/{account:str}/records")
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
        found: list[dict[str, Any]] = await state.control.writer.run(Store.records, wanted)
    except ValueError as error:
        raise HTTPException(str(error), status_code=400) from error
    page = {"records": found}
    return {**page, "next": cursor_of(found[-1])} if found and len(found) == limit else page


@get("/v1/accounts/{account:str}/records/{call_id:str}")
async def record(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Give the record of one call."""
    return await _record(state, account, call_id)


@get("/v1/accounts/{account:str}/calls/{call_id:str}/explanation")
async def explanation_of(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Say why a call went where it went; ``text`` is for people, the rest exact."""
    found = await _record(state, account, call_id)
    return {**explanation.to_json(found), "text": explanation.explain(found)}


@get("/v1/accounts/{account:str}/calls/{call_id:str}/timeline")
async def timeline_of(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Say what happened in a call, and when."""
    return {"timeline": explanation.timeline(await _record(state, account, call_id))}


async def _record(state: State, account: str, call_id: str) -> dict[str, Any]:
    found: dict[str, Any] | None = await state.control.writer.run(Store.record, call_id)
    if found is None or found.get("account") != account:
        raise HTTPException("no record of that call", status_code=404)
    return found


@get("/v1/accounts/{account:str}/{view:str}")
async def live_view(state: State, account: FromPath[str], view: FromPath[str]) -> dict[str, Any]:
    """Give what the switch has now: registrations, trunks, agents."""
    return await _view(state, account, view)


@get("/v1/accounts/{account:str}/calls")
async def live_calls(state: State, account: FromPath[str]) -> dict[str, Any]:
    """Give the calls in progress (a path of its own: single calls stand below it)."""
    return await _view(state, account, "calls")


async def _view(state: State, account: str, view: str) -> dict[str, Any]:
    if view not in VIEWS:
        raise HTTPException("no such view", status_code=404)
    wanted: dict[str, Any] = {"account": account}
    found: dict[str, Any] = {}
    while True:  # page by page: making a long one would hold up calls
        page: dict[str, Any] | None = await state.control.hub.command(view, wanted)
        if page is None:
            raise HTTPException("the sip process does not answer", status_code=503)
        refusal = page.get("error")
        if refusal:
            raise HTTPException(str(refusal.get("message")), status_code=int(refusal.get("status", 422)))
        for name, rows in page.items():
            if name not in {"ok", "next"}:
                found.setdefault(name, []).extend(_of_account(rows, account))
        if "next" not in page:
            return found
        wanted = {"account": account, "next": page["next"]}


async def need_token(request: Request[Any, Any, Any]) -> None:
    """Refuse what has no bearer token, but for health and metrics."""
    if request.url.path.startswith("/v1"):
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {request.app.state.token}".encode()):
            raise NotAuthorizedException("a bearer token is needed: Authorization: Bearer …")


def application(control: Control, token: str) -> Litestar:
    """Make the application over a running control process."""
    return Litestar(
        [live, ready, metrics, records, record, explanation_of, timeline_of, live_calls, live_view],
        state=State({"control": control, "token": token}),
        before_request=need_token,
        exception_handlers={HTTPException: _error, StoreError: _store_error},
        logging_config=None,
        openapi_config=None,
    )


def _store_error(_request: Request[Any, Any, Any], error: StoreError) -> Response[dict[str, Any]]:
    body = {"error": {"code": "unavailable", "message": str(error), "pointer": "", "hint": ""}}
    return Response(body, status_code=503)


def _of_account(rows: list[Any], account: str) -> list[Any]:
    """Leave out what another account owns."""
    return [row for row in rows if row.get("account", account) == account]


def _error(_request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    code = {401: "unauthorized", 404: "not_found", 503: "unavailable"}.get(error.status_code, "refused")
    body = {"error": {"code": code, "message": error.detail, "pointer": "", "hint": ""}}
    return Response(body, status_code=error.status_code)


class AdminServer(uvicorn.Server):
    """Uvicorn in our loop, on a socket that is bound before: signals and the process' end stay ours."""

    def __init__(self, application_: Litestar, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(application_, host=host, port=port, log_config=None, access_log=False, lifespan="off")
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the control process."""
        yield
