"""A company whose callers hear and press: a menu, a queue with music, prompts that are tones of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kit.company import company
from kit.tone import write_tone

if TYPE_CHECKING:
    from pathlib import Path

MENU_NUMBER, QUEUE_NUMBER = "+918069651180", "+918069651190"
WELCOME_HZ, MUSIC_HZ, LABEL_HZ, HOLD_HZ = 660, 880, 1200, 1500


def sounds(folder: Path) -> dict[str, dict[str, Any]]:
    """Write the sounds; the settings that name their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frequency, seconds in (
        ("welcome", WELCOME_HZ, 8),
        ("music", MUSIC_HZ, 5),
        ("label", LABEL_HZ, 1),
        ("hold", HOLD_HZ, 5),
    ):
        write_tone(folder / f"{name}.wav", frequency, seconds=seconds, rate=16_000)
    return {"document": {"sounds_dir": str(folder)}}


def speaking_company(*trunks: dict[str, Any], announce_every_s: float | None = None, **more: Any) -> dict[str, Any]:
    """Alice, Bob and Carol; a menu that leads to Bob by 1, a queue that Bob serves."""
    document = company(*trunks)
    document["account"] = {**document["account"], "music_on_hold": "hold", "ringback": "hold"}
    document["numbers"] += [
        {"number": MENU_NUMBER, "destination": {"type": "ivr", "id": "menu"}},
        {"number": QUEUE_NUMBER, "destination": {"type": "department", "id": "line"}},
    ]
    queue = {"timeout_s": 60, "join_empty": True, "music": "music", "announce_position_every_s": announce_every_s}
    return {
        **document,
        "ivrs": [
            {
                "id": "menu",
                "prompt": "welcome",
                "options": {"1": {"type": "agent", "id": "bob"}, "2": {"type": "agent", "id": "carol"}},
                "digit_timeout_s": 20,
            }
        ],
        "departments": [{"id": "line", "name": "Line", "members": [{"agent": "bob"}], "queue": queue}],
        "sounds": [{"id": name, "file": f"{name}.wav"} for name in ("welcome", "music", "label", "hold")],
        **more,
    }
