"""What media engines notice by themselves (``MediaEvent``), and whom it concerns within a call.

An engine that is lost or comes back without its sessions concerns whoever was at it: two who talk are joined anew, a
guest of the house is brought to a living engine, a leg that was being asked counts as not answered.

Silence concerns the session in which a call's parties talk. That of a leg which is asked something, or one that is
about to be left, ends no call; and a session that nobody owns, because its ``delete`` was lost, is deleted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua import confirming, digits, house, joining, recording
from routerd.b2bua.call_states import CONNECTED, ENDED, GREETING, TREATED
from routerd.b2bua.media_facts import flag_one_way
from routerd.media import ng

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.exchange import Exchange

UNHEARD: Final = frozenset({"media-timeout", "session-reaped"})


def take(call: Call, event: str, facts: dict[str, Any], now: float, engine: int) -> None:
    """Take what engine number ``engine`` noticed."""
    if event in UNHEARD:
        _unheard(call, event, str(facts.get("call-id", "")), engine, now)
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


def forget(exchange: Exchange, engine: int, session: str) -> None:
    """Delete a session that no call owns."""
    if session:
        exchange.note("media_session_unowned", session)
        exchange.ask_media(engine, ng.delete(session), None)


def _unheard(call: Call, event: str, session: str, engine: int, now: float) -> None:
    """Nobody speaks in a session: the call ends when it is the one in which its parties talk."""
    if not _owns(call, session):
        forget(call.exchange, engine, session)
    elif event == "media-timeout" and call.state == CONNECTED and session == call.media.session:
        call.stop("media_timeout", 500, 41, now)


def _owns(call: Call, session: str) -> bool:
    return call.media.owns(session) or any(
        fork.own is not None and fork.own.media.owns(session) for fork in call.forks.values()
    )


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
