from __future__ import annotations

from typing import Any

import pytest

from routerd.admin_api.decisions import SCENARIO

BASE = "/v1/accounts/acme"


def test_a_call_is_simulated_by_the_document_in_force_or_another(acme: Any) -> None:
    answer = acme.post(f"{BASE}/simulate", json={"scenario": SCENARIO})
    assert (answer.status_code, answer.json()["outcome"]) == (200, "answered")
    assert answer.json()["legs"][0]["target"] == "extension:2001"
    document = acme.get(f"{BASE}/document").json()
    document["numbers"][0]["destination"] = None
    other = acme.post(f"{BASE}/simulate", json={"scenario": SCENARIO, "document": document})
    assert other.json()["reason"] == "no_destination"


def test_a_plan_tells_what_would_differ(acme: Any, company: Any) -> None:
    document = acme.get(f"{BASE}/document").json()
    document["agents"][0]["name"] = "Asha R"
    answer = acme.post(f"{BASE}/document/plan?days=3", json=document)
    assert (answer.status_code, answer.json()["document_version"], answer.json()["differences"]) == (200, 1, 1)
    assert answer.json()["document"][0]["name"] == "asha"
    assert company.published == 0
    refused = acme.post(f"{BASE}/document/plan", json={**document, "nonsense": 1})
    assert refused.json()["errors"][0]["pointer"] == "/nonsense"


def test_recorded_calls_are_decided_again(acme: Any) -> None:
    answer = acme.post(f"{BASE}/replay", json={"days": 3})
    assert (answer.status_code, answer.json()["calls"]) == (200, 0)
    assert acme.post(f"{BASE}/replay", json={"call": "nope"}).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("simulate", {}, 400), ("simulate", {"scenario": {}}, 422), ("simulate", {"scenario": 1}, 422),
        ("simulate", {"scenario": SCENARIO, "document": {}}, 422), ("simulate", {"scenario": SCENARIO, "x": 1}, 400),
        ("replay", {"days": -1}, 400), ("replay", {"document": {"schema": 1}}, 422), ("replay", [], 400),
    ],
)  # fmt: skip
def test_wrong_wishes(acme: Any, path: str, body: Any, status: int) -> None:
    assert acme.post(f"{BASE}/{path}", json=body).status_code == status


def test_an_account_without_a_document(acme: Any) -> None:
    assert acme.post("/v1/accounts/nope/simulate", json={"scenario": SCENARIO}).status_code == 404
    assert acme.post("/v1/accounts/nope/replay", json={}).status_code == 404
