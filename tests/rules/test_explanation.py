from __future__ import annotations

import json
from typing import Any

from rules_kit.builders import CALLER, CLOSED, CUSTOMER, MOBILE, NUMBER, change, document, scenario, softphone
from rules_kit.player import compile_document
from rules_kit.recorder import recorded, records

from routerd.rules.explanation import explain, timeline, to_json


def a_record(**parts: Any) -> dict[str, Any]:
    made = change(document(), "agents", "a", app_first=True, ring_timeout_s=20)
    return recorded(compile_document(made), scenario(**{"phones": {MOBILE: {"answer_after_s": 4}}, **parts}), "0-abc")


def test_people_read_where_it_went_and_why() -> None:
    text = "\n".join(explain(a_record()))
    assert f"Inbound call 0-abc: {CALLER} → {NUMBER} by trunk pstn, 2026-11-23 06:30:00 UTC" in text
    assert f"answered, by {MOBILE}, SIP 200" in text
    assert "   0.0 s  agent a (number): the call stayed" in text
    assert "   0.0 s -   20.0 s  extension:2001 of a: no_answer" in text
    assert f"  20.0 s -   24.0 s  {MOBILE} of a: answered, trunk pstn" in text
    assert "What was looked at (document version 1)" in text
    assert "gate 8 calls of max_calls: 0 of 1 → passed" in text


def test_a_refusal_names_its_reason_and_the_nearest_miss() -> None:
    made = change(document(), "agents", "a", time_group="office", failover=None)
    record = recorded(compile_document(made), scenario(at=CLOSED))
    text = "\n".join(explain(record))
    assert "rejected (outside_time_group), SIP 480, Q.850 20" in text
    assert "agent a (number): left, outside_time_group" in text
    assert "nearest miss: missed by 180 min" in text
    assert "What rang\n  nothing" in text


def test_programs_get_all_of_it_exactly() -> None:
    record = a_record()
    told = json.loads(json.dumps(to_json(record)))
    assert (told["id"], told["document_version"], told["attempt"]["dialled"]) == ("0-abc", 1, NUMBER)
    agent = next(entry for entry in told["trace"] if entry["code"] == "agent")
    assert agent["value"]["ring_plan"] == [
        [{"kind": "extension", "target": "extension:2001"}], [{"kind": "number", "target": MOBILE}],
    ]  # fmt: skip
    assert {"gate": "8 calls of max_calls", "value": [0, 1]} in agent["value"]["gates"]
    assert told["steps"][0]["reads"]["registered:2001"] == ["203.0.113.7"]
    assert told["steps"][-1] == {"at_s": 24.0, "event": {"name": "LegAnswered", "leg": 1}, "reads": {}}


def test_the_time_line_is_in_order_and_ends_with_the_end() -> None:
    rows = timeline({**a_record(), "answered_at": None, "media": {"packets": 3, "one_way": None}})
    assert [row["at_s"] for row in rows] == sorted(row["at_s"] for row in rows)
    texts = [f"{row['at_s']} {row['kind']}: {row['text']}" for row in rows]
    assert texts[0].startswith("0.0 call: Inbound call 0-abc")
    assert "20.0 event: TimerFired (name stage:0)" in texts
    assert f"20.0 leg: {MOBILE} of a is called by trunk pstn" in texts
    assert f"24.0 leg: {MOBILE} of a: answered" in texts
    assert "24.0 media: packets 3" in texts
    assert rows[-1]["kind"] == "end"


def test_talk_and_transfers_stand_on_the_time_line() -> None:
    record = a_record()
    at = record["at"]
    record.update(answered_at=at + 24.0, ended_at=at + 60, duration_s=36.0, ended_by="caller",
                  transfers=[{"by": "2001", "to": CUSTOMER, "at_s": 30.5}])  # fmt: skip
    texts = [row["text"] for row in timeline(record)]
    assert f"the caller is connected with {MOBILE}" in texts
    assert f"transfer: by 2001, to {CUSTOMER}" in texts
    assert texts[-1] == f"answered, by {MOBILE}, 36.0 s of talk, ended by the caller, SIP 200"


def test_a_call_that_was_lost_is_told_as_far_as_it_is_known() -> None:
    record = {"id": "x", "account": "acme", "at": 5.0, "kind": "inbound", "from": None, "to": NUMBER,
              "outcome": "crashed", "reason": "crashed", "ended_at": 9.0, "legs": [], "nodes": []}  # fmt: skip
    assert "anonymous" in explain(record)[0]
    assert explain(record)[1] == "  crashed"
    assert to_json(record)["steps"] == []
    assert [row["kind"] for row in timeline(record)] == ["call", "end"]


def test_every_kind_of_call_can_be_told() -> None:
    kinds = set()
    for record in records(120, seed=11):
        kinds.add(record["kind"])
        assert explain(record)
        assert timeline(record)
        json.dumps(to_json(record))
    assert kinds == {"inbound", "softphone", "click_to_call"}
    denied = recorded(compile_document(change(document(), "agents", "a", block_outbound="all")),
                      scenario(softphone(CUSTOMER)))  # fmt: skip
    assert "gate 6 block_outbound: all → outbound_blocked" in "\n".join(explain(denied))


def test_what_came_from_each_party_is_told_in_words() -> None:
    heard = [{"who": "caller", "packets": 48, "loss": 0.0}, {"who": "callee", "packets": 0}]
    record = {"at": 1.0, "ended_at": 3.0, "media": {"totals": {"RTP": {"packets": 48}}, "heard": heard,
                                                    "one_way": "caller only"}}  # fmt: skip
    (row,) = [one for one in timeline(record) if one["kind"] == "media"]
    assert row["text"] == "from the caller: packets 48, loss 0.0; from the callee: packets 0; one_way caller only"
    (row,) = [one for one in timeline({**record, "media": {"packets": 3}}) if one["kind"] == "media"]
    assert row["text"] == "packets 3"
