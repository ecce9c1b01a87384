"""The messages of all mailboxes, as the switch knows them: kept, heard, deleted, counted.

Theory of operation. This list is the truth while the switch lives; each change is journalled (``voicemail.message``,
``voicemail.read``, ``voicemail.deleted``), published under the same name, and told to whoever lights lamps. The store
keeps it over a restart and gives it back by ``restore_message`` before the sockets open. The WAV files are none of its
affair: the control process removes one when it takes the journal's ``voicemail.deleted``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from routerd.b2bua.limits import Bans, Failures

if TYPE_CHECKING:
    from routerd.b2bua.exchange import Exchange

MOST_MESSAGES: Final = 100
MOST_GUESSES: Final = 9
GUESSED_WITHIN_S: Final = 3600.0
SHUT_S: Final = 900.0
Box = tuple[str, str]  # account, mailbox


class Message(msgspec.Struct):
    """One message: ``at`` is UTC seconds, ``file`` its WAV, ``caller`` "" when unknown."""

    id: str
    call: str
    at: float
    caller: str
    caller_name: str
    duration_s: float
    file: str
    size_bytes: int
    read: bool = False


class Watcher(Protocol):
    """Who wants to know that what a mailbox holds has changed."""

    def box_changed(self, account: str, voicemail: str, now: float) -> None:
        """Hear of a change."""


class Mailboxes:
    """The mailboxes of one switch; ``watch`` once, then ``keep``, ``mark_read``, ``delete``."""

    __slots__ = ("_exchange", "_guesses", "_messages", "_shut", "_watcher")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._messages: dict[Box, dict[str, Message]] = {}
        self._watcher: Watcher | None = None
        self._guesses: Failures[Box] = Failures(MOST_GUESSES, GUESSED_WITHIN_S)
        self._shut: Bans[Box] = Bans()

    def watch(self, watcher: Watcher) -> None:
        """Tell ``watcher`` of every change from now on."""
        self._watcher = watcher

    # -- asking --

    def messages(self, account: str, voicemail: str) -> list[Message]:
        """Return the messages, oldest first."""
        return sorted(self._messages.get((account, voicemail), {}).values(), key=lambda message: message.at)

    def counts(self, account: str, voicemail: str) -> tuple[int, int]:
        """Return how many messages are new, and how many were heard."""
        found = self._messages.get((account, voicemail), {}).values()
        heard = sum(message.read for message in found)
        return len(found) - heard, heard

    def is_full(self, account: str, voicemail: str) -> bool:
        """Whether the mailbox takes no more."""
        return len(self._messages.get((account, voicemail), ())) >= MOST_MESSAGES

    def __len__(self) -> int:
        return sum(len(messages) for messages in self._messages.values())

    # -- changing --

    def keep(self, account: str, voicemail: str, message: Message, now: float) -> bool:
        """Keep a new message; False when there is one of that id."""
        if not self._put(account, voicemail, message):
            return False
        facts = {"account": account, "voicemail": voicemail, **msgspec.structs.asdict(message)}
        del facts["read"]
        self._exchange.journal("voicemail.message", facts)
        self._changed("voicemail.message", account, voicemail, facts, now)
        return True

    def mark_read(self, account: str, voicemail: str, name: str, now: float) -> bool:
        """Mark a message as heard; False when there is none of that id."""
        message = self._messages.get((account, voicemail), {}).get(name)
        if message is None:
            return False
        if not message.read:
            message.read = True
            facts = {"account": account, "voicemail": voicemail, "id": name}
            self._exchange.journal("voicemail.read", facts)
            self._changed("voicemail.read", account, voicemail, facts, now)
        return True

    def delete(self, account: str, voicemail: str, name: str, now: float) -> bool:
        """Delete a message; False when there is none of that id."""
        messages = self._messages.get((account, voicemail), {})
        if messages.pop(name, None) is None:
            return False
        if not messages:
            del self._messages[account, voicemail]
        facts = {"account": account, "voicemail": voicemail, "id": name}
        self._exchange.journal("voicemail.deleted", facts)
        self._changed("voicemail.deleted", account, voicemail, facts, now)
        return True

    def restore(self, account: str, voicemail: str, message: Message) -> None:
        """Take back what the store has: nothing is journalled, nobody is told."""
        self._put(account, voicemail, message)

    # -- PINs --

    def guessed(self, account: str, voicemail: str, now: float) -> None:
        """Count a wrong PIN; too many shut the mailbox for a while, whoever comes."""
        if self._guesses.add((account, voicemail), now):
            self._shut.ban((account, voicemail), now + SHUT_S)
            self._exchange.publish(
                "security.ban", {"account": account, "voicemail": voicemail, "for_s": SHUT_S, "reason": "guessing"}
            )

    def opened(self, account: str, voicemail: str) -> None:
        """Forget the wrong PINs before a right one."""
        self._guesses.forgive((account, voicemail))

    def is_shut(self, account: str, voicemail: str, now: float) -> bool:
        """Whether no PIN opens the mailbox now."""
        return self._shut.holds((account, voicemail), now)

    def _put(self, account: str, voicemail: str, message: Message) -> bool:
        return self._messages.setdefault((account, voicemail), {}).setdefault(message.id, message) is message

    def _changed(self, event: str, account: str, voicemail: str, facts: dict[str, Any], now: float) -> None:
        new, heard = self.counts(account, voicemail)
        shown = {name: value for name, value in facts.items() if name != "file"}
        self._exchange.publish(event, {**shown, "new": new, "heard": heard})
        if self._watcher is not None:
            self._watcher.box_changed(account, voicemail, now)
