"""Nobody waits for ever, and nobody asks for ever.

A body that does not come in time is refused with 408, and the connection is closed. What needs no token (health,
metrics, the description) is bounded by source.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from litestar import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware

from routerd.admin_api.authentication import source_of, too_many
from routerd.admin_api.problems import Problem

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Receive, Scope, Send

BODY_S: Final = 30.0


class Patience(ASGIMiddleware):
    """Gives a request ``body_s`` seconds to send its body; afterwards only its end is waited for."""

    scopes = (ScopeType.HTTP,)

    def __init__(self, body_s: float = BODY_S) -> None:
        self._body_s = body_s

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Serve one request."""
        if not scope["route_handler"].resolve_guards():
            wait_s = scope["litestar_app"].state.gate.open(source_of(Request(scope)))
            if wait_s > 0:
                raise too_many(wait_s)
        until = asyncio.get_running_loop().time() + self._body_s
        complete = False

        async def patient() -> Any:
            nonlocal complete
            if complete:
                return await receive()
            try:
                async with asyncio.timeout_at(until):
                    message = await receive()
            except TimeoutError as error:
                raise Problem(408, "the body did not come in time", headers={"Connection": "close"}) from error
            complete = message["type"] != "http.request" or not message.get("more_body", False)
            return message

        await next_app(scope, patient, send)
