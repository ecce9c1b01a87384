"""What goes on now, as the sip process tells it: registrations, trunks, bans; and draining."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final

from litestar import Request, delete, get, post
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - litestar resolves annotations

from routerd.admin_api.authentication import need_every_account, needs
from routerd.admin_api.backend import carry_out, need_account
from routerd.admin_api.observation import observation_of
from routerd.admin_api.orders import Draining, NewBan, read_order, takes_order
from routerd.admin_api.problems import Problem, answers

MOST_ROWS: Final = 100_000


async def rows_of(state: State, account: str, view: str) -> list[dict[str, Any]]:
    """Give all rows of a view that are the account's; raises the 404 of an account that is not there."""
    need_account(state, account)
    wanted: dict[str, Any] = {"account": account}
    found: list[dict[str, Any]] = []
    while len(found) < MOST_ROWS:  # page by page: making a long one would hold up calls
        page = await carry_out(state, view, wanted)
        found.extend(row for row in page.get(view, ()) if row.get("account", account) == account)
        if "next" not in page:
            break
        wanted = {"account": account, "next": page["next"]}
    return found


@get("/v1/accounts/{account:str}/registrations", guards=[needs("read")], responses=answers(404), tags=["live"])
async def registrations(state: State, account: FromPath[str]) -> dict[str, list[dict[str, Any]]]:
    """Give who is registered: contact, source, transport, user agent, and the NAT verdict.

    ``nat`` is direct, nat, proxy, websocket, unknown, or ``alg``: a router on the way rewrites SIP; ``nat_text`` says
    why.
    """
    return {"registrations": await rows_of(state, account, "registrations")}


@get("/v1/accounts/{account:str}/trunks", guards=[needs("read")], responses=answers(404), tags=["live"])
async def trunks(state: State, account: FromPath[str]) -> dict[str, list[dict[str, Any]]]:
    """Give the trunks: health, registration, calls and limits, and how they did in the last hour.

    ``asr`` is the answer-seizure ratio, ``pdd_…`` the post-dial delay; null where nothing was measured.
    """
    figures = observation_of(state).trunk_figures(account)
    rows = await rows_of(state, account, "trunks")
    return {"trunks": [{**row, "last_hour": figures.get(str(row.get("id")))} for row in rows]}


@get("/v1/bans", guards=[needs("read")], responses=answers(), tags=["security"])
async def bans(request: Request[Any, Any, Any], state: State) -> dict[str, list[dict[str, Any]]]:
    """Give the addresses that are shut out, and until when; for a token of all accounts."""
    need_every_account(request)
    return {"bans": (await carry_out(state, "bans", {}))["bans"]}


@post("/v1/bans", guards=[needs("admin")], status_code=201, responses=answers(408, 409, 413, 415, 422),
      tags=["security"], opt=takes_order(NewBan, {"address": "198.51.100.9", "for_s": 86400}))  # fmt: skip
async def ban(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """Shut an address out for a while."""
    need_every_account(request)
    wanted = await read_order(request, NewBan)
    address = _address(wanted.address, "/address")
    await carry_out(state, "ban", {"address": address, "for_s": wanted.for_s})
    return {"address": address, "for_s": wanted.for_s}


@delete("/v1/bans/{address:str}", guards=[needs("admin")], responses=answers(404), tags=["security"])
async def unban(request: Request[Any, Any, Any], state: State, address: FromPath[str]) -> None:
    """Let an address in again."""
    need_every_account(request)
    await carry_out(state, "unban", {"address": _address(address, "", 404)})


def _address(text: str, pointer: str, status: int = 422) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise Problem(status, f"{text[:60]!r} is no address", pointer=pointer) from error


@post("/v1/drain", guards=[needs("admin")], status_code=200, responses=answers(408, 409, 413, 415, 422),
      tags=["live"], opt=takes_order(Draining, {"on": True}))  # fmt: skip
async def drain(request: Request[Any, Any, Any], state: State) -> dict[str, Any]:
    """Take no new calls and no originations from now on, or take them again; calls in progress go on."""
    need_every_account(request)
    wanted = await read_order(request, Draining)
    reply = await carry_out(state, "drain", {"on": wanted.on})
    return {"draining": wanted.on, "calls": reply.get("calls", 0)}


ROUTES: list[Any] = [registrations, trunks, bans, ban, unban, drain]
