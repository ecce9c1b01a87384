from __future__ import annotations

import json
from typing import Any

import pytest

from routerd.cli.simulate import tables_of
from routerd.errors import ConfigError
from routerd.simulation.documents import NUMBERS, plain
from routerd.simulation.play import Play, Stage, play
from routerd.simulation.scenario import read

INBOUND = {"kind": "inbound", "trunk": "pstn", "from": "+919812345678", "to": NUMBERS[0]}
SOFTPHONE = {"kind": "softphone", "from": "alice", "to": "1002"}
REGISTERED = {"alice": "203.0.113.1", "bob": "203.0.113.2", "carol": ["203.0.113.3", "2001:db8::3"]}


def result(call: dict[str, Any], state: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    scenario = {
        "at": "2026-11-23T06:30:00Z",
        "call": call,
        "state": {"registered": REGISTERED, **(state or {})},
        **parts,
    }
    return play(Stage(tables_of(plain(**parts.pop("document", {})))), read(json.dumps(scenario).encode()))


def test_a_call_that_is_answered() -> None:
    found = result(INBOUND, phones={"extension:bob": {"ring_after_s": 1, "answer_after_s": 4}})
    assert found["outcome"] == "answered"
    assert found["answered_by"] == "extension:bob"
    assert found["caller_id"] == "+919812345678"
    leg = {"target": "extension:bob", "agent": "bob", "start_s": 0.0, "end_s": 4.0, "result": "answered"}
    assert found["legs"] == [leg]
    assert found["final"]["id"] == "bob"
    assert found["trace"]


@pytest.mark.parametrize(
    ("script", "outcome", "status", "word"),
    [
        ({"status": 486, "status_after_s": 2}, "rejected", 486, "busy"),
        ({"status": 603, "status_after_s": 2}, "rejected", 480, "declined"),
        ({"silent": True}, "rejected", 480, "unreachable"),
        ({"ring_after_s": 6}, "rejected", 480, "unreachable"),
        ({}, "rejected", 480, "no_answer"),
    ],
)
def test_what_a_phone_does_is_what_its_leg_says(script: dict[str, Any], outcome: str, status: int, word: str) -> None:
    found = result(INBOUND, phones={"extension:bob": script})
    assert (found["outcome"], found["sip_status"], found["legs"][0]["result"]) == (outcome, status, word)


def test_the_caller_gives_up() -> None:
    found = result(INBOUND, events=[{"at_s": 3, "do": "caller_hangup"}])
    assert (found["outcome"], found["reason"], found["legs"][0]["end_s"]) == ("abandoned", "abandoned", 3.0)


def test_a_softphone_calls_inside_and_outside() -> None:
    inside = result(SOFTPHONE, phones={"extension:bob": {"answer_after_s": 1}})
    assert (inside["outcome"], inside["answered_by"]) == ("answered", "extension:bob")
    number = "+919876543210"
    two_ways = {"trunks": {"pstn": {"status": 503, "status_after_s": 1}, "second": {"answer_after_s": 2}}}
    outside = result({**SOFTPHONE, "to": number}, phones={number: two_ways})
    assert (outside["outcome"], outside["legs"][0]["end_s"]) == ("answered", 3.0)


def test_click_to_call_rings_the_agent_first() -> None:
    call = {"kind": "click_to_call", "agent": "bob", "to": "+919876543210"}
    found = result(call, phones={"extension:bob": {"answer_after_s": 1}, "+919876543210": {"answer_after_s": 2}})
    assert [(leg["target"], leg["end_s"]) for leg in found["legs"]] == [("extension:bob", 1.0), ("+919876543210", 3.0)]


def test_state_is_believed() -> None:
    assert result(INBOUND, {"in_call": ["bob"]})["reason"] == "agent_busy"
    assert result(INBOUND, {"registered": {}})["reason"] == "no_reachable_number"
    affinity = [{"caller": "+919812345678", "agent": "carol", "number": None, "last_at": "2026-11-23T06:00:00Z"}]
    number = {
        "number": NUMBERS[0],
        "label": "x",
        "destination": {"type": "agent", "id": "bob"},
        "affinity": {"hours": 1},
    }
    stage = Stage(tables_of(plain(numbers=[number])))
    scenario = {
        "at": "2026-11-23T06:30:00Z",
        "call": INBOUND,
        "state": {"registered": REGISTERED, "affinity": affinity},
        "phones": {"extension:carol": {"answer_after_s": 1}},
    }
    assert play(stage, read(json.dumps(scenario).encode()))["answered_by"] == "extension:carol"


def test_digits_reach_the_menu() -> None:
    events = [{"at_s": 3, "do": "digits", "digits": "1"}]
    found = result({**INBOUND, "to": NUMBERS[1]}, phones={"extension:bob": {"answer_after_s": 2}}, events=events)
    assert found["legs"][0]["start_s"] == 3.0
    assert found["answered_by"] == "extension:bob"


def test_a_menu_that_leads_to_itself_lasts_no_longer_than_a_call_may() -> None:
    again = {"attempts": 1, "destination": {"type": "ivr", "id": "menu"}}
    document = json.loads(plain())
    document["account"]["max_call_s"] = 60
    document["ivrs"][0].update(timeout=again)
    scenario = {"at": "2026-11-23T06:30:00Z", "call": {**INBOUND, "to": NUMBERS[1]}}
    playing = Play(Stage(tables_of(json.dumps(document).encode())), read(json.dumps(scenario).encode()))
    found = playing.run()
    assert (found["outcome"], found["reason"], found["q850"]) == ("hung_up", "max_duration", 102)
    (record,) = playing.world.records()
    assert record["duration_s"] == pytest.approx(60, abs=0.1)


def test_a_party_that_is_not_in_the_document_is_refused() -> None:
    for call in (
        {**INBOUND, "trunk": "x"},
        {**SOFTPHONE, "from": "x"},
        {"kind": "click_to_call", "agent": "x", "to": "1"},
    ):
        with pytest.raises(ConfigError, match="not in the document"):
            result(call)


def test_the_ladder_is_kept_when_wanted() -> None:
    text = json.dumps({"at": "2026-11-23T06:30:00Z", "call": INBOUND}).encode()
    played = Play(Stage(tables_of(plain())), read(text), recording=True)
    played.run()
    assert any(packet.data.startswith(b"INVITE ") for packet in played.world.network.transcript)
