"""Hold: music for the party whom the other one holds, and holding by an administrator's command.

Theory of operation. A party holds by a re-INVITE that says sendonly or inactive (RFC 3264 §8.4; a null address in
RFC 2543's way). When such a renegotiation has been agreed to, the account has music on hold and the call's media are
relayed, the engine plays it to the other party, until the holder resumes. Who offers ``inactive`` would leave the other
party deaf: it is offered ``sendonly`` in the holder's place, and the holder gets the answer that it expects.

An administrator's hold changes no description: the engine stops carrying what either party says and plays music to the
customer (or to the side that is named). A call whose media are not relayed cannot be held by us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua.call_states import CONNECTED
from routerd.b2bua.playing import Audio, Player, prompt, sound
from routerd.errors import SdpError
from routerd.media import offer_answer, sdp

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.leg import Leg


class Hold:
    """Who is held, by whom, and what they hear."""

    __slots__ = ("by", "held", "player")

    def __init__(self, call: Call, held: Leg, by: Leg | None) -> None:
        self.held = held
        self.by = by
        self.player = Player(call)


def _music(call: Call) -> Audio:
    return sound(call, call.tables.account.music_on_hold)


# -- by a party --


def offered_to_held(call: Call, offer: bytes) -> bytes:
    """Return what the held party is offered: one that would be deaf may hear music."""
    if not _music(call).path or not call.media.relay or not offer:
        return offer
    try:
        if offer_answer.direction(offer) != "inactive":
            return offer
        return _directed(offer, "sendonly")
    except SdpError:
        return offer


def answered_to_holder(offer: bytes, answer: bytes) -> bytes:
    """Return the answer as its holder expects it: ``inactive`` where that was offered (RFC 3264 §6.1)."""
    try:
        if offer_answer.direction(offer) != "inactive" or offer_answer.direction(answer) == "inactive":
            return answer
        return _directed(answer, "inactive")
    except SdpError:
        return answer


def _directed(body: bytes, direction: str) -> bytes:
    session = sdp.parse(body)
    for media in session.media:
        if media.port:
            media.set_direction(direction)
    return session.serialise()


def renegotiated(call: Call, offerer: Leg, other: Leg, offer: bytes, now: float) -> None:
    """Begin or end the music after a renegotiation that was agreed to."""
    try:
        holds = bool(offer) and offer_answer.is_hold(offer)
    except SdpError:
        return
    known = next((hold for hold in call.holds if hold.by is offerer), None)
    if not holds and known is not None:
        _end(call, known, now)
        if call.media.opened and not call.media.can("events"):
            call.media.unblock(offerer)
        call.exchange.publish("call.unheld", {"call": call.id, "by": offerer.name})
    elif holds and known is None and call.state == CONNECTED:
        music = _music(call)
        hold = Hold(call, other, offerer)
        call.holds.append(hold)
        call.exchange.publish("call.held", {"call": call.id, "by": offerer.name})
        if music.path and call.media.opened:
            if not call.media.can("events"):
                call.media.block(offerer)  # an rtpengine would mix what the holder goes on sending into the music
            hold.player.open(call.media, other, now)
            hold.player.music(music, now)


def _end(call: Call, hold: Hold, now: float) -> None:
    call.holds.remove(hold)
    hold.player.stop(now)
    hold.player.close()


def forget(call: Call) -> None:
    """Other parties are joined, or through another engine: whoever holds says so again."""
    for hold in call.holds:
        hold.player.close()
    call.holds.clear()


# -- by command --


def hold(call: Call, which: str | None, now: float) -> str | None:
    """Hold a call: ``which`` (caller, callee) hears music, by default the customer; returns a problem or None."""
    problem = _problem(call)
    if problem is not None:
        return problem
    if _by_command(call) is not None:
        return "already_held"
    held = _side(call, which)
    if held is None:
        return "not_connected"
    made = Hold(call, held, None)
    call.holds.append(made)
    call.media.block()
    music = _music(call)
    made.player.open(call.media, held, now)
    made.player.music(music if music.path else prompt(call, "music"), now)
    call.mark("hold", held.name, now)
    call.exchange.publish("call.held", {"call": call.id, "by": "command"})
    return None


def unhold(call: Call, now: float) -> str | None:
    """Let the two talk again; returns a problem or None."""
    problem = _problem(call)
    made = _by_command(call)
    if problem is not None or made is None:
        return problem or "not_held"
    _end(call, made, now)
    call.media.unblock()
    call.mark("unhold", made.held.name, now)
    call.exchange.publish("call.unheld", {"call": call.id, "by": "command"})
    return None


def _problem(call: Call) -> str | None:
    if call.state != CONNECTED:
        return "not_connected"
    return None if call.media.opened and call.media.can("block media") else "direct_media"


def _by_command(call: Call) -> Hold | None:
    return next((one for one in call.holds if one.by is None), None)


def _side(call: Call, which: str | None) -> Leg | None:
    if which is None:
        which = "caller" if call.record.attempt.kind in {"inbound", "transfer"} else "callee"
    return call.caller if which == "caller" else call.peer
