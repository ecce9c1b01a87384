"""Uvicorn in the control process' loop, on a socket that is bound before: signals and the process' end stay ours."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litestar.types import ASGIApp


class AdminServer(uvicorn.Server):
    """Serves an application until ``should_exit``."""

    def __init__(self, application: ASGIApp, host: str, port: int) -> None:
        super().__init__(
            uvicorn.Config(
                application,
                host=host,
                port=port,
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the control process."""
        yield
