"""What the switch does with a caller on behalf of the rules: menus, queues, mailboxes, announcements, digits.

Theory of operation. The rules say *what* is heard and for how long they wait; each command is one function here; what
it plays goes through :mod:`routerd.b2bua.house`. An announcement lasts as long as the document's compiler measured,
whether an engine plays it or nobody hears it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua import confirming, digits, house, mailbox, queueing
from routerd.b2bua.mailbox import Leaving
from routerd.b2bua.mailbox_menu import Listening
from routerd.b2bua.playing import SILENCE, sound
from routerd.rules import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.call import Call


def _answer_caller(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.AnswerCaller)
    lent = call.transfer is not None and call.caller is None
    if call.transfer is not None and lent:
        # who was transferred to a menu, queue or mailbox is there now
        call.caller = call.transfer.lend(call, now)
        if call.caller is not None:
            call.record.answered = now
            call.transfer.ended(200, now)
            call.transfer = None
    call.happen("treat", now)
    if lent and call.caller is not None:
        house.anchor(call, now)


def _play(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.Play)
    audio = sound(call, command.sound)
    if command.repeat:
        house.music(call, audio, now)
    else:
        house.play(call, [audio], now, lambda when: call.advance(plan.PlayEnded(), when))


def _stop_play(call: Call, command: plan.Command, now: float) -> None:  # noqa: ARG001
    """Stop at once; but who is about to be bridged hears music until then, for the callee may hear a whisper first."""
    step = call.step
    if call.guest is None or (step is not None and any(isinstance(one, plan.Bridge) for one in step.commands)):
        return
    house.stop(call, now)
    house.music(call, SILENCE, now)


def _open_mailbox(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.OpenMailbox)
    visit = call.record.mailbox = Leaving(call, command.voicemail)
    visit.start(now)


def _check_mailbox(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.CheckMailbox)
    visit = call.record.mailbox = Listening(call, command.voicemail)
    visit.start(now)


def _confirm(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.Confirm)
    confirming.ask(call, command, now)


def _send_digits(call: Call, command: plan.Command, now: float) -> None:
    assert isinstance(command, plan.SendDigits)
    digits.dial_after(call, command, now)


def timer_fired(call: Call, name: str, now: float) -> None:
    """Take a timer of the treatment: a mailbox waits no longer, a question went unanswered, digits are due."""
    if name == mailbox.TIMER:
        if call.record.mailbox is not None:
            call.record.mailbox.timer_fired(name, now)
    elif name.startswith(confirming.TIMER):
        confirming.refuse(call, int(name[len(confirming.TIMER) :]), now)
    elif name.startswith(digits.DIAL):
        digits.dial(call, name, now)


CARRIERS: Final[dict[type[plan.Command], Callable[[Call, plan.Command, float], None]]] = {
    plan.AnswerCaller: _answer_caller,
    plan.Play: _play,
    plan.StopPlay: _stop_play,
    plan.OpenMailbox: _open_mailbox,
    plan.CheckMailbox: _check_mailbox,
    plan.Confirm: _confirm,
    plan.SendDigits: _send_digits,
    **queueing.CARRIERS,
}
