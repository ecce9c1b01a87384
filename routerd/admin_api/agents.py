"""Agents as they are now: logged out, available, ringing, in a call, wrapping up, on a break; log-ins and breaks."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, delete, get, put
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - litestar resolves annotations

from routerd.admin_api.authentication import needs
from routerd.admin_api.backend import carry_out, need_account
from routerd.admin_api.live import rows_of
from routerd.admin_api.orders import NewBreak, NewSession, read_order, takes_order
from routerd.admin_api.problems import answers

AnyRequest = Request[Any, Any, Any]
READ: Final = answers(404)
WRITE: Final = answers(404, 408, 413, 415)


@get("/v1/accounts/{account:str}/agents", guards=[needs("read")], responses=READ, tags=["agents"])
async def agents(state: State, account: FromPath[str]) -> dict[str, list[dict[str, Any]]]:
    """Give the agents with their states; ``not_tracked`` are those who need not log in and have no call."""
    return {"agents": await rows_of(state, account, "agents")}


@get("/v1/accounts/{account:str}/agents/{agent:str}/session", guards=[needs("read", "agents")], responses=READ,
     tags=["agents"])  # fmt: skip
async def session(state: State, account: FromPath[str], agent: FromPath[str]) -> dict[str, Any]:
    """Give one agent's state, session and break."""
    need_account(state, account)
    reply = await carry_out(state, "agent", {"account": account, "agent": agent})
    found: dict[str, Any] = reply["agent"]
    return found


@put("/v1/accounts/{account:str}/agents/{agent:str}/session", guards=[needs("agents")], responses=WRITE,
     tags=["agents"], opt=takes_order(NewSession, {"expires_s": 120}))  # fmt: skip
async def login(request: AnyRequest, state: State, account: FromPath[str], agent: FromPath[str]) -> dict[str, Any]:
    """Log an agent in, or renew the session: with ``expires_s`` it is a heartbeat, and ends when it stops."""
    need_account(state, account)
    wanted = await read_order(request, NewSession)
    order = {"account": account, "agent": agent, "expires_s": wanted.expires_s}
    reply = await carry_out(state, "login", order)
    return {"agent": agent, "since": reply.get("since"), "expires_at": reply.get("expires_at")}


@delete("/v1/accounts/{account:str}/agents/{agent:str}/session", guards=[needs("agents")], responses=READ,
        tags=["agents"])  # fmt: skip
async def logout(state: State, account: FromPath[str], agent: FromPath[str]) -> None:
    """Log an agent out; calls that ring them go on as if they were unavailable, a call they are in goes on."""
    need_account(state, account)
    await carry_out(state, "logout", {"account": account, "agent": agent})


@put("/v1/accounts/{account:str}/agents/{agent:str}/break", guards=[needs("agents")], responses=WRITE, tags=["agents"],
     opt=takes_order(NewBreak, {"reason": "lunch"}))  # fmt: skip
async def take_break(request: AnyRequest, state: State, account: FromPath[str], agent: FromPath[str]) -> dict[str, Any]:
    """Send an agent on a break."""
    need_account(state, account)
    wanted = await read_order(request, NewBreak)
    await carry_out(state, "break", {"account": account, "agent": agent, "reason": wanted.reason})
    return {"agent": agent, "reason": wanted.reason}


@delete("/v1/accounts/{account:str}/agents/{agent:str}/break", guards=[needs("agents")], responses=READ,
        tags=["agents"])  # fmt: skip
async def end_break(state: State, account: FromPath[str], agent: FromPath[str]) -> None:
    """Bring an agent back from a break."""
    need_account(state, account)
    await carry_out(state, "unbreak", {"account": account, "agent": agent})


ROUTES: list[Any] = [agents, session, login, logout, take_break, end_break]
