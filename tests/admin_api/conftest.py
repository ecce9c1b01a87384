"""The application over a control process that says what the test wants."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from routerd.admin_api.application import application
from routerd.admin_api.authentication import digest_of
from routerd.admin_api.gate import Gate
from routerd.app.document_life import DocumentLife
from routerd.app.events import EventFeed
from routerd.app.exporting import Exports
from routerd.app.jobs import ChildJobs
from routerd.app.setup import ControlSetup
from routerd.store.sqlite import Store
from routerd.store.tokens import Token

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ADMIN = "first-token-of-the-file"


class OneThread:
    """A store on a thread of its own, as the daemon has it; its methods may be called from anywhere."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.thread = ThreadPoolExecutor(1)
        self.inner = self.thread.submit(Store, path).result()

    def run(self, query: Any, *arguments: Any) -> Any:
        return self.thread.submit(query, self.inner, *arguments).result()

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments, **named: self.thread.submit(getattr(self.inner, name), *arguments, **named).result()


class Watched:
    """Who watches calls: a real feed over the test's store; webhooks are only counted."""

    def __init__(self, backend: FakeBackend, folder: Path) -> None:
        self.feed = EventFeed(backend, self._tell)  # type: ignore[arg-type]
        self.exports = Exports(folder / "api.db")
        self.told: list[bool] = []
        self.changed = 0
        self.why = ""
        self.watching = self.feed.watching
        self.follow = self.feed.follow
        self.oldest_event = self.feed.oldest
        self.export = self.exports.export

    def _tell(self, yes: bool) -> None:
        self.told.append(yes)

    async def emit(self, account: str, name: str, data: dict[str, Any]) -> None:
        await self.feed.emit(account, name, 1000.0, data)

    async def webhooks_changed(self) -> None:
        self.changed += 1

    def trunk_figures(self, account: str) -> dict[str, Any]:
        return {"pstn": {"asr": 0.5}} if account == "acme" else {}

    async def refuses(self, url: str) -> str:
        return "private" if "127.0.0.1" in url else self.why


class FakeBackend:
    """A control process: ``replies`` answer commands by verb (None: no answer), queries go to a real store."""

    def __init__(self, store: OneThread) -> None:
        self.store = store
        self.observation = Watched(self, store.path.parent)
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

    process = "this"

    def now(self) -> float:
        return time.time()

    async def serving(self) -> bool:
        return True

    async def metrics(self) -> str:
        return "routerd_bans_active 3.0\n"


class Company(FakeBackend):
    """A control process with real documents: acme's, of YAML with a comment."""

    def __init__(self, store: OneThread, folder: Path) -> None:
        super().__init__(store)
        (folder / "acme.yaml").write_text(DOCUMENT)
        setup = ControlSetup(
            str(folder / "api.db"), (str(folder / "acme.yaml"),), "", str(folder / "sounds"), ("127.0.0.1", 1), ""
        )
        self.folder = folder
        self.published = 0
        self.documents = DocumentLife(setup, self, self._publish)  # type: ignore[arg-type]
        self.jobs = ChildJobs(setup)
        self.replies["calls"] = {"ok": True, "calls": []}

    def _publish(self) -> None:
        self.published += 1
        self.versions = self.documents.versions


DOCUMENT = """\
schema: 1
# everybody's document
account: {id: acme, name: Acme, domains: [acme.test], timezone: Asia/Kolkata, country: IN}
trunks:
  - {id: pstn, target: "sip:192.0.2.10", addresses: [192.0.2.0/28]}
outbound_routes:
  - {prefix: "", trunks: [pstn]}
  - {prefix: "+91", trunks: [pstn]}
numbers:
  - {number: "+918069651170", destination: {type: agent, id: asha}}
agents:
  - {id: asha, name: Asha Rao, extension: "2001", intercom: "1001"}
  - {id: ravi, name: Ravi Iyer, extension: "2002", intercom: "1002"}
extensions:
  - {id: "2001", username: "2001", password: secret-2001}
  - {id: "2002", username: "2002", password: secret-2002}
"""


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


@pytest.fixture
def company(store: OneThread, tmp_path: Path) -> Company:
    return Company(store, tmp_path)


@pytest.fixture
def acme(company: Company, gate: Gate) -> Iterator[Api]:
    """The API over a control process with real documents."""
    made = application(company, gate)
    made.on_startup.append(company.documents.load)
    with TestClient(made, raise_server_exceptions=False) as client:
        company.versions = company.documents.versions
        company.published = 0
        yield Api(client, gate)
    company.documents.stop()
