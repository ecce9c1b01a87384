"""A scripted media engine: answers the ng commands of a simulated switch, plays in virtual time, refuses, or dies.

It relays nothing. Offers and answers come back with the engine's address and a port of their own, so that a description
that has not been through the engine is noticed; sessions are counted, so that one that is never deleted is; who stood
on which side of a session is kept, so that callers who are crossed are noticed.

What is played lasts as long as ``durations`` says of its file, then ``media-ended`` goes to ``notify``; a recording of
one party ends by :meth:`Engine.end_recording` or at its limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.simulation.clock import Agenda

ADDRESS: Final = "198.18.0.9"
FIRST_PORT: Final = 30_000
HOUSE: Final = "house"
PLAYED_S: Final = 2.0
CAPABILITIES: Final = (
    "relay",
    "events",
    "statistics",
    "block media",
    "play media",
    "play DTMF",
    "transcoding",
    "recording",
    "pause recording",
    "mailbox",
)


class Playing:
    """Something that one party hears: ``ends_at`` is None for what plays for ever."""

    __slots__ = ("ends_at", "file", "play_id", "since")

    def __init__(self, file: str, play_id: str, since: float, ends_at: float | None) -> None:
        self.file = file
        self.play_id = play_id
        self.since = since
        self.ends_at = ends_at


class Engine:
    """One engine. ``delay_s`` is how long a reply takes; ``refuses`` the next commands of these names with an error."""

    __slots__ = (
        "_agenda",
        "_port",
        "alive",
        "blocked",
        "commands",
        "delay_s",
        "deleted",
        "durations",
        "events",
        "faults",
        "heard",
        "notify",
        "parties",
        "playing",
        "recording",
        "refuses",
        "sessions",
    )

    def __init__(self, *, delay_s: float = 0.0, agenda: Agenda | None = None) -> None:
        self._agenda = agenda
        self.delay_s = delay_s
        self.alive = True
        self.events = True
        self.refuses: set[str] = set()
        self.sessions: dict[str, set[str]] = {}
        self.deleted: set[str] = set()
        self.faults: list[str] = []
        self.commands: list[dict[str, Any]] = []
        self.durations: dict[str, float] = {}
        self.playing: dict[tuple[str, str], Playing] = {}
        self.heard: list[tuple[float, str, str, str]] = []
        self.recording: dict[tuple[str, str], dict[str, Any]] = {}
        self.blocked: set[str] = set()
        self.parties: dict[str, dict[str, bytes]] = {}
        self.notify: Callable[[str, dict[str, Any], float], None] | None = None
        self._port = FIRST_PORT

    def reply(self, command: dict[str, Any], now: float = 0.0) -> dict[str, Any] | None:
        """Return the reply to one command; None when the engine is dead."""
        if not self.alive:
            return None
        self.commands.append(command)
        verb = command["command"]
        if verb in self.refuses:
            return {"result": "error", "error-reason": "scripted"}
        if verb == "ping":
            return {"result": "pong", "capabilities": list(CAPABILITIES)} if self.events else {"result": "pong"}
        call = command.get("call-id", "")
        if verb == "delete":
            return self._delete(call)
        if verb in {"offer", "answer"}:
            return self._describe(verb, call, command)
        if call not in self.sessions:
            return {"result": "error", "error-reason": "Unknown call-id"}
        action = _MEDIA.get(verb)
        if action is None:
            return {"result": "error", "error-reason": "Unrecognized command"}
        return action(self, (call, str(command.get("from-tag", ""))), command, now)

    def _describe(self, verb: str, call: str, command: dict[str, Any]) -> dict[str, Any]:
        if verb == "answer" and call not in self.sessions:
            return {"result": "error", "error-reason": "Unknown call-id"}
        if call in self.deleted:
            self.faults.append(f"{verb} of the deleted session {call}")
        self.sessions.setdefault(call, set()).add(command["from-tag"])
        party = command["from-tag"] if verb == "offer" else command["to-tag"]
        self.parties.setdefault(call, {})[party] = command["sdp"]
        return {"result": "ok", "sdp": self._through(command["sdp"])}

    def _delete(self, call: str) -> dict[str, Any]:
        if self.sessions.pop(call, None) is None:
            return {"result": "error", "error-reason": "Unknown call-id"}
        self.deleted.add(call)
        self._forget(call)
        return {"result": "ok", "totals": {"RTP": {"packets": 0}}}

    def _forget(self, call: str) -> None:
        for key in [key for key in self.playing if key[0] == call]:
            del self.playing[key]
        for key in [key for key in self.recording if key[0] == call]:
            del self.recording[key]
        self.blocked.discard(call)

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

    # -- playing -------------------------------------------------------------------------------------------------------

    def _play(self, party: tuple[str, str], command: dict[str, Any], now: float) -> dict[str, Any]:
        """A party hears a file, in place of what it heard before."""
        if party[1] not in self.parties.get(party[0], {}):
            return {"result": "error", "error-reason": "Unknown tag"}
        file = str(command["file"])
        lasts_s = self.durations.get(file, PLAYED_S)
        times = command.get("repeat-times", 1)
        playing = Playing(file, str(command.get("play-id", "")), now, now + lasts_s * times if times == 1 else None)
        self.playing[party] = playing
        self.heard.append((now, *party, file))
        if times == 1 and self.events and self._agenda is not None:
            self._agenda.at(now + lasts_s, self._played, party, playing)
        return {"result": "ok", "duration": round(lasts_s * 1000)}

    def _played(self, party: tuple[str, str], playing: Playing, now: float) -> None:
        if self.playing.get(party) is playing:
            del self.playing[party]
            self._tell("media-ended", {"call-id": party[0], "tag": party[1], "play-id": playing.play_id}, now)

    def _stop(self, party: tuple[str, str], command: dict[str, Any], now: float) -> dict[str, Any]:
        """A party hears the other one again."""
        del command
        self.playing.pop(party, None)
        self.heard.append((now, *party, ""))
        return {"result": "ok"}

    # -- digits, holding, recording ------------------------------------------------------------------------------------

    def press(self, call: str, tag: str, digit: str, now: float, source: str = "event") -> None:
        """A party presses a key, and the engine notices."""
        self._tell("dtmf", {"call-id": call, "tag": tag, "digit": digit, "duration-ms": 120, "source": source}, now)

    def _done(self, party: tuple[str, str], command: dict[str, Any], now: float) -> dict[str, Any]:
        """Nothing that could be seen here."""
        del party, command, now
        return {"result": "ok"}

    def _block(self, party: tuple[str, str], command: dict[str, Any], now: float) -> dict[str, Any]:
        """Nobody hears the other one, or everybody does again."""
        del now
        (self.blocked.add if command["command"] == "block media" else self.blocked.discard)(party[0])
        return {"result": "ok"}

    def _record(self, party: tuple[str, str], command: dict[str, Any], now: float) -> dict[str, Any]:
        """Record one party, or both."""
        facts = {"call-id": party[0], "file": command.get("file", ""), "since": now}
        if party[1]:
            facts["tag"] = party[1]
        self.recording[party] = facts
        limit = command.get("max-ms")
        if limit is not None and self._agenda is not None:
            self._agenda.at(now + limit / 1000, self._limit, party, facts)
        return {"result": "ok"}

    def _limit(self, party: tuple[str, str], facts: dict[str, Any], now: float) -> None:
        if self.recording.get(party) is facts:
            self.end_recording(party, "limit", now)

    def _stop_recording(self, party: tuple[str, str], command: dict[str, Any], now: float) -> dict[str, Any]:
        """End a recording."""
        del command
        facts = self.recording.get(party)
        if facts is None:
            return {"result": "error", "error-reason": "nothing is recorded"}
        lasted_ms = round((now - facts["since"]) * 1000)
        self.end_recording(party, "stopped", now)
        return {"result": "ok", "duration": lasted_ms}

    def end_recording(self, party: tuple[str, str], reason: str, now: float) -> None:
        """Let a recording end: ``digit``, ``silence``, ``limit`` or ``failed``."""
        facts = self.recording.pop(party)
        lasted_ms = round((now - facts.pop("since")) * 1000)
        told = {**facts, "reason": reason, "duration-ms": lasted_ms, "size-bytes": 44 + lasted_ms * 16}
        self._tell("recording-ended", told, now)

    def _tell(self, event: str, facts: dict[str, Any], now: float) -> None:
        if self.alive and self.events and self.notify is not None:
            self.notify(event, facts, now)

    # -- accidents -----------------------------------------------------------------------------------------------------

    def die(self) -> None:
        """Stop answering; every session is lost."""
        self.alive = False
        self._lose()

    def restart(self) -> None:
        """Come back without sessions."""
        self.alive = True
        self._lose()

    def _lose(self) -> None:
        for call in tuple(self.sessions):
            self._forget(call)
        self.sessions.clear()


_MEDIA: Final[dict[str, Callable[[Engine, tuple[str, str], dict[str, Any], float], dict[str, Any]]]] = {
    "play media": Engine._play,  # noqa: SLF001 - its own verbs
    "stop media": Engine._stop,  # noqa: SLF001
    "play DTMF": Engine._done,  # noqa: SLF001
    "block DTMF": Engine._done,  # noqa: SLF001
    "unblock DTMF": Engine._done,  # noqa: SLF001
    "block media": Engine._block,  # noqa: SLF001
    "unblock media": Engine._block,  # noqa: SLF001
    "start recording": Engine._record,  # noqa: SLF001
    "pause recording": Engine._done,  # noqa: SLF001
    "stop recording": Engine._stop_recording,  # noqa: SLF001
}
