"""What the engine itself does with a caller: menus, queues, mailboxes, announcements, and the press-1 question.

Theory of operation. The rules say *what* is played and for how long they wait; here the caller is answered with a
description that carries no media yet, sounds last as long as the document's compiler measured, and digits come by SIP
INFO. Playing the packets is the engine's affair, behind the same commands.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua.inbound_leg import InboundLeg
from routerd.errors import SdpError
from routerd.media import offer_answer
from routerd.rules import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.call import Call
    from routerd.b2bua.leg import Leg
    from routerd.sip.message import Request

BLACK_HOLE: Final = (
    b"v=0\r\no=routerd 1 1 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n"
    b"m=audio 9 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n"
    b"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=inactive\r\n"
)
PLAY: Final = "play"
MAILBOX: Final = "mailbox"
CONFIRM: Final = "confirm:"
DIGITS: Final = "digits:"


def answer_by_engine(call: Call, now: float) -> None:
    """Answer the caller on behalf of the engine."""
    caller = call.caller
    if not isinstance(caller, InboundLeg):
        return
    sdp = BLACK_HOLE
    if caller.remote_sdp:
        try:
            sdp = offer_answer.make_black_hole(caller.remote_sdp)
        except SdpError as error:
            call.exchange.note("sdp_unusable", str(error))
    caller.answer(sdp, now)
    if call.record.answered is None:
        call.record.answered = now


def answer_again(call: Call, leg: Leg, request: Request, now: float) -> None:
    """Answer a treated caller who renegotiates (hold, another codec): the engine agrees to what it can."""
    if not request.body:
        leg.answer_offer(200, leg.local_sdp or BLACK_HOLE, now)
        return
    try:
        offer_answer.check_offer(request.body)
        leg.answer_offer(200, offer_answer.make_black_hole(request.body), now)
    except SdpError as error:
        call.exchange.note("sdp_unusable", str(error))
        leg.answer_offer(488, b"", now)


def _answer_caller(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.AnswerCaller)
    if call.transfer is not None and call.caller is None:
        # who was transferred to a menu, queue or mailbox is there now
        call.caller = call.transfer.lend(call, now)
        if call.caller is not None:
            call.record.answered = now
            call.transfer.ended(200, now)
            call.transfer = None
    call.happen("treat", now)


def _play(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.Play)
    _stop(call, PLAY)
    sound = call.tables.sounds.get(command.sound)
    if not command.repeat:
        _start(call, PLAY, sound.duration_s if sound is not None else 0.0, now)


def _stop_play(call: Call, command: plan.Command, now: float) -> None:  # noqa: ARG001
    _stop(call, PLAY)


def _say_position(call: Call, command: plan.Command, now: float) -> None:  # noqa: ARG001
    assert isinstance(command, plan.SayPosition)
    waiting = list(call.live.waiting.get(command.department, ()))
    position = waiting.index(call.id) + 1 if call.id in waiting else 0
    call.exchange.publish("queue.position", {"call": call.id, "department": command.department, "position": position})


def _open_mailbox(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.OpenMailbox | plan.CheckMailbox)
    box = call.tables.voicemails[command.voicemail]
    greeting = call.tables.sounds.get(box.greeting) if box.greeting is not None else None
    _start(call, MAILBOX, (greeting.duration_s if greeting is not None else 0.0) + box.max_message_s, now)


def _confirm(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.Confirm)
    _start(call, f"{CONFIRM}{command.leg}", command.within_s, now)


def _send_digits(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.SendDigits)
    _start(call, f"{DIGITS}{command.leg}:{command.digits}", command.after_s, now)


def _start(call: Call, name: str, delay_s: float, now: float) -> None:
    _stop(call, name)
    call.timers[name] = call.exchange.timers.after(delay_s, call, name, now)


def _stop(call: Call, name: str) -> None:
    running = call.timers.pop(name, None)
    if running is not None:
        running.cancel()


def timer_fired(call: Call, name: str, now: float) -> None:
    """Take a timer of the treatment: a sound has ended, the mailbox is full, digits are due."""
    if name == PLAY:
        call.advance(plan.PlayEnded(), now)
    elif name == MAILBOX:
        call.advance(plan.MailboxEnded(), now)
    elif name.startswith(DIGITS):
        leg, _, digits = name[len(DIGITS) :].partition(":")
        _dial(call, int(leg), digits, now)


def stop_asking(call: Call, number: int) -> None:
    """Whoever was asked to press 1 has hung up."""
    _stop(call, f"{CONFIRM}{number}")


def _dial(call: Call, number: int, digits: str, now: float) -> None:
    fork = call.forks.get(number)
    if fork is None or fork.winner is None:
        return
    for digit in digits:
        body = f"Signal={digit}\r\nDuration=160\r\n".encode()
        fork.winner.send("INFO", now, body=body, content_type="application/dtmf-relay")


def wants_digit(call: Call, leg: object) -> bool:
    """Whether a digit pressed on ``leg`` is for us: a treated caller's, or of a callee who is asked to press 1."""
    asked = any(fork.winner is leg and f"{CONFIRM}{number}" in call.timers for number, fork in call.forks.items())
    return asked or (leg is call.caller and call.state == "treated")


def digit_pressed(call: Call, leg: object, digit: str, now: float) -> None:
    """Take a digit that :func:`wants_digit` wants; the request that brought it has been answered."""
    for number, fork in call.forks.items():
        if fork.winner is leg and f"{CONFIRM}{number}" in call.timers:
            if digit == "1":
                _stop(call, f"{CONFIRM}{number}")
                call.record.legs[number].finish("answered", now, 200)
                call.advance(plan.LegConfirmed(number), now)
            return
    call.advance(plan.Digit(digit), now)


CARRIERS: Final[dict[type[plan.Command], Callable[[Call, plan.Command, float], None]]] = {
    plan.AnswerCaller: _answer_caller,
    plan.Play: _play,
    plan.StopPlay: _stop_play,
    plan.SayPosition: _say_position,
    plan.OpenMailbox: _open_mailbox,
    plan.CheckMailbox: _open_mailbox,
    plan.Confirm: _confirm,
    plan.SendDigits: _send_digits,
}
