from __future__ import annotations

from typing import Any

from rules_kit.builders import change, document, legs, play, scenario


def menu(name: str = "main", **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "prompt": "hello",
        "options": {"1": {"type": "agent", "id": "a"}, "2": {"type": "department", "id": "support"}},
        "digit_timeout_s": 5,
        "max_digits": 4,
        "invalid": {"attempts": 3, "destination": {"type": "voicemail", "id": "vm"}},
        "timeout": {"attempts": 3, "destination": {"type": "voicemail", "id": "vm2"}},
        **changes,
    }


def company(*menus: dict[str, Any]) -> dict[str, Any]:
    return document(destination={"type": "ivr", "id": "main"}, ivrs=list(menus) or [menu()])


def press(*pairs: tuple[float, str]) -> dict[str, Any]:
    return scenario(events=[{"at_s": at, "do": "digits", "digits": digits} for at, digits in pairs])


def test_an_option_rings_in_context_ivr() -> None:
    result = play(company(), press((2, "1")))
    assert (result["outcome"], result["sip_status"], result["q850"]) == ("hung_up", 200, 19)
    assert result["nodes"][1]["context"] == "ivr"


def test_the_failover_where_the_account_says_so() -> None:
    made = company()
    made["account"]["ivr_agent_unavailable"] = "failover"
    assert play(made, press((2, "1")))["final"] == {"type": "voicemail", "id": "vm", "at_s": 62}
    change(made, "agents", "a", failover_on=["agent_busy"])
    assert play(made, press((2, "1")))["outcome"] == "hung_up"


def test_nothing_pressed() -> None:
    result = play(company(), scenario())
    assert result["final"] == {"type": "voicemail", "id": "vm2", "at_s": 15}
    assert result["reason"] == "input_timeout"


def test_invalid_and_timeout_counts_are_separate() -> None:
    result = play(company(), press((1, "9"), (2, "9"), (12, "9")))
    assert result["final"] == {"type": "voicemail", "id": "vm", "at_s": 12}
    assert result["reason"] == "invalid_input"


def test_the_longest_match_within_the_digit_timeout() -> None:
    options = {"1": {"type": "agent", "id": "a"}, "12": {"type": "agent", "id": "b"}}
    made = company(menu(options=options))
    assert legs(play(made, press((2, "1"))))[0][:2] == ("extension:2001", 7)
    assert legs(play(made, press((2, "1"), (4, "2"))))[0][:2] == ("extension:2002", 4)
    assert legs(play(made, press((2, "1#"))))[0][:2] == ("extension:2001", 2)


def test_what_no_option_begins_with_is_invalid_at_once() -> None:
    options = {"1": {"type": "agent", "id": "a"}, "15": {"type": "agent", "id": "b"}}
    made = company(menu(options=options, invalid={"attempts": 1, "destination": {"type": "hangup"}}))
    result = play(made, press((2, "12")))
    assert (result["final"]["at_s"], result["reason"], result["q850"]) == (2, "invalid_input", 16)


def test_an_empty_hash_and_a_partial_entry_are_invalid() -> None:
    fault = {"attempts": 1, "destination": {"type": "voicemail", "id": "vm"}}
    assert play(company(menu(invalid=fault)), press((2, "#")))["final"]["at_s"] == 2
    partial = menu(options={"12": {"type": "agent", "id": "a"}}, invalid=fault)
    assert play(company(partial), press((2, "1")))["final"] == {"type": "voicemail", "id": "vm", "at_s": 7}


def test_an_intercom_is_dialled_where_allowed() -> None:
    assert legs(play(company(menu(dial_by_intercom=True)), press((2, "1002"))))[0][:2] == ("extension:2002", 2)
    result = play(company(menu(invalid={"attempts": 1, "destination": {"type": "hangup"}})), press((2, "3002")))
    assert result["legs"] == []


def test_max_digits_ends_an_entry() -> None:
    made = company(menu(max_digits=1, dial_by_intercom=True))
    assert legs(play(made, press((2, "1"))))[0][:2] == ("extension:2001", 2)


def test_digits_after_a_finished_entry_go_to_the_next_menu() -> None:
    first = menu(options={"3": {"type": "ivr", "id": "second"}})
    second = menu("second", options={"4": {"type": "agent", "id": "b"}})
    result = play(company(first, second), press((2, "34")))
    assert legs(result)[0][:2] == ("extension:2002", 2)


def test_the_timeout_runs_from_the_prompts_end_and_digits_interrupt_it() -> None:
    made = company(menu(timeout={"attempts": 1, "destination": {"type": "hangup"}}))
    made["sounds"] = [{"id": "hello", "text": "hello", "voice": "en", "duration_s": 8}]
    result = play(made, scenario())
    assert (result["final"]["at_s"], result["reason"], result["q850"]) == (13, "input_timeout", 16)
    assert legs(play(made, press((3, "1"))))[0][:2] == ("extension:2001", 3)


def test_a_faults_own_prompt_comes_before_the_menus() -> None:
    fault = {"prompt": "sorry", "attempts": 2, "destination": {"type": "hangup"}}
    made = company(menu(timeout=fault))
    made["sounds"] = [
        {"id": "hello", "text": "hello", "voice": "en", "duration_s": 2},
        {"id": "sorry", "text": "sorry", "voice": "en", "duration_s": 3},
    ]
    assert play(made, scenario())["final"]["at_s"] == 2 + 5 + 3 + 2 + 5


def test_the_faults_destination_is_nested() -> None:
    fault = {"attempts": 1, "destination": {"type": "agent", "id": "a"}}
    result = play(company(menu(timeout=fault)), scenario(state={"in_call": ["a"]}))
    assert (result["outcome"], result["nodes"][-1]["context"]) == ("hung_up", "nested")
    assert result["q850"] == 17


def test_who_leaves_a_menu_has_abandoned_it() -> None:
    result = play(company(), scenario(events=[{"at_s": 3, "do": "caller_hangup"}]))
    assert (result["outcome"], result["reason"], result["sip_status"]) == ("abandoned", "abandoned", 200)
