"""Carrying out what the rules want (routerd.rules.plan), one function a command, and telling them what came of it.

Functions of a call rather than its methods: the call stays a small object with one table, and this file reads like the
list of commands that it serves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua import (
    accounting,
    call_targets,
    confirming,
    house,
    joining,
    leg_media,
    offering,
    recording,
    ringback,
    treatment,
    whisper,
)
from routerd.b2bua.call_states import ENDED, RINGING
from routerd.b2bua.forking import Fork
from routerd.b2bua.header_policy import ELSEWHERE
from routerd.b2bua.inbound_leg import InboundLeg
from routerd.b2bua.outbound_leg import OutboundLeg
from routerd.b2bua.record import LegEntry
from routerd.rules import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.call import Call
    from routerd.b2bua.call_media import Continue
    from routerd.b2bua.forking import BranchPlan
    from routerd.b2bua.leg import Leg
    from routerd.sip.message import Response

RESULT_REASONS: Final = {
    "answered_elsewhere": ELSEWHERE,
    "no_answer": 'Q.850;cause=19;text="No answer from user"',
    "cancelled": 'Q.850;cause=16;text="Normal call clearing"',
}


def perform(call: Call, command: plan.Command, now: float) -> None:
    """Carry out one command."""
    _CARRIERS[type(command)](call, command, now)


# -- ringing --


def _ring(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.Ring)
    call.happen("ring", now)
    if call.state == ENDED:
        return
    fork = call.forks.get(command.leg)
    if fork is None:
        fork = call.forks[command.leg] = Fork(call, command.leg, command)
        call.record.legs.append(LegEntry(command, now))
        if command.agent is not None:
            call.live.occupy(command.agent, call.id)
        if command.customer and command.shown is not None:
            accounting.use_number(call, command.shown, now)
    else:
        fork.ring = command
    attempts = call_targets.attempts(call, fork, command, now)
    if not attempts:
        fork.start((), now)
        return
    recording.prepare(call, command)
    if offering.wants_relay(call, attempts):
        call.media.want_relay()
    if call.state == RINGING and whisper.of(call, fork).path and house.usable(call):
        call.media.want_relay()
    if leg_media.wanted(call, fork):
        leg_media.prepare(call, fork, attempts, now)
    elif offering.is_due(call, attempts):
        offering.prepare(call, fork, attempts, now)
    else:
        fork.start(attempts, now)


def branch_started(call: Call, fork: Fork, attempt: BranchPlan, now: float) -> None:
    """Count a trunk's channel and rate when a branch goes out by it."""
    entry = accounting.entry_of(call, fork.number)
    if call.record.setup is None:
        call.record.setup = now
    if attempt.trunk_id is not None:
        if entry is not None:
            entry.trunk = attempt.trunk_id
            entry.shown = fork.ring.through(attempt.trunk_id).shown
        if fork.ring.emergency:
            return
        call.hold_channel(f"trunk:{attempt.trunk_id}")
        trunk = call.tables.trunks[attempt.trunk_id]
        call.live.take_token(trunk.id, trunk.calls_per_second, now)


def branch_answered(call: Call, fork: Fork, branch: OutboundLeg, response: Response, now: float) -> None:
    """ACK an answer at once, unless it carries an offer whose answer is still to come (delayed offer)."""
    branch.delayed = None if branch.offer or not response.body else response
    if branch.delayed is None:
        branch.acknowledge_response(response)
    entry = accounting.entry_of(call, fork.number)
    if entry is not None:
        entry.answered = now
        if not fork.ring.confirm:
            entry.finish("answered", now, 200)
    call.exchange.publish("leg.answered", {"call": call.id, **fork.named})
    if call.caller is None and call.transfer is None:
        # the agent of a click-to-call is the caller from now on
        call.caller = branch
        if fork.own is not None:
            call.media.adopt(fork.own.media)
            fork.leave_session(now)
        call.happen("treat", now)
    call.advance(plan.LegAnswered(fork.number), now)


def _cancel(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.Cancel)
    fork = call.forks.pop(command.leg, None)
    if fork is not None and call.early in fork.live:
        call.early = None
    accounting.end_entry(call, command.leg, command.result, now)
    if fork is not None:
        reason = RESULT_REASONS.get(command.result)
        if command.result == "cancelled" and call.heard:
            # why the caller gave up is why this leg is given up (RFC 3326 §1)
            fork.cancel(now, call.heard)
        else:
            fork.cancel(now, [reason] if reason is not None else [])
    ringback.refresh(call, now)


def _release(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.Release)
    fork = call.forks.pop(command.leg, None)
    accounting.end_entry(call, command.leg, command.result, now)
    if fork is not None:
        if call.caller is fork.winner:
            call.caller = None
        fork.cancel(now, [f"Q.850;cause={command.q850}"])


def leg_released(call: Call, leg: Leg, now: float) -> None:
    """Tell the rules that an answered leg hung up before the bridge."""
    for number, fork in list(call.forks.items()):
        if fork.winner is leg:
            fork.winner = None
            if fork.ring.confirm:
                confirming.stop(call, number, now)
                accounting.end_entry(call, number, "no_answer", now)
            fork.leave_session(now)
            call.advance(plan.LegReleased(number), now)
            return


# -- the bridge --


def _bridge(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.Bridge)
    fork = call.forks[command.leg]
    call.winner = fork
    call.peer = fork.winner
    entry = accounting.entry_of(call, command.leg)
    if entry is not None:
        entry.finish("answered", now, 200)
    call.record.answered_by = entry.target if entry is not None else fork.ring.target
    if call.transfer is not None and call.caller is None:
        call.caller = call.transfer.lend(call, now)
    call.happen("whisper" if whisper.wanted(call, fork) else "bridge", now)


def answer_by_leg(call: Call, now: float) -> None:
    """Answer the caller with the callee's session; a delayed offer goes to the caller as the 200's offer."""
    caller, peer = call.caller, call.peer
    assert isinstance(caller, InboundLeg)
    assert peer is not None

    def described(sdp: bytes | None, when: float) -> None:
        if call.state == ENDED:
            return
        if sdp is None:
            call.broken("media_timeout", 503, when)
            return
        caller.answer(sdp, when)
        call.happen("answered", when)

    fork = call.winner
    assert fork is not None
    if fork.own is not None and isinstance(peer, OutboundLeg):
        _answer_from_own(call, fork, peer, described, now)
        return
    if isinstance(peer, OutboundLeg) and peer.direct:
        call.media.forgo()
    if fork.answer:
        described(fork.answer, now)
    elif peer.delayed is not None:
        call.media.offer(peer.remote_sdp, peer, caller, described, now)
    else:
        call.media.answer(peer.remote_sdp, caller, peer, described, now)


def _answer_from_own(call: Call, fork: Fork, peer: OutboundLeg, then: Continue, now: float) -> None:
    """The leg's own session becomes the call's."""
    own = fork.own
    assert own is not None

    def described(sdp: bytes | None, when: float) -> None:
        if sdp and own.for_caller:
            own.media.unblock()
        call.media.adopt(own.media)
        fork.leave_session(when)
        then(sdp, when)

    own.player.close()
    own.answered(peer, described, now)


def join_winner(call: Call, now: float) -> None:
    """Join the callee with a caller whom the engine had answered (or the agent of a click-to-call)."""
    assert call.peer is not None
    house.leave(call, now)
    if call.caller is None:
        call.broken("abandoned", 487, now)
        return
    joining.join(call, call.caller, call.peer, now)


def connected(call: Call, now: float) -> None:
    """Start what runs while two parties talk: the longest duration, digits to be dialled, affinity."""
    call.progress_sent = 200
    if call.winner is not None:
        call.winner.leave_session(now)
    call.request = None  # nobody is rung any more, and a call may last for hours
    if call.transfer is not None:
        call.transfer.ended(200, now)
        call.transfer = None
    count_duration(call, now)
    call.exchange.publish("call.routed", {"call": call.id, "answered_by": call.record.answered_by})
    accounting.remember_talk(call, now)
    recording.connected(call, now)


def count_duration(call: Call, now: float) -> None:
    """Begin to count the longest duration with the first answer: a menu may lead to itself for ever."""
    if "max_call" not in call.timers:
        set_timer(call, "max_call", call.tables.account.max_call_s, now)


# -- timers, queue, end --


def set_timer(call: Call, name: str, delay_s: float, now: float) -> None:
    """Start or restart one of the call's timers."""
    running = call.timers.pop(name, None)
    if running is not None:
        running.cancel()
    call.timers[name] = call.exchange.timers.after(delay_s, call, name, now)


def stop_timer(call: Call, name: str) -> None:
    """Stop one of the call's timers."""
    running = call.timers.pop(name, None)
    if running is not None:
        running.cancel()


def timer_fired(call: Call, name: str, now: float) -> None:
    """Take a timer that is not the rules'."""
    if name == "max_call":
        call.stop("max_duration", 500, 102, now)
    else:
        treatment.timer_fired(call, name, now)


def _wait(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.Wait)
    set_timer(call, f"rules:{command.name}", command.delay_s, now)


def _unwait(call: Call, command: plan.Command, now: float) -> None:  # noqa: ARG001
    assert isinstance(command, plan.Unwait)
    stop_timer(call, f"rules:{command.name}")


def _offered(call: Call, command: plan.Command, now: float) -> None:  # noqa: ARG001
    assert isinstance(command, plan.Offered)
    call.live.last_offered[command.department] = command.agent


def _end(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.End)
    call.ending = command
    call.record.reason = command.reason
    call.happen("end", now)


_CARRIERS: Final[dict[type[plan.Command], Callable[[Call, plan.Command, float], None]]] = {
    plan.Ring: _ring,
    plan.Cancel: _cancel,
    plan.Release: _release,
    plan.Bridge: _bridge,
    plan.Wait: _wait,
    plan.Unwait: _unwait,
    plan.Offered: _offered,
    plan.End: _end,
    **treatment.CARRIERS,
}
