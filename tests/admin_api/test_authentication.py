from __future__ import annotations

import time
from typing import Any

import pytest

CALLS = "/v1/accounts/acme/calls"


WRONG = [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Basic c2VjcmV0"}, {"Authorization": "Bearer "}]


@pytest.mark.parametrize("headers", [*WRONG, {"Authorization": "Bearer " + "x" * 5000}])
def test_views_need_a_token(api: Any, backend: Any, headers: Any) -> None:
    answer = api.client.get(CALLS, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthorized"
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert backend.asked == []


def test_a_token_has_its_scopes_and_accounts_only(api: Any) -> None:
    assert api.get(CALLS, headers=api.as_("read")).status_code == 200
    assert api.get(CALLS, headers=api.as_("admin")).status_code == 200
    assert api.get(CALLS, headers=api.as_("read", "acme")).status_code == 200
    refused = api.get(CALLS, headers=api.as_("agents document"))
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")
    assert "read" in refused.json()["error"]["message"]
    assert api.get(CALLS, headers=api.as_("read", "beta")).status_code == 403
    assert api.get("/v1/accounts/beta/calls", headers=api.as_("read", "beta acme")).status_code == 200


def test_a_token_ends(api: Any) -> None:
    assert api.get(CALLS, headers=api.as_("read", expires_at=time.time() + 60)).status_code == 200
    assert api.get(CALLS, headers=api.as_("read", expires_at=time.time() - 1)).status_code == 401


def test_the_word_bearer_may_be_written_otherwise(api: Any) -> None:
    secret = api.as_("read")["Authorization"].split()[1]
    assert api.client.get(CALLS, headers={"Authorization": f"bearer  {secret}"}).status_code == 200
