"""Health and metrics, which need no token: they are for load balancers and scrapers on a listener that is loopback."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Response, get
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations

from routerd.admin_api.backend import backend_of


@get("/health/live", media_type=MediaType.TEXT, sync_to_thread=False, tags=["health"])
def live() -> str:
    """Say that the control process runs."""
    return "alive\n"


@get("/health/ready", media_type=MediaType.TEXT, sync_to_thread=False, tags=["health"])
def ready(state: State) -> Response[str]:
    """Say whether calls are taken: 200 or 503."""
    if backend_of(state).ready:
        return Response("ready\n")
    return Response("the sip process does not serve\n", status_code=503)


@get("/metrics", media_type=MediaType.TEXT, tags=["health"])
async def metrics(state: State) -> str:
    """Give Prometheus its text."""
    return await backend_of(state).metrics()


ROUTES: list[Any] = [live, ready, metrics]
