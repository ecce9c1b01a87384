from __future__ import annotations

from typing import Any

from rules_kit.builders import CLOSED, change, document, legs, play, scenario, softphone

B = "extension:2002"


def dial(made: dict[str, Any], to: str = "1002", **parts: Any) -> dict[str, Any]:
    return play(made, scenario(softphone(to), **parts))


def test_an_intercom_and_an_extension_ring_its_contacts() -> None:
    for to in ("1002", "2002"):
        result = dial(document(), to, phones={B: {"answer_after_s": 2}})
        assert legs(result) == [(B, 0, 2, "answered")]
        assert (result["caller_id"], result["nodes"][0]["context"]) == ("1001", "internal")


def test_time_group_and_log_in_do_not_gate_but_the_others_do() -> None:
    made = change(document(), "agents", "b", time_group="office", login_based_calling=True, calling_agent=False)
    assert legs(dial(made, at=CLOSED)) == [(B, 0, 30, "no_answer")]
    for changes, state, reason, status in (
        ({"status": "blocked"}, {}, "agent_blocked", 480),
        ({"do_not_disturb": True}, {}, "do_not_disturb", 486),
        ({"call_waiting": True}, {"in_call": ["b"]}, "agent_busy", 486),
    ):
        result = dial(change(document(), "agents", "b", **changes), state=state)
        assert (result["reason"], result["sip_status"], result["legs"]) == (reason, status, [])


def test_not_answered_busy_and_not_registered() -> None:
    result = dial(document())
    assert (result["outcome"], result["reason"], result["sip_status"]) == ("rejected", "no_answer", 480)
    assert dial(document(), phones={B: {"status": 486}})["sip_status"] == 486
    result = dial(document(), state={"registered": {}})
    assert (result["reason"], result["sip_status"], result["legs"]) == ("unreachable", 480, [])


def test_only_a_mailbox_takes_the_call_over() -> None:
    made = change(document(), "agents", "b", failover={"type": "agent", "id": "c"})
    assert dial(made)["outcome"] == "rejected"
    change(made, "agents", "b", failover={"type": "voicemail", "id": "vm2"}, failover_on=["agent_busy"])
    assert dial(made)["final"] == {"type": "voicemail", "id": "vm2", "at_s": 30}
    assert dial(made, state={"registered": {}})["outcome"] == "voicemail"


def test_a_log_out_does_not_end_an_internal_call() -> None:
    made = change(document(), "agents", "b", login_based_calling=True)
    events = [{"at_s": 4, "do": "logout", "agent": "b"}]
    result = dial(made, events=events, state={"sessions": ["b"]}, phones={B: {"answer_after_s": 8}})
    assert legs(result) == [(B, 0, 8, "answered")]


def test_the_callers_gates_2_and_4_apply_and_no_more() -> None:
    made = change(document(), "agents", "a", calling_agent=False, block_outbound="all")
    assert dial(made)["legs"]
    assert dial(change(made, "agents", "a", status="disabled"))["reason"] == "agent_disabled"
    foreign = document(address_lists=[{"id": "hq", "addresses": ["192.0.2.0/24"]}])
    change(foreign, "extensions", "2001", addresses="hq")
    assert dial(foreign)["reason"] == "address_not_allowed"


def test_an_own_number_is_routed_inside() -> None:
    result = dial(document(), "+918069651180", phones={"extension:2003": {"answer_after_s": 1}})
    assert legs(result) == [("extension:2003", 0, 1, "answered")]
    assert (result["caller_id"], result["nodes"][0]["context"]) == ("1001", "number")


def test_a_blocked_agent_causes_no_pstn_leg_by_an_own_number() -> None:
    made = change(document(), "agents", "c", call_forward_number="+919000000009")
    assert len(dial(made, "+918069651180")["legs"]) == 2
    change(made, "agents", "a", block_outbound="all")
    assert [leg["target"] for leg in dial(made, "+918069651180")["legs"]] == ["extension:2003"]
    change(made, "numbers", "+918069651180", destination={"type": "external", "number": "+919000000009"})
    result = dial(made, "+918069651180")
    assert (result["legs"], result["reason"]) == ([], "outbound_blocked")


def test_the_voicemail_code_opens_the_own_mailbox() -> None:
    result = dial(document(), "*97")
    assert (result["outcome"], result["final"]["id"]) == ("voicemail", "vm")
    made = document(voicemails=[{"id": "vm", "greeting": "hello"}, {"id": "vm2", "greeting": "hello"}])
    assert dial(made, "*97")["reason"] == "no_destination"
    made = document(voicemails=[{"id": "vm", "greeting": "hello"}, {"id": "vm2", "pin": "1234"}])
    result = dial(made, "*97")
    assert (result["outcome"], result["final"]["id"]) == ("voicemail", "")
