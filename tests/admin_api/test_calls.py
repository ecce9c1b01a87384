from __future__ import annotations

from typing import Any

import pytest

PATH = "/v1/accounts/acme/calls"
CALL = {"id": "c1", "account": "acme", "state": "connected"}
UNKNOWN = {"ok": False, "error": {"code": "unknown_call", "message": "no such call", "status": 404}}


@pytest.fixture
def calling(backend: Any) -> Any:
    backend.replies["call"] = lambda asked: {"ok": True, "call": CALL} if asked["call"] == "c1" else UNKNOWN
    return backend


def test_calls_are_seen(api: Any, calling: Any) -> None:
    calling.replies["calls"] = {"ok": True, "calls": [CALL, {"id": "c2", "account": "beta"}]}
    assert api.get(PATH).json() == {"calls": [CALL]}
    assert api.get(f"{PATH}/c1").json() == CALL
    assert api.get(f"{PATH}/c2").status_code == 404


def test_a_click_to_call_is_accepted_with_its_id(api: Any, calling: Any) -> None:
    calling.replies["originate"] = {"ok": True, "call": "c7"}
    answer = api.post(PATH, json={"agent": "asha", "to": "+919812345678", "via": "mobile"})
    assert (answer.status_code, answer.json()) == (202, {"call": "c7"})
    assert answer.headers["location"] == f"{PATH}/c7"
    order = {"account": "acme", "agent": "asha", "to": "+919812345678", "via": "mobile", "caller_id": None}
    assert calling.asked == [("originate", order)]


def test_the_same_key_gives_the_same_call(api: Any, calling: Any) -> None:
    calling.replies["originate"] = lambda _: {"ok": True, "call": f"c{len(calling.asked)}"}
    key = {"Idempotency-Key": "once"}
    body = {"agent": "asha", "to": "+919812345678"}
    first, second = (api.post(PATH, json=body, headers=key) for _ in range(2))
    assert (first.json(), second.json(), second.status_code) == ({"call": "c1"}, {"call": "c1"}, 202)
    assert len(calling.asked) == 1


@pytest.mark.parametrize(
    ("code", "status"),
    [("agent_busy", 409), ("outbound_blocked", 403), ("bad_number", 422), ("limit_reached", 429)],
)
def test_a_gate_answers_at_once(api: Any, calling: Any, code: str, status: int) -> None:
    calling.replies["originate"] = {"ok": False, "error": {"code": code, "message": "no", "status": status}}
    answer = api.post(PATH, json={"agent": "asha", "to": "+919812345678"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"agent": "asha"}, ""),
        ({"agent": "asha", "to": "x" * 65}, "/to"),
        ({"agent": "asha", "to": "1", "via": "pigeon"}, "/via"),
        ({"agent": "asha", "to": "1", "more": 1}, ""),
    ],
)
def test_what_is_no_order(api: Any, calling: Any, body: Any, pointer: str) -> None:
    answer = api.post(PATH, json=body)
    assert (answer.status_code, answer.json()["error"]["pointer"]) == (400, pointer)
    assert calling.asked == []


def test_a_call_is_ended_held_and_sent_on(api: Any, calling: Any) -> None:
    assert api.delete(f"{PATH}/c1").status_code == 204
    assert api.put(f"{PATH}/c1/hold", json={"held": True}).json() == {"call": "c1", "held": True}
    assert api.put(f"{PATH}/c1/hold", json={"held": True, "leg": "caller"}).status_code == 200
    assert api.put(f"{PATH}/c1/hold", json={"held": False}).json()["held"] is False
    for wanted in ("on", "paused", "off"):
        answer = api.put(f"{PATH}/c1/recording", json={"recording": wanted})
        assert answer.json() == {"call": "c1", "recording": wanted}
    assert api.put(f"{PATH}/c1/recording", json={"recording": "loud"}).status_code == 400
    answer = api.post(f"{PATH}/c1/transfer", json={"to": "1002", "leg": "caller"})
    assert (answer.status_code, answer.json()) == (202, {"call": "c1", "to": "1002"})
    ours = {"account": "acme", "call": "c1"}
    assert [one for one in calling.asked if one[0] != "call"] == [
        ("hang_up", ours),
        ("hold", ours),
        ("hold", {**ours, "leg": "caller"}),
        ("unhold", ours),
        ("record", ours),
        ("pause_recording", ours),
        ("stop_recording", ours),
        ("transfer", {**ours, "to": "1002", "leg": "caller"}),
    ]


@pytest.mark.parametrize("what", ["delete", "hold", "transfer"])
def test_nothing_is_done_to_another_accounts_call(api: Any, calling: Any, what: str) -> None:
    if what == "delete":
        answer = api.delete(f"{PATH}/c2")
    elif what == "hold":
        answer = api.put(f"{PATH}/c2/hold", json={"held": True})
    else:
        answer = api.post(f"{PATH}/c2/transfer", json={"to": "1"})
    assert answer.status_code == 404
    assert {verb for verb, _ in calling.asked} == {"call"}


def test_readers_change_nothing(api: Any, calling: Any) -> None:
    reader = api.as_("read", "acme")
    assert api.get(f"{PATH}/c1", headers=reader).status_code == 200
    assert api.delete(f"{PATH}/c1", headers=reader).status_code == 403
    assert api.post(PATH, json={"agent": "asha", "to": "1"}, headers=reader).status_code == 403
    assert [verb for verb, _ in calling.asked] == ["call"]


def test_a_disposition_during_and_after_a_call(api: Any, backend: Any, store: Any) -> None:
    now = backend.now()
    start = {"account": "acme", "at": now}
    store.apply("p", 1, [("call.start", {"id": name, **start}) for name in ("on", "old", "new")])
    store.apply("p", 4, [
        ("call.end", {"id": "new", **start, "ended_at": now - 60}),
        ("call.end", {"id": "old", **start, "ended_at": now - 7200}),
    ])  # fmt: skip
    said = {"code": "sold", "note": "=invoice"}
    found = {name: api.put(f"{PATH}/{name}/disposition", json=said).status_code for name in ("on", "new", "old", "no")}
    assert found == {"on": 200, "new": 200, "old": 409, "no": 404}
    assert api.put("/v1/accounts/beta/calls/new/disposition", json=said).status_code == 404
    shown = {record["id"]: record["disposition"] for record in api.get("/v1/accounts/acme/records").json()["records"]}
    assert shown["old"] is None
    assert (shown["new"]["code"], shown["new"]["note"], shown["new"]["by"]) == ("sold", "=invoice", "token file")
    api.put(f"{PATH}/new/disposition", json={"code": "lost"})
    assert api.get("/v1/accounts/acme/records/new").json()["disposition"]["code"] == "lost"
