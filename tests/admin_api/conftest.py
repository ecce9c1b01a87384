"""The application over a control process that says what the test wants."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from routerd.admin_api.application import application
from routerd.admin_api.authentication import digest_of
from routerd.admin_api.gate import Gate
from routerd.store.sqlite import Store
from routerd.store.tokens import Token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = "first-token-of-the-file"


class OneThread:
    """A store on a thread of its own, as the daemon has it; its methods may be called from anywhere."""

    def __init__(self, path: Path) -> None:
        self.thread = ThreadPoolExecutor(1)
        self.inner = self.thread.submit(Store, path).result()

    def run(self, query: Any, *arguments: Any) -> Any:
        return self.thread.submit(query, self.inner, *arguments).result()

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: self.thread.submit(getattr(self.inner, name), *arguments, **named).result()


class FakeBackend:
    """A control process: ``replies`` answer commands by verb (None: no answer), queries go to a real store."""

    def __init__(self, store: OneThread) -> None:
        self.store = store
        self.ready = True
        self.versions = {"acme": 1, "beta": 1}
        self.replies: dict[str, Any] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.failure: Exception | None = None

    async def command(self, verb: str, arguments: dict[str, Any]) -> Any:
        self.asked.append((verb, arguments))
        reply = self.replies.get(verb, {"ok": True})
        return reply(arguments) if callable(reply) else reply

    async def run(self, query: Any, *arguments: Any) -> Any:
        if self.failure is not None:
            raise self.failure
        return self.store.run(query, *arguments)

    async def metrics(self) -> str:
        return "routerd_bans_active 3.0\n"


class Api:
    """A client with a token; ``as_(scopes, accounts)`` gives the headers of another token."""

    def __init__(self, client: TestClient[Any], gate: Gate) -> None:
        self.client = client
        self.gate = gate
        self._made = 0

    def as_(self, scopes: str, accounts: str = "*", **facts: Any) -> dict[str, str]:
        self._made += 1
        secret = f"secret-{self._made}"
        token = Token(
            f"t{self._made}", f"token {self._made}", digest_of(secret), tuple(scopes.split()), tuple(accounts.split()),
            0.0, **facts,
        )  # fmt: skip
        self.gate.add(token)
        return {"Authorization": f"Bearer {secret}"}

    def __getattr__(self, method: str) -> Any:
        def call(path: str, **keywords: Any) -> Any:
            keywords["headers"] = {"Authorization": f"Bearer {ADMIN}", **(keywords.get("headers") or {})}
            return getattr(self.client, method)(path, **keywords)

        return call


@pytest.fixture
def store(tmp_path: Path) -> Iterator[OneThread]:
    made = OneThread(tmp_path / "api.db")
    yield made
    made.close()
    made.thread.shutdown()


@pytest.fixture
def backend(store: OneThread) -> FakeBackend:
    return FakeBackend(store)


@pytest.fixture
def gate() -> Gate:
    return Gate(ADMIN)


@pytest.fixture
def api(backend: FakeBackend, gate: Gate) -> Iterator[Api]:
    with TestClient(application(backend, gate), raise_server_exceptions=False) as client:
        yield Api(client, gate)
