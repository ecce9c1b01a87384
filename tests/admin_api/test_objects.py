from __future__ import annotations

from typing import Any

import pytest

from routerd.admin_api.objects import Trees
from routerd.config import editing
from routerd.store.versions import DocumentVersion

BASE = "/v1/accounts/acme"


def names(acme: Any) -> list[str]:
    return [agent["name"] for agent in acme.get(f"{BASE}/document").json()["agents"]]


def test_entries_are_read_put_and_removed_each_as_a_version(acme: Any, company: Any) -> None:
    read = acme.get(f"{BASE}/agents/asha")
    assert (read.json()["name"], read.headers["etag"]) == ("Asha Rao", '"1"')
    put = acme.put(f"{BASE}/agents/asha", json={**read.json(), "name": "Asha R"}, headers={"If-Match": '"1"'})
    assert (put.status_code, put.json()["version"], put.headers["etag"]) == (200, 2, '"2"')
    assert acme.put(f"{BASE}/agents/asha", json=read.json(), headers={"If-Match": '"1"'}).status_code == 412
    new = acme.put(f"{BASE}/agents/mira", json={"name": "Mira"})
    assert (new.status_code, new.json()["version"]) == (201, 3)
    assert names(acme) == ["Asha R", "Ravi Iyer", "Mira"]
    assert acme.delete(f"{BASE}/agents/mira").json()["version"] == 4
    assert acme.delete(f"{BASE}/agents/mira").status_code == 404
    assert acme.get(f"{BASE}/agents/mira").status_code == 404
    same = acme.put(f"{BASE}/agents/asha", json={**read.json(), "name": "Asha R"})
    assert (same.json()["version"], same.json()["changed"]) == (4, False)
    assert company.published == 3


def test_a_patch_changes_what_it_names(acme: Any) -> None:
    changed = acme.patch(f"{BASE}/agents/asha", json={"do_not_disturb": True, "intercom": None})
    assert changed.json()["version"] == 2
    assert acme.get(f"{BASE}/agents/asha").json() == {
        "id": "asha", "name": "Asha Rao", "extension": "2001", "do_not_disturb": True,
    }  # fmt: skip
    merge = {"Content-Type": "application/merge-patch+json"}
    assert acme.patch(f"{BASE}/agents/asha", content=b'{"max_calls": 2}', headers=merge).json()["version"] == 3
    assert acme.patch(f"{BASE}/agents/nobody", json={}).status_code == 404
    assert acme.patch(f"{BASE}/agents/asha", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert acme.patch(f"{BASE}/agents/asha", json={"id": "other"}).json()["errors"][0]["pointer"] == "/id"


def test_errors_point_into_what_was_sent_or_into_the_document(acme: Any) -> None:
    wrong = acme.put(f"{BASE}/agents/asha", json={"name": "A", "extension": "9999", "ring_timeout_s": 1})
    assert wrong.status_code == 422
    assert {error["pointer"] for error in wrong.json()["errors"]} == {"/extension", "/ring_timeout_s"}
    assert all("line" not in error for error in wrong.json()["errors"])
    used = acme.delete(f"{BASE}/extensions/2001")
    assert [error["pointer"] for error in used.json()["errors"]] == ["/agents/0/extension"]
    assert acme.get(f"{BASE}/document").headers["etag"] == '"1"'


def test_secrets_of_entries_stay_hidden_and_kept(acme: Any, company: Any) -> None:
    shown = acme.get(f"{BASE}/extensions/2001").json()
    assert shown["password"] == {"set": True}
    assert acme.put(f"{BASE}/extensions/2001", json={**shown, "max_contacts": 2}).status_code == 200
    ((text,),) = company.store.rows("SELECT text FROM documents WHERE version = 2")
    assert b"secret-2001" in text
    refused = acme.put(f"{BASE}/extensions/2009", json={**shown, "id": "2009", "username": "2009"})
    assert refused.status_code == 422


@pytest.mark.parametrize(("section", "name"), [("numbers", "%2B918069651170"), ("outbound_routes", "%2B91"),
                                               ("outbound_routes", "default"), ("trunks", "pstn")])  # fmt: skip
def test_entries_are_called_by_what_names_them(acme: Any, section: str, name: str) -> None:
    entry = acme.get(f"{BASE}/{section}/{name}")
    assert entry.status_code == 200
    assert acme.put(f"{BASE}/{section}/{name}", json=entry.json()).json()["changed"] is False


def test_lists_come_in_order_and_in_pages(acme: Any) -> None:
    first = acme.get(f"{BASE}/document/agents?limit=1").json()
    assert (first["agents"][0]["id"], first["next"], first["version"]) == ("asha", "asha", 1)
    second = acme.get(f"{BASE}/document/agents?limit=1&cursor=asha").json()
    assert [agent["id"] for agent in second["agents"]] == ["ravi"]
    assert "next" not in acme.get(f"{BASE}/document/agents?limit=9").json()
    assert acme.get(f"{BASE}/document/agents?cursor=gone").status_code == 400
    assert acme.get(f"{BASE}/departments").json() == {"departments": [], "version": 1}
    page = acme.get(f"{BASE}/outbound_routes?limit=1").json()
    assert page["next"] == "default"
    assert acme.get(f"{BASE}/outbound_routes?limit=1&cursor=default").json()["outbound_routes"][0]["prefix"] == "+91"
    assert acme.get("/v1/accounts/nope/departments").status_code == 404
    assert acme.get(f"{BASE}/departments?limit=0").status_code == 400


@pytest.mark.parametrize("body", [b"", b"[]", b"1", b"{", b'{"name": "\\ud800"}', b"[" * 100_000, b"\xff"])
def test_bodies_that_are_no_objects(acme: Any, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    for method in (acme.put, acme.patch):
        answer = method(f"{BASE}/agents/asha", content=body, headers=headers)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")


def test_a_body_that_is_too_large_or_deep(acme: Any) -> None:
    large = acme.put(f"{BASE}/agents/asha", json={"name": "x" * 1_100_000})
    assert (large.status_code, large.json()["error"]["code"]) == (413, "too_large")
    nest: Any = {}
    for _ in range(900):
        nest = {"a": nest}
    assert acme.patch(f"{BASE}/agents/asha", json={"failover": nest}).status_code in {400, 422}


async def test_trees_are_kept_while_there_is_room() -> None:
    trees = Trees()

    def version(number: int) -> DocumentVersion:
        return DocumentVersion("acme", number, 1.0, "a.json", "", b'{"agents": [{"id": "a", "pin": "1"}]}')

    first = await trees.of(version(1))
    assert first == {"agents": [{"id": "a", "pin": editing.SHOWN}]}
    assert await trees.of(version(1)) is first
    for number in range(2, 2 + Trees.MOST):
        await trees.of(version(number))
    assert await trees.of(version(1)) is not first
