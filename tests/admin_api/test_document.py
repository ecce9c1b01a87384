from __future__ import annotations

from threading import Event
from typing import Any

import pytest

from routerd.config import editing

PATH = "/v1/accounts/acme/document"
YAML = {"Content-Type": "application/yaml"}


def text_of(acme: Any) -> str:
    return str(acme.get(PATH, headers={"Accept": "application/yaml"}).text)


def renamed(acme: Any, name: str) -> str:
    return text_of(acme).replace("Asha Rao", name)


def test_a_document_is_read_as_it_was_written_without_secrets(acme: Any) -> None:
    answer = acme.get(PATH)
    assert (answer.status_code, answer.headers["etag"]) == (200, '"1"')
    told = answer.json()
    assert list(told) == ["schema", "account", "trunks", "outbound_routes", "numbers", "agents", "extensions"]
    assert told["agents"][1] == {"id": "ravi", "name": "Ravi Iyer", "extension": "2002", "intercom": "1002"}
    assert told["extensions"][0] == {"id": "2001", "username": "2001", "password": {"set": True}}
    yaml = acme.get(PATH, headers={"Accept": "application/yaml, */*;q=0.1"})
    assert yaml.headers["content-type"].startswith("application/yaml")
    assert editing.read_plain(yaml.content, "x.yaml") == told
    assert acme.get(PATH, headers={"If-None-Match": '"1"'}).status_code == 304
    assert acme.get("/v1/accounts/nope/document").status_code == 404


def test_what_was_read_is_written_back_changed(acme: Any, company: Any) -> None:
    answer = acme.put(PATH, content=renamed(acme, "Asha R"), headers={**YAML, "If-Match": '"1"'})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    assert answer.json() == {"account": "acme", "version": 2, "before": 1, "changed": True, "confirm_until": None,
                             "serving": True}  # fmt: skip
    assert company.published == 1
    again = acme.put(PATH, content=renamed(acme, "Asha Z"), headers={**YAML, "If-Match": '"1"'})
    assert (again.status_code, again.json()["error"]["code"]) == (412, "precondition_failed")
    assert acme.put(PATH, content=text_of(acme), headers={**YAML, "If-None-Match": "*"}).status_code == 412
    assert acme.put(PATH, content=text_of(acme), headers={**YAML, "If-Match": "x"}).status_code == 400


def test_a_refused_document_changes_nothing_and_tells_everything(acme: Any, company: Any) -> None:
    wrong = renamed(acme, "Asha R").replace("name: Ravi Iyer", "nam: Ravi") + "nonsense: 1\n"
    answer = acme.put(PATH, content=wrong, headers=YAML)
    assert answer.status_code == 422
    told = {error["pointer"]: error for error in answer.json()["errors"]}
    assert set(told) == {"/agents/1/nam", "/agents/1", "/nonsense"}
    assert all(error["line"] for error in told.values())
    assert told["/agents/1/nam"]["hint"]
    assert (company.published, acme.get(PATH).headers["etag"]) == (0, '"1"')
    unread = acme.put(PATH, content=b"{", headers={"Content-Type": "application/json"})
    assert unread.json()["errors"][0]["message"].startswith("not JSON")


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content-Type": "text/plain"}, b"schema: 1", 415),
        ({"Content-Type": "application/yaml; charset=latin-1"}, b"schema: 1", 415),
        ({"Content-Type": "application/yaml", "Content-Encoding": "gzip"}, b"schema: 1", 415),
        (YAML, b"", 400),
        (YAML, b"  \n", 400),
        (YAML, b"\xff\xfe\x00", 422),
        (YAML, b"a: &a [*a]", 422),
        (YAML, b"[" * 10_000, 422),
        ({"Content-Type": "application/json"}, b"[" * 100_000 + b"]" * 100_000, 422),
        ({"Content-Type": "application/json"}, b'{"schema": 1, "account": "\\ud800"}', 422),
        ({}, b'{"schema": 1}', 422),
    ],
)
def test_bad_bodies(acme: Any, headers: Any, body: bytes, status: int) -> None:
    assert acme.put(PATH, content=body, headers=headers).status_code == status
    assert acme.post(PATH + "/validate", content=body, headers=headers).status_code == status


def test_a_name_that_is_no_text_is_refused(acme: Any) -> None:
    document = acme.get(PATH).text.replace("Asha Rao", "\\ud800")
    answer = acme.put(PATH, content=document, headers={"Content-Type": "application/json"})
    assert answer.status_code == 422
    patch = b'{"account": {"name": "\\ud800"}}'
    assert acme.patch(PATH, content=patch, headers={"Content-Type": "application/json"}).status_code == 400


def test_validation_finds_and_changes_nothing(acme: Any, company: Any) -> None:
    answer = acme.post(PATH + "/validate", content=text_of(acme), headers=YAML)
    assert answer.status_code == 200
    assert answer.json()["valid"] is True
    assert {"code", "severity", "pointer", "line", "message"} <= set(answer.json()["findings"][0])
    assert company.published == 0


def test_a_merge_patch_changes_the_document(acme: Any) -> None:
    answer = acme.patch(PATH, json={"account": {"max_channels": 3}, "outbound_routes": None})
    assert answer.json()["version"] == 2
    told = acme.get(PATH).json()
    assert told["account"]["max_channels"] == 3
    assert "outbound_routes" not in told
    assert acme.patch(PATH, json=[1]).status_code == 400
    assert acme.patch(PATH, json={"account": {"id": "beta"}}).json()["errors"][0]["pointer"] == "/account/id"
    assert acme.patch("/v1/accounts/nope/document", json={}).status_code == 404


def test_versions_are_listed_read_and_rolled_back_to(acme: Any) -> None:
    acme.put(PATH, content=renamed(acme, "Asha R"), headers=YAML)
    listed = acme.get("/v1/accounts/acme/versions").json()
    assert [(one["version"], one["author"], one["in_force"]) for one in listed["versions"]] == [
        (2, "token file", True), (1, "file", False),
    ]  # fmt: skip
    assert listed["confirm_until"] is None
    page = acme.get("/v1/accounts/acme/versions?limit=1").json()
    assert acme.get(f"/v1/accounts/acme/versions?limit=1&cursor={page['next']}").json()["versions"][0]["version"] == 1
    one = acme.get("/v1/accounts/acme/versions/1").json()
    assert (one["version"], one["document"]["agents"][0]["name"]) == (1, "Asha Rao")
    assert one["document"]["extensions"][0]["password"] == {"set": True}
    assert acme.get("/v1/accounts/acme/versions/9").status_code == 404
    assert acme.get("/v1/accounts/nope/versions").status_code == 404
    back = acme.post("/v1/accounts/acme/versions/1/rollback")
    assert (back.json()["version"], back.headers["etag"]) == (3, '"3"')
    assert "Asha Rao" in text_of(acme)
    assert acme.post("/v1/accounts/acme/versions/9/rollback").status_code == 404


def test_confirm_or_revert(acme: Any) -> None:
    headers = {**YAML, "If-Match": '"1"'}
    applied = acme.put(PATH + "?confirm_within=60", content=renamed(acme, "B"), headers=headers).json()
    assert applied["confirm_until"] > 0
    blocked = acme.put(PATH, content=renamed(acme, "C"), headers=YAML)
    assert (blocked.status_code, blocked.json()["error"]["code"]) == (409, "confirmation_pending")
    assert acme.post(PATH + "/confirm").json()["version"] == 2
    assert acme.post(PATH + "/confirm").status_code == 409
    acme.put(PATH + "?confirm_within=60", content=renamed(acme, "Asha Rao"), headers=YAML)
    assert acme.patch(PATH + "?confirm_within=60", json={}).status_code == 409
    assert acme.post(PATH + "/revert").status_code in {200, 409}
    assert acme.put(PATH + "?confirm_within=0", content=text_of(acme), headers=YAML).status_code == 400


def test_what_is_not_confirmed_comes_back(acme: Any) -> None:
    acme.put(PATH + "?confirm_within=1", content=renamed(acme, "B"), headers=YAML)
    for _ in range(100):
        if acme.get(PATH).headers["etag"] == '"3"':
            break
        Event().wait(0.1)
    assert "Asha Rao" in text_of(acme)


def test_accounts_come_and_go(acme: Any, company: Any) -> None:
    beta = text_of(acme).replace("id: acme", "id: beta").replace("acme.test", "beta.test").replace('70"', '71"')
    beta = beta.replace("+918069651170", "+918069651171").replace("set: true", "set: true")
    refused = acme.put("/v1/accounts/beta/document", content=beta, headers=YAML)
    assert refused.status_code == 422  # its secrets were never told
    beta = editing.write_yaml(_with_passwords(editing.read_plain(beta.encode(), "x.yaml"))).decode()
    made = acme.put("/v1/accounts/beta/document", content=beta, headers={**YAML, "If-None-Match": "*"})
    assert (made.status_code, made.json()["version"]) == (201, 1)
    rows = acme.get("/v1/accounts").json()["accounts"]
    assert [(row["account"], row["version"]) for row in rows] == [("acme", 1), ("beta", 1)]
    only = acme.get("/v1/accounts", headers=acme.as_("read", "beta")).json()["accounts"]
    assert [row["account"] for row in only] == ["beta"]
    company.replies["calls"] = {"ok": True, "calls": [{"id": "c", "account": "beta"}]}
    assert acme.delete("/v1/accounts/beta/document").json()["error"]["code"] == "calls_go_on"
    company.replies["calls"] = {"ok": True, "calls": []}
    gone = acme.delete("/v1/accounts/beta/document")
    assert (gone.status_code, gone.json()["version"]) == (200, 0)
    assert acme.get("/v1/accounts/beta/document").status_code == 404
    back = acme.post("/v1/accounts/beta/versions/1/rollback")
    assert (back.status_code, back.json()["version"]) == (201, 2)


def _with_passwords(tree: Any) -> Any:
    for extension in tree["extensions"]:
        extension["password"] = "secret-of-beta"
    return tree


def test_a_token_of_another_scope_cannot_change_it(acme: Any) -> None:
    for scope, status in (("read", 403), ("calls", 403), ("document", 200)):
        headers = {**YAML, **acme.as_(scope)}
        assert acme.put(PATH, content=text_of(acme), headers=headers).status_code == status
    assert acme.get(PATH, headers=acme.as_("agents")).status_code == 403
