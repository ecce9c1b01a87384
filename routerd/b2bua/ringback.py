"""Ringing for a caller who was answered before anybody rang: after a menu, or the agent of a click-to-call.

The engine gives the tone while a leg rings and neither music nor an announcement is heard; it ends with the ringing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.b2bua import accounting
from routerd.b2bua.call_states import ALONE
from routerd.b2bua.playing import SILENCE, Audio, prompt, sound
from routerd.media.prompts import ringback_of

if TYPE_CHECKING:
    from routerd.b2bua.call import Call


def refresh(call: Call, now: float) -> None:
    """Begin or end the tone, by what rings now."""
    guest = call.guest
    if guest is None or call.state not in ALONE:
        return
    rings = _rings(call)
    if rings != guest.player.rings:
        guest.player.ringing(tone(call) if rings else SILENCE, now)


def _rings(call: Call) -> bool:
    for number, fork in call.forks.items():
        entry = accounting.entry_of(call, number)
        if entry is not None and entry.ringing is not None and not fork.over and fork.winner is not call.caller:
            return True
    return False


def tone(call: Call) -> Audio:
    """Return the account's ringing tone, else its country's."""
    account = call.tables.account
    own = sound(call, account.ringback)
    return own if own.path else prompt(call, ringback_of(account.plan.country))
