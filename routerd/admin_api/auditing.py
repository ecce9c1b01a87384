"""The audit log: every change that was asked for by somebody known, and what came of it, before it is answered.

A route that changes nothing though it is no GET says ``opt={"audited": False}``. A handler that changes a document
tells the versions with :func:`note_versions`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

import structlog
from litestar import Request, get
from litestar.datastructures import State  # noqa: TC002 - the same
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.params import FromPath  # noqa: TC002 - the same

from routerd.admin_api.authentication import need_every_account, needs
from routerd.admin_api.paging import Cursor, Limit, number_of, page_of
from routerd.admin_api.problems import answers
from routerd.errors import StoreError
from routerd.store import audit
from routerd.store.audit import AuditEntry

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

log = structlog.get_logger(module="admin_api")

READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST: Final = 300
_FACTS: Final = "audit"


def note_versions(request: Request[Any, Any, Any], before: int, after: int) -> None:
    """Say which version was in force before and is now (0: none)."""
    request.scope["state"][_FACTS] = {"before": before, "after": after}


class Auditing(ASGIMiddleware):
    """Writes the log."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Serve one request."""
        if scope.get("method", "GET") in READING or not scope["route_handler"].opt.get("audited", True):
            await next_app(scope, receive, send)
            return

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                await self._note(scope, message["status"])
            await send(message)

        await next_app(scope, receive, noted)

    async def _note(self, scope: Scope, status: int) -> None:
        known: dict[str, Any] = scope["state"]
        caller = known.get("caller")
        if caller is None or status == 429:
            return  # nobody known, or nothing but haste
        facts = known.get(_FACTS, {}) if status < 400 else {}
        client = scope.get("client")
        entry = AuditEntry(
            at=time.time(),
            who=caller.name,
            token=caller.id,
            source=client[0] if client else "",
            what=f"{scope.get('method', '')} {scope['path']}"[:LONGEST],
            status=status,
            account=str(scope["path_params"].get("account", ""))[:LONGEST],
            code=str(known.get("refused", "")),
            **facts,
        )
        try:
            await scope["litestar_app"].state.backend.run(audit.note, entry)
        except StoreError as error:
            log.error("the audit log cannot be written", error=str(error), what=entry.what, who=entry.who)  # noqa: TRY400


@get("/v1/accounts/{account:str}/audit", guards=[needs("admin")], responses=answers(), tags=["audit"])
async def account_audit(
    state: State, account: FromPath[str], limit: Limit = 100, cursor: Cursor = ""
) -> dict[str, Any]:
    """Give the changes of an account, newest first: who, when, what, from where, the versions before and after."""
    return await _listed(state, account, limit, cursor)


@get("/v1/audit", guards=[needs("admin")], responses=answers(), tags=["audit"])
async def whole_audit(
    request: Request[Any, Any, Any], state: State, limit: Limit = 100, cursor: Cursor = ""
) -> dict[str, Any]:
    """Give the changes of everything, newest first; for a token of all accounts."""
    need_every_account(request)
    return await _listed(state, None, limit, cursor)


async def _listed(state: State, account: str | None, limit: int, cursor: str) -> dict[str, Any]:
    found = await state.backend.run(audit.listed, account, number_of(cursor), limit)
    return page_of("audit", found, limit, lambda entry: entry.number)


ROUTES: list[Any] = [account_audit, whole_audit]
