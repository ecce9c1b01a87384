"""How calls end (routing.md 2.8), and the outcomes of calls that reached a mailbox or an announcement."""

from __future__ import annotations

from typing import Final

from routerd.rules import stage
from routerd.rules.decision import Decision, Node, Place
from routerd.rules.plan import AnswerCaller, CheckMailbox, End, LeaveQueue, OpenMailbox, Play, StopPlay

RETRY_AFTER_S: Final = 10
_DEFAULT: Final = (480, 20, 20)
# reason: (status while unanswered, Q.850 with it, Q.850 of the BYE once answered)
ROWS: Final[dict[str, tuple[int, int | None, int]]] = {
    "unknown_number": (404, None, 1),
    "caller_blocked": (603, None, 21),
    "agent_busy": (486, 17, 17),
    "busy": (486, 17, 17),
    "do_not_disturb": (486, 17, 17),
    "no_answer": (480, 19, 19),
    "declined": (480, 21, 21),
    "unreachable": (480, 20, 20),
    "limit_reached": (503, 42, 42),
    "loop": (482, None, 25),
    "number_suspended": (480, 20, 16),
    "no_destination": (480, 20, 16),
    "hangup": (480, 20, 16),
    "queue_timeout": (480, 20, 16),
    "queue_full": (480, 20, 16),
    "invalid_input": (480, 20, 16),
    "input_timeout": (480, 20, 16),
}


class MailboxPlace(Place, gc=False):
    """The caller is in a mailbox."""


class AnnouncementPlace(Place, gc=False):
    """The caller hears an announcement."""


def finish(d: Decision, reason: str, status: int | None = None) -> None:
    """End the call because of ``reason``: rejected while unanswered, else hung up (``status`` overrides the row's)."""
    d.because(reason)
    row_status, unanswered_cause, answered_cause = ROWS.get(d.last_reason or reason, _DEFAULT)
    code = status or row_status
    stage.cut(d, "cancelled")
    leave_queue(d)
    stop_playing(d)
    d.final = Node("hangup", None, None, d.now, d.reason)
    if d.answered:
        _over(d, End(outcome="hung_up", reason=d.reason, status=200, q850=answered_cause))
        return
    retry = RETRY_AFTER_S if code == 503 else None
    _over(d, End(outcome="rejected", reason=d.reason, status=code, q850=unanswered_cause, retry_after_s=retry))


def deny(d: Decision, reason: str, status: int, api_status: int) -> None:
    """Deny an outbound call at its gates (routing.md 4.1): a softphone hears ``status``, the API ``api_status``."""
    d.because(reason)
    d.final = Node("hangup", None, None, d.now, reason)
    retry = RETRY_AFTER_S if status == 503 else None
    said = api_status if d.attempt.kind == "click_to_call" else status
    _over(d, End(outcome="denied", reason=reason, status=said, q850=21, retry_after_s=retry, api_status=api_status))


def caller_gone(d: Decision) -> None:
    """The caller gave up: everything is cancelled, no failover; a mailbox or an announcement had its caller."""
    stage.cut(d, "cancelled")
    if isinstance(d.place, MailboxPlace):
        _reached(d, "voicemail")
    elif isinstance(d.place, AnnouncementPlace):
        _reached(d, "announcement")
    else:
        leave_queue(d)
        d.because("abandoned")
        d.final = Node("hangup", None, None, d.now, d.reason)
        _over(d, End(outcome="abandoned", reason=d.reason, status=200 if d.answered else 487, q850=16))


def answer_caller(d: Decision) -> None:
    """Answer the caller unless that has happened."""
    if not d.answered:
        d.answered = True
        d.out.append(AnswerCaller())


def open_mailbox(d: Decision, voicemail: str, context: str) -> None:
    """The call goes to a mailbox."""
    node = d.visit("voicemail", voicemail, context)
    d.place = MailboxPlace(voicemail, context, node)
    d.final = d.nodes[node]
    answer_caller(d)
    d.out.append(OpenMailbox(voicemail))


def check_mailbox(d: Decision, voicemail: str) -> None:
    """The caller listens to their own mailbox (feature code)."""
    node = d.visit("voicemail", voicemail, "internal")
    d.place = MailboxPlace(voicemail, "internal", node)
    d.final = d.nodes[node]
    answer_caller(d)
    d.out.append(CheckMailbox(voicemail))


def announce(d: Decision, sound: str, context: str) -> None:
    """The call hears an announcement and ends."""
    node = d.visit("announcement", sound, context)
    d.place = AnnouncementPlace(sound, context, node)
    d.final = d.nodes[node]
    answer_caller(d)
    d.playing = True
    d.out.append(Play(sound))


def played_out(d: Decision) -> None:
    """The mailbox or the announcement is done."""
    if isinstance(d.place, MailboxPlace):
        _reached(d, "voicemail")
    elif isinstance(d.place, AnnouncementPlace):
        _reached(d, "announcement")


def leave_queue(d: Decision) -> None:
    """Leave the queue, if the call waits in one."""
    place = d.place
    if place is not None and place.queued:
        place.queued = False
        d.out.append(LeaveQueue(place.id))


def stop_playing(d: Decision) -> None:
    """Stop the sound that plays to the caller, if any."""
    if d.playing:
        d.playing = False
        d.out.append(StopPlay())


def _reached(d: Decision, outcome: str) -> None:
    _over(d, End(outcome=outcome, reason=d.reason, status=200, q850=16))


def _over(d: Decision, end: End) -> None:
    d.over = True
    d.pending = None
    d.place = None
    d.out.append(end)
