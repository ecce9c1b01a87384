"""The application: every group of routes is a module with ``ROUTES``, listed here.

``application(backend, gate)`` gives the Litestar application; :mod:`routerd.admin_api.server` serves it. Handlers find
the control process as ``backend_of(state)`` and say with a guard what a token must have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.exceptions import HTTPException

from routerd.admin_api import (
    agents,
    auditing,
    calls,
    decisions,
    document,
    events,
    health,
    live,
    objects,
    openapi,
    problems,
    recordings,
    records,
    sounds,
    timeline,
    tokens,
    voicemails,
    webhooks,
)
from routerd.admin_api.auditing import Auditing
from routerd.admin_api.objects import Trees
from routerd.admin_api.patience import BODY_S, Patience
from routerd.admin_api.repeating import Repeating
from routerd.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from types import ModuleType

    from routerd.admin_api.authentication import Gatekeeper
    from routerd.admin_api.backend import Backend

GROUPS: Final[tuple[ModuleType, ...]] = (
    health, live, calls, agents, records, timeline, recordings, voicemails, events, webhooks, document, objects,
    sounds, decisions, tokens, auditing,
)  # fmt: skip
LARGEST_BODY_BYTES: Final = 1_000_000  # where a route does not say otherwise


def application(backend: Backend, gate: Gatekeeper, *, body_s: float = BODY_S) -> Litestar:
    """Make the application over a running control process; a body may take ``body_s`` seconds."""
    routes: list[Any] = [route for group in GROUPS for route in group.ROUTES]
    return Litestar(
        routes,
        state=State({"backend": backend, "gate": gate, "trees": Trees()}),
        exception_handlers={
            problems.Problem: problems.on_problem,
            ConfigError: problems.on_document,
            StoreError: problems.on_store,
            HTTPException: problems.on_http,
            Exception: problems.on_unexpected,
        },
        request_max_body_size=LARGEST_BODY_BYTES,
        logging_config=None,
        openapi_config=openapi.config(),
        middleware=[Patience(body_s), Repeating(), Auditing()],
    )
