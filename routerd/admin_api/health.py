"""Health and metrics, which need no token: they are for load balancers and scrapers on a listener that is loopback."""

from __future__ import annotations

from typing import Any, Final

from litestar import MediaType, Response, get
from litestar.datastructures import State  # noqa: TC002 - litestar resolves annotations
from litestar.openapi.datastructures import ResponseSpec

from routerd.admin_api.backend import backend_of
from routerd.admin_api.problems import answers

BUSY: Final = {429: answers()[429]}
NOT_READY: Final = {**BUSY, 503: ResponseSpec(str, description="Not ready", media_type=MediaType.TEXT)}


@get("/health/live", media_type=MediaType.TEXT, sync_to_thread=False, tags=["health"], responses=BUSY)
def live() -> str:
    """Say that the control process runs."""
    return "alive\n"


@get("/health/ready", media_type=MediaType.TEXT, sync_to_thread=False, tags=["health"], responses=NOT_READY)
def ready(state: State) -> Response[str]:
    """Say whether calls are taken: 200 or 503."""
    if backend_of(state).ready:
        return Response("ready\n")
    return Response("the sip process does not serve\n", status_code=503)


@get("/metrics", media_type=MediaType.TEXT, tags=["health"], responses=BUSY)
async def metrics(state: State) -> str:
    """Give Prometheus its text."""
    return await backend_of(state).metrics()


ROUTES: list[Any] = [live, ready, metrics]
