from __future__ import annotations

from struct import pack
from typing import Any

PATH = "/v1/accounts/acme/calls/c1"
LADDER = {
    "legs": ["trunk:pstn"],
    "steps": pack("<IBH", 0, 0, 1 << 10) + pack("<IBH", 250, 128, 1 << 10 | 486),
    "left_out": 0,
}
RECORD = {
    "id": "c1", "account": "acme", "at": 100.0, "kind": "inbound", "from": "+919812345678", "to": "+918069651170",
    "legs": [], "nodes": [], "trace": [], "steps": [], "ladder": LADDER,
}  # fmt: skip


def ended(store: Any) -> None:
    store.apply("p", 1, [("call.end", {**RECORD, "outcome": "rejected", "ended_at": 101.0, "sip_status": 486})])


def test_messages_and_decisions_stand_on_one_line(api: Any, store: Any) -> None:
    ended(store)
    told = api.get(f"{PATH}/timeline").json()
    assert [(row["at_s"], row["kind"]) for row in told["timeline"]] == [
        (0.0, "call"), (0.0, "sip"), (0.25, "sip"), (1.0, "end"),
    ]  # fmt: skip
    assert [row["text"] for row in told["timeline"] if row["kind"] == "sip"] == [
        "trunk:pstn -> INVITE", "trunk:pstn <- 486 (INVITE)",
    ]  # fmt: skip
    assert told["ladder"][1]["status"] == 486


def test_a_call_that_goes_on_is_told_too(api: Any, backend: Any) -> None:
    backend.replies["call"] = {"ok": True, "record": {**RECORD, "outcome": None, "state": "ringing"}}
    assert len(api.get(f"{PATH}/timeline").json()["timeline"]) == 3
    told = api.get(f"{PATH}/explanation").json()
    assert "goes on (ringing)" in told["text"][1]
    assert backend.asked[0] == ("call", {"account": "acme", "call": "c1", "record": True})
    assert api.get("/v1/accounts/beta/calls/c1/explanation").status_code == 404


def test_a_bundle_is_a_file_without_names(api: Any, store: Any) -> None:
    ended(store)
    answer = api.get(f"{PATH}/bundle")
    assert answer.headers["content-disposition"] == 'attachment; filename="call-c1.json"'
    assert "9812345678" not in answer.text
    assert answer.json()["call"]["sip_status"] == 486


def test_no_such_call(api: Any, backend: Any) -> None:
    backend.replies["call"] = {"ok": False, "error": {"code": "unknown_call", "message": "no", "status": 404}}
    for what in ("timeline", "explanation", "bundle"):
        assert api.get(f"{PATH}/{what}").status_code == 404
