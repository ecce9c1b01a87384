"""The one form of errors: ``{"error": {code, message, pointer, hint}}``, or ``{"errors": [...]}`` when there are many.

A handler raises :class:`Problem`; everything that Litestar or the store raises is turned into the same form. What went
wrong inside is logged and never told: its text may hold what only we may know.
"""

from __future__ import annotations

import http
from typing import TYPE_CHECKING, Any, Final

import msgspec
import structlog
from litestar import Response
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec

from routerd.config.problems import DocumentErrors
from routerd.errors import ConfigError, RouterdError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from litestar import Request

log = structlog.get_logger(module="admin_api")

CODES: Final = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    412: "precondition_failed",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    423: "locked",
    429: "too_many_requests",
    500: "internal",
    502: "bad_gateway",
    503: "unavailable",
}
ALWAYS: Final = (400, 401, 403, 429, 503)  # what any request below /v1 may get


class Fault(msgspec.Struct, frozen=True, omit_defaults=True):
    """One thing that is wrong; ``pointer`` (RFC 6901) and ``line`` say where in what was sent, ``hint`` what to do."""

    code: str
    message: str
    line: int = 0
    pointer: str = msgspec.field(default_factory=str)
    hint: str = msgspec.field(default_factory=str)

    def plain(self) -> dict[str, Any]:
        """Give it as it is sent: pointer and hint always, a line when there is one."""
        told: dict[str, Any] = {
            "code": self.code, "message": self.message, "pointer": self.pointer, "hint": self.hint,
        }  # fmt: skip
        return {**told, "line": self.line} if self.line else told


class ErrorBody(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in the body of every refusal: one error, or all of a document's."""

    error: Fault | None = None
    errors: list[Fault] = []


class Problem(RouterdError):  # noqa: N818 - the word of RFC 9457
    """A request that is refused; raise it anywhere in a handler."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str = "",
        pointer: str = "",
        hint: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code or CODES.get(status, "refused")
        self.pointer = pointer
        self.hint = hint
        self.headers = dict(headers or {})


def no_such(what: str, name: str = "") -> Problem:
    """Give the 404 of something that is not there."""
    return Problem(404, f"no {what} {name!r}" if name else f"no such {what}")


def answers(*statuses: int) -> dict[int, ResponseSpec]:
    """Give the refusals that a route may answer with beside :data:`ALWAYS`, for the OpenAPI document."""
    return {
        status: ResponseSpec(ErrorBody, generate_examples=False, description=http.HTTPStatus(status).phrase)
        for status in sorted({*ALWAYS, *statuses})
    }


def body_of(fault: Fault) -> dict[str, Any]:
    """Give the body of one error."""
    return {"error": fault.plain()}


def faults_of(error: ConfigError) -> list[Fault]:
    """Give everything that is wrong with a document."""
    many = error.errors if isinstance(error, DocumentErrors) else (error,)
    return [Fault("invalid_document", one.message, one.line, one.pointer, one.hint) for one in many]


def refusal(reply: dict[str, Any] | None) -> Problem | None:
    """Give the problem that a command's reply tells of (None: it was carried out)."""
    if reply is None:
        return Problem(503, "the sip process does not answer", hint="try again")
    error = reply.get("error")
    if not error:
        return None
    return Problem(int(error.get("status", 422)), str(error.get("message", "")), code=str(error.get("code", "")))


# -- handlers of exceptions ------------------------------------------------------------------------------------------


def on_problem(request: Request[Any, Any, Any], error: Problem) -> Response[dict[str, Any]]:
    """Answer a :class:`Problem`."""
    request.scope["state"]["refused"] = error.code  # for the audit log
    body = body_of(Fault(error.code, error.message, 0, error.pointer, error.hint))
    return Response(body, status_code=error.status, headers=error.headers, media_type="application/json")


def on_document(request: Request[Any, Any, Any], error: ConfigError) -> Response[dict[str, Any]]:
    """Answer a document that is refused: every error of it."""
    request.scope["state"]["refused"] = "invalid_document"
    body = {"errors": [fault.plain() for fault in faults_of(error)]}
    return Response(body, status_code=422, media_type="application/json")


def on_store(_request: Request[Any, Any, Any], error: StoreError) -> Response[dict[str, Any]]:
    """Answer that the store cannot be read or written."""
    log.error("store failed under a request", error=str(error))
    body = body_of(Fault("unavailable", "the store cannot be read or written", 0, "", "see the log"))
    return Response(body, status_code=503, media_type="application/json")


def on_http(_request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
    """Answer what Litestar refuses: no such path, a parameter of another type, a body that is no JSON."""
    status = error.status_code
    if status >= 500:
        return on_unexpected(_request, error)
    pointer, message = "", error.detail or http.HTTPStatus(status).phrase
    if isinstance(error, ValidationException) and isinstance(error.extra, list) and error.extra:
        first = error.extra[0]
        pointer = "/" + str(first.get("key", "")).replace(".", "/") if first.get("key") else ""
        message = str(first.get("message", message))
    elif status == 400:
        message = message.partition(" for http")[0] or "the request cannot be read"
    body = body_of(Fault(CODES.get(status, "refused"), message, 0, pointer, ""))
    return Response(body, status_code=status, headers=error.headers, media_type="application/json")


def on_unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[dict[str, Any]]:
    """Answer a mistake of ours; its text stays in the log."""
    log.error("a request failed", method=request.method, path=request.url.path, exc_info=error)
    body = body_of(Fault("internal", "the request failed; the log says why", 0, "", ""))
    return Response(body, status_code=500, media_type="application/json")
