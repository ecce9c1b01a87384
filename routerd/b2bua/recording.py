"""Recording a call, from the switch's side: who is recorded, what they are told first, what the record says of it.

Theory of operation. An account says which calls are recorded and, if it wants one, with which announcement; a command
can ask for it besides, under the same rule. Such a call is relayed, for only an engine that carries the voices can keep
them. When two parties have been joined, whoever of them has not heard the announcement hears it; then recording starts.
It fails closed: where the announcement cannot be played, or no engine records, the call goes on unrecorded and the
record says why.

An engine records a session. When the parties are joined anew (a transfer, a lost engine), the recording goes on in
another file: a *part*. A part is closed when the engine says what became of the file; the record of a call that is over
waits a moment for that.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua import joining
from routerd.b2bua.call_states import CONNECTED
from routerd.b2bua.playing import Audio, sound
from routerd.media import ng

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from routerd.b2bua.call import Call
    from routerd.b2bua.leg import Leg
    from routerd.rules.plan import Ring
    from routerd.sip.timers import Timer

ANNOUNCING: Final = "announcing"
STARTING: Final = "starting"
RUNNING: Final = "running"
PAUSED: Final = "paused"
ENDED: Final = "ended"
ALIVE: Final = frozenset({ANNOUNCING, STARTING, RUNNING, PAUSED})
AFTER_SOUND_S: Final = 0.1
OUTCOME_WITHIN_S: Final = 3.0
UNFINISHED: Final = ".part"
_PLAIN: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")


NOT_RECORDING: Final = "not_recording"
PROBLEMS: Final = {
    "not_connected": "only a call whose parties talk can be recorded",
    "already_recording": "the call is being recorded",
    NOT_RECORDING: "the call is not being recorded",
    "already_paused": "the recording is paused",
    "not_paused": "the recording is not paused",
    "no_pause": "the media engine cannot pause a recording",
    "no_recording": "no media engine can record this call",
    "no_announcement": "the announcement that the account wants cannot be played",
    "emergency": "a call to an emergency number is not recorded",
}


class Part:
    """One file of a recording; times are monotonic."""

    __slots__ = ("began", "facts", "left", "path", "paused_s", "paused_since", "session")

    def __init__(self, session: str, path: str, left: str, now: float) -> None:
        self.session = session
        self.path = path
        self.left = left
        self.began = now
        self.paused_s = 0.0
        self.paused_since: float | None = None
        self.facts: dict[str, Any] | None = None

    def close(self, now: float, failed: str | None = None, *, unfinished: bool = False) -> None:
        """Say what is known of a file of which no engine will tell."""
        if self.facts is None:
            self.resume(now)
            duration_s = round(max(0.0, now - self.began - self.paused_s), 3)
            file = (self.path + UNFINISHED if unfinished else self.path) or None
            self.facts = self._said(file, duration_s, 0, failed)

    def told(self, facts: Mapping[str, Any], now: float) -> None:
        """Take what the engine says of the file."""
        self.resume(now)
        failed = str(facts.get("text") or "the engine could not write") if facts.get("reason") == "failed" else None
        if "paused-ms" in facts:
            self.paused_s = facts["paused-ms"] / 1000
        duration_s = round(facts.get("duration-ms", 0) / 1000, 3)
        self.facts = self._said(facts.get("file") or None, duration_s, facts.get("size-bytes", 0), failed)

    def resume(self, now: float) -> None:
        """End a pause."""
        if self.paused_since is not None:
            self.paused_s += now - self.paused_since
            self.paused_since = None

    def _said(self, file: str | None, duration_s: float, size_bytes: int, failed: str | None) -> dict[str, Any]:
        return {
            "file": file,
            "duration_s": duration_s,
            "size_bytes": size_bytes,
            "paused_s": round(self.paused_s, 3),
            "failed": failed,
            "left": self.left,
        }


class CallRecording:
    """The recording of one call; ``connected`` whenever two parties have been joined."""

    __slots__ = ("_done", "_timer", "_told", "call", "failed", "parts", "state", "wants_pause")

    def __init__(self, call: Call, told: frozenset[str] = frozenset()) -> None:
        """``told`` are the parties, by name, who have heard the announcement already."""
        self.call = call
        self.state = ""
        self.parts: list[Part] = []
        self.failed: str | None = None
        self.wants_pause = False
        self._told = set(told)
        self._timer: Timer | None = None
        self._done: Callable[[float], None] | None = None

    # -- beginning --

    def connected(self, now: float) -> None:
        """Begin, or go on in another file where the parties have another session."""
        last = self.parts[-1] if self.parts else None
        session = self.call.media.session
        if self.state == ENDED or (self.state in {RUNNING, PAUSED} and last is not None and last.session == session):
            return
        self.wants_pause = self.wants_pause or self.state == PAUSED
        self._stop_timer()
        self.begin(now)

    def again(self) -> None:
        """Take back that it ended."""
        self.state = ""
        self.failed = None

    def begin(self, now: float) -> None:
        """Announce it to whoever has not heard that yet, then record."""
        call = self.call
        if not (call.media.opened and call.media.can("recording")):
            self._refuse("no media engine that records", now)
            return
        newcomers = [leg for leg in (call.caller, call.peer) if leg is not None and leg.name not in self._told]
        if call.tables.account.recording.announcement is None or not newcomers:
            self._start(now)
            return
        audio = _announcement(call)
        if not audio.path or not call.media.can("play media"):
            self._refuse("the announcement cannot be played", now)
            return
        self.state = ANNOUNCING
        self._announce(audio.path, newcomers, now)

    def _announce(self, path: str, newcomers: list[Leg], now: float) -> None:
        call, session = self.call, self.call.media.session
        waiting = {leg.name for leg in newcomers}
        longest = 0.0

        def begun(name: str, reply: dict[str, Any] | None, when: float) -> None:
            nonlocal longest
            if self.state != ANNOUNCING or call.media.session != session:
                return
            if reply is None or not ng.is_ok(reply):
                for leg in newcomers:
                    call.media.tell(ng.stop_media(session, leg.name))
                self._refuse(f"the announcement cannot be played: {_why(reply)}", when)
                return
            waiting.discard(name)
            longest = max(longest, reply.get("duration", 0) / 1000)
            if not waiting:
                self._told |= {leg.name for leg in newcomers}
                self._timer = call.exchange.timers.after(longest + AFTER_SOUND_S, self, "announced", when)

        call.mark("announce", path.rpartition("/")[2], now)
        for leg in newcomers:
            call.media.ask(ng.play_media(session, leg.name, path), partial(begun, leg.name))

    def timer_fired(self, name: str, now: float) -> None:
        """The announcement has been heard, or no engine told in time what became of a file."""
        self._timer = None
        if name == "announced" and self.state == ANNOUNCING:
            self._start(now)
        elif name == "outcome":
            for part in self._open():
                part.close(now, "the engine did not say what became of the file")
            self._settled(now)

    def _start(self, now: float) -> None:
        call, media = self.call, self.call.media
        session = media.session
        own = media.can("events")  # another engine has a folder of its own
        left = "caller" if call.caller is not None and call.caller.name == media.offerer else "callee"
        part = Part(session, self._path() if own else "", left, now)
        self.state = STARTING

        def begun(reply: dict[str, Any] | None, when: float) -> None:
            if self.state != STARTING:
                return
            if reply is None or not ng.is_ok(reply):
                self._refuse(f"recording was refused: {_why(reply)}", when)
                return
            part.began = when
            self.parts.append(part)
            self.state = RUNNING
            call.mark("record", part.path.rpartition("/")[2], when)
            if self.wants_pause:
                self.wants_pause = False
                self.pause(when)

        media.ask(ng.start_recording(session, part.path or None), begun)

    def _path(self) -> str:
        """FOLDER/ACCOUNT/DAY/CALL.wav, and CALL-2.wav for its second part."""
        call = self.call
        day = datetime.fromtimestamp(call.exchange.wall(call.record.start), tz=UTC).strftime("%Y-%m-%d")
        name = "".join(letter if letter in _PLAIN else "_" for letter in call.id)
        part = f"-{len(self.parts) + 1}" if self.parts else ""
        return f"{call.exchange.settings.recordings_dir}/{call.live.name}/{day}/{name}{part}.wav"

    def _refuse(self, why: str, now: float) -> None:
        self.state = ENDED
        self.failed = self.failed or why
        self.call.exchange.note("recording_refused", f"{self.call.id}: {why}")
        self.call.mark("record", why, now)

    # -- while it runs --

    def pause(self, now: float) -> str | None:
        """Keep nothing for a while; returns a problem or None."""
        part = self._running()
        if part is None or self.state != RUNNING:
            return "already_paused" if self.state == PAUSED else NOT_RECORDING
        if not self.call.media.can("pause recording"):
            return "no_pause"
        self.call.media.tell(ng.pause_recording(part.session))
        self.state = PAUSED
        part.paused_since = now
        self.call.mark("pause", "", now)
        return None

    def resume(self, now: float) -> str | None:
        """Go on after a pause."""
        part = self._running()
        if part is None or self.state != PAUSED:
            return "not_paused"
        self.call.media.tell(ng.start_recording(part.session))
        self.state = RUNNING
        part.resume(now)
        self.call.mark("resume", "", now)
        return None

    def stop(self, now: float) -> str | None:
        """End it for good."""
        if self.state not in ALIVE:
            return NOT_RECORDING
        part = self._running()
        if part is not None:
            self.call.media.tell(ng.stop_recording(part.session))
            if not self.call.media.can("events"):
                part.close(now)
        self._stop_timer()
        self.state = ENDED
        self.call.mark("stop_recording", "", now)
        return None

    def ended(self, facts: Mapping[str, Any], now: float) -> None:
        """Hear from the engine what became of a file."""
        session = facts.get("call-id")
        part = next((part for part in self._open() if part.session == session), None)
        if part is None:
            return
        part.told(facts, now)
        assert part.facts is not None
        if part.facts["failed"] is not None:
            self.failed = self.failed or part.facts["failed"]
            self.call.exchange.note("recording_failed", f"{self.call.id}: {part.facts['failed']}")
            if part is self.parts[-1] and self.state in {RUNNING, PAUSED}:
                self.state = ENDED
        if self._done is not None and not self._open():
            self._settled(now)

    def engine_lost(self, now: float) -> None:
        """The engine is gone with its file unfinished; recording goes on with the parties' next session."""
        for part in self._open():
            part.close(now, "the media engine was lost", unfinished=True)
        self.wants_pause = self.wants_pause or self.state == PAUSED
        if self.state in ALIVE:
            self._stop_timer()
            self.state = ""

    def _running(self) -> Part | None:
        return self.parts[-1] if self.parts and self.state in {RUNNING, PAUSED} else None

    def _open(self) -> list[Part]:
        return [part for part in self.parts if part.facts is None]

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- the end --

    @property
    def told(self) -> frozenset[str]:
        """Who has heard the announcement."""
        return frozenset(self._told)

    def leave(self, now: float) -> None:
        """The call is over: what the engine will tell finds its way here until :meth:`settle` is done."""
        self._stop_timer()
        if self.state in {ANNOUNCING, STARTING}:
            self.failed = self.failed or "the call ended before recording began"
        self.state = ENDED
        if not self.call.media.can("events"):
            for part in self._open():
                part.close(now)
        for part in self._open():
            self.call.exchange.recordings[part.session] = self.ended

    def settle(self, done: Callable[[float], None], now: float) -> None:
        """Call ``done(now)`` once it is known what became of every file."""
        self._done = done
        if self._open():
            self._timer = self.call.exchange.timers.after(OUTCOME_WITHIN_S, self, "outcome", now)
        else:
            self._settled(now)

    def _settled(self, now: float) -> None:
        self._stop_timer()
        for part in self.parts:
            self.call.exchange.recordings.pop(part.session, None)
        done, self._done = self._done, None
        if done is not None:
            done(now)

    def facts(self) -> dict[str, Any] | None:
        """Return what the record keeps: the first file, sums over all parts, and the parts where there are several.

        None: it never came to that.
        """
        said = [part.facts for part in self.parts if part.facts is not None]
        if not said and self.failed is None:
            return None
        facts: dict[str, Any] = {
            "file": said[0]["file"] if said else None,
            "duration_s": round(sum(one["duration_s"] for one in said), 3),
            "size_bytes": sum(one["size_bytes"] for one in said),
            "paused_s": round(sum(one["paused_s"] for one in said), 3),
            "failed": self.failed or next((one["failed"] for one in said if one["failed"]), None),
            "left": said[0]["left"] if said else None,
        }
        if len(said) > 1:
            facts["parts"] = said
        return facts


# -- which calls --


def prepare(call: Call, ring: Ring) -> None:
    """Relay a call that is to be recorded, before anything is offered for it."""
    if wanted(call, ring):
        call.media.force_relay("recording")


def wanted(call: Call, ring: Ring) -> bool:
    """Whether the account has this call recorded; never one to an emergency number: nothing may delay it."""
    if ring.emergency:
        return False
    if call.recording is not None:
        return call.recording.state != ENDED
    which, kind = call.tables.account.recording.calls, call.record.attempt.kind
    outward = kind in {"softphone", "click_to_call"} and ring.kind == "number"
    return which == "all" or (which == "inbound" and kind == "inbound") or (which == "outbound" and outward)


def connected(call: Call, now: float) -> None:
    """Two parties have been joined: record them if that is wanted."""
    if call.recording is None and call.winner is not None and wanted(call, call.winner.ring):
        call.recording = CallRecording(call)
    if call.recording is not None:
        call.recording.connected(now)


def engine_lost(call: Call, now: float) -> None:
    """The parties will be joined anew through another engine."""
    if call.recording is not None:
        call.recording.engine_lost(now)


def hand_over(call: Call, to: Call) -> None:
    """A transfer goes on in another call: what was recorded is recorded there too, and who stays knows of it."""
    if call.recording is not None and call.recording.state in ALIVE and to.recording is None:
        to.recording = CallRecording(to, frozenset(f"lent:{name}" for name in call.recording.told))


def by_command(call: Call, now: float) -> str | None:
    """Record a call although its account does not ask for it, under the account's rule; returns a problem or None.

    One that is paused goes on.
    """
    known = call.recording
    if known is not None and known.state == PAUSED:
        return known.resume(now)
    if call.state != CONNECTED or call.caller is None or call.peer is None:
        return "not_connected"
    if known is not None and known.state in ALIVE:
        return "already_recording"
    if call.winner is not None and call.winner.ring.emergency:
        return "emergency"
    if call.tables.account.recording.announcement is not None and not _announcement(call).path:
        return "no_announcement"
    exchange, media = call.exchange, call.media
    if not any("recording" in exchange.capabilities_of(engine) for engine in exchange.engines_alive()):
        return "no_recording"
    if media.opened and not media.can("recording"):
        return "no_recording"
    if known is None:
        known = call.recording = CallRecording(call)
    known.again()
    if media.opened:
        known.begin(now)
        return None
    media.force_relay("recording")  # they talk past us: they are joined anew, through an engine
    call.happen("rejoin", now)
    joining.join(call, call.caller, call.peer, now)
    return None


def _announcement(call: Call) -> Audio:
    return sound(call, call.tables.account.recording.announcement)


def _why(reply: dict[str, Any] | None) -> str:
    return "no reply" if reply is None else ng.error_reason(reply)
