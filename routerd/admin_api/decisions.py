"""What would be decided: a call simulated, recorded calls decided again, and what a document that may come changes.

All three run in a process of their own, one at a time, so that neither calls nor this API wait for them.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Protocol

import msgspec
from litestar import Request, post
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath, QueryParameter

from routerd.admin_api import describing
from routerd.admin_api.authentication import needs
from routerd.admin_api.backend import backend_of
from routerd.admin_api.bodies import JSON_TYPES, decode, need_type, read_document
from routerd.admin_api.document import DOCUMENT, READ, current_of
from routerd.admin_api.problems import answers
from routerd.config.load import MAX_JSON_BYTES

AnyRequest = Request[Any, Any, Any]
MOST_DAYS: Final = 3660.0
Days = Annotated[
    float, QueryParameter(ge=0, le=MOST_DAYS, description="The calls of so many last days are decided again.")
]
REFUSALS: Final = answers(404, 408, 413, 415, 422)


class Jobs(Protocol):
    """Work that takes a processor for a while, done by a child process. Raises Problem (503 when too many wait)."""

    async def plan(self, account: str, text: bytes, source: str, days: float) -> dict[str, Any]:
        """Say what a text would change. Raises ConfigError when it is refused."""

    async def replay(self, account: str, text: bytes, source: str, days: float, call: str) -> dict[str, Any]:
        """Decide recorded calls again by a text: those of the last days, or one."""

    async def simulate(self, text: bytes, source: str, scenario: bytes) -> dict[str, Any]:
        """Play a scenario. Raises ConfigError when the document or the scenario is refused."""


class Simulation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scenario, played by the document in force unless another one is given."""

    scenario: msgspec.Raw
    document: msgspec.Raw = msgspec.Raw(b"")


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which recorded calls to decide again: of the last days, or one; by the document in force, or by another."""

    days: Annotated[float, msgspec.Meta(ge=0, le=MOST_DAYS)] = 7.0
    call: Annotated[str, msgspec.Meta(max_length=200)] = ""
    document: msgspec.Raw = msgspec.Raw(b"")


SCENARIO: Final = {
    "at": "2026-11-23T06:30:00Z",
    "seed": 1,
    "call": {"kind": "inbound", "trunk": "pstn", "from": "+919812345678", "to": "+918069651170"},
    "state": {"registered": {"2001": "203.0.113.7"}},
    "phones": {"extension:2001": {"ring_after_s": 0.1, "answer_after_s": 4}},
}
_OBJECT: Final = {"type": "object"}
_SIMULATION: Final = {
    "type": "object",
    "required": ["scenario"],
    "properties": {"scenario": _OBJECT, "document": {"anyOf": [describing.ref("Document"), {"type": "null"}]}},
    "additionalProperties": False,
}
_REPLAY: Final = {
    "type": "object",
    "properties": {
        "days": {"type": "number", "minimum": 0, "maximum": MOST_DAYS, "default": 7},
        "call": {"type": "string", "maxLength": 200},
        "document": {"anyOf": [describing.ref("Document"), {"type": "null"}]},
    },
    "additionalProperties": False,
}


@post(DOCUMENT + "/plan", guards=READ, status_code=200, responses=REFUSALS, request_max_body_size=MAX_JSON_BYTES,
      opt={**describing.takes_document(), "audited": False}, tags=["decisions"])  # fmt: skip
async def plan(request: AnyRequest, state: State, account: FromPath[str], days: Days = 7.0) -> dict[str, Any]:
    """Say what a document that may come says otherwise, and which recorded calls it would send elsewhere, and why."""
    text, source = await read_document(request)
    return await backend_of(state).jobs.plan(account, text, source, days)


@post("/v1/accounts/{account:str}/simulate", guards=[needs("read", "document")], status_code=200, responses=REFUSALS,
      request_max_body_size=MAX_JSON_BYTES, tags=["decisions"],
      opt={**describing.takes_schema(_SIMULATION, {"scenario": SCENARIO}), "audited": False})  # fmt: skip
async def simulate(request: AnyRequest, state: State, account: FromPath[str]) -> dict[str, Any]:
    """Play one made-up call through the real switch in virtual time: the result is that of `routerd simulate`."""
    need_type(request, JSON_TYPES)
    wanted: Simulation = decode(await request.body(), Simulation)
    text, source = await _text(state, account, wanted.document)
    return await backend_of(state).jobs.simulate(text, source, bytes(wanted.scenario))


@post("/v1/accounts/{account:str}/replay", guards=[needs("read", "document")], status_code=200, responses=REFUSALS,
      request_max_body_size=MAX_JSON_BYTES, tags=["decisions"],
      opt={**describing.takes_schema(_REPLAY, {"days": 14}), "audited": False})  # fmt: skip
async def replay(request: AnyRequest, state: State, account: FromPath[str]) -> dict[str, Any]:
    """Decide recorded calls again, by the document in force or by another: same, otherwise, or not decidable."""
    need_type(request, JSON_TYPES)
    wanted: Replay = decode(await request.body() or b"{}", Replay)
    text, source = await _text(state, account, wanted.document)
    return await backend_of(state).jobs.replay(account, text, source, wanted.days, wanted.call)


async def _text(state: State, account: str, given: msgspec.Raw) -> tuple[bytes, str]:
    """Give the document to decide by, and what it is called by in errors."""
    known = await current_of(state, account)
    if bytes(given) in {b"", b"null"}:
        return known.text, known.source
    return bytes(given), "api.json"


ROUTES: list[Any] = [plan, simulate, replay]
