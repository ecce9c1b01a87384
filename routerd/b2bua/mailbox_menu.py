"""Listening to a mailbox by phone: who may, what there is, and what to do with each message.

Theory of operation. The caller of the feature code from the agent's own phone is in their mailbox at once, unless it
has a PIN: then it is asked for. Whoever has no mailbox of their own gives a mailbox' number (its agent's intercom or
extension, or its own id where that is digits) and its PIN; one without a PIN is not opened so. ``*`` in place of a PIN
asks for another mailbox. Three tries a call; a mailbox at which ``MOST_GUESSES`` PINs in a row were wrong opens for
nobody for ``SHUT_S``. A mailbox that does not exist is asked for its PIN like any other. What is pressed is compared in
constant time and goes nowhere else: not into the record, not into a note.

Then the messages are played, new ones first, oldest first: ``1`` repeats, ``2`` or ``#`` goes on, ``3`` or ``7``
deletes, ``5`` says the caller's number, ``*`` ends. One that was played to its end, or was gone on from, is no longer
new. All mailboxes of the agent are heard together, but for those with another PIN.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua import house, mailbox
from routerd.b2bua.playing import Audio, prompt
from routerd.media import prompts
from routerd.rules import plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.b2bua.call import Call
    from routerd.b2bua.mailboxes import Message
    from routerd.rules.tables import Voicemail

TRIES: Final = 3
LONGEST_ENTRY: Final = 20
FIRST_DIGIT_S: Final = 10.0
NEXT_DIGIT_S: Final = 4.0
MENU_S: Final = 8.0
TIMES_ASKED: Final = 2

WHICH: Final = "which"
PIN: Final = "pin"
BETWEEN: Final = "between"  # how many there are, or that one is deleted, is being said
PLAYING: Final = "playing"
ASKING: Final = "asking"
ENDED: Final = "ended"


class Listening:
    """One caller who listens; :meth:`start`, then what the house and timers say."""

    __slots__ = (
        "_asked",
        "_at",
        "_box",
        "_deleted",
        "_entered",
        "_heard",
        "_messages",
        "_tries",
        "call",
        "state",
        "voicemail",
    )

    def __init__(self, call: Call, voicemail: str) -> None:
        """``voicemail`` is the caller's own mailbox; "": they have none."""
        self.call = call
        self.voicemail = voicemail
        self.state = ""
        self._box: Voicemail | None = None
        self._entered = ""
        self._tries = 0
        self._asked = 0
        self._messages: list[tuple[str, Message]] = []
        self._at = 0
        self._heard = 0
        self._deleted = 0

    # -- who may --

    def start(self, now: float) -> None:
        """Let them in, or ask."""
        house.on_digit(self.call, self._pressed)
        self._box = self.call.tables.voicemails.get(self.voicemail)
        if self._box is None:
            self._ask(WHICH, ["mailbox-which"], now)
        elif self._box.pin is not None:
            self._ask(PIN, ["enter-pin"], now)
        else:
            self._enter(self._box, now)

    def _ask(self, state: str, names: list[str], now: float) -> None:
        self.state = state
        self._entered = ""
        mailbox.stop_waiting(self.call)
        self._say(names, now, lambda when: mailbox.wait(self.call, FIRST_DIGIT_S, when))

    def _pressed(self, digit: str, now: float) -> None:
        if self.state in {WHICH, PIN}:
            self._enter_digit(digit, now)
        elif self.state == BETWEEN:
            self._goodbye([], now) if digit == "*" else self._play(now)
        elif self.state in {PLAYING, ASKING}:
            self._choose(digit, now)

    def _enter_digit(self, digit: str, now: float) -> None:
        house.stop(self.call, now)
        if digit == "*" and not self._entered:
            self._other_box(now)
        elif digit == "#":
            self._entry_done(now)
        elif len(self._entered) < LONGEST_ENTRY:
            self._entered += digit
            mailbox.wait(self.call, NEXT_DIGIT_S, now)

    def _other_box(self, now: float) -> None:
        """``*`` ends where a mailbox' number is asked for, and asks for one where a PIN is."""
        if self.state == WHICH:
            self._goodbye([], now)
        else:
            self._ask(WHICH, ["mailbox-which"], now)

    def _entry_done(self, now: float) -> None:
        mailbox.stop_waiting(self.call)
        entered, self._entered = self._entered, ""
        if self.state == WHICH:
            self._box = self._named(entered)
            self._ask(PIN, ["enter-pin"], now)
            return
        account, box = self.call.live.name, self._box
        name = box.id if box is not None else ""
        boxes = self.call.exchange.mailboxes
        wanted = box.pin if box is not None else None
        right = hmac.compare_digest((wanted or "").encode(), entered.encode()) and wanted is not None
        if right and box is not None and not boxes.is_shut(account, name, now):
            boxes.opened(account, name)
            self._enter(box, now)
            return
        boxes.guessed(account, name, now)
        self.call.exchange.note("wrong_pin", f"{account}/{name or 'unknown'}")
        self._tries += 1
        if self._tries >= TRIES:
            self._goodbye(["wrong-pin"], now)
        else:
            self._ask(PIN, ["wrong-pin", "enter-pin"], now)

    def _named(self, number: str) -> Voicemail | None:
        """Return the mailbox of an intercom, an extension, or an id."""
        tables = self.call.tables
        agent = tables.agent_by_intercom.get(number) or tables.agent_by_extension.get(number) or ""
        owned = tables.boxes_by_agent.get(agent, ())
        return tables.voicemails.get(owned[0] if owned else number)

    # -- what there is --

    def _enter(self, box: Voicemail, now: float) -> None:
        self._box = box
        self.voicemail = box.id
        self._messages = self._all_of(box)
        new = sum(not message.read for _, message in self._messages)
        said = _counted(new, "new") + _counted(len(self._messages) - new, "old")
        if not self._messages:
            self._goodbye(["no-messages"], now)
            return
        self.state = BETWEEN
        self._say(said, now, self._play)

    def _all_of(self, box: Voicemail) -> list[tuple[str, Message]]:
        """Return the messages of the agent's mailboxes, new ones first, oldest first, each with its mailbox."""
        tables, account = self.call.tables, self.call.live.name
        owned = tables.boxes_by_agent.get(box.agent or "", (box.id,))
        open_ = [name for name in owned if tables.voicemails[name].pin in {None, box.pin}]
        found = [(name, one) for name in open_ for one in self.call.exchange.mailboxes.messages(account, name)]
        return sorted(found, key=lambda one: (one[1].read, one[1].at))

    # -- one message after the other --

    def _play(self, now: float) -> None:
        """Play the message at which we are."""
        if self._at >= len(self._messages):
            self._goodbye(["no-more-messages"], now)
            return
        self.state = PLAYING
        self._asked = 0
        mailbox.stop_waiting(self.call)
        message = self._messages[self._at][1]
        number = [prompt(self.call, name) for name in ("message", *prompts.number_prompts(self._at + 1))]
        house.play(self.call, [*number, Audio(message.file, message.duration_s)], now, self._played)

    def _played(self, now: float) -> None:
        self._mark_heard(now)
        self._ask_what(now)

    def _ask_what(self, now: float) -> None:
        self.state = ASKING
        self._asked += 1
        self._say(["message-menu"], now, lambda when: mailbox.wait(self.call, MENU_S, when))

    def _choose(self, digit: str, now: float) -> None:
        if digit == "*":
            self._goodbye([], now)
        elif digit == "1":
            self._play(now)
        elif digit in {"2", "#"}:
            self._mark_heard(now)
            self._next(now)
        elif digit in {"3", "7"}:
            self._delete(now)
        elif digit == "5":
            self._say_caller(now)

    def _next(self, now: float) -> None:
        self._at += 1
        self._play(now)

    def _mark_heard(self, now: float) -> None:
        box, message = self._messages[self._at]
        if not message.read:
            self._heard += 1
            self.call.exchange.mailboxes.mark_read(self.call.live.name, box, message.id, now)

    def _delete(self, now: float) -> None:
        box, message = self._messages.pop(self._at)
        if self.call.exchange.mailboxes.delete(self.call.live.name, box, message.id, now):
            self._deleted += 1
        self.state = BETWEEN
        mailbox.stop_waiting(self.call)
        self._say(["message-deleted"], now, self._play)

    def _say_caller(self, now: float) -> None:
        digits = [digit for digit in self._messages[self._at][1].caller if digit.isascii() and digit.isdigit()]
        mailbox.stop_waiting(self.call)
        said = [f"number-{digit}" for digit in digits]
        self._say(said, now, self._ask_what)

    # -- the end --

    def timer_fired(self, name: str, now: float) -> None:  # noqa: ARG002 - one signature for all visits
        """Nothing was pressed."""
        if self.state in {WHICH, PIN} and self._entered:
            self._entry_done(now)
        elif self.state == ASKING and self._asked < TIMES_ASKED:
            self._ask_what(now)
        else:
            self._goodbye([], now)

    def _say(self, names: list[str], now: float, then: Callable[[float], None]) -> None:
        house.play(self.call, [prompt(self.call, name) for name in names], now, then)

    def _goodbye(self, names: list[str], now: float) -> None:
        self.state = ENDED
        mailbox.stop_waiting(self.call)
        self._say([*names, "goodbye"], now, self._over)

    def _over(self, now: float) -> None:
        house.on_digit(self.call, None)
        self.call.advance(plan.MailboxEnded(), now)

    def leave(self, now: float) -> None:
        """The call is over."""

    def settle(self, done: Callable[[float], None], now: float) -> None:
        """Nothing is waited for."""
        done(now)

    def facts(self) -> dict[str, Any]:
        """Return what the record of the call says of it."""
        return {"voicemail": self.voicemail or None, "listened": self._heard, "deleted": self._deleted}


def _counted(number: int, kind: str) -> list[str]:
    """Name what says how many messages there are of a kind; nothing of none."""
    if not number:
        return []
    return ["you-have", *prompts.number_prompts(number), f"{kind}-message" if number == 1 else f"{kind}-messages"]
