from __future__ import annotations

from typing import Any

import msgspec
from rules_kit.builders import CALLER, CLOSED, change, document, scenario, softphone
from rules_kit.player import Player, compile_document

from routerd.rules import trace


def lines(made: dict[str, Any], played: dict[str, Any]) -> str:
    player = Player(compile_document(made), played)
    player.play()
    entries = player.step.trace
    decoded = msgspec.json.decode(msgspec.json.encode(trace.to_json(entries)))
    assert [entry["code"] for entry in decoded] == [entry[0] for entry in entries]
    return "\n".join(trace.render(entries))


def test_each_gate_with_what_it_compared() -> None:
    text = lines(document(), scenario(state={"in_call": ["a"]}))
    assert "agent a (number): agent_busy" in text
    assert "gate 1+2 status: enabled → passed" in text
    assert "gate 8 calls of max_calls: 1 of 1 → agent_busy" in text


def test_the_ring_plan_is_told() -> None:
    text = lines(document(), scenario())
    assert "gate 10 ring plan: [extension:2001] → [+919000000001] → passed" in text
    assert "leg extension:2001" not in text
    assert "failover a: number, no_answer → voicemail" in text


def test_the_nearest_miss_of_a_window() -> None:
    text = lines(change(document(), "agents", "a", time_group="office"), scenario(at=CLOSED))
    assert "time group office: Mon 2026-11-23 21:00 → closed (nearest miss: missed by 180 min)" in text
    assert "gate 6 time group: office → outside_time_group" in text


def test_the_nearest_miss_of_an_affinity() -> None:
    made = change(document(), "numbers", "+918069651170", affinity={"hours": 1, "strict": False})
    state = {"affinity": [{"caller": CALLER, "agent": "c", "last_at": "2026-11-23T05:29:00Z"}]}
    assert "too old → no hit (nearest miss: by 60 s)" in lines(made, scenario(state=state))


def test_outbound_gates_and_caller_id() -> None:
    text = lines(document(), scenario(softphone("+919876543210")))
    assert "gate 6 block_outbound: none → passed" in text
    assert "caller_id mode custom" in text
    assert "route of +919876543210: longest prefix '' → pstn" in text


def test_limits_and_routers() -> None:
    made = document(
        destination={"type": "router", "id": "r"},
        routers=[
            {
                "id": "r",
                "rules": [{"caller_prefixes": ["+44"], "destination": {"type": "hangup"}}],
                "otherwise": {"type": "hangup"},
            }
        ],
    )
    made["account"]["max_channels"] = 5
    text = lines(made, scenario(state={"channels": {"account": 3}}))
    assert "limit of account: 3 of 5 → passed (2 left)" in text
    assert "router r, rule 1: caller_prefixes does not hold" in text


def test_no_route() -> None:
    made = document(destination={"type": "external", "number": "+919000000001"}, outbound_routes=[])
    assert "no prefix begins it → unreachable" in lines(made, scenario())
