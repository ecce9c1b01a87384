"""The driver: one switch, one timer, and the effects performed in order.

Theory of operation. Whatever comes in (a datagram, bytes of a stream, an answer, a command, the timer) is one call of
the switch followed by ``_settle``: take the effects, perform each in order, look at the switch's next deadline. Nothing
here awaits, so a message is answered before the next one is looked at. Performing an effect may bring in something new
at once (a write to a dead connection loses its flow): ``_settle`` then goes round again instead of nesting.

The one timer is re-armed only when the next deadline is earlier than the armed one. An event loop may fire it a
millisecond early, and a deadline that was cancelled leaves it armed too early: both are met by looking at the clock
first and arming again. Effects go to *performers* that the composition root registers; the two kinds that every
message has are handled in line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from routerd.b2bua.effects import AskFact, Ban, Captured, Command, FactAnswer, Journal, Note, Transmit
from routerd.edge import clock
from routerd.edge.logs import logger
from routerd.edge.metrics import Counters, count

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Mapping

    from routerd.b2bua.effects import Answer, Effect
    from routerd.rules.tables import Snapshot
    from routerd.sip.flow import Address, Flow

log = logger("edge.driver")

INVITE = b"INVITE "
FIRES_AGAIN_AFTER_S = 0.001  # uvloop's clock steps by a millisecond
BANS_SWEPT_AT = 10_000


class SwitchDoor(Protocol):
    """What the driver needs of a switch (``routerd.b2bua.switch.Switch`` has it)."""

    def receive_datagram(self, data: bytes, flow: Flow, now: float) -> None:
        """Take one datagram or one WebSocket message."""

    def receive_stream(self, data: bytes, flow: Flow, now: float) -> None:
        """Take bytes of a stream, cut anywhere."""

    def lose_flow(self, flow: Flow, now: float) -> None:
        """Learn that a connection is gone or could not be opened."""

    def receive_answer(self, answer: Answer, now: float) -> None:
        """Take the answer to a question."""

    def receive_command(self, command: Command, now: float) -> None:
        """Take a command of the control process."""

    def install(self, snapshot: Snapshot, now: float) -> None:
        """Route by another snapshot from now on."""

    def next_deadline(self) -> float | None:
        """Say when ``handle_deadline`` is due."""

    def handle_deadline(self, now: float) -> None:
        """Fire what is due."""

    def take_effects(self) -> list[Effect]:
        """Give what is to be done, in order, once."""

    def call_of(self, data: bytes) -> str:
        """Give the call that a message belongs to, else its Call-ID."""


class Sender(Protocol):
    """A socket that sends datagrams."""

    def sendto(self, data: bytes, addr: Address) -> None:
        """Send one datagram."""


class StreamSender(Protocol):
    """Where bytes for a connection go."""

    def send(self, flow: Flow, data: bytes) -> None:
        """Send, keep until the connection is open, or drop when it is lost."""


class Driver:
    """Drives one switch on one event loop.

    Call ``perform_with`` for each kind of effect and ``add_sender`` for each datagram socket, then feed it. ``journal``
    receives every Journal effect; ``streams`` what is sent on connections; ``now`` gives monotonic seconds.
    """

    __slots__ = (
        "_armed_for", "_capture", "_journal", "_loop", "_notes", "_now", "_out", "_performers", "_senders", "_settling",
        "_streams", "_timer", "bans", "counters", "switch",
    )  # fmt: skip

    def __init__(
        self,
        switch: SwitchDoor,
        loop: asyncio.AbstractEventLoop,
        *,
        streams: StreamSender,
        journal: Callable[[Journal], None],
        counters: Counters | None = None,
        now: Callable[[], float] = clock.monotonic,
    ) -> None:
        self.switch = switch
        self.counters = counters or Counters()
        self.bans: dict[str, float] = {}
        self._loop = loop
        self._streams = streams
        self._journal = journal
        self._now = now
        self._senders: dict[Address, Sender] = {}
        self._out = {name: self.counters.meter(name, "out") for name in ("udp", "tcp", "tls", "ws", "wss")}
        self._performers: dict[type[Effect], Callable[[Any], None]] = {
            Note: self._note,
            Ban: self._ban,
            AskFact: self._ask_fact,
        }
        self._notes: Callable[[str, str], None] = _drop_note
        self._capture: Callable[[bytes, Flow, bool], None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._armed_for = 0.0
        self._settling = False

    def perform_with(self, performers: Mapping[type[Effect], Callable[[Any], None]]) -> None:
        """Register who performs which kind of effect; later registrations win."""
        self._performers.update(performers)

    def capture_with(self, capture: Callable[[bytes, Flow, bool], None]) -> None:
        """Hand every whole message, its flow and whether it goes out, to ``capture``."""
        self._capture = capture
        self._performers[Captured] = lambda effect: capture(effect.data, effect.flow, False)

    def hear_notes(self, hearer: Callable[[str, str], None]) -> None:
        """Hand ``(reason, detail)`` of every note to ``hearer``, after it was counted."""
        self._notes = hearer

    def add_sender(self, local: Address, sender: Sender) -> None:
        """Send datagrams of flows whose ``local`` is this through ``sender``."""
        self._senders[local] = sender

    def banned(self, address: str) -> bool:
        """Whether what comes from ``address`` is dropped unread; an outlived ban is forgotten."""
        until = self.bans.get(address)
        if until is None:
            return False
        if until <= self._now():
            del self.bans[address]
            return False
        self.counters.banned += 1
        return True

    def datagram(self, data: bytes, flow: Flow) -> None:
        """Feed one datagram or one WebSocket message."""
        now = self._now()
        self.switch.receive_datagram(data, flow, now)
        if data.startswith(INVITE):
            self.counters.decisions.observe(self._now() - now)
        self._settle()

    def stream(self, data: bytes, flow: Flow) -> None:
        """Feed bytes of a stream."""
        self.switch.receive_stream(data, flow, self._now())
        self._settle()

    def lose_flow(self, flow: Flow) -> None:
        """Tell that a connection is gone."""
        self.switch.lose_flow(flow, self._now())
        self._settle()

    def answer(self, answer: Answer) -> None:
        """Feed an answer of the resolver, of a media engine, or of another process."""
        self.switch.receive_answer(answer, self._now())
        self._settle()

    def command(self, command: Command) -> None:
        """Feed a command."""
        self.switch.receive_command(command, self._now())
        self._settle()

    def install(self, snapshot: Snapshot) -> None:
        """Swap the snapshot."""
        self.switch.install(snapshot, self._now())
        self._settle()

    def close(self) -> None:
        """Stop the timer; the driver is not fed again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _settle(self) -> None:
        if self._settling:
            return
        self._settling = True
        try:
            while effects := self.switch.take_effects():
                for effect in effects:
                    self._perform(effect)
        finally:
            self._settling = False
        self._arm()

    def _perform(self, effect: Effect) -> None:
        try:
            if type(effect) is Transmit:
                self._transmit(effect.flow, effect.data)
            elif type(effect) is Journal:
                if effect.kind == "call.end":
                    self.counters.heard(effect.entry.get("media"))
                self._journal(effect)
            else:
                self._performers[type(effect)](effect)
        except Exception:
            self.counters.faults += 1
            log.exception("effect failed", effect=type(effect).__name__)

    def _transmit(self, flow: Flow, data: bytes) -> None:
        transport = flow.transport
        count(self._out[transport], data)
        if self._capture is not None:
            self._capture(data, flow, True)
        if transport == "udp":
            sender = self._senders.get(flow.local)
            if sender is None:
                self.counters.dropped["no_socket"] += 1
            else:
                sender.sendto(data, flow.remote)
        else:
            self._streams.send(flow, data)

    def _arm(self) -> None:
        deadline = self.switch.next_deadline()
        if deadline is None or (self._timer is not None and self._armed_for <= deadline):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._armed_for = deadline
        delay = deadline - self._now()
        self._timer = self._loop.call_later(max(delay, 0.0), self._fire)

    def _fire(self) -> None:
        self._timer = None
        now = self._now()
        deadline = self.switch.next_deadline()
        if deadline is None:
            return
        if deadline > now:  # early, or the armed one was cancelled meanwhile
            self._armed_for = deadline
            self._timer = self._loop.call_later(max(deadline - now, FIRES_AGAIN_AFTER_S), self._fire)
            return
        self.switch.handle_deadline(now)
        self._settle()

    def _note(self, effect: Note) -> None:
        self.counters.dropped[effect.reason] += 1
        self._notes(effect.reason, effect.detail)

    def _ban(self, effect: Ban) -> None:
        now = self._now()
        if len(self.bans) >= BANS_SWEPT_AT:
            self.bans = {address: until for address, until in self.bans.items() if until > now}
        self.bans[effect.address] = now + effect.for_s
        self._notes("ban", f"{effect.address} for {effect.for_s:g} s: {effect.reason}")

    def _ask_fact(self, effect: AskFact) -> None:
        """Answer that nobody else knows: one sip process owns every fact."""
        self.switch.receive_answer(FactAnswer(effect.number, None), self._now())


def _drop_note(_reason: str, _detail: str) -> None:
    """Hear nothing: the notes are counted anyway."""
