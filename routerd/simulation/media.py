"""A scripted media engine: answers the ng commands of a simulated switch, refuses, is silent, or dies.

It relays nothing. Offers and answers come back with the engine's address and a port of their own, so that a
description that has not been through the engine is noticed; sessions are counted, so that one that is never deleted is.
"""

from __future__ import annotations

from typing import Any

ADDRESS = "198.18.0.9"
FIRST_PORT = 30_000


class Engine:
    """One engine. ``delay_s`` is how long a reply takes; ``refuses`` the next commands of these names with an error."""

    __slots__ = ("_port", "alive", "delay_s", "deleted", "faults", "refuses", "sessions")

    def __init__(self, *, delay_s: float = 0.0) -> None:
        self.delay_s = delay_s
        self.alive = True
        self.refuses: set[str] = set()
        self.sessions: dict[str, set[str]] = {}
        self.deleted: set[str] = set()
        self.faults: list[str] = []
        self._port = FIRST_PORT

    def reply(self, command: dict[str, Any]) -> dict[str, Any] | None:
        """Return the reply to one command; None when the engine is dead."""
        if not self.alive:
            return None
        verb = command["command"]
        if verb in self.refuses:
            return {"result": "error", "error-reason": "scripted"}
        if verb == "ping":
            return {"result": "pong"}
        call = command.get("call-id", "")
        if verb == "delete":
            return self._delete(call)
        if verb == "answer" and call not in self.sessions:
            return {"result": "error", "error-reason": "Unknown call-id"}
        if call in self.deleted:
            self.faults.append(f"{verb} of the deleted session {call}")
        self.sessions.setdefault(call, set()).add(command["from-tag"])
        return {"result": "ok", "sdp": self._through(command["sdp"])}

    def _delete(self, call: str) -> dict[str, Any]:
        if self.sessions.pop(call, None) is None:
            return {"result": "error", "error-reason": "Unknown call-id"}
        self.deleted.add(call)
        return {"result": "ok", "totals": {"RTP": {"packets": 0}}}

    def _through(self, sdp: bytes) -> bytes:
        lines = []
        for line in sdp.split(b"\r\n"):
            changed = line
            if line.startswith(b"c=IN IP4 ") and not line.endswith(b"0.0.0.0"):
                changed = b"c=IN IP4 " + ADDRESS.encode()
            elif line.startswith(b"m="):
                parts = line.split(b" ")
                if parts[1] != b"0":
                    self._port += 2
                    parts[1] = str(self._port).encode()
                changed = b" ".join(parts)
            lines.append(changed)
        return b"\r\n".join(lines)

    def die(self) -> None:
        """Stop answering; every session is lost."""
        self.alive = False
        self.sessions.clear()

    def restart(self) -> None:
        """Come back without sessions."""
        self.alive = True
        self.sessions.clear()
