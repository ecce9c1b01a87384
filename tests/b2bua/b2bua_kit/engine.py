"""A media engine that answers by a script: every description comes back with its own address and a port per party."""

from __future__ import annotations

import re
from typing import Any


class Engine:
    """Takes ng commands. ``silent``: answers nothing; ``held``: keeps the questions until :meth:`release`.

    ``refused``: commands that are answered with an error; ``deaf``: parties (without ``#…``) to whom nothing is played.
    """

    def __init__(self) -> None:
        self.commands: list[dict[str, Any]] = []
        self.calls: set[str] = set()
        self.silent = False
        self.refuses = False
        self.refused: set[str] = set()
        self.deaf: set[str] = set()
        self.hold: set[str] = set()
        self.held: list[tuple[int, dict[str, Any]]] = []
        self.durations: dict[str, int] = {}
        self._port = 40000

    def take(self, number: int, command: dict[str, Any]) -> dict[str, Any] | bool | None:
        """The reply, None for silence, False when it is held back."""
        self.commands.append(command)
        if command["command"] == "offer" and not self.silent:
            self.calls.add(command["call-id"])
        if command["command"] in self.hold:
            self.held.append((number, command))
            return False
        return self.reply(command)

    def reply(self, command: dict[str, Any]) -> dict[str, Any] | None:
        if self.silent:
            return None
        if self.refuses and command["command"] != "delete":
            return {"result": "error", "error-reason": "no ports"}
        name = command["command"]
        nothing_for = name == "play media" and command["from-tag"].partition("#")[0] in self.deaf
        if name in self.refused or nothing_for:
            return {"result": "error", "error-reason": "scripted"}
        if name == "delete":
            self.calls.discard(command["call-id"])
            return {"result": "ok", "totals": {"RTP": {"packets": 7}}}
        if "sdp" not in command:
            told = {"duration": self.durations.get(command["file"], 2000)} if "file" in command else {}
            return {"result": "ok", **told}
        self._port += 2
        sdp = re.sub(rb"m=audio \d+", b"m=audio %d" % self._port, command["sdp"])
        return {"result": "ok", "sdp": re.sub(rb"c=IN IP4 \S+", b"c=IN IP4 203.0.113.99", sdp)}

    def names(self) -> list[str]:
        """What was asked, as ``offer caller>`` or ``answer caller<trunk:pstn#1``."""
        return [str(command["command"]) for command in self.commands]
