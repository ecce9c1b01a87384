"""A switch with an engine and a file for every sound: what was played to whom, and the engine's events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from b2bua_kit.documents import company, snapshot_of
from b2bua_kit.wire import Wire
from msgspec.structs import replace

from routerd.simulation.documents import with_files

if TYPE_CHECKING:
    from b2bua_kit.peer import Side

SOUNDS = [
    {"id": "welcome", "file": "welcome.wav", "duration_s": 3.0},
    {"id": "music", "file": "music.wav", "duration_s": 60.0},
    {"id": "label", "file": "label.wav", "duration_s": 1.0},
    {"id": "hold", "file": "hold.wav", "duration_s": 60.0},
]


def voiced(document: dict[str, Any] | None = None, engines: int = 1, **settings: Any) -> Wire:
    """A wire whose switch has one engine and prompts; the company's sounds have files."""
    wire = Wire({**(document or company()), "sounds": SOUNDS}, engines=engines, prompts_dir="/prompts", **settings)
    plain = snapshot_of({**(document or company()), "sounds": SOUNDS})
    accounts = {name: with_files(tables) for name, tables in plain.accounts.items()}
    wire.switch.install(replace(plain, accounts=accounts), wire.now)
    wire.engine.durations = {f"/sounds/{sound['id']}.wav": int(sound["duration_s"] * 1000) for sound in SOUNDS}
    return wire


def played(wire: Wire, tag: str = "caller") -> list[str]:
    """What ``tag`` was to hear, in order: names of files, ``+`` behind what plays for ever, ``-`` for a stop."""
    told = []
    for command in wire.engine.commands:
        if command.get("from-tag") != tag:
            continue
        if command["command"] == "play media":
            name = command["file"].rpartition("/")[2].removesuffix(".wav")
            told.append(name + ("+" if command.get("repeat-times", 1) != 1 else ""))
        elif command["command"] == "stop media":
            told.append("-")
    return told


def play_ends(wire: Wire, tag: str = "caller") -> None:
    """The engine has played to its end what ``tag`` hears."""
    last = [one for one in wire.engine.commands if one["command"] == "play media" and one["from-tag"] == tag][-1]
    wire.media_event("media-ended", **{"call-id": last["call-id"], "tag": tag, "play-id": last["play-id"]})


def press(wire: Wire, digit: str, tag: str = "caller", source: str = "event") -> None:
    """The engine notices a digit."""
    sessions = [one["call-id"] for one in wire.engine.commands if one["command"] in {"offer", "answer"}]
    facts = {"call-id": sessions[-1], "tag": tag, "digit": digit, "duration-ms": 100, "source": source}
    wire.media_event("dtmf", **facts)


def press_info(side: Side, digits: str) -> None:
    """The peer presses keys, one INFO each."""
    for digit in digits:
        side.request("INFO", f"Signal={digit}\r\nDuration=100\r\n".encode(), kind="application/dtmf-relay")
        side.peer.expect("200 INFO")


def commands(wire: Wire, verb: str) -> list[dict[str, Any]]:
    """The engine's commands of one kind."""
    return [command for command in wire.engine.commands if command["command"] == verb]
