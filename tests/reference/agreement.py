"""How two results are compared: as the vectors compare them."""

from __future__ import annotations

from typing import Any

SAME_TIME_S = 0.05


def differences(wanted: Any, got: Any, where: str = "") -> list[str]:
    """What of ``wanted`` is not in ``got``; keys that ``wanted`` lacks are free, lists are compared whole."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return [line for key, value in wanted.items() for line in differences(value, got.get(key), f"{where}.{key}")]
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [
            line
            for index, (one, other) in enumerate(zip(wanted, got, strict=True))
            for line in differences(one, other, f"{where}[{index}]")
        ]
    if isinstance(wanted, (int, float)) and isinstance(got, (int, float)) and not isinstance(wanted, bool):
        return [] if abs(wanted - got) <= SAME_TIME_S + 1e-9 else [f"{where}: {wanted} and {got}"]
    return [] if wanted == got else [f"{where}: {wanted} and {got}"]


def decided(result: dict[str, Any], kind: str) -> dict[str, Any]:
    """The part of a result that the contract fixes.

    Open are: the cause of a call that was answered or denied, the SIP status of a click-to-call whose agent never
    answered, what a softphone is told of the customer's refusal (the far end's own status is passed on), the order of
    legs that start at one moment, and whether a hangup is a node.
    """
    free: set[str] = set()
    if result["outcome"] not in {"rejected", "hung_up"}:
        free.add("q850")
    if kind == "click_to_call" and result["outcome"] == "rejected":
        free |= {"sip_status", "q850"}
    if (
        kind == "softphone"
        and result["outcome"] == "rejected"
        and result["reason"] in {"unreachable", "declined", "busy"}
    ):
        free |= {"sip_status", "q850"}
    found = {key: value for key, value in result.items() if key not in free}
    found["legs"] = sorted(
        result["legs"], key=lambda leg: (round(leg["start_s"], 2), leg["target"], leg["agent"] or "")
    )
    found["nodes"] = [node for node in result["nodes"] if node["type"] != "hangup"]
    return found
