"""Uvicorn in the control process' loop, on a socket that is bound before: signals and the process' end stay ours.

Its connections have bounds: so many at once, so long for the head of a request, and an answer that nobody takes ends
with the connection.
"""

from __future__ import annotations

import asyncio
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar.types import ASGIApp

HEAD_S: Final = 10.0
IDLE_S: Final = 15
UNTAKEN_MS: Final = 60_000
MOST_CONNECTIONS: Final = 1000
LARGEST_HEAD_BYTES: Final = 32_768


class PatientProtocol(H11Protocol):
    """Closes a connection whose next request's head does not come within ``head_s``, however its bytes trickle."""

    head_s = HEAD_S

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        """Take bytes; once a head is whole the timer rests until the next request's first bytes."""
        super().data_received(data)
        if self._in_request():
            self._rest()
        else:
            self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._rest()
        super().connection_lost(exc)

    def _in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = asyncio.get_running_loop().call_later(self.head_s, self._too_late)

    def _rest(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_late(self) -> None:
        self._head_timer = None
        if not self._in_request() and not self.transport.is_closing():
            self.transport.close()


class AdminServer(uvicorn.Server):
    """Serves an application until ``should_exit``."""

    def __init__(self, application: ASGIApp, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                host=host,
                port=port,
                http=PatientProtocol,
                ws="none",
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                timeout_keep_alive=IDLE_S,
                limit_concurrency=MOST_CONNECTIONS,
                h11_max_incomplete_event_size=LARGEST_HEAD_BYTES,
            )
        )

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve on ``sockets``, which are bound and listen already."""
        for listening in sockets or ():
            listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNTAKEN_MS)
        await super().serve(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the control process."""
        yield
