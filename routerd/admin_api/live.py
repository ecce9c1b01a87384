"""What goes on now: calls, registrations, trunks, agents, as the sip process tells it."""

from __future__ import annotations

from typing import Any

from litestar import get
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - litestar resolves annotations

from routerd.admin_api.authentication import needs
from routerd.admin_api.backend import carry_out
from routerd.admin_api.problems import answers, no_such

VIEWS = frozenset({"calls", "registrations", "trunks", "agents"})


@get("/v1/accounts/{account:str}/{view:str}", guards=[needs("read")], responses=answers(404), tags=["live"])
async def live_view(state: State, account: FromPath[str], view: FromPath[str]) -> dict[str, Any]:
    """Give what the switch has now: registrations, trunks, agents."""
    return await _view(state, account, view)


@get("/v1/accounts/{account:str}/calls", guards=[needs("read")], responses=answers(404), tags=["live"])
async def live_calls(state: State, account: FromPath[str]) -> dict[str, Any]:
    """Give the calls in progress (a path of its own: single calls stand below it)."""
    return await _view(state, account, "calls")


async def _view(state: State, account: str, view: str) -> dict[str, Any]:
    if view not in VIEWS:
        raise no_such("view", view)
    wanted: dict[str, Any] = {"account": account}
    found: dict[str, Any] = {}
    while True:  # page by page: making a long one would hold up calls
        page = await carry_out(state, view, wanted)
        for name, rows in page.items():
            if name not in {"ok", "next"}:
                found.setdefault(name, []).extend(_of_account(rows, account))
        if "next" not in page:
            return found
        wanted = {"account": account, "next": page["next"]}


def _of_account(rows: list[Any], account: str) -> list[Any]:
    """Leave out what another account owns."""
    return [row for row in rows if row.get("account", account) == account]


ROUTES: list[Any] = [live_calls, live_view]
