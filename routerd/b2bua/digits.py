"""Digits: from whom they came, whether they came already, whom they are for, and how they reach the other side.

Theory of operation. A digit comes as RFC 4733 events or as a tone (the engine tells) or by SIP INFO. A phone may use
two ways at once, so each party's digits are matched: one that another way brought within :data:`TWICE_WITHIN_S` is
the same press, each report matched once, so that pressing 11 quickly stays two presses. INFO comes when the key goes
down, the engine's word when it comes up: the span covers a long press.

A digit of who is asked to press 1 confirms; of a guest of the house it is the rules' or the mailbox's; between two who
talk it crosses. INFO crosses as INFO where the other side names INFO in Allow; where it does not, and its description
has telephone-event, the engine makes events of it. The engine's digits cross by themselves, unless the other side
has no telephone-event but takes INFO.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua import confirming
from routerd.b2bua.call_media import HOUSE
from routerd.b2bua.call_states import CONNECTED, TREATED
from routerd.media import ng
from routerd.rules import plan

if TYPE_CHECKING:
    from routerd.b2bua.call import Call
    from routerd.b2bua.call_media import CallMedia, Party
    from routerd.b2bua.forking import Fork
    from routerd.b2bua.leg import Leg

TWICE_WITHIN_S: Final = 2.0
KNOWN: Final = frozenset("0123456789*#ABCD")
INFO: Final = "info"
DIAL: Final = "dial:"
"""A timer of the call: the next digit that is to be dialled towards a leg."""
DIGIT_MS: Final = 160
BETWEEN_S: Final = 0.3
HIDDEN: Final = "•"


class Press:
    """One digit that came by one way and that no other way has brought yet."""

    __slots__ = ("at", "digit", "party", "way")

    def __init__(self, party: str, digit: str, way: str, at: float) -> None:
        self.party = party
        self.digit = digit
        self.way = way
        self.at = at


# -- in --


def heard(call: Call, facts: dict[str, Any], now: float) -> None:
    """Take a digit that the engine noticed."""
    digit, way = str(facts.get("digit", "")).upper(), str(facts.get("source", "event"))
    leg = party_of(call, str(facts.get("tag", "")))
    if leg is None or digit not in KNOWN or repeated(call, leg, digit, way, now):
        return
    if for_us(call, leg):
        take(call, leg, digit, now)
    elif call.state == CONNECTED:
        _pass_as_info(call, leg, digit, now)


def party_of(call: Call, tag: str) -> Leg | None:
    """Return the leg that the engine knows by ``tag``."""
    parties = [call.caller, call.peer, *(fork.winner for fork in call.forks.values())]
    return next((leg for leg in parties if leg is not None and leg.name == tag), None)


def repeated(call: Call, leg: Leg, digit: str, way: str, now: float) -> bool:
    """Whether another way has brought this very press."""
    call.presses = [press for press in call.presses if now - press.at <= TWICE_WITHIN_S]
    for press in call.presses:
        if press.party == leg.name and press.digit == digit and press.way != way:
            call.presses.remove(press)
            return True
    call.presses.append(Press(leg.name, digit, way, now))
    return False


def for_us(call: Call, leg: Leg) -> bool:
    """Whether a digit of ``leg`` is for us: a guest's, or of a callee who is asked to press 1."""
    return confirming.asked(call, leg) is not None or (leg is call.caller and call.state == TREATED)


def take(call: Call, leg: Leg, digit: str, now: float) -> None:
    """Take a digit that is for us; an INFO that brought it has been answered."""
    number = confirming.asked(call, leg)
    if number is not None:
        call.mark("digit", digit, now)
        confirming.pressed(call, number, digit, now)
        return
    taker = call.guest.digits if call.guest is not None else None
    call.mark("digit", HIDDEN if taker is not None else digit, now)
    if taker is not None:
        taker(digit, now)
    else:
        call.advance(plan.Digit(digit), now)


# -- across --


def converts(call: Call, other: Leg) -> bool:
    """Whether an INFO becomes events on its way to ``other``, who is not known to take INFO but to know events."""
    return (
        call.state == CONNECTED
        and not other.peer_informs
        and b"telephone-event" in other.remote_sdp
        and _can_inject(call)
    )


def inject(call: Call, leg: Leg, digit: str) -> None:
    """Let the other party hear ``digit`` as if ``leg`` had pressed it; its own events would be the same once more."""
    media, party = call.media, f"{call.media.session} {leg.name}"
    if media.withheld != party and media.can("events"):
        media.withheld = party
        media.tell(ng.block_dtmf(media.session, leg.name))
    media.tell(ng.play_dtmf(media.session, leg.name, digit, duration_ms=DIGIT_MS))


def _can_inject(call: Call) -> bool:
    return call.media.opened and call.media.can("play DTMF")


def _pass_as_info(call: Call, leg: Leg, digit: str, now: float) -> None:
    other = call.other(leg)
    if other is not None and other.talking and other.peer_informs and b"telephone-event" not in other.remote_sdp:
        send_info(other, digit, now)


def send_info(leg: Leg, digit: str, now: float) -> None:
    """Send a digit by INFO."""
    body = f"Signal={digit}\r\nDuration={DIGIT_MS}\r\n".encode()
    leg.send("INFO", now, body=body, content_type="application/dtmf-relay")


# -- out: digits to be dialled after the answer --


def dial_after(call: Call, command: plan.SendDigits, now: float) -> None:
    """Dial towards a leg, some time after its answer."""
    _dial_later(call, command.leg, command.digits, command.after_s, now)


def _dial_later(call: Call, number: int, digits: str, delay_s: float, now: float) -> None:
    name = f"{DIAL}{number}:{digits}"
    call.timers[name] = call.exchange.timers.after(delay_s, call, name, now)


def dial(call: Call, name: str, now: float) -> None:
    """Send what is due: by the engine where the two talk through it, the next digit after a pause, else by INFO."""
    leg_number, _, digits = name[len(DIAL) :].partition(":")
    number = int(leg_number)
    fork = call.forks.get(number)
    leg = fork.winner if fork is not None else None
    if leg is None or not digits:
        return
    media, speaker = _injector(call, fork, leg)
    if media is None or b"telephone-event" not in leg.remote_sdp:
        for digit in digits:
            send_info(leg, digit, now)
        return
    media.tell(ng.play_dtmf(media.session, speaker, digits[0], duration_ms=DIGIT_MS))
    if len(digits) > 1:
        _dial_later(call, number, digits[1:], BETWEEN_S, now)


def _injector(call: Call, fork: Fork | None, leg: Leg) -> tuple[CallMedia | None, str]:
    """Return the session in which the leg is, and the party as whom digits are sent to it there."""
    if fork is not None and fork.own is not None and fork.own.answer:
        own = fork.own
        speaker: Party | None = call.caller if own.for_caller else HOUSE
        return (own.media, speaker.name) if speaker is not None and own.media.can("play DTMF") else (None, "")
    other = call.other(leg)
    if call.state != CONNECTED or other is None or not _can_inject(call):
        return None, ""
    return call.media, other.name
