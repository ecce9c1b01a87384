from __future__ import annotations

import json
from struct import pack
from typing import Any

from routerd.admin_api.bundle import bundle_of

RECORD: dict[str, Any] = {
    "id": "0-abc", "account": "acme", "at": 1000.0, "kind": "inbound", "from": "+919812345678", "to": "+918069651170",
    "trunk": "pstn", "source": "192.0.2.10", "outcome": "answered", "reason": None, "answered_by": "extension:2001",
    "answered_at": 1002.0, "ended_at": 1010.0, "duration_s": 8.0, "caller_id": "+919812345678", "ended_by": "caller",
    "legs": [
        {"target": "extension:2001", "agent": "asha", "start_s": 0.0, "ringing_s": 0.5, "end_s": 2.0,
         "result": "answered", "status": 200, "trunk": None},
        {"target": "+919000000001", "agent": "asha", "start_s": 0.0, "end_s": 2.0, "result": "cancelled",
         "trunk": "pstn"},
    ],
    "nodes": [{"type": "agent", "id": "asha", "context": "number", "at_s": 0.0, "reason": None}],
    "transfers": [{"at_s": 5.0, "to": "sip:ravi@acme.test"}],
    "media": {"totals": {"packets": 7}, "heard": [{"address": "198.51.100.1", "jitter_ms": 3}]},
    "trace": [["secret"]], "steps": [{"reads": {"has_session:asha": True}}], "attempt": {"caller_name": "Mr. Rao"},
    "disposition": {"note": "owes money"}, "recording": {"file": "/r/x.wav"},
    "ladder": {"legs": ["trunk:pstn", "extension:2001#1"],
               "steps": pack("<IBH", 0, 0, 1 << 10) + pack("<IBH", 9, 129, 1 << 10), "left_out": 2},
}  # fmt: skip


def test_a_bundle_tells_what_happened_and_not_to_whom() -> None:
    made = bundle_of(RECORD)
    text = json.dumps(made)
    for private in ("9812345678", "8069651170", "9000000001", "asha", "ravi", "2001", "acme", "Rao", "secret", "money",
                    "198.51.100.1", "x.wav", "pstn"):  # fmt: skip
        assert private not in text, private
    assert made["call"]["source"] == "192.0.2.10"
    assert made["call"]["from"] == made["call"]["caller_id"] == "+919…78#1"
    assert made["call"]["to"] == "+918…70#2"
    assert [leg["agent"] for leg in made["call"]["legs"]] == ["agent-1", "agent-1"]
    assert made["call"]["legs"][0]["target"] == made["call"]["answered_by"] == "extension:extension-1"
    assert made["call"]["media"]["heard"] == [{"jitter_ms": 3}]
    assert [(row["leg"], row["text"]) for row in made["ladder"]] == [
        ("trunk:trunk-1", "INVITE"), ("extension:extension-1#1", "INVITE"),
    ]  # fmt: skip
    assert made["left_out"] == 2
    assert [row["kind"] for row in made["timeline"]][:3] == ["call", "sip", "decision"]


def test_a_call_of_which_little_is_known() -> None:
    made = bundle_of(
        {"id": "x", "account": "acme", "at": 5.0, "outcome": "crashed", "kind": "softphone", "from": "2001"}
    )
    assert made["call"]["from"] == "party-1"
    assert made["ladder"] == []
