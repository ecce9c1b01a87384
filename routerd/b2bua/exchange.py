"""What every part of the switch shares: timers, transactions, tokens, the snapshot, and the list of effects.

Theory of operation. The :class:`Exchange` holds no policy. A part (a call, the registrar, a trunk's upkeep) asks it
for a flow, a Via, a Contact, a DNS or media answer, and tells it what to journal, publish or note. Questions are
numbered; whoever asked is called back once, with the answer, and may withdraw by :meth:`Exchange.withdraw`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from routerd.b2bua import effects as fx
from routerd.b2bua.ladder import Ladders
from routerd.sip.timers import TimerQueue

if TYPE_CHECKING:
    from routerd.b2bua.flows import Flows
    from routerd.b2bua.mailboxes import Mailboxes
    from routerd.b2bua.settings import SwitchSettings
    from routerd.rules.tables import AccountTables, Snapshot
    from routerd.sip.flow import Flow
    from routerd.sip.server_location import DnsQuestion
    from routerd.sip.tokens import Tokens
    from routerd.sip.transaction_layer import TransactionLayer

DnsCallback = Callable[["DnsQuestion", "list[tuple[Any, ...]] | None", float], None]
RecordingCallback = Callable[["dict[str, Any]", float], None]
MediaCallback = Callable[["dict[str, Any] | None", float], None]

ALLOW: Final = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, PRACK, UPDATE, INFO, REFER, NOTIFY, MESSAGE, SUBSCRIBE"
SERVER: Final = "routerd"
CAPTURE_LINGER_S: Final = 5.0
RTPENGINE: Final = frozenset(
    (
        "relay",
        "statistics",
        "block media",
        "play media",
        "play DTMF",
        "transcoding",
        "recording",
        "srtp",
        "dtls",
        "ice",
    )
)
EMBEDDED: Final = RTPENGINE | {"events", "pause recording", "mailbox"}


class Exchange:
    """Shared services of one switch; built by the switch, handed to every part."""

    __slots__ = (
        "_dns_asked",
        "_media_asked",
        "_questions",
        "capabilities",
        "counters",
        "culprit",
        "effects",
        "engines_down",
        "flows",
        "ladders",
        "layer",
        "mailboxes",
        "recordings",
        "rows",
        "settings",
        "snapshot",
        "strict",
        "timers",
        "tokens",
        "wall_offset",
    )

    layer: TransactionLayer
    flows: Flows
    mailboxes: Mailboxes

    def __init__(self, settings: SwitchSettings, tokens: Tokens, snapshot: Snapshot, wall_offset: float) -> None:
        self.settings = settings
        self.tokens = tokens
        self.snapshot = snapshot
        self.wall_offset = wall_offset
        self.strict = settings.strict
        self.timers = TimerQueue()
        self.ladders = Ladders(settings.ladder_messages, CAPTURE_LINGER_S if settings.captured else 0.0)
        self.effects: list[fx.Effect] = []
        self.counters: dict[str, int] = {}
        self.culprit: object = None
        self.engines_down: set[int] = set()
        self.capabilities: dict[int, frozenset[str]] = {}
        self.recordings: dict[str, RecordingCallback] = {}  # by session: whose call is over and waits for its file
        self.rows: set[tuple[str, str]] | None = None
        self._questions = 0
        self._dns_asked: dict[int, tuple[DnsQuestion, DnsCallback]] = {}
        self._media_asked: dict[int, MediaCallback] = {}

    # -- effects --

    def transmit(self, data: bytes, flow: Flow) -> None:
        """Send bytes on a flow: the transaction layer's way out."""
        self.effects.append(fx.Transmit(flow, data))
        if self.ladders.legs:
            self.ladders.sent(data)

    def note(self, reason: str, detail: str = "") -> None:
        """Say why something was dropped, refused or odd."""
        self.counters[reason] = self.counters.get(reason, 0) + 1
        self.effects.append(fx.Note(reason, detail))

    def blame(self, who: object) -> None:
        """Say whose handling raised (a call's id, a leg, a sender): the switch ends that call, and no other."""
        if self.culprit is None:
            self.culprit = who

    def publish(self, event: str, facts: dict[str, Any]) -> None:
        """Tell watchers; ``event`` is a name of the surface."""
        self.effects.append(fx.Publish(event, facts))

    def journal(self, kind: str, entry: dict[str, Any], *, urgent: bool = False) -> None:
        """Append to the journal."""
        self.effects.append(fx.Journal(kind, entry, urgent))

    def wall(self, now: float) -> float:
        """Return wall time (UTC seconds) at the monotonic instant ``now``."""
        return now + self.wall_offset

    def account(self, name: str) -> AccountTables | None:
        """Return an account's tables in the snapshot of this moment."""
        return self.snapshot.accounts.get(name)

    # -- questions --

    def ask_dns(self, question: DnsQuestion, callback: DnsCallback) -> int:
        """Ask the DNS; ``callback(question, records, now)`` comes once."""
        self._questions += 1
        self._dns_asked[self._questions] = (question, callback)
        self.effects.append(fx.AskDns(self._questions, question))
        return self._questions

    def ask_media(self, engine: int, command: dict[str, Any], callback: MediaCallback | None) -> int:
        """Send an ng command; ``callback(reply, now)`` comes once, with None when the engine is silent."""
        self._questions += 1
        if callback is not None:
            self._media_asked[self._questions] = callback
        self.effects.append(fx.AskMedia(self._questions, engine, command))
        return self._questions

    def engines_alive(self) -> list[int]:
        """Return the indexes of the media engines that answer."""
        return [index for index in range(len(self.settings.engines)) if index not in self.engines_down]

    def capabilities_of(self, engine: int) -> frozenset[str]:
        """Return what an engine can do: what its pong said, until then what one of its kind is known to do."""
        known = self.capabilities.get(engine)
        if known is None:
            return EMBEDDED if self.settings.engines[engine].embedded else RTPENGINE
        return known

    def withdraw(self, number: int) -> None:
        """Whoever asked question ``number`` is gone: its answer is dropped."""
        self._dns_asked.pop(number, None)
        self._media_asked.pop(number, None)

    def answered(self, answer: fx.Answer, now: float) -> None:
        """Hand an answer to whoever asked; late answers are dropped."""
        if isinstance(answer, fx.DnsAnswer):
            asked = self._dns_asked.pop(answer.number, None)
            if asked is not None:
                asked[1](asked[0], answer.records, now)
        elif isinstance(answer, fx.MediaAnswer):
            callback = self._media_asked.pop(answer.number, None)
            if callback is not None:
                callback(answer.reply, now)

    @property
    def open_questions(self) -> int:
        """How many answers are awaited (leak checks)."""
        return len(self._dns_asked) + len(self._media_asked)
