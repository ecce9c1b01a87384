"""IVRs (routing.md 2.7): the prompt, the digits, the longest match, and what follows from wrong ones and from none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.rules import endings
from routerd.rules.places import IvrPlace
from routerd.rules.plan import Play, Unwait, Wait
from routerd.rules.tables import Destination, Ivr

if TYPE_CHECKING:
    from routerd.rules.decision import Decision, Pending

TIMER: Final = "digits"
_END_OF_ENTRY: Final = "#"


def enter(d: Decision, pending: Pending) -> None:
    """The call is answered and hears the prompt."""
    ivr = d.tables.ivrs[pending.destination.id or ""]
    node = d.visit("ivr", ivr.id, pending.context)
    d.place = IvrPlace(ivr.id, pending.context, node)
    endings.answer_caller(d)
    _play(d, ivr.prompt)


def _play(d: Decision, sound: str) -> None:
    d.playing = True
    d.out.append(Play(sound))


def prompt_ended(d: Decision, place: IvrPlace) -> None:
    """A fault's prompt is followed by the menu's own; the timeout runs from the prompt's end."""
    ivr = d.tables.ivrs[place.id]
    if place.then_prompt:
        place.then_prompt = False
        _play(d, ivr.prompt)
    else:
        d.out.append(Wait(TIMER, ivr.digit_timeout_s))


def digit(d: Decision, place: IvrPlace, pressed: str) -> None:
    """A digit interrupts the prompt and adds to the entry."""
    endings.stop_playing(d)
    place.then_prompt = False
    ivr = d.tables.ivrs[place.id]
    if pressed == _END_OF_ENTRY and not _longer(d, ivr, place.digits, pressed):
        _finish_entry(d, place, ivr)
        return
    place.digits += pressed
    if len(place.digits) >= ivr.max_digits or not _is_open(d, ivr, place.digits):
        _finish_entry(d, place, ivr)
    else:
        d.out.append(Wait(TIMER, ivr.digit_timeout_s))


def _longer(d: Decision, ivr: Ivr, digits: str, pressed: str) -> bool:
    """Return whether an option itself is written with ``#`` here."""
    return any(option.startswith(digits + pressed) for option in _candidates(d, ivr))


def _is_open(d: Decision, ivr: Ivr, digits: str) -> bool:
    """Return whether more digits could make another option of this entry."""
    return any(
        len(digits) < len(option) <= ivr.max_digits and option.startswith(digits) for option in _candidates(d, ivr)
    )


def _candidates(d: Decision, ivr: Ivr) -> list[str]:
    options = list(ivr.options)
    if ivr.dial_by_intercom:
        options += d.tables.agent_by_intercom
    return options


def timed_out(d: Decision, place: IvrPlace) -> None:
    """No further digit: what was entered so far counts; nothing at all is a timeout."""
    ivr = d.tables.ivrs[place.id]
    if place.digits:
        _finish_entry(d, place, ivr)
        return
    place.timeouts += 1
    d.note("ivr", ivr.id, ("timeout", place.timeouts, ivr.timeout.attempts), "input_timeout")
    if place.timeouts >= ivr.timeout.attempts:
        _give_up(d, place, "input_timeout", ivr.timeout.destination)
    else:
        _again(d, place, ivr, ivr.timeout.prompt)


def _finish_entry(d: Decision, place: IvrPlace, ivr: Ivr) -> None:
    entered, place.digits = place.digits, ""
    d.out.append(Unwait(TIMER))
    chosen = ivr.options.get(entered)
    if chosen is None and ivr.dial_by_intercom and entered in d.tables.agent_by_intercom:
        chosen = Destination(type="agent", id=d.tables.agent_by_intercom[entered])
    d.note("ivr", ivr.id, entered, (chosen.type, chosen.id) if chosen is not None else "invalid_input")
    if chosen is not None:
        d.go(chosen, "ivr")
        return
    place.invalid += 1
    if place.invalid >= ivr.invalid.attempts:
        _give_up(d, place, "invalid_input", ivr.invalid.destination)
    else:
        _again(d, place, ivr, ivr.invalid.prompt)


def _again(d: Decision, place: IvrPlace, ivr: Ivr, prompt: str | None) -> None:
    """Another attempt: the fault's own prompt if there is one, then the menu's."""
    place.then_prompt = prompt is not None
    _play(d, prompt or ivr.prompt)


def _give_up(d: Decision, place: IvrPlace, reason: str, destination: Destination) -> None:
    d.leave(place.node, reason)
    if destination.type == "hangup":
        endings.finish(d, reason)
    else:
        d.go(destination, "nested")
