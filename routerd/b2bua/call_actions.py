"""The actions of the table of call states: what each does to the caller, the callee, and what still rings.

Functions of a call, named by :mod:`routerd.b2bua.call_states`; each ends with the call in the state of its row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua import accounting, carrying, house, whisper
from routerd.b2bua.cause import reason_header
from routerd.b2bua.inbound_leg import InboundLeg
from routerd.rules import plan

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from routerd.b2bua.call import Call
    from routerd.b2bua.leg import Leg


def do_greet(call: Call, now: float) -> None:
    """The engine is asked for the description with which the caller is answered."""
    house.greet(call, now)


def do_greeted(call: Call, now: float) -> None:
    """The caller is answered; what the rules wanted meanwhile comes now."""
    if call.record.answered is None and isinstance(call.caller, InboundLeg):
        call.record.answered = now
    carrying.count_duration(call, now)
    later, call.later = call.later, ""
    if later:
        call.happen(later, now)


def do_bridge_later(call: Call, now: float) -> None:  # noqa: ARG001 - one signature for all actions
    """A leg answered before the caller's description was there."""
    call.later = "bridge"


def do_end_later(call: Call, now: float) -> None:  # noqa: ARG001 - the same
    """The rules are done before the caller's description was there: they are answered, then hung up."""
    call.later = "end"


def do_whisper(call: Call, now: float) -> None:
    """The callee hears something before the bridge."""
    whisper.begin(call, now)


def do_answer_by_leg(call: Call, now: float) -> None:
    """The caller gets the callee's answer."""
    carrying.answer_by_leg(call, now)


def do_join(call: Call, now: float) -> None:
    """The callee is joined with a caller who was answered before."""
    carrying.join_winner(call, now)


def do_connected(call: Call, now: float) -> None:
    """Two parties talk: from here on only they (or a limit) end the call."""
    if call.record.answered is None:
        call.record.answered = now
    carrying.connected(call, now)


def do_refuse(call: Call, now: float) -> None:
    """Refuse the caller's INVITE as the rules say (routing.md 2.8)."""
    ending = call.ending
    assert ending is not None
    headers = [("Reason", reason_header(ending.q850))] if ending.q850 is not None else []
    if ending.retry_after_s is not None:
        headers.append(("Retry-After", str(ending.retry_after_s)))
    call.reject_caller(ending.status or 480, headers, now)
    call.finish(now)


def do_hang_up(call: Call, now: float) -> None:
    """Hang up on a caller whom the engine had answered."""
    cause = call.ending.q850 if call.ending is not None else None
    _release(call.caller, [reason_header(cause or 16)], now)
    call.finish(now)


def do_abandon(call: Call, now: float) -> None:
    """The caller gave up: 487 where the INVITE is open, and everything that rings is cancelled."""
    call.record.ended_by = "caller"
    call.reject_caller(487, [], now)
    call.advance(plan.CallerGone(), now)
    _release_legs(call, _reasons(call), now)
    call.finish(now)


def do_abandon_answered(call: Call, now: float) -> None:
    """CANCEL crossed the callee's 200: the caller gets 487, the callee is hung up."""
    call.record.ended_by = "caller"
    call.reject_caller(487, [], now)
    _abandoned(call)
    _release_legs(call, [reason_header(16)], now)
    call.finish(now)


def do_abandon_greeting(call: Call, now: float) -> None:
    """The caller gave up before the engine's description was there: 487, although the rules had them answered."""
    call.record.ended_by = "caller"
    call.reject_caller(487, [], now)
    call.advance(plan.CallerGone(), now)
    _abandoned(call)
    _release_legs(call, _reasons(call), now)
    call.finish(now)


def _abandoned(call: Call) -> None:
    call.ending = plan.End(outcome="abandoned", reason="abandoned", status=487)


def do_release_callee(call: Call, now: float) -> None:
    """The caller hung up."""
    call.record.ended_by = call.record.ended_by or "caller"
    _release_legs(call, _reasons(call), now)
    call.finish(now)


def do_release_caller(call: Call, now: float) -> None:
    """The callee hung up."""
    call.record.ended_by = call.record.ended_by or "callee"
    _release(call.caller, _reasons(call), now)
    _release_legs(call, [], now)
    call.finish(now)


def do_release_all(call: Call, now: float) -> None:
    """We hang up on everybody."""
    _stop_record(call)
    _release(call.caller, _reasons(call), now)
    _release_legs(call, _reasons(call), now)
    call.finish(now)


def do_fail(call: Call, now: float) -> None:
    """Something broke before the answer: the caller is refused, everything else released."""
    _stop_record(call)
    _, status, cause = call.stopping
    call.reject_caller(status, [("Reason", reason_header(cause))], now)
    _release_legs(call, [reason_header(cause)], now)
    call.finish(now)


def _stop_record(call: Call) -> None:
    reason, status, cause = call.stopping
    if call.record.answered is None:
        call.ending = plan.End(outcome="rejected", reason=reason or None, status=status, q850=cause)
    elif call.record.answered_by is None:  # a menu, a queue or a mailbox had answered, and nobody else
        call.ending = plan.End(outcome="hung_up", reason=reason or None, q850=cause)
    call.record.reason = call.record.reason or reason or None
    call.record.ended_by = "server"


def _reasons(call: Call) -> list[str]:
    return call.heard or [reason_header(call.stopping[2] if call.stopping[0] else 16)]


def _release(leg: Leg | None, why: Sequence[str], now: float) -> None:
    if leg is not None:
        leg.bye(now, why)


def _release_legs(call: Call, why: Sequence[str], now: float) -> None:
    """Hang up or cancel everything but the caller's leg."""
    if call.join is not None:
        call.join.stop(now)
        call.join = None
    for fork in list(call.forks.values()):
        accounting.end_entry(call, fork.number, "cancelled", now)
        fork.cancel(now, why)
    _release(call.peer, why, now)


def do_nothing(call: Call, now: float) -> None:
    """The event changes nothing but the state."""


def do_finish(call: Call, now: float) -> None:
    """The call is over; its parties went elsewhere."""
    call.finish(now)


ACTIONS: Final[dict[str, Callable[[Call, float], None]]] = {
    "nothing": do_nothing,
    "finish": do_finish,
    "greet": do_greet,
    "greeted": do_greeted,
    "bridge_later": do_bridge_later,
    "end_later": do_end_later,
    "whisper": do_whisper,
    "abandon_greeting": do_abandon_greeting,
    "answer_by_leg": do_answer_by_leg,
    "join": do_join,
    "connected": do_connected,
    "refuse": do_refuse,
    "hang_up": do_hang_up,
    "abandon": do_abandon,
    "abandon_answered": do_abandon_answered,
    "release_callee": do_release_callee,
    "release_caller": do_release_caller,
    "release_all": do_release_all,
    "fail": do_fail,
}
