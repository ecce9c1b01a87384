"""What the API needs of those who watch calls: the stream of events, webhooks, exports, figures of trunks.

``routerd.app.observing.Observing`` implements it; handlers get it by ``observation_of(state)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractContextManager

    from litestar.datastructures import State

    from routerd.store.outbox import Event, Wanted
    from routerd.store.queries import RecordFilter


class Observation(Protocol):
    """What is seen of calls, as handlers use it."""

    def watching(self) -> AbstractContextManager[None]:
        """Have events made within; raises ``OverflowError`` when too many watch."""

    def follow(self, wanted: Wanted, after: int | None, idle_s: float) -> AsyncIterator[Event | None]:
        """Give events after a number (None: from now on) as they come, None after each ``idle_s`` of silence."""

    async def oldest_event(self) -> int:
        """Give the number of the oldest event that is kept (0: none)."""

    async def emit(self, account: str, name: str, data: dict[str, Any]) -> None:
        """Tell of something that the control process did."""

    async def webhooks_changed(self) -> None:
        """Serve the webhooks that the store has now."""

    def export(self, wanted: RecordFilter, form: str) -> AsyncIterator[bytes]:
        """Give all records of a filter as ``csv`` or ``ndjson``, in pieces, made by a process of its own."""

    def trunk_figures(self, account: str) -> Mapping[str, dict[str, Any]]:
        """Give answer-seizure ratio and post-dial delay of each trunk over the last hour."""

    async def refuses(self, url: str) -> str:
        """Say why no webhook may lead to ``url``; empty when it may."""


def observation_of(state: State) -> Observation:
    """Give the observation of an application's state."""
    observation: Observation = state.backend.observation
    return observation
