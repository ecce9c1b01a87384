"""Idempotency keys: a POST that is sent again with the same ``Idempotency-Key`` is answered again and not done again.

Keys belong to the token that sends them and are kept for a day. The same key with another request is refused (422); one
whose request is still being carried out, or was when the process ended, too (409): whoever sent it must look what came
of it. Refusals that say nothing of the request itself (401, 403, 408, 413, 429, 5xx) free the key. An answer that holds
a secret (``Cache-Control: no-store``) is not kept: its repetition is told that it was done.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

from litestar.connection import Request
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware

from routerd.admin_api.authentication import bearer_of, too_many
from routerd.admin_api.problems import Problem
from routerd.store import idempotency

if TYPE_CHECKING:
    from litestar.types import ASGIApp, Message, Receive, Scope, Send

    from routerd.admin_api.authentication import Caller
    from routerd.admin_api.backend import Backend
    from routerd.store.idempotency import Answered

HEADER: Final = "idempotency-key"
LONGEST_KEY: Final = 200
FREED: Final = frozenset({401, 403, 408, 413, 429})
KEPT_HEADERS: Final = frozenset({b"content-type", b"location", b"etag"})
LARGEST_ANSWER: Final = 100_000


class Repeating(ASGIMiddleware):
    """Answers repetitions."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        """Serve one request."""
        request: Request[Any, Any, Any] = Request(scope, receive)
        key = request.headers.get(HEADER, "")
        caller = bearer_of(request) if key and scope.get("method") == "POST" else None
        if caller is None:
            await next_app(scope, receive, send)
            return
        if not (len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
            raise Problem(400, f"1 to {LONGEST_KEY} printable characters", pointer="Idempotency-Key")
        body = await request.body()
        backend: Backend = scope["litestar_app"].state.backend
        digest = _digest(scope, body)
        known = await backend.run(idempotency.take, caller.id, key, digest, backend.process, backend.now())
        if known is not None:
            await self._again(request, caller, known, digest, send)
            return
        answer = _Answer(send)
        try:
            await next_app(scope, _given(body, receive), answer.take)
        finally:
            if answer.status and answer.status < 500 and answer.status not in FREED:
                await backend.run(
                    idempotency.complete, caller.id, key, answer.status, answer.kept_headers(), answer.kept_body()
                )
            else:
                await backend.run(idempotency.release, caller.id, key)
        await answer.pass_on()

    async def _again(
        self, request: Request[Any, Any, Any], caller: Caller, known: Answered, digest: bytes, send: Send
    ) -> None:
        """Answer a repetition."""
        wait_s = request.app.state.gate.count(caller.id)
        if wait_s > 0:
            raise too_many(wait_s)
        if known.request != digest:
            raise Problem(422, "this key came with another request", code="key_reused", pointer="Idempotency-Key")
        if not known.status:
            if known.process == request.app.state.backend.process:
                raise Problem(409, "the request with this key is being carried out", code="in_progress")
            said = "what came of the request with this key is not known"
            raise Problem(409, said, code="outcome_unknown", hint="look whether it was done; repeat it with a new key")
        if known.headers == NOT_KEPT:
            raise Problem(409, "this was done; its answer was shown once", code="already_done")
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in known.headers]
        headers += [(b"idempotency-replayed", b"true"), (b"content-length", str(len(known.body)).encode())]
        await send({"type": "http.response.start", "status": known.status, "headers": headers})
        await send({"type": "http.response.body", "body": known.body, "more_body": False})


NOT_KEPT: Final = [("cache-control", "no-store")]


class _Answer:
    """Holds an answer back until it is noted; one that is too large to be kept is passed on as it comes."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._held: list[Message] = []
        self._size = 0
        self.status = 0

    async def take(self, message: Message) -> None:
        """Take what a handler sends."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
        elif message["type"] == "http.response.body":
            self._size += len(message.get("body", b""))
        self._held.append(message)
        if self._size > LARGEST_ANSWER:
            await self.pass_on()

    async def pass_on(self) -> None:
        """Send what is held."""
        held, self._held = self._held, []
        for message in held:
            await self._send(message)

    def kept_headers(self) -> list[tuple[str, str]]:
        """Give the headers that a repetition gets, too."""
        headers: list[tuple[bytes, bytes]] = [
            (name.lower(), value)
            for message in self._held
            if message["type"] == "http.response.start"
            for name, value in message["headers"]
        ]
        if not headers or (b"cache-control", b"no-store") in headers:
            return NOT_KEPT
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers if name in KEPT_HEADERS]

    def kept_body(self) -> bytes:
        """Give the body that a repetition gets, too."""
        if self.kept_headers() == NOT_KEPT:
            return b""
        return b"".join(message["body"] for message in self._held if message["type"] == "http.response.body")


def _digest(scope: Scope, body: bytes) -> bytes:
    path = scope["path"].encode("utf-8", "surrogateescape")
    return hashlib.sha256(b"\0".join((path, scope["query_string"], body))).digest()


def _given(body: bytes, receive: Receive) -> Receive:
    """Give the body that was read already, then what comes after it."""
    given = False

    async def again() -> Any:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again
