"""Section 2.7: an IVR's menu, digit by digit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from model.call import Call

Choice = tuple[dict[str, Any], str]


def choose(call: Call, ivr: dict[str, Any]) -> tuple[dict[str, Any], str, str | None]:
    """Where the caller goes, in which context, and the reason when it is not by choice."""
    call.answered = True
    failures = {"invalid": 0, "timeout": 0}
    lead_s = 0.0
    while True:
        prompt_end = call.now + lead_s + call.book.sound_s(ivr["prompt"])
        call.in_menu = True
        entry, failure = _collect(call, ivr, prompt_end)
        call.in_menu = False
        if failure is None:
            destination, context = _choices(call, ivr)[entry]
            return destination, context, None
        failures[failure] += 1
        if failures[failure] >= ivr[failure]["attempts"]:
            reason = "invalid_input" if failure == "invalid" else "input_timeout"
            return ivr[failure]["destination"], "nested", reason
        lead_s = call.book.sound_s(ivr[failure].get("prompt"))


def _choices(call: Call, ivr: dict[str, Any]) -> dict[str, Choice]:
    choices: dict[str, Choice] = {}
    if ivr["dial_by_intercom"]:
        for agent in call.book.agents.values():
            if agent["intercom"]:
                choices[agent["intercom"]] = ({"type": "agent", "id": agent["id"]}, "ivr")
    choices.update({digits: (destination, "ivr") for digits, destination in ivr["options"].items()})
    return choices


def _collect(call: Call, ivr: dict[str, Any], prompt_end: float) -> tuple[str, str | None]:
    """The entry, or how it failed: invalid or timeout."""
    choices = _choices(call, ivr)
    entry = ""
    deadline = prompt_end + float(ivr["digit_timeout_s"])
    while True:
        if call.digits:
            digit = call.digits.popleft()
            if digit == "#":
                return entry, None if entry in choices else "invalid"
            entry += digit
            deadline = call.now + float(ivr["digit_timeout_s"])
            longer = any(choice.startswith(entry) and choice != entry for choice in choices)
            if len(entry) >= ivr["max_digits"] or not longer:
                return entry, None if entry in choices else "invalid"
        elif call.wait(deadline) is None:
            if not entry:
                return entry, "timeout"
            return entry, None if entry in choices else "invalid"
