from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from litestar.testing import TestClient

from routerd.app.http import application, token_of
from routerd.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("error::DeprecationWarning")
BEARER = {"Authorization": "Bearer secret"}


class FakeControl:
    """A control process with a hub and a writer that say what the test wants."""

    def __init__(self) -> None:
        self.hub = self
        self.writer = self
        self.ready = True
        self.result: Any = None
        self.asked: list[Any] = []

    async def command(self, verb: str, arguments: Any) -> Any:
        self.asked.append((verb, arguments))
        return self.result

    async def run(self, query: Any, *arguments: Any) -> Any:
        self.asked.append((query.__name__, *arguments))
        if isinstance(self.result, Exception):
            raise self.result
        return self.result

    async def samples(self) -> Any:
        return [("bans_active", {}, 3.0)]


@pytest.fixture
def control() -> FakeControl:
    return FakeControl()


@pytest.fixture
def http(control: FakeControl) -> Any:
    with TestClient(application(control, "secret")) as client:  # type: ignore[arg-type]
        yield client


def test_health_and_metrics_need_no_token(http: Any, control: FakeControl) -> None:
    assert http.get("/health/live").status_code == 200
    assert http.get("/health/ready").status_code == 200
    control.ready = False
    assert http.get("/health/ready").status_code == 503
    assert "routerd_bans_active 3" in http.get("/metrics").text


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "secret"}])
def test_views_need_the_token(http: Any, control: FakeControl, headers: Any) -> None:
    answer = http.get("/v1/accounts/acme/calls", headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    assert control.asked == []


def test_views_show_only_the_account(http: Any, control: FakeControl) -> None:
    rows = [{"account": "acme", "id": 1}, {"account": "beta", "id": 2}, {"id": 3}]
    control.result = {"ok": True, "registrations": rows}
    answer = http.get("/v1/accounts/acme/registrations", headers=BEARER)
    assert answer.json() == {"registrations": [rows[0], rows[2]]}
    assert control.asked == [("registrations", {"account": "acme"})]


def test_a_long_view_is_asked_for_page_by_page(http: Any, control: FakeControl) -> None:
    pages: list[dict[str, Any]] = [{"ok": True, "agents": [{"id": 1}], "next": 1}, {"ok": True, "agents": [{"id": 2}]}]

    async def command(verb: str, arguments: Any) -> Any:
        control.asked.append((verb, arguments))
        return pages[len(control.asked) - 1]

    control.command = command  # type: ignore[method-assign]
    assert http.get("/v1/accounts/acme/agents", headers=BEARER).json() == {"agents": [{"id": 1}, {"id": 2}]}
    assert control.asked == [("agents", {"account": "acme"}), ("agents", {"account": "acme", "next": 1})]


def test_refusals_come_with_their_status(http: Any, control: FakeControl) -> None:
    control.result = {"ok": False, "error": {"code": "unknown_account", "message": "no account 'x'", "status": 404}}
    answer = http.get("/v1/accounts/x/agents", headers=BEARER)
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "no account 'x'")
    control.result = None
    assert http.get("/v1/accounts/acme/agents", headers=BEARER).status_code == 503
    assert http.get("/v1/accounts/acme/drain", headers=BEARER).status_code == 404


def test_records_are_looked_for_as_asked(http: Any, control: FakeControl) -> None:
    control.result = [{"id": "a"}]
    path = "/v1/accounts/acme/records?since=5&until=9.5&number=%2B911&outcome=answered&limit=3"
    assert http.get(path, headers=BEARER).json() == {"records": [{"id": "a"}]}
    ((name, wanted),) = control.asked
    assert name == "records"
    assert (wanted.account, wanted.since, wanted.until, wanted.number, wanted.outcome, wanted.limit) == (
        "acme", 5.0, 9.5, "+911", "answered", 3,
    )  # fmt: skip
    assert http.get("/v1/accounts/acme/records?limit=many", headers=BEARER).status_code == 400


def test_pages_have_a_cursor_while_there_may_be_more(http: Any, control: FakeControl) -> None:
    control.result = [{"id": "a", "at": 9.0}, {"id": "b", "at": 8.5}]
    path = "/v1/accounts/acme/records?agent=asha&reason=busy&cursor=9.5:x&limit="
    assert http.get(path + "2", headers=BEARER).json()["next"] == "8.5:b"
    assert "next" not in http.get(path + "3", headers=BEARER).json()
    wanted = control.asked[0][1]
    assert (wanted.agent, wanted.reason, wanted.cursor) == ("asha", "busy", "9.5:x")
    control.result = ValueError("no cursor")
    assert http.get(path + "3", headers=BEARER).status_code == 400


def test_a_call_is_explained_and_told(http: Any, control: FakeControl) -> None:
    record = {"id": "a", "account": "acme", "at": 5.0, "kind": "inbound", "from": "+911", "to": "+922",
              "outcome": "rejected", "reason": "no_answer", "ended_at": 7.0, "legs": [], "nodes": [],
              "trace": [["number", "+922", "pstn", "known"]], "document_version": 3}  # fmt: skip
    control.result = record
    told = http.get("/v1/accounts/acme/calls/a/explanation", headers=BEARER).json()
    assert (told["document_version"], told["reason"], told["trace"][0]["code"]) == (3, "no_answer", "number")
    assert told["text"][1] == "  rejected (no_answer)"
    rows = http.get("/v1/accounts/acme/calls/a/timeline", headers=BEARER).json()["timeline"]
    assert [row["kind"] for row in rows] == ["call", "end"]
    assert http.get("/v1/accounts/beta/calls/a/explanation", headers=BEARER).status_code == 404
    assert http.get("/v1/accounts/beta/calls/a/timeline", headers=BEARER).status_code == 404


def test_a_record_of_another_account_is_not_shown(http: Any, control: FakeControl) -> None:
    control.result = {"id": "a", "account": "beta"}
    assert http.get("/v1/accounts/acme/records/a", headers=BEARER).status_code == 404
    assert http.get("/v1/accounts/beta/records/a", headers=BEARER).json()["id"] == "a"


def test_a_store_that_cannot_be_read_is_503(http: Any, control: FakeControl) -> None:
    control.result = StoreError("disk gone")
    assert http.get("/v1/accounts/acme/records", headers=BEARER).status_code == 503


def test_the_token_is_made_once_and_ours_alone(tmp_path: Path) -> None:
    path = tmp_path / "sub" / "admin.token"
    token = token_of(path)
    assert len(token) >= 32
    assert path.stat().st_mode & 0o777 == 0o600
    assert token_of(path) == token
