from __future__ import annotations

from typing import Any

from routerd.errors import StoreError


def end(name: str, at: float, account: str = "acme", **facts: Any) -> Any:
    return ("call.end", {"id": name, "account": account, "at": at, "kind": "inbound", "from": "+911", "to": "+922",
                         "outcome": "rejected", "reason": "no_answer", "ended_at": at + 2, "legs": [], "nodes": [],
                         "trace": [["number", "+922", "pstn", "known"]], "document_version": 3, **facts})  # fmt: skip


def test_records_are_looked_for_as_asked(api: Any, store: Any) -> None:
    store.apply("p", 1, [end("a", 5.0), end("b", 8.0, outcome="answered"), end("c", 8.0, "beta", outcome="answered")])
    path = "/v1/accounts/acme/records?since=5&until=9.5&number=%2B911&outcome=answered&limit=3"
    assert [record["id"] for record in api.get(path).json()["records"]] == ["b"]
    assert api.get("/v1/accounts/acme/records?limit=many").status_code == 400


def test_pages_have_a_cursor_while_there_may_be_more(api: Any, store: Any) -> None:
    store.apply("p", 1, [end(name, at) for name, at in (("a", 7.0), ("b", 8.0), ("c", 9.0))])
    first = api.get("/v1/accounts/acme/records?limit=2").json()
    assert ([record["id"] for record in first["records"]], first["next"]) == (["c", "b"], "8.0:b")
    second = api.get(f"/v1/accounts/acme/records?limit=2&cursor={first['next']}").json()
    assert ([record["id"] for record in second["records"]], "next" in second) == (["a"], False)
    assert api.get("/v1/accounts/acme/records?cursor=x").status_code == 400


def test_a_call_is_explained_and_told(api: Any, store: Any) -> None:
    store.apply("p", 1, [end("a", 5.0)])
    told = api.get("/v1/accounts/acme/calls/a/explanation").json()
    assert (told["document_version"], told["reason"], told["trace"][0]["code"]) == (3, "no_answer", "number")
    assert told["text"][1] == "  rejected (no_answer)"
    rows = api.get("/v1/accounts/acme/calls/a/timeline").json()["timeline"]
    assert [row["kind"] for row in rows] == ["call", "end"]
    assert api.get("/v1/accounts/beta/calls/a/explanation").status_code == 404
    assert api.get("/v1/accounts/beta/calls/a/timeline").status_code == 404


def test_a_record_of_another_account_is_not_shown(api: Any, store: Any) -> None:
    store.apply("p", 1, [end("a", 5.0, "beta")])
    assert api.get("/v1/accounts/acme/records/a").status_code == 404
    assert api.get("/v1/accounts/beta/records/a").json()["id"] == "a"


def test_a_store_that_cannot_be_read_is_503(api: Any, backend: Any) -> None:
    backend.failure = StoreError("disk gone")
    answer = api.get("/v1/accounts/acme/records")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "unavailable")
    assert "disk" not in answer.text


def test_records_are_given_whole_as_csv_or_lines(api: Any, store: Any) -> None:
    ends = [("call.end", {"id": f"c{number}", "account": "acme", "at": float(number)}) for number in range(7)]
    store.apply("p", store.position("p") + 1, ends)
    text = api.get("/v1/accounts/acme/records?limit=2&since=2", headers={"Accept": "text/csv"})
    assert text.headers["content-type"].startswith("text/csv")
    assert [line.split(",")[0] for line in text.text.splitlines()] == ["id", "c6", "c5", "c4", "c3", "c2"]
    lines = api.get("/v1/accounts/acme/records", headers={"Accept": "application/x-ndjson"})
    assert len(lines.text.splitlines()) == 7
    assert "attachment" in lines.headers["content-disposition"]


def test_what_is_no_filter(api: Any) -> None:
    assert api.get("/v1/accounts/acme/records?cursor=x").status_code == 400
    assert api.get("/v1/accounts/acme/records?limit=0").status_code == 400
    assert api.get("/v1/accounts/acme/records?shortest_s=-1").status_code == 400
