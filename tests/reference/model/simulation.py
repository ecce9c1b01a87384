"""Section 6: one scenario, played; its result without the trace."""

from __future__ import annotations

from typing import Any

from model.call import Call, Over
from model.inbound import arrive
from model.outbound import click_to_call, softphone

KINDS = {"inbound": arrive, "softphone": softphone, "click_to_call": click_to_call}


def simulate(document: dict[str, Any], scenario: dict[str, Any]) -> dict[str, Any]:
    call = Call(document, scenario)
    try:
        KINDS[call.asked["kind"]](call)
    except Over:
        return call.result()
    raise AssertionError("a call that did not end")
