"""How two results are compared: as the vectors compare them."""

from __future__ import annotations

from typing import Any

SAME_TIME_S = 0.05


def differences(wanted: Any, got: Any, where: str = "") -> list[str]:
    """What of ``wanted`` is not in ``got``; keys that ``wanted`` lacks are free, lists are compared whole."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return [
            line for key, value in wanted.items() for line in differences(value, got.get(key), f"{where}.{key}")
        ]
    if isinstance(wanted, list) and isinstance(got, list) and len(wanted) == len(got):
        return [
            line
            for index, (one, other) in enumerate(zip(wanted, got, strict=True))
            for line in differences(one, other, f"{where}[{index}]")
        ]
    if isinstance(wanted, (int, float)) and isinstance(got, (int, float)) and not isinstance(wanted, bool):
        return [] if abs(wanted - got) <= SAME_TIME_S + 1e-9 else [f"{where}: {wanted} and {got}"]
    return [] if wanted == got else [f"{where}: {wanted} and {got}"]
