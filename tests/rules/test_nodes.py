from __future__ import annotations

from typing import Any

from rules_kit.builders import CALLER, CLOSED, MOBILE, NUMBER, change, document, legs, play, scenario


def condition(name: str, matched: dict[str, Any], unmatched: dict[str, Any], override: str = "auto") -> dict[str, Any]:
    return {"id": name, "time_group": "office", "matched": matched, "unmatched": unmatched, "override": override}


def to(kind: str, name: str | None = None) -> dict[str, Any]:
    return {"type": kind, "id": name} if name else {"type": kind}


def test_failover_only_for_its_reasons() -> None:
    made = change(document(), "agents", "a", time_group="office", failover_on=["outside_time_group"])
    assert play(made, scenario(at=CLOSED))["outcome"] == "voicemail"
    result = play(made, scenario())
    assert (result["outcome"], result["sip_status"]) == ("rejected", 480)


def test_the_nested_agents_own_failover_is_not_used() -> None:
    made = change(document(), "agents", "a", failover=to("agent", "b"))
    change(made, "agents", "b", failover=to("voicemail", "vm2"), do_not_disturb=True)
    result = play(made, scenario(state={"in_call": ["a"]}))
    assert (result["outcome"], result["sip_status"], result["q850"]) == ("rejected", 486, 17)
    assert result["reason"] == "agent_busy"
    assert [(n["id"], n["context"], n["reason"]) for n in result["nodes"]] == [
        ("a", "number", "agent_busy"),
        ("b", "nested", "do_not_disturb"),
    ]


def test_the_first_reason_is_told_and_the_last_chooses_the_status() -> None:
    made = change(document(), "agents", "a", failover=to("agent", "b"), time_group="office")
    result = play(made, scenario(at=CLOSED, phones={"extension:2002": {"status": 486}}))
    assert (result["reason"], result["sip_status"], result["q850"]) == ("outside_time_group", 486, 17)


def test_the_sixth_transition_is_a_loop() -> None:
    names = [f"t{n}" for n in range(7)]
    for length, outcome in ((5, "voicemail"), (6, "rejected")):
        chain = [condition(names[n], to("time_condition", names[n + 1]), to("hangup")) for n in range(length - 1)]
        chain.append(condition(names[length - 1], to("voicemail", "vm2"), to("hangup")))
        result = play(document(destination=to("time_condition", "t0"), time_conditions=chain), scenario())
        assert result["outcome"] == outcome
    assert (result["sip_status"], result["reason"]) == (482, "loop")


def test_a_ring_of_failovers_ends() -> None:
    ring = [
        condition("x", to("time_condition", "y"), to("hangup")),
        condition("y", to("time_condition", "x"), to("hangup")),
    ]
    assert play(document(destination=to("time_condition", "x"), time_conditions=ring), scenario())["reason"] == "loop"


def test_the_override_of_a_time_condition() -> None:
    for override, box in (("auto", "vm2"), ("matched", "vm"), ("unmatched", "vm2")):
        made = document(
            destination=to("time_condition", "t"),
            time_conditions=[condition("t", to("voicemail", "vm"), to("voicemail", "vm2"), override)],
        )
        assert play(made, scenario(at=CLOSED))["final"]["id"] == box


def router(**rule: Any) -> dict[str, Any]:
    return document(
        destination=to("router", "r"),
        routers=[{"id": "r", "rules": [{**rule, "destination": to("agent", "b")}], "otherwise": to("agent", "c")}],
    )


def goes_to(made: dict[str, Any], **parts: Any) -> str:
    return str(play(made, scenario(**parts))["legs"][0]["target"])


def test_a_router_takes_the_first_rule_whose_conditions_all_hold() -> None:
    old = {"affinity": [{"caller": CALLER, "agent": "a", "last_at": "2020-01-01T00:00:00Z"}]}
    assert goes_to(router()) == "extension:2002"
    assert goes_to(router(caller_prefixes=["+9198"])) == "extension:2002"
    assert goes_to(router(caller_prefixes=["+9144"])) == "extension:2003"
    assert goes_to(router(caller_prefixes=["+9198"]), call={"from": "anonymous"}) == "extension:2003"
    assert goes_to(router(time_group="office"), at=CLOSED) == "extension:2003"
    assert goes_to(router(returning=True)) == "extension:2003"
    assert goes_to(router(returning=True), state=old) == "extension:2002"
    assert goes_to(router(returning=False), state=old) == "extension:2003"


def test_an_external_destination_rings_a_minute() -> None:
    made = document(destination={"type": "external", "number": MOBILE})
    result = play(made, scenario())
    assert legs(result) == [(MOBILE, 0, 60, "no_answer")]
    assert (result["outcome"], result["reason"], result["q850"]) == ("rejected", "no_answer", 19)
    answered = play(made, scenario(phones={MOBILE: {"answer_after_s": 4}}))
    assert (answered["answered_by"], answered["final"]["type"]) == (MOBILE, "external")


def test_no_route_is_a_leg_that_is_unreachable_at_once() -> None:
    made = document(destination={"type": "external", "number": MOBILE}, outbound_routes=[])
    result = play(made, scenario())
    assert legs(result) == [(MOBILE, 0, 0, "unreachable")]
    assert result["sip_status"] == 480


def test_an_announcement_and_a_hang_up() -> None:
    result = play(document(destination=to("announcement", "hello")), scenario())
    assert (result["outcome"], result["final"]["id"], result["legs"]) == ("announcement", "hello", [])
    result = play(document(destination=to("hangup")), scenario())
    assert (result["outcome"], result["sip_status"], result["q850"]) == ("rejected", 480, 20)


def test_an_own_number_counts_as_number_context() -> None:
    assert play(document(), scenario({"to": NUMBER}))["nodes"][0]["context"] == "number"
