"""Events as they happen: server-sent events (WHATWG), with resume.

``id`` is the event's number. Whoever comes back with ``Last-Event-ID`` (or ``?after=``) gets what came after it, each
event once, as far back as events are kept; what is no longer kept is told by one event ``stream.gap``. A comment is
sent when nothing happens for a while, so that both ends notice a dead connection. A watcher that does not read is cut
off; it comes back where it was.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any, Final

import msgspec
from litestar import Request, get
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.params import FromPath, FromQuery, QueryParameter
from litestar.response import Stream

from routerd.admin_api.authentication import need_every_account, needs
from routerd.admin_api.backend import need_account
from routerd.admin_api.observation import observation_of
from routerd.admin_api.problems import Problem, answers
from routerd.store.outbox import NAMES, Event, Wanted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from routerd.admin_api.observation import Observation

AnyRequest = Request[Any, Any, Any]
HEARTBEAT_S: Final = 15.0
SLOW_S: Final = 30.0
EVENT_STREAM: Final = "text/event-stream"
RETRY_MS: Final = 2000
LARGEST_NUMBER: Final = (1 << 63) - 1
Types = Annotated[
    str, QueryParameter(max_length=1000, description="Names of events, separated by commas; none: all of them.")
]


@get("/v1/accounts/{account:str}/events", guards=[needs("read")], responses=answers(404), tags=["events"],
     media_type=EVENT_STREAM)  # fmt: skip
async def events(
    request: AnyRequest,
    state: State,
    account: FromPath[str],
    types: Types = "",
    call: FromQuery[str] = "",
    after: FromQuery[str] = "",
) -> Stream:
    """Watch an account's events; ``types`` and ``call`` pick some of them."""
    need_account(state, account)
    return _stream(request, state, Wanted(account, _names(types), call), after)


@get("/v1/events", guards=[needs("read")], responses=answers(), tags=["events"], media_type=EVENT_STREAM)
async def all_events(request: AnyRequest, state: State, types: Types = "", after: FromQuery[str] = "") -> Stream:
    """Watch the events of everything; for a token of all accounts."""
    need_every_account(request)
    return _stream(request, state, Wanted("", _names(types)), after)


def _names(types: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in types.split(",") if name.strip())
    unknown = sorted(names - set(NAMES))
    if unknown:
        raise Problem(400, f"no event is called {unknown[0][:60]}", pointer="/types", hint=", ".join(NAMES))
    return names


def _stream(request: AnyRequest, state: State, wanted: Wanted, after: str) -> Stream:
    given = request.headers.get("last-event-id", "") or after
    number = None
    if given:
        if not (given.isascii() and given.isdigit() and len(given) < 19):
            raise Problem(400, "this is no event's id", pointer="Last-Event-ID")
        number = int(given)
    lines = EventLines(observation_of(state), wanted, number)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return PromptStream(lines.each(), media_type=EVENT_STREAM, headers=headers)


class EventLines:
    """One watcher's stream, as text."""

    def __init__(self, observation: Observation, wanted: Wanted, after: int | None) -> None:
        self._observation = observation
        self._wanted = wanted
        self._after = after

    async def each(self) -> AsyncIterator[bytes]:
        """Give the stream piece by piece."""
        try:
            with self._observation.watching():
                yield f"retry: {RETRY_MS}\n\n".encode()
                async for piece in self._gap():
                    yield piece
                async for event in self._observation.follow(self._wanted, self._after, HEARTBEAT_S):
                    yield b": nothing new\n\n" if event is None else text_of(event)
        except OverflowError as error:
            yield f": {error}\n\n".encode()

    async def _gap(self) -> AsyncIterator[bytes]:
        if self._after is None:
            return
        oldest = await self._observation.oldest_event()
        if oldest > self._after + 1:
            told = msgspec.json.encode({"after": str(self._after), "oldest": str(oldest)})
            yield b"event: stream.gap\ndata: " + told + b"\n\n"


def text_of(event: Event) -> bytes:
    """Give an event as the stream has it."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.event.encode(), msgspec.json.encode(event.told()))


class PromptStream(Stream):
    """A stream whose reader is cut off when it does not read for :data:`SLOW_S`."""

    def to_asgi_response(self, *arguments: Any, **named: Any) -> Any:
        """Give Litestar's response, with a send that does not wait for ever."""
        return Prompt(super().to_asgi_response(*arguments, **named))


class Prompt:
    """An ASGI response with patience."""

    def __init__(self, response: Any) -> None:
        self._response = response

    def __getattr__(self, name: str) -> Any:
        return getattr(self._response, name)

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Send the response."""

        async def promptly(message: Any) -> None:
            async with asyncio.timeout(SLOW_S):
                await send(message)

        await self._response(scope, receive, promptly)


ROUTES: list[Any] = [events, all_events]
