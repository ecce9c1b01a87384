"""Tokens over HTTP: listed, made, removed. The secret of one is shown once, when it is made; its digest is kept.

Whoever makes a token must be for all its accounts, so nobody makes a token that may more than their own.
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, delete, get, post
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath  # noqa: TC002 - the same

from routerd.admin_api import describing
from routerd.admin_api.authentication import EVERY, SCOPES, Caller, Scope, caller_of, digest_of, needs
from routerd.admin_api.backend import backend_of
from routerd.admin_api.bodies import JSON_TYPES, decode, need_type
from routerd.admin_api.gate import FILE_TOKEN, TOKEN_BYTES
from routerd.admin_api.problems import Problem, answers, no_such
from routerd.store import tokens
from routerd.store.tokens import Token

AnyRequest = Request[Any, Any, Any]
PREFIX: Final = "rd_"  # found by those who look for leaked secrets
MOST_TOKENS: Final = 10_000
LONGEST_LIFE_S: Final = 10 * 366 * 86400.0
Account = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^(\*|[A-Za-z0-9_.\-]+)$")]


class NewToken(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A token to be made; ``expires_in_s`` null: it never ends."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    scopes: Annotated[list[Scope], msgspec.Meta(min_length=1, max_length=len(SCOPES))]
    accounts: Annotated[list[Account], msgspec.Meta(min_length=1, max_length=100)] = msgspec.field(
        default_factory=lambda: [EVERY]
    )
    expires_in_s: Annotated[float, msgspec.Meta(gt=0, le=LONGEST_LIFE_S)] | None = None


class TokenFacts(msgspec.Struct, frozen=True):
    """A token without its secret; times in UTC seconds."""

    id: str
    name: str
    scopes: tuple[str, ...]
    accounts: tuple[str, ...]
    created_at: float
    used_at: float | None = None
    expires_at: float | None = None


class MadeToken(msgspec.Struct, frozen=True):
    """A token that was made; ``secret`` is shown this once."""

    token: TokenFacts
    secret: str


EXAMPLE: Final = {"name": "wallboard", "scopes": ["read"], "accounts": ["acme"], "expires_in_s": 2592000}


@get("/v1/tokens", guards=[needs("admin")], responses=answers(), tags=["tokens"])
async def listed(request: AnyRequest, state: State) -> dict[str, list[TokenFacts]]:
    """Give the tokens whose accounts are among the caller's, oldest first; the token file's is not among them."""
    caller = caller_of(request)
    found = await backend_of(state).run(tokens.every)
    return {"tokens": [_facts(state, token) for token in found if _covers(caller, token.accounts)]}


@post("/v1/tokens", guards=[needs("admin")], status_code=201, responses=answers(408, 409, 413, 415, 422),
      tags=["tokens"], opt=describing.takes_schema(describing.schema_of(NewToken), EXAMPLE))  # fmt: skip
async def make(request: AnyRequest, state: State) -> Response[MadeToken]:
    """Make a token; the answer is the only place where its secret ever stands."""
    need_type(request, JSON_TYPES)
    wanted: NewToken = decode(await request.body(), NewToken)
    caller, backend = caller_of(request), backend_of(state)
    if not _covers(caller, tuple(wanted.accounts)):
        raise Problem(403, "a token is for no other accounts than its maker's", pointer="/accounts")
    if len(await backend.run(tokens.every)) >= MOST_TOKENS:
        raise Problem(409, f"there are {MOST_TOKENS} tokens", code="too_many", hint="remove some")
    secret = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    now = backend.now()
    ends = None if wanted.expires_in_s is None else now + wanted.expires_in_s
    scopes, names = tuple(dict.fromkeys(wanted.scopes)), tuple(dict.fromkeys(wanted.accounts))
    token = Token(secrets.token_hex(8), wanted.name, digest_of(secret), scopes, names, now, None, ends)
    await backend.run(tokens.add, token)
    state.gate.add(token)
    made = MadeToken(_facts(state, token), secret)
    return Response(made, status_code=201, headers={"Cache-Control": "no-store"})


@delete("/v1/tokens/{token:str}", guards=[needs("admin")], status_code=204, tags=["tokens"],
        responses=answers(404, 409))  # fmt: skip
async def remove(request: AnyRequest, state: State, token: FromPath[str]) -> None:
    """Remove a token: it is refused from now on."""
    if token == FILE_TOKEN:
        raise Problem(409, "the first token stands in the token file", hint="change the file, and start again")
    backend = backend_of(state)
    found = {one.id: one for one in await backend.run(tokens.every)}.get(token)
    if found is None or not _covers(caller_of(request), found.accounts):
        raise no_such("token", token)
    await backend.run(tokens.remove, token)
    state.gate.remove(token)


def _covers(caller: Caller, accounts: tuple[str, ...]) -> bool:
    return EVERY in caller.accounts or caller.accounts.issuperset(accounts)


def _facts(state: State, token: Token) -> TokenFacts:
    used = state.gate.used_at(token.id) or token.used_at
    return TokenFacts(
        token.id, token.name, token.scopes, token.accounts, token.created_at, used, token.expires_at
    )  # fmt: skip


ROUTES: list[Any] = [listed, make, remove]
