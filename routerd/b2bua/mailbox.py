"""Leaving a message in a mailbox: greeting, tone, recording, and what becomes of it.

Theory of operation. The caller hears the mailbox' greeting and the tone; ``#`` skips to the tone. Then the engine
records them alone until ``#``, until they are silent, or until the mailbox' limit, and says by ``recording-ended`` what
it has. A caller who hangs up has ended the message too: the engine closes the file when the session is deleted, and the
record of the call waits a moment to hear of it (:meth:`Leaving.settle`). What holds less than ``LEAST_S`` of speech is
dropped; its file goes with the next sweep of the control process (``app/voicemail.py``), which also adopts a file whose
message could not be told any more.

Where nothing can be recorded (no engine, one without mailboxes, a full mailbox) the record says why nothing was kept; a
caller without a recorder is let speak for as long as they might have been recorded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua import house
from routerd.b2bua.mailboxes import Message
from routerd.b2bua.playing import prompt, sound
from routerd.rules import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.call import Call
    from routerd.sip.timers import Timer

TIMER: Final = "mailbox"
SILENCE_MS: Final = 7000
LEAST_S: Final = 1.0
LATE_S: Final = 5.0  # how long after its longest duration a recording is taken for lost
OUTCOME_WITHIN_S: Final = 3.0
CAPABILITY: Final = "mailbox"
OUTCOME: Final = "outcome"

GREETING: Final = "greeting"
RECORDING: Final = "recording"
TIMED: Final = "timed"
ENDED: Final = "ended"


class Leaving:
    """One caller in one mailbox; :meth:`start`, then what the house, timers and the end of the call say."""

    __slots__ = (
        "_caller",
        "_caller_name",
        "_done",
        "_dropped",
        "_ended",
        "_kept",
        "_mailboxes",
        "_outcome_timer",
        "_session",
        "call",
        "state",
        "voicemail",
    )

    def __init__(self, call: Call, voicemail: str) -> None:
        self.call = call
        self.voicemail = voicemail
        self.state = ""
        self._mailboxes = call.exchange.mailboxes
        decision = call.step.decision if call.step is not None else None
        attempt = call.record.attempt
        known = (decision.caller if decision is not None else None) or attempt.caller or ""
        self._caller = "" if known == "anonymous" else known
        self._caller_name = (decision.caller_name if decision is not None else None) or attempt.caller_name or ""
        self._kept: Message | None = None
        self._dropped = "hung_up"
        self._ended = ""
        self._session = ""
        self._done: Callable[[float], None] | None = None
        self._outcome_timer: Timer | None = None

    # -- greeting --

    def start(self, now: float) -> None:
        """Greet the caller, or turn them away."""
        call = self.call
        if self._mailboxes.is_full(call.live.name, self.voicemail):
            self._give_up("mailbox_full", ["mailbox-full"], now)
            return
        self.state = GREETING
        house.on_digit(call, self._pressed)
        greeting = call.tables.voicemails[self.voicemail].greeting
        said = sound(call, greeting) if greeting is not None else prompt(call, "mailbox-greeting")
        house.play(call, [said, prompt(call, "beep")], now, self._record)

    def _pressed(self, digit: str, now: float) -> None:
        """``#`` goes on: from the greeting to the tone, from a recording that the engine has not ended to its end."""
        if digit != "#":
            return
        if self.state == GREETING:
            house.play(self.call, [prompt(self.call, "beep")], now, self._record)
        elif self.state == RECORDING:
            house.stop_recording(self.call)
        elif self.state == TIMED:
            self._over(now)

    # -- recording --

    def _record(self, now: float) -> None:
        call = self.call
        longest_s = call.tables.voicemails[self.voicemail].max_message_s
        problem = self._problem()
        if problem is not None:
            self._dropped = problem
            self.state = TIMED
            wait(call, longest_s, now)
            return
        self.state = RECORDING
        self._session = call.media.session
        wait(call, longest_s + LATE_S, now)
        house.record(call, self._file(), now, self._recorded, silence_ms=SILENCE_MS, max_ms=int(longest_s * 1000))

    def _problem(self) -> str | None:
        """Return why nothing can be recorded."""
        call = self.call
        if not call.media.opened:
            return "no_engine"
        if not (house.can_record(call) and call.media.can(CAPABILITY)):
            return "engine_cannot_record"
        return None if call.exchange.settings.voicemail_dir else "no_folder"

    def _file(self) -> str:
        folder = self.call.exchange.settings.voicemail_dir
        return f"{folder}/{self.call.live.name}/{self.voicemail}/{self.call.id}.wav"

    def _recorded(self, facts: dict[str, Any], now: float) -> None:
        """Take what the engine has, while the caller is still there."""
        self._take(facts, now)
        stop_waiting(self.call)
        if facts.get("reason") == "gone":
            wait(self.call, 0.0, now)  # the engine was lost; whoever says so is not done with the call
        elif self._kept is not None and facts.get("reason") != "silence":
            said = [prompt(self.call, name) for name in ("message-saved", "goodbye")]
            house.play(self.call, said, now, self._over)
        else:
            self._over(now)

    def _take(self, facts: dict[str, Any], now: float) -> None:
        """Keep what was recorded, when there is enough of it."""
        call = self.call
        self._ended = str(facts.get("reason", ""))
        duration_s = round(float(facts.get("duration-ms") or 0) / 1000, 3)
        file = str(facts.get("file") or "")
        self.state = ENDED
        if "duration-ms" not in facts or not file:
            self._dropped = "engine_lost" if self._ended == "gone" else "recording_failed"
        elif duration_s < LEAST_S:
            self._dropped = "recording_failed" if self._ended == "failed" else "too_short"
        else:
            at = call.exchange.wall(now) - duration_s
            size_bytes = int(facts.get("size-bytes") or 0)
            message = Message(call.id, call.id, at, self._caller, self._caller_name, duration_s, file, size_bytes)
            if self._mailboxes.keep(call.live.name, self.voicemail, message, now):
                self._kept = message

    # -- the end --

    def timer_fired(self, name: str, now: float) -> None:
        """The caller has spoken for as long as they may, or the engine never told of the end."""
        if name == OUTCOME:
            self._outcome_timer = None
            self._dropped = "engine_silent"
            self._settled(now)
            return
        if self.state == RECORDING:
            house.stop_recording(self.call)
        self._over(now)

    def _give_up(self, why: str, prompts: list[str], now: float) -> None:
        self._dropped = why
        self.state = ENDED
        house.play(self.call, [prompt(self.call, name) for name in prompts], now, self._over)

    def _over(self, now: float) -> None:
        stop_waiting(self.call)
        house.on_digit(self.call, None)
        self.call.advance(plan.MailboxEnded(), now)

    def leave(self, now: float) -> None:  # noqa: ARG002 - one signature for all visits
        """The call is over: what the engine will tell finds its way here until :meth:`settle` is done."""
        if self.state == RECORDING:
            self.call.exchange.recordings[self._session] = self._told_late

    def settle(self, done: Callable[[float], None], now: float) -> None:
        """Call ``done(now)`` once it is known what became of the message."""
        if self.state != RECORDING:
            done(now)
            return
        self._done = done
        self._outcome_timer = self.call.exchange.timers.after(OUTCOME_WITHIN_S, self, OUTCOME, now)

    def _told_late(self, facts: dict[str, Any], now: float) -> None:
        self._take(facts, now)
        self._settled(now)

    def _settled(self, now: float) -> None:
        self.call.exchange.recordings.pop(self._session, None)
        if self._outcome_timer is not None:
            self._outcome_timer.cancel()
            self._outcome_timer = None
        done, self._done = self._done, None
        if done is not None:
            done(now)

    def facts(self) -> dict[str, Any]:
        """Return what the record of the call says of it."""
        if self._kept is None:
            return {"voicemail": self.voicemail, "id": None, "dropped": self._dropped}
        return {
            "voicemail": self.voicemail,
            "id": self._kept.id,
            "duration_s": self._kept.duration_s,
            "ended": "hung_up" if self._ended == "gone" else self._ended,
        }


# -- what visits of mailboxes share --


def wait(call: Call, delay_s: float, now: float) -> None:
    """Let the visit's ``timer_fired`` come after ``delay_s``, in place of what it waited for before."""
    stop_waiting(call)
    call.timers[TIMER] = call.exchange.timers.after(delay_s, call, TIMER, now)


def stop_waiting(call: Call) -> None:
    """Wait for nothing any more."""
    running = call.timers.pop(TIMER, None)
    if running is not None:
        running.cancel()
