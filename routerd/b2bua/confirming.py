"""Press 1 to accept (routing.md 2.5, 8): whoever answers an external leg is asked, lest a mailbox takes the call.

Theory of operation. The leg answered; the caller was not, and goes on hearing what they heard; other legs ring on. In
the leg's own session (:mod:`routerd.b2bua.leg_media`) the engine says the question over and over. A 1, however it comes
(RFC 4733, INFO, in-band), confirms; anything else changes nothing; time or a hang-up ends it: not answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.b2bua import accounting, house
from routerd.b2bua.playing import SILENCE, prompt
from routerd.rules import plan

if TYPE_CHECKING:
    from routerd.b2bua.call import Call

TIMER: Final = "confirm:"
YES: Final = "1"


def ask(call: Call, command: plan.Confirm, now: float) -> None:
    """Ask the leg to press 1 within ``command.within_s`` seconds."""
    timer = f"{TIMER}{command.leg}"
    call.timers[timer] = call.exchange.timers.after(command.within_s, call, timer, now)
    fork = call.forks.get(command.leg)
    leg = fork.winner if fork is not None else None
    own = fork.own if fork is not None else None
    if leg is not None and leg is call.caller:
        house.music(call, prompt(call, "confirm"), now)  # a click-to-call's agent is a guest of the house already
        return
    if own is None or leg is None:
        return

    def described(sdp: bytes | None, when: float) -> None:
        if sdp is not None and timer in call.timers:
            own.player.open(own.media, leg, when)
            own.player.music(prompt(call, "confirm"), when)

    own.answered(leg, described, now)


def asked(call: Call, leg: object) -> int | None:
    """Return the number of the leg when it is being asked."""
    for number, fork in call.forks.items():
        if fork.winner is leg and f"{TIMER}{number}" in call.timers:
            return number
    return None


def pressed(call: Call, number: int, digit: str, now: float) -> None:
    """Take a digit of who is asked."""
    if digit != YES:
        return
    stop(call, number, now)
    call.record.legs[number].finish("answered", now, 200)
    call.advance(plan.LegConfirmed(number), now)


def stop(call: Call, number: int, now: float) -> None:
    """Ask no more: it was pressed, or whoever was asked has hung up."""
    timer = call.timers.pop(f"{TIMER}{number}", None)
    if timer is not None:
        timer.cancel()
    fork = call.forks.get(number)
    if fork is not None and fork.own is not None:
        fork.own.player.stop(now)
    elif timer is not None and fork is not None and fork.winner is call.caller:
        house.music(call, SILENCE, now)


def refuse(call: Call, number: int, now: float) -> None:
    """Hang up on who answered and did not press 1: a mailbox, most likely (routing.md 2.5: not answered)."""
    stop(call, number, now)
    fork = call.forks.pop(number, None)
    accounting.end_entry(call, number, "no_answer", now)
    if fork is not None:
        fork.cancel(now, ["Q.850;cause=19"])
    call.advance(plan.LegUnconfirmed(number), now)
