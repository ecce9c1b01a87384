from __future__ import annotations

from typing import Any

from routerd.errors import StoreError
from routerd.store import audit

PATH = "/v1/accounts/acme/agents/asha"


def test_every_change_is_noted_with_who_when_what_and_versions(acme: Any) -> None:
    desk = acme.as_("document read")
    acme.patch(PATH, json={"max_calls": 2}, headers=desk)
    acme.patch(PATH, json={"max_calls": 0}, headers=desk)
    acme.patch(PATH, json={"max_calls": 2}, headers=acme.as_("read"))
    acme.get(PATH, headers=desk)
    acme.post("/v1/accounts/acme/document/validate", content=b"{}", headers=desk)
    entries = acme.get("/v1/accounts/acme/audit").json()["audit"]
    assert [(one["status"], one.get("code"), one.get("before"), one.get("after")) for one in entries] == [
        (403, "forbidden", None, None), (422, "invalid_document", None, None), (200, None, 1, 2),
    ]  # fmt: skip
    assert entries[2]["what"] == f"PATCH {PATH}"
    assert (entries[2]["who"], entries[2]["token"], entries[2]["source"]) == ("token 1", "t1", "testclient")
    assert entries[2]["at"] > 1.7e9
    page = acme.get("/v1/accounts/acme/audit?limit=1").json()
    assert acme.get(f"/v1/accounts/acme/audit?limit=9&cursor={page['next']}").json()["audit"] == entries[1:]
    assert acme.get("/v1/accounts/acme/audit?cursor=x").status_code == 400


def test_the_whole_log_is_for_tokens_of_all_accounts(acme: Any) -> None:
    made = acme.post("/v1/tokens", json={"name": "n", "scopes": ["read"]})
    assert acme.get("/v1/audit").json()["audit"][0]["what"] == "POST /v1/tokens"
    assert made.json()["secret"] not in acme.get("/v1/audit").text
    assert acme.get("/v1/audit", headers=acme.as_("admin", "acme")).status_code == 403
    assert acme.get("/v1/accounts/acme/audit", headers=acme.as_("read")).status_code == 403
    assert acme.get("/v1/accounts/acme/audit").json()["audit"] == []


def test_who_is_not_known_is_not_noted(acme: Any) -> None:
    acme.patch(PATH, json={}, headers={"Authorization": "Bearer wrong"})
    assert acme.get("/v1/audit").json()["audit"] == []


def test_a_log_that_cannot_be_written_holds_up_nothing(acme: Any, monkeypatch: Any) -> None:
    def note(*_: Any) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(audit, "note", note)
    assert acme.patch(PATH, json={"max_calls": 2}).json()["version"] == 2
