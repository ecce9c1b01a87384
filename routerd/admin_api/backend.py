"""What the API needs of the control process. :class:`Backend` is implemented by ``routerd.app.control.Control``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from routerd.admin_api.problems import Problem, no_such, refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from litestar.datastructures import State

    from routerd.admin_api.changes import Documents
    from routerd.admin_api.decisions import Jobs

Result = TypeVar("Result")


class Backend(Protocol):
    """The control process as handlers see it (``state.backend``)."""

    @property
    def ready(self) -> bool:
        """Whether the sip process takes calls."""

    @property
    def versions(self) -> Mapping[str, int]:
        """The version of the document in force, by account."""

    @property
    def process(self) -> str:
        """What tells this run of the control process from others."""

    @property
    def documents(self) -> Documents:
        """The documents' life."""

    @property
    def jobs(self) -> Jobs:
        """What is done by children: plan, replay, simulate."""

    def now(self) -> float:
        """Give the wall time, in UTC seconds."""

    async def serving(self) -> bool:
        """Wait until the sip process routes by the newest documents; False when it does not in time."""

    async def command(self, verb: str, arguments: dict[str, Any]) -> dict[str, Any] | None:
        """Run a command in the sip process: its reply, None when it does not answer in time."""

    async def run(self, query: Callable[..., Result], *arguments: Any) -> Result:
        """Run ``query(store, *arguments)`` on the store's thread; raises StoreError."""

    async def metrics(self) -> str:
        """Give every metric, as Prometheus reads it."""


def backend_of(state: State) -> Backend:
    """Give the backend of an application's state."""
    backend: Backend = state.backend
    return backend


def need_account(state: State, account: str) -> None:
    """Raise the 404 of an account that has no document in force."""
    if account not in backend_of(state).versions:
        raise no_such("account", account)


async def carry_out(state: State, verb: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run a command in the sip process; raises the :class:`Problem` that its reply tells of."""
    reply = await backend_of(state).command(verb, arguments)
    problem = refusal(reply)
    if problem is not None:
        raise problem
    if reply is None:
        raise Problem(503, "the sip process does not answer")
    return reply
