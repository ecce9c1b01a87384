"""The system's own sounds: what they are called, what they say, and which of them say a number or a time.

Each is shipped as ``routerd/prompts/<name>.wav`` (mono, 16-bit PCM, 8 kHz), made by ``make prompts`` of this table. The
switch names them by :func:`prompt_path`; an account's own sounds are :class:`routerd.rules.tables.Sound`.
"""

from __future__ import annotations

from typing import Final

LAST_POSITION: Final = 20
WAIT_MINUTES: Final = (1, 2, 3, 4, 5, 10, 15, 20, 30)
_TENS: Final = dict(
    zip(range(20, 100, 10), ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"), strict=True)
)
_SMALL: Final = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_TEENS: Final = ("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen")

_POSITIONS: Final = {
    "position-1": "You are the next caller.",
    **{f"position-{place}": f"You are caller number {place}." for place in range(2, LAST_POSITION + 1)},
    "position-many": f"There are more than {LAST_POSITION} callers before you.",
}
_WAITS: Final = {
    "wait-less-than-a-minute": "You will be answered in less than a minute.",
    "wait-1-minutes": "You will be answered in about one minute.",
    **{f"wait-{time}-minutes": f"You will be answered in about {time} minutes." for time in WAIT_MINUTES[1:]},
    "wait-long": f"You may have to wait for more than {WAIT_MINUTES[-1]} minutes.",
}
_NUMBERS: Final = {
    **{f"number-{number}": f"{word}." for number, word in enumerate(_SMALL + _TEENS)},
    **{f"number-{number}": f"{word}." for number, word in _TENS.items()},
    "number-100": "hundred.",
}
_MAILBOX: Final = {
    "mailbox-greeting": "Nobody can take your call at the moment. Please leave a message after the tone.",
    "mailbox-full": "This mailbox is full. Goodbye.",
    "mailbox-which": "Please enter the number of your mailbox, and press hash.",
    "enter-pin": "Please enter your pin, and press hash.",
    "wrong-pin": "This pin is wrong.",
    "no-messages": "You have no messages.",
    "you-have": "You have",
    "new-message": "new message.",
    "new-messages": "new messages.",
    "old-message": "old message.",
    "old-messages": "old messages.",
    "message": "message",
    "message-menu": "Press 1 to hear it again, 2 for the next one, 3 to delete it, star to end.",
    "message-deleted": "The message is deleted.",
    "message-saved": "The message is saved.",
    "no-more-messages": "There are no more messages.",
}
SPOKEN: Final[dict[str, str]] = {
    **_POSITIONS,
    **_WAITS,
    **_NUMBERS,
    **_MAILBOX,
    "confirm": "This is a call for you. To accept it, press 1.",
    "recording-announcement": "This call is recorded.",
    "invalid-option": "Sorry, this is not an option.",
    "not-available": "Nobody is available at the moment.",
    "goodbye": "Goodbye.",
}
TONES: Final[dict[str, str]] = {
    "beep": "The tone after which a message is recorded: 1000 Hz, 0.4 s.",
    "accept": "A short rising tone: what was pressed is taken.",
    "ringback": "Ringing as in most of Europe: 425 Hz, 1 s in 5 s.",
    "ringback-us": "Ringing as in North America: 440 and 480 Hz, 2 s in 6 s.",
    "ringback-uk": "Ringing as in the United Kingdom: 400 and 450 Hz, twice 0.4 s in 3 s.",
    "ringback-in": "Ringing as in India: 400 Hz modulated by 25 Hz, twice 0.4 s in 3 s.",
    "busy": "Busy as in most of Europe: 425 Hz, 0.5 s in 1 s.",
    "busy-us": "Busy as in North America: 480 and 620 Hz, 0.5 s in 1 s.",
    "music": "Music while waiting: a quiet loop without a seam.",
}
PROMPTS: Final[dict[str, str]] = SPOKEN | TONES

_RINGBACKS: Final = {
    **dict.fromkeys(("US", "CA", "MX", "PR", "DO", "JM"), "ringback-us"),
    **dict.fromkeys(("GB", "IE", "AU", "NZ", "SG", "MY", "HK", "ZA"), "ringback-uk"),
    **dict.fromkeys(("IN", "LK", "BD", "NP"), "ringback-in"),
}


def prompt_path(prompts_dir: str, name: str) -> str:
    """Give the file of the prompt ``name``; KeyError when there is none of that name."""
    if name not in PROMPTS:
        raise KeyError(name)
    return f"{prompts_dir}/{name}.wav"


def ringback_of(country: str) -> str:
    """Name the ringing tone that callers of a country (ISO 3166) know."""
    return _RINGBACKS.get(country, "ringback")


def busy_of(country: str) -> str:
    """Name the busy tone that callers of a country (ISO 3166) know."""
    return "busy-us" if ringback_of(country) == "ringback-us" else "busy"


def position_prompt(position: int) -> str:
    """Name what tells a waiting caller their position, from 1."""
    return f"position-{max(1, position)}" if position <= LAST_POSITION else "position-many"


def wait_prompt(wait_s: float) -> str:
    """Name what tells a caller about how long the wait will be: rounded up to what can be said."""
    if wait_s < 60:
        return "wait-less-than-a-minute"
    return next((f"wait-{time}-minutes" for time in WAIT_MINUTES if wait_s <= time * 60), "wait-long")


def number_prompts(number: int) -> tuple[str, ...]:
    """Name what says a number from 0 to 999, in the order of playing; more counts as 999."""
    number = max(0, min(number, 999))
    hundreds, rest = divmod(number, 100)
    said = [f"number-{hundreds}", "number-100"] if hundreds else []
    if rest >= 20:
        said.append(f"number-{rest - rest % 10}")
        rest %= 10
    if rest or not said:
        said.append(f"number-{rest}")
    return tuple(said)
