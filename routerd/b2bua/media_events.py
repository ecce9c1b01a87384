"""What media engines notice by themselves (``MediaEvent``), and whom it concerns within a call.

An engine that is lost or comes back without its sessions concerns whoever was at it: two who talk are joined anew, a
guest of the house is brought to a living engine, a leg that was being asked counts as not answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.b2bua import confirming, digits, house, joining, recording
from routerd.b2bua.call_states import CONNECTED, ENDED, GREETING, TREATED
from routerd.b2bua.media_facts import flag_one_way

if TYPE_CHECKING:
    from routerd.b2bua.call import Call


def take(call: Call, event: str, facts: dict[str, Any], now: float, engine: int) -> None:
    """Take what engine number ``engine`` noticed."""
    if event == "media-timeout" and call.state == CONNECTED:
        call.stop("media_timeout", 500, 41, now)
    elif event in {"restarted", "lost"} and call.state != ENDED:
        _lost(call, engine, now)
    elif event == "up" and call.state == TREATED and call.guest is not None and call.guest.player.in_silence:
        house.engine_lost(call, now)
    elif event == "one-way":
        flag_one_way(call, facts)
    elif event == "media-ended":
        for player in tuple(call.players):
            player.ended(str(facts.get("call-id", "")), str(facts.get("play-id", "")), now)
    elif event == "dtmf" and call.state != ENDED:
        digits.heard(call, facts, now)
    elif event == "recording-ended" and "tag" in facts:
        house.recording_ended(call, facts, now)
    elif event == "recording-ended" and call.recording is not None:
        call.recording.ended(facts, now)


def uses_engine(call: Call, engine: int) -> bool:
    """Whether a session of this call may be at that engine."""
    if call.media.relay and call.media.engine == engine:
        return True
    return any(fork.own is not None and fork.own.media.engine == engine for fork in call.forks.values())


def _lost(call: Call, engine: int, now: float) -> None:
    """An engine lost its sessions: bring the parties together again through a living one, or end the call."""
    for number, fork in list(call.forks.items()):
        if fork.own is not None and fork.own.media.engine == engine:
            fork.leave_session(now)
            if fork.winner is not None and confirming.asked(call, fork.winner) is not None:
                confirming.refuse(call, number, now)
    if call.media.engine != engine or call.state == ENDED:
        return
    if call.state == TREATED and call.media.relay:
        house.engine_lost(call, now)
    elif not call.media.opened:
        return
    elif call.state == CONNECTED and call.caller is not None and call.peer is not None:
        recording.engine_lost(call, now)
        call.media.reopen()
        call.happen("rejoin", now)
        joining.join(call, call.caller, call.peer, now)
    elif call.state == GREETING:
        call.media.reopen()
        call.relayed_offers.clear()
        house.greet(call, now)
    else:
        call.broken("media_timeout", 503, now)
