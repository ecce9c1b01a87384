"""Calls in progress: looked at, begun, held, recorded, transferred, hung up; what an agent says a call was about."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, delete, get, post, put
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - litestar resolves annotations

from routerd.admin_api.authentication import caller_of, needs
from routerd.admin_api.backend import backend_of, carry_out, need_account
from routerd.admin_api.live import rows_of
from routerd.admin_api.orders import Hold, NewCall, NewDisposition, Record, Transfer, read_order, takes_order
from routerd.admin_api.problems import Problem, answers, no_such
from routerd.store import dispositions
from routerd.store.dispositions import Disposition

AnyRequest = Request[Any, Any, Any]
DISPOSITION_S: Final = 3600.0  # how long after a call it may be said what it was about
RECORDING: Final = {"on": "record", "paused": "pause_recording", "off": "stop_recording"}
READ: Final = answers(404)
WRITE: Final = answers(404, 408, 409, 413, 415, 422)


async def need_call(state: State, account: str, call_id: str) -> dict[str, Any]:
    """Give a call in progress of the account; raises the 404."""
    need_account(state, account)
    reply = await carry_out(state, "call", {"account": account, "call": call_id})
    call: dict[str, Any] = reply["call"]
    return call


@get("/v1/accounts/{account:str}/calls", guards=[needs("read")], responses=READ, tags=["calls"])
async def calls(state: State, account: FromPath[str]) -> dict[str, list[dict[str, Any]]]:
    """Give the calls in progress: legs with their states, the agent, the place in a queue, who carries the media."""
    return {"calls": await rows_of(state, account, "calls")}


@get("/v1/accounts/{account:str}/calls/{call_id:str}", guards=[needs("read")], responses=READ, tags=["calls"])
async def call(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Give one call in progress."""
    return await need_call(state, account, call_id)


@post("/v1/accounts/{account:str}/calls", guards=[needs("calls")], status_code=202, responses=WRITE, tags=["calls"],
      opt=takes_order(NewCall, {"agent": "asha", "to": "+919812345678", "via": "extension"}))  # fmt: skip
async def originate(request: AnyRequest, state: State, account: FromPath[str]) -> Response[dict[str, Any]]:
    """Click-to-call: the gates are answered at once, then the agent is rung, then the number.

    What comes of it is told by events and at last by the record. Send an ``Idempotency-Key``: the same key gives the
    same call.
    """
    need_account(state, account)
    wanted = await read_order(request, NewCall)
    order = {"account": account, "agent": wanted.agent, "to": wanted.to, "via": wanted.via}
    reply = await carry_out(state, "originate", {**order, "caller_id": wanted.caller_id})
    made = str(reply["call"])
    headers = {"Location": f"/v1/accounts/{account}/calls/{made}"}
    return Response({"call": made}, status_code=202, headers=headers)


@delete("/v1/accounts/{account:str}/calls/{call_id:str}", guards=[needs("calls")], responses=READ, tags=["calls"])
async def hang_up(state: State, account: FromPath[str], call_id: FromPath[str]) -> None:
    """End a call."""
    await need_call(state, account, call_id)
    await carry_out(state, "hang_up", {"account": account, "call": call_id})


@post("/v1/accounts/{account:str}/calls/{call_id:str}/transfer", guards=[needs("calls")], status_code=202,
      responses=WRITE, tags=["calls"], opt=takes_order(Transfer, {"to": "+919812345678", "leg": "caller"}))  # fmt: skip
async def transfer(request: AnyRequest, state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Send a party of a connected call to another number; the other party, an agent, leaves when it answers."""
    await need_call(state, account, call_id)
    wanted = await read_order(request, Transfer)
    await carry_out(state, "transfer", {"account": account, "call": call_id, "to": wanted.to, "leg": wanted.leg})
    return {"call": call_id, "to": wanted.to}


@put("/v1/accounts/{account:str}/calls/{call_id:str}/hold", guards=[needs("calls")], responses=WRITE, tags=["calls"],
     opt=takes_order(Hold, {"held": True}))  # fmt: skip
async def hold(request: AnyRequest, state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Hold a connected call (the held party hears music), or go on with it."""
    await need_call(state, account, call_id)
    wanted = await read_order(request, Hold)
    order = {"account": account, "call": call_id}
    if wanted.held:
        await carry_out(state, "hold", order if wanted.leg is None else {**order, "leg": wanted.leg})
    else:
        await carry_out(state, "unhold", order)
    return {"call": call_id, "held": wanted.held}


@put("/v1/accounts/{account:str}/calls/{call_id:str}/recording", guards=[needs("calls")], responses=WRITE,
     tags=["calls"], opt=takes_order(Record, {"recording": "paused"}))  # fmt: skip
async def record(request: AnyRequest, state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Record a connected call, after the announcement that the account wants; leave something out; or end it."""
    await need_call(state, account, call_id)
    wanted = await read_order(request, Record)
    await carry_out(state, RECORDING[wanted.recording], {"account": account, "call": call_id})
    return {"call": call_id, "recording": wanted.recording}


@put("/v1/accounts/{account:str}/calls/{call_id:str}/disposition", guards=[needs("calls", "agents")], responses=WRITE,
     tags=["calls"], opt=takes_order(NewDisposition, {"code": "sold", "note": "wants an invoice"}))  # fmt: skip
async def dispose(request: AnyRequest, state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Say what a call was about, while it goes on or up to an hour after it; the last word stands."""
    need_account(state, account)
    wanted = await read_order(request, NewDisposition)
    backend = backend_of(state)
    made = Disposition(call_id, account, wanted.code, wanted.note, caller_of(request).name, backend.now())
    problem = await backend.run(dispositions.put, made, DISPOSITION_S)
    if problem == "too_late":
        raise Problem(409, "the call ended more than an hour ago", code=problem)
    if problem:
        raise no_such("call", call_id)
    return {"call": call_id, "code": wanted.code, "note": wanted.note}


ROUTES: list[Any] = [calls, call, originate, hang_up, transfer, hold, record, dispose]
