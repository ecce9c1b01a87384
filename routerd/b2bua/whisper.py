"""The whisper: what an agent hears between answering and the bridge, the label of the queue or number that calls.

Theory of operation. The rules have decided; the caller goes on hearing ringing or music. The agent's answer goes
through the engine, which plays the sound to the agent alone; when it has ended the call goes on as if there had been
none. A whisper that cannot be played (no engine, no file, a caller without an offer) is left out: nobody waits for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua import accounting, house
from routerd.b2bua.anchoring import house_answer
from routerd.b2bua.call_media import HOUSE
from routerd.b2bua.call_states import BRIEFING, BRIEFING_TREATED, RINGING, TREATED
from routerd.b2bua.leg_media import LegMedia
from routerd.b2bua.outbound_leg import OutboundLeg
from routerd.b2bua.playing import SILENCE, Audio, Player, sound
from routerd.errors import SdpError

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.call_media import CallMedia
    from routerd.b2bua.forking import Fork


def of(call: Call, fork: Fork) -> Audio:
    """Return what the leg's agent hears first: the department's whisper, else the number's; silence for none."""
    if call.record.attempt.kind != "inbound" or fork.ring.agent is None or fork.ring.customer:
        return SILENCE
    department = accounting.department_of(call)
    if department is not None and department.whisper is not None:
        return sound(call, department.whisper)
    number = call.step.decision.number if call.step is not None else None
    found = call.tables.numbers.get(number) if number is not None else None
    return sound(call, found.whisper) if found is not None else SILENCE


def wanted(call: Call, fork: Fork) -> bool:
    """Whether the leg that won hears a whisper now."""
    leg = fork.winner
    if not of(call, fork).path or not isinstance(leg, OutboundLeg) or not house.usable(call):
        return False
    if call.state == RINGING:
        return bool(fork.own) or (call.media.opened and not leg.direct and leg.delayed is None)
    return call.state == TREATED and (bool(fork.own) or leg.delayed is not None)


def begin(call: Call, now: float) -> None:
    """Play it; the call hears ``bridge`` when it has ended."""
    fork = call.winner
    assert fork is not None
    leg = fork.winner
    assert isinstance(leg, OutboundLeg)
    call.stopping = ("declined", 480, 21)
    house.stop(call, now)
    if fork.own is not None:
        own = fork.own
        own.answered(leg, lambda sdp, when: _play(call, fork, own.media if sdp else None, own.player, when), now)
    elif call.state == BRIEFING:
        _answer_in_common(call, fork, leg, now)
    else:
        _answer_delayed(call, fork, leg, now)


def _answer_in_common(call: Call, fork: Fork, leg: OutboundLeg, now: float) -> None:
    """The leg was offered the caller's description: its answer is the call's already."""
    assert call.caller is not None
    player = Player(call)

    def described(sdp: bytes | None, when: float) -> None:
        fork.answer = sdp or b""
        _play(call, fork, call.media if sdp else None, player, when)

    call.media.answer(leg.remote_sdp, call.caller, leg, described, now)


def _answer_delayed(call: Call, fork: Fork, leg: OutboundLeg, now: float) -> None:
    """The leg has offered in its 2xx: the house answers, in a session that lasts until the two are joined."""
    own = fork.own = LegMedia(call, fork.number)

    def failed(when: float) -> None:
        fork.leave_session(when)
        _over(call, when)

    def offered(sdp: bytes | None, when: float) -> None:
        try:
            answer = house_answer(sdp) if sdp else b""
        except SdpError:
            answer = b""
        if not answer:
            failed(when)
            return
        own.media.answer(answer, leg, HOUSE, described, when)

    def described(sdp: bytes | None, when: float) -> None:
        if not sdp or leg.delayed is None:
            failed(when)
            return
        delayed, leg.delayed = leg.delayed, None
        leg.local_sdp = sdp
        leg.acknowledge_response(delayed, body=sdp)
        _play(call, fork, own.media, own.player, when)

    own.media.offer(leg.remote_sdp, leg, None, offered, now, plain=True)


def _play(call: Call, fork: Fork, media: CallMedia | None, player: Player, now: float) -> None:
    leg = fork.winner
    if media is None or leg is None or call.state not in {BRIEFING, BRIEFING_TREATED}:
        _over(call, now)
        return
    call.mark("whisper", fork.ring.target, now)

    def said(when: float) -> None:
        player.close()
        media.unblock()
        _over(call, when)

    media.block()  # nobody hears the other one yet
    player.open(media, leg, now)
    player.say([of(call, fork)], now, said)


def _over(call: Call, now: float) -> None:
    if call.state in {BRIEFING, BRIEFING_TREATED}:
        call.stopping = ("", 500, 38)
        call.happen("bridge", now)
