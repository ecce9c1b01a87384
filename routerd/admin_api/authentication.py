"""Who asks, and what they may: bearer tokens, scopes and accounts.

A route says what it needs: ``@get(…, guards=[needs("read")])``. The guard finds the token, refuses what is unknown or
over (401), what has not the scope or not the account (403), and what asks too often (429); ``caller_of(request)`` is
then who it was. The scope ``admin`` holds all others.

A token is 256 random bits, so what the store keeps is its plain SHA-256: there is no dictionary that a slow hash would
have to protect it from, and each request pays a microsecond instead of a tenth of a second. It is found by that digest
(the time of which tells nothing of the token) and compared once more in constant time.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

import msgspec

from routerd.admin_api.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    from litestar.connection import ASGIConnection
    from litestar.handlers.base import BaseRouteHandler

Scope = Literal["read", "agents", "calls", "document", "admin"]
SCOPES: Final[tuple[Scope, ...]] = ("read", "agents", "calls", "document", "admin")
EVERY: Final = "*"
LONGEST_TOKEN: Final = 256
_BEARER: Final = "bearer "


class Caller(msgspec.Struct, frozen=True):
    """A token as requests see it; ``accounts`` holds ``"*"`` for all."""

    id: str
    name: str
    scopes: frozenset[str]
    accounts: frozenset[str]
    digest: bytes
    expires_at: float | None = None

    def may(self, scopes: tuple[str, ...]) -> bool:
        """Say whether it has one of ``scopes``."""
        return "admin" in self.scopes or not self.scopes.isdisjoint(scopes)

    def sees(self, account: str) -> bool:
        """Say whether it is for ``account``."""
        return EVERY in self.accounts or account in self.accounts


class Gatekeeper(Protocol):
    """What knows the tokens and counts what they ask (``state.gate``)."""

    def find(self, digest: bytes) -> Caller | None:
        """Give who has the token of that digest, unless it is over."""

    def count(self, key: str) -> float:
        """Count one request of ``key``; the seconds after which it may ask again (0: it may now)."""

    def open(self, source: str) -> float:
        """Count one request of ``source`` that needs no token; the seconds after which it may ask again."""

    def fail(self, source: str) -> float:
        """Count one refused token of ``source``; the seconds for which it is not looked at (0: it still is)."""


def digest_of(secret: str) -> bytes:
    """Give what is kept of a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


def needs(*scopes: Scope) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], None]:
    """Give the guard of a route that wants one of ``scopes``."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], _handler: BaseRouteHandler) -> None:
        caller = authenticate(connection)
        if not caller.may(scopes):
            wanted = " or ".join(scopes)
            raise Problem(403, f"this token has not the scope {wanted}", hint=f"make one with --scope {scopes[0]}")
        account = connection.path_params.get("account")
        if account is not None and not caller.sees(str(account)):
            raise Problem(403, f"this token is not for the account {account}")

    return guard


def authenticate(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Give whose token a request bears; raises the 401 or 429."""
    gate: Gatekeeper = connection.app.state.gate
    caller = bearer_of(connection)
    if caller is None:
        raise _unknown(gate.fail(source_of(connection)))
    wait_s = gate.count(caller.id)
    if wait_s > 0:
        raise too_many(wait_s)
    connection.scope["state"]["caller"] = caller
    return caller


def bearer_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller | None:
    """Give whose token a request bears, counting nothing; None: nobody's."""
    given = connection.headers.get("authorization", "")
    secret = given[len(_BEARER) :].strip() if given[: len(_BEARER)].lower() == _BEARER else ""
    if not 0 < len(secret) <= LONGEST_TOKEN:
        return None
    digest = digest_of(secret)
    caller: Caller | None = connection.app.state.gate.find(digest)
    return caller if caller is not None and hmac.compare_digest(caller.digest, digest) else None


def _unknown(wait_s: float) -> Problem:
    if wait_s > 0:
        return too_many(wait_s)
    return Problem(
        401,
        "a bearer token is needed",
        code="unauthorized",
        hint="Authorization: Bearer … (the first one stands in the token file)",
        headers={"WWW-Authenticate": 'Bearer realm="routerd"'},
    )


def too_many(wait_s: float) -> Problem:
    """Give the 429 of who asks too often."""
    return Problem(429, "too many requests", headers={"Retry-After": str(max(1, round(wait_s + 0.5)))})


def source_of(connection: ASGIConnection[Any, Any, Any, Any]) -> str:
    """Give the address a request came from."""
    return connection.client.host if connection.client is not None else "?"


def caller_of(connection: ASGIConnection[Any, Any, Any, Any]) -> Caller:
    """Give who asks; only in routes with a guard of :func:`needs`."""
    caller: Caller = connection.scope["state"]["caller"]
    return caller


def need_every_account(connection: ASGIConnection[Any, Any, Any, Any]) -> None:
    """Raise the 403 of who is for some accounts only."""
    if EVERY not in caller_of(connection).accounts:
        raise Problem(403, "this token is for some accounts only", hint="a token with --account '*'")
