"""The caller alone with the switch: answered by a media engine, hearing what it plays, heard when they press.

Theory of operation. The *house* is the switch as a party. A caller's offer goes through the engine and is answered
in the house's name, and the caller gets the engine's description; a caller without an offer is offered the engine's; a
caller who was talking before (a transfer) or whose engine was lost is anchored by a re-INVITE. Until the description
is out the call is ``greeting``: what the rules play meanwhile waits. Where no engine is there, or it is silent, the
caller gets a description that carries no media and the call goes on by time alone; one that refuses ends it (503).

What the rest of the switch uses: :func:`play`, :func:`stop`, :func:`music`, :func:`record`, :func:`on_digit`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua.anchoring import Anchor, house_answer, house_offer
from routerd.b2bua.call_media import HOUSE
from routerd.b2bua.inbound_leg import InboundLeg
from routerd.b2bua.leg import CONFIRMED
from routerd.b2bua.playing import Player
from routerd.errors import SdpError
from routerd.media import ng, offer_answer
from routerd.media.profiles import PLAIN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.call import Call
    from routerd.b2bua.call_media import Continue
    from routerd.b2bua.leg import Leg
    from routerd.b2bua.playing import Audio, Then
    from routerd.sip.message import Request

DigitTaker = Callable[[str, float], None]
Recorded = Callable[[dict[str, Any], float], None]

BLACK_HOLE: Final = (
    b"v=0\r\no=routerd 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=inactive\r\n"
)


class Guest:
    """The caller as a guest of the house: what they hear, who takes their digits, what is recorded of them."""

    __slots__ = ("awaits_answer", "digits", "player", "recorded")

    def __init__(self, call: Call) -> None:
        self.player = Player(call)
        self.awaits_answer = False
        self.digits: DigitTaker | None = None
        self.recorded: Recorded | None = None


# -- what others use --


def play(call: Call, sounds: Sequence[Audio], now: float, then: Then | None = None) -> None:
    """Let the caller hear ``sounds`` one after the other, in place of earlier ones; ``then(now)`` after the last."""
    guest_of(call).player.say(sounds, now, then)


def stop(call: Call, now: float) -> None:
    """Stop what is said to the caller at once; its ``then`` is not called, music goes on."""
    if call.guest is not None:
        call.guest.player.hush(now)


def music(call: Call, audio: Audio, now: float) -> None:
    """Let the caller hear ``audio`` for ever beneath what is said; silence ends it."""
    guest_of(call).player.music(audio, now)


def on_digit(call: Call, taker: DigitTaker | None) -> None:
    """Let ``taker(digit, now)`` have the caller's digits in place of the rules, unseen in record and trace; None: undo.

    They may be a PIN.
    """
    guest_of(call).digits = taker


def can_record(call: Call) -> bool:
    """Whether the engine that has the caller records one party alone and tells the end."""
    return call.media.opened and call.media.can("recording") and call.media.can("events")


def record(
    call: Call,
    file: str,
    now: float,
    then: Recorded,
    *,
    until_digits: str = "#",
    silence_ms: int | None = None,
    max_ms: int | None = None,
) -> None:
    """Record the caller into ``file`` (absolute); ``then(facts, now)`` with the facts of ``recording-ended``.

    ``reason`` in them is ``failed`` when the engine refused, ``gone`` when it was lost. See :func:`stop_recording`.
    """
    guest = guest_of(call)
    guest.recorded = then
    if not can_record(call) or call.caller is None:
        _recorded(call, {"reason": "failed", "file": file}, now)
        return
    call.mark("record", file.rpartition("/")[2], now)
    command = ng.start_recording(
        call.media.session,
        file,
        from_tag=call.caller.name,
        until_digits=until_digits,
        silence_ms=silence_ms,
        max_ms=max_ms,
    )

    def begun(reply: dict[str, Any] | None, when: float) -> None:
        if reply is None or not ng.is_ok(reply):
            call.exchange.note("recording_failed", ng.error_reason(reply) if reply is not None else "no reply")
            _recorded(call, {"reason": "failed", "file": file}, when)

    call.media.ask(command, begun)


def stop_recording(call: Call) -> None:
    """End the recording; what was recorded is told as by any other end."""
    if call.guest is not None and call.guest.recorded is not None and call.caller is not None:
        call.media.tell(ng.stop_recording(call.media.session, call.caller.name))


def recording_ended(call: Call, facts: dict[str, Any], now: float) -> bool:
    """Take the event ``recording-ended`` of the caller alone; False when it is not about that."""
    guest = call.guest
    if guest is None or guest.recorded is None or not facts.get("tag"):
        return False
    _recorded(call, facts, now)
    return True


def _recorded(call: Call, facts: dict[str, Any], now: float) -> None:
    guest = call.guest
    if guest is not None and guest.recorded is not None:
        then, guest.recorded = guest.recorded, None
        then(facts, now)


def guest_of(call: Call) -> Guest:
    """Return the caller's place in the house; it is made when first asked for."""
    if call.guest is None:
        call.guest = Guest(call)
    return call.guest


# -- answering the caller --


def greet(call: Call, now: float) -> None:
    """Answer the caller in the house's name; the call hears ``greeted`` when the description is out."""
    caller = call.caller
    guest_of(call)
    if caller is None or not usable(call):
        _greeted_silently(call, now)
    elif isinstance(caller, InboundLeg):
        call.media.want_relay()
        if not caller.remote_sdp:
            call.media.offer(house_offer(), HOUSE, caller, lambda sdp, when: _described(call, sdp, when), now)
        elif call.relayed_offers.get(PLAIN):
            _answer_offer(call, call.relayed_offers[PLAIN], now)
        else:
            then: Continue = lambda sdp, when: _answer_offer(call, sdp, when)  # noqa: E731
            call.media.offer(caller.remote_sdp, caller, None, then, now, plain=True)
    elif call.media.opened:
        # the agent of a click-to-call has answered the house's offer
        call.media.answer(caller.remote_sdp, HOUSE, caller, lambda sdp, when: _described(call, sdp, when), now)
    else:
        _greeted_silently(call, now)


def usable(call: Call) -> bool:
    """Whether an engine is there to be asked."""
    return bool(call.exchange.engines_alive())


def _answer_offer(call: Call, offered: bytes | None, now: float) -> None:
    caller = call.caller
    if offered is None or caller is None:
        _described(call, None, now)
        return
    try:
        answer = house_answer(offered)
    except SdpError as error:
        call.exchange.note("sdp_unusable", str(error))
        call.broken("unreachable", 488, now)
        return
    call.media.answer(answer, caller, HOUSE, lambda sdp, when: _described(call, sdp, when), now)


def _described(call: Call, sdp: bytes | None, now: float) -> None:
    caller, guest = call.caller, guest_of(call)
    if sdp is None and call.media.silent:
        _greeted_silently(call, now)
        return
    if sdp is None:
        call.broken("overload", 503, now)
        return
    if isinstance(caller, InboundLeg):
        guest.awaits_answer = not caller.remote_sdp
        caller.answer(sdp, now)
    if caller is not None and not guest.awaits_answer:
        guest.player.open(call.media, caller, now)
    call.happen("greeted", now)


def _greeted_silently(call: Call, now: float) -> None:
    """Answer a caller without any engine: a description that carries no media."""
    caller, guest = call.caller, guest_of(call)
    if isinstance(caller, InboundLeg):
        sdp = BLACK_HOLE
        if caller.remote_sdp:
            try:
                sdp = offer_answer.make_black_hole(caller.remote_sdp)
            except SdpError as error:
                call.exchange.note("sdp_unusable", str(error))
        caller.answer(sdp, now)
    guest.player.open_silent(now)
    call.happen("greeted", now)


def acknowledged(call: Call, leg: Leg, request: Request, now: float) -> None:
    """Take the ACK of a caller whom the house had offered: it bears their answer."""
    guest = call.guest
    if guest is None or not guest.awaits_answer or leg is not call.caller:
        return
    guest.awaits_answer = False

    def answered(sdp: bytes | None, when: float) -> None:
        if sdp is None or call.guest is not guest:
            return
        guest.player.open(call.media, leg, when)

    if request.body:
        call.media.answer(request.body, HOUSE, leg, answered, now)
    else:
        guest.player.open_silent(now)


# -- who was talking before, and who lost their engine --


def anchor(call: Call, now: float) -> None:
    """Bring a caller who has a session elsewhere to the engine by a re-INVITE; then what is to be heard begins."""
    caller, guest = call.caller, guest_of(call)
    guest.player.pause()
    guest.awaits_answer = False
    if caller is None or caller.state != CONFIRMED or not usable(call):
        guest.player.open_silent(now)
        return
    call.media.want_relay()

    def anchored(there: bool, when: float) -> None:
        if there:
            guest.player.open(call.media, caller, when)
        elif call.media.silent:
            guest.player.open_silent(when)
        else:
            call.broken("media_timeout", 503, when)

    Anchor(call, caller, anchored).start(now)


def engine_lost(call: Call, now: float) -> None:
    """Go on through a living engine; while there is none the call goes on in silence."""
    guest = guest_of(call)
    guest.player.pause()
    call.media.reopen()
    _recorded(call, {"reason": "gone"}, now)
    if call.join is not None:
        call.join.stop(now)
    anchor(call, now)


def leave(call: Call, now: float) -> None:
    """The caller is joined with somebody: what they hear of us stops at once."""
    if call.guest is not None:
        call.guest.player.stop(now)
    forget(call)


def forget(call: Call) -> None:
    """The caller is gone, and their session with them."""
    guest, call.guest = call.guest, None
    if guest is not None:
        guest.player.close()
        guest.digits = None
        guest.recorded = None
