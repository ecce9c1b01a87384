from __future__ import annotations

from typing import Any

import pytest

from routerd.admin_api.gate import FILE_TOKEN
from routerd.store import tokens

NEW = {"name": "wallboard", "scopes": ["read"], "accounts": ["acme"]}


def test_a_token_is_made_shown_once_and_works(acme: Any, company: Any) -> None:
    made = acme.post("/v1/tokens", json={**NEW, "expires_in_s": 60})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    secret, token = made.json()["secret"], made.json()["token"]
    assert len(secret) > 40
    assert token["expires_at"] > token["created_at"]
    assert acme.get("/v1/accounts", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
    listed = acme.get("/v1/tokens").json()["tokens"]
    assert [(one["id"], one["name"]) for one in listed] == [(token["id"], "wallboard")]
    assert listed[0]["used_at"] is not None
    assert secret not in acme.get("/v1/tokens").text
    (stored,) = company.store.run(tokens.every)
    assert secret.encode() not in repr(stored).encode()
    assert acme.delete(f"/v1/tokens/{token['id']}").status_code == 204
    assert acme.get("/v1/accounts", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert acme.delete(f"/v1/tokens/{token['id']}").status_code == 404


@pytest.mark.parametrize(
    ("change", "pointer"),
    [({"name": ""}, "/name"), ({"scopes": []}, "/scopes"), ({"scopes": ["root"]}, "/scopes/0"),
     ({"accounts": ["a b"]}, "/accounts/0"), ({"expires_in_s": -1}, "/expires_in_s"), ({"more": 1}, "")],
)  # fmt: skip
def test_wrong_wishes_are_refused(acme: Any, change: Any, pointer: str) -> None:
    answer = acme.post("/v1/tokens", json={**NEW, **change})
    assert (answer.status_code, answer.json()["error"]["pointer"]) == (400, pointer)


def test_nobody_makes_a_token_that_may_more_than_their_own(acme: Any) -> None:
    limited = acme.as_("admin", "acme")
    assert acme.post("/v1/tokens", json=NEW, headers=limited).status_code == 201
    refused = acme.post("/v1/tokens", json={**NEW, "accounts": ["*"]}, headers=limited)
    assert (refused.status_code, refused.json()["error"]["pointer"]) == (403, "/accounts")
    whole = acme.post("/v1/tokens", json={**NEW, "accounts": ["*"]}).json()["token"]["id"]
    assert acme.delete(f"/v1/tokens/{whole}", headers=limited).status_code == 404
    assert [one["accounts"] for one in acme.get("/v1/tokens", headers=limited).json()["tokens"]] == [["acme"]]
    assert acme.post("/v1/tokens", json=NEW, headers=acme.as_("document")).status_code == 403


def test_the_file_s_token_is_not_removed_here(acme: Any) -> None:
    assert acme.delete(f"/v1/tokens/{FILE_TOKEN}").status_code == 409
