from __future__ import annotations

from typing import Any

import pytest


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
    answer = api.get("/v1/accounts/acme/agents")
    assert (answer.status_code, answer.json()["error"]["message"]) == (404, "no account 'x'")
    backend.replies["agents"] = None
    assert api.get("/v1/accounts/acme/agents").status_code == 503
    assert api.get("/v1/accounts/acme/drain").status_code == 404


@pytest.mark.parametrize("view", ["calls", "agents", "registrations", "trunks"])
def test_an_account_that_is_not_there(api: Any, backend: Any, view: str) -> None:
    assert api.get(f"/v1/accounts/nobody/{view}").status_code == 404
    assert backend.asked == []


def test_trunks_come_with_their_figures(api: Any, backend: Any) -> None:
    backend.replies["trunks"] = {"ok": True, "trunks": [{"account": "acme", "id": "pstn"}, {"id": "other"}]}
    (first, second) = api.get("/v1/accounts/acme/trunks").json()["trunks"]
    assert (first["last_hour"], second["last_hour"]) == ({"asr": 0.5}, None)


def test_bans_are_for_tokens_of_all_accounts(api: Any, backend: Any) -> None:
    backend.replies["bans"] = {"ok": True, "bans": [{"address": "198.51.100.9", "until": 5.0}]}
    assert api.get("/v1/bans").json() == {"bans": [{"address": "198.51.100.9", "until": 5.0}]}
    assert api.get("/v1/bans", headers=api.as_("admin", "acme")).status_code == 403
    made = api.post("/v1/bans", json={"address": "2001:DB8::1", "for_s": 60})
    assert (made.status_code, made.json()) == (201, {"address": "2001:db8::1", "for_s": 60.0})
    assert api.post("/v1/bans", json={"address": "everybody"}).json()["error"]["pointer"] == "/address"
    assert api.delete("/v1/bans/198.51.100.9").status_code == 204
    assert api.delete("/v1/bans/everybody").status_code == 404
    assert backend.asked[1:] == [
        ("ban", {"address": "2001:db8::1", "for_s": 60.0}),
        ("unban", {"address": "198.51.100.9"}),
    ]


@pytest.mark.parametrize(("body", "on"), [({}, True), ({"on": False}, False)])
def test_draining(api: Any, backend: Any, body: Any, on: bool) -> None:
    backend.replies["drain"] = {"ok": True, "calls": 3}
    assert api.post("/v1/drain", json=body).json() == {"draining": on, "calls": 3}
    assert backend.asked == [("drain", {"on": on})]
    assert api.post("/v1/drain", headers=api.as_("calls")).status_code == 403
