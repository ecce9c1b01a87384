"""Why a call went where it went, and what happened when: of past calls, and of those that go on."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - litestar resolves annotations

from routerd.admin_api.authentication import needs
from routerd.admin_api.backend import backend_of
from routerd.admin_api.bundle import bundle_of
from routerd.admin_api.problems import answers, no_such
from routerd.b2bua import ladder
from routerd.rules import explanation
from routerd.store.sqlite import Store

READ: Final = answers(404)


async def story_of(state: State, account: str, call_id: str) -> dict[str, Any]:
    """Give the record of a call, or what it would say by now; raises the 404."""
    backend = backend_of(state)
    found: dict[str, Any] | None = await backend.run(Store.record, call_id)
    if found is None:
        reply = await backend.command("call", {"account": account, "call": call_id, "record": True})
        found = (reply or {}).get("record")
    if found is None or found.get("account") != account:
        raise no_such("call", call_id)
    return found


@get("/v1/accounts/{account:str}/calls/{call_id:str}/explanation", guards=[needs("read")], responses=READ,
     tags=["records"])  # fmt: skip
async def explanation_of(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Say why a call went where it went, ended or not; ``text`` is for people, the rest exact."""
    found = await story_of(state, account, call_id)
    return {**explanation.to_json(found), "text": explanation.explain(found)}


@get("/v1/accounts/{account:str}/calls/{call_id:str}/timeline", guards=[needs("read")], responses=READ,
     tags=["records"])  # fmt: skip
async def timeline_of(state: State, account: FromPath[str], call_id: FromPath[str]) -> dict[str, Any]:
    """Say what happened in a call, and when: SIP messages, decisions, legs and media on one line."""
    found = await story_of(state, account, call_id)
    messages = ladder.rows(found)
    return {"call": call_id, "timeline": explanation.timeline(found, messages), "ladder": messages}


@get("/v1/accounts/{account:str}/calls/{call_id:str}/bundle", guards=[needs("read")], responses=READ,
     tags=["records"])  # fmt: skip
async def bundle(state: State, account: FromPath[str], call_id: FromPath[str]) -> Response[dict[str, Any]]:
    """Give a call's story to hand to a provider: numbers masked, names and secrets gone."""
    made = bundle_of(await story_of(state, account, call_id))
    headers = {"Content-Disposition": f'attachment; filename="call-{_plain(call_id)}.json"'}
    return Response(made, headers=headers)


def _plain(text: str) -> str:
    return "".join(char if char.isascii() and (char.isalnum() or char in "-_.") else "_" for char in text)[:80]


ROUTES: list[Any] = [explanation_of, timeline_of, bundle]
