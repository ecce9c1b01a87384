from __future__ import annotations

from typing import Any


def test_views_show_only_the_account(api: Any, backend: Any) -> None:
    rows = [{"account": "acme", "id": 1}, {"account": "beta", "id": 2}, {"id": 3}]
    backend.replies["registrations"] = {"ok": True, "registrations": rows}
    answer = api.get("/v1/accounts/acme/registrations")
    assert answer.json() == {"registrations": [rows[0], rows[2]]}
    assert backend.asked == [("registrations", {"account": "acme"})]


def test_a_long_view_is_asked_for_page_by_page(api: Any, backend: Any) -> None:
    backend.replies["agents"] = lambda asked: (
        {"ok": True, "agents": [{"id": 2}]} if "next" in asked else {"ok": True, "agents": [{"id": 1}], "next": 1}
    )
    assert api.get("/v1/accounts/acme/agents").json() == {"agents": [{"id": 1}, {"id": 2}]}
    assert backend.asked == [("agents", {"account": "acme"}), ("agents", {"account": "acme", "next": 1})]


def test_refusals_come_with_their_status(api: Any, backend: Any) -> None:
    error = {"code": "unknown_account", "message": "no account 'x'", "status": 404}
    backend.replies["agents"] = {"ok": False, "error": error}
    answer = api.get("/v1/accounts/x/agents")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "no account 'x'")
    backend.replies["agents"] = None
    assert api.get("/v1/accounts/acme/agents").status_code == 503
    assert api.get("/v1/accounts/acme/drain").status_code == 404
