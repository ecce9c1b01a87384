from __future__ import annotations

from typing import Any

import pytest

from routerd.store import idempotency

PATH = "/v1/accounts/acme/versions/1/rollback"
KEY = {"Idempotency-Key": "one"}


@pytest.fixture
def changed(acme: Any) -> Any:
    acme.patch("/v1/accounts/acme/agents/asha", json={"max_calls": 2})
    return acme


def test_a_repetition_is_answered_again_and_not_done_again(changed: Any, company: Any) -> None:
    first = changed.post(PATH, headers=KEY)
    assert (first.status_code, first.json()["version"]) == (200, 3)
    changed.patch("/v1/accounts/acme/agents/asha", json={"max_calls": 5})
    published = company.published
    again = changed.post(PATH, headers=KEY)
    assert (again.status_code, again.json(), again.headers["etag"]) == (200, first.json(), '"3"')
    assert again.headers["idempotency-replayed"] == "true"
    assert company.published == published
    assert changed.post(PATH, headers={"Idempotency-Key": "two"}).json()["version"] == 5


def test_a_key_is_for_one_request_of_one_token(changed: Any) -> None:
    changed.post(PATH, headers=KEY)
    other = changed.post("/v1/accounts/acme/versions/2/rollback", headers=KEY)
    assert (other.status_code, other.json()["error"]["code"]) == (422, "key_reused")
    assert changed.post(PATH + "?confirm_within=9", headers=KEY).status_code == 422
    mine = changed.post("/v1/accounts/acme/versions/2/rollback", headers={**KEY, **changed.as_("document")})
    assert mine.status_code == 200


def test_refusals_are_repeated_unless_they_say_nothing_of_the_request(acme: Any) -> None:
    gone = "/v1/accounts/acme/versions/9/rollback"
    assert [acme.post(gone, headers=KEY).status_code for _ in range(2)] == [404, 404]
    read = {**acme.as_("read"), "Idempotency-Key": "k"}
    assert acme.post(PATH, headers=read).status_code == 403
    assert "idempotency-replayed" not in acme.post(PATH, headers=read).headers
    wrong = {"Authorization": "Bearer wrong", **KEY}
    assert acme.post(PATH, headers=wrong).status_code == 401


@pytest.mark.parametrize("key", ["x" * 201, "a\tb", "ü"])
def test_wrong_keys(acme: Any, key: str) -> None:
    answer = acme.post(PATH, headers={"Idempotency-Key": key.encode("latin-1")})
    assert (answer.status_code, answer.json()["error"]["pointer"]) == (400, "Idempotency-Key")


def test_what_goes_on_or_ended_unseen_is_a_conflict(acme: Any, company: Any) -> None:
    acme.post(PATH, headers=KEY)
    company.store.execute("UPDATE idempotency SET status = 0")
    assert acme.post(PATH, headers=KEY).json()["error"]["code"] == "in_progress"
    company.process = "next"
    assert acme.post(PATH, headers=KEY).json()["error"]["code"] == "outcome_unknown"


def test_an_answer_with_a_secret_is_not_kept(acme: Any, company: Any) -> None:
    new = {"name": "n", "scopes": ["read"]}
    secret = acme.post("/v1/tokens", json=new, headers=KEY).json()["secret"]
    again = acme.post("/v1/tokens", json=new, headers=KEY)
    assert (again.status_code, again.json()["error"]["code"]) == (409, "already_done")
    assert len(acme.get("/v1/tokens").json()["tokens"]) == 1
    ((body, headers),) = company.store.rows("SELECT body, headers FROM idempotency")
    assert secret.encode() not in body + headers


def test_a_failure_frees_the_key(acme: Any, company: Any, monkeypatch: Any) -> None:
    async def broken(*_: Any) -> Any:
        raise RuntimeError("a bug")

    with monkeypatch.context() as patched:
        patched.setattr(type(company.documents), "rollback", broken)
        assert acme.post(PATH, headers=KEY).status_code == 500
    assert acme.post(PATH, headers=KEY).status_code == 200
    assert idempotency.KEPT_S == 86400
