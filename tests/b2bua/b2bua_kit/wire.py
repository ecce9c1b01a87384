"""The switch on a wire in virtual time: delivers what it sends to peers, answers its questions, runs its timers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from b2bua_kit.documents import ACCOUNT, company, snapshot_of
from b2bua_kit.engine import Engine

from routerd.b2bua import effects as fx
from routerd.b2bua.settings import Listener, MediaEngine, SwitchSettings
from routerd.b2bua.switch import Switch
from routerd.sip.parser import parse
from routerd.sip.tokens import SeededTokens

if TYPE_CHECKING:
    from b2bua_kit.peer import Peer

    from routerd.sip.flow import Flow

LOCAL = ("192.0.2.1", 5060)
WALL = 1_795_500_000.0
DAY_S = 86_400.0


class Wire:
    """One switch; ``now`` is its clock. ``dns`` answers names, those not in it are held in ``questions``."""

    rows: ClassVar[set[tuple[str, str]]] = set()

    def __init__(self, document: dict[str, Any] | None = None, *, engines: int = 0, **settings: Any) -> None:
        listeners = tuple(Listener(name, *LOCAL) for name in ("udp", "tcp"))
        media = tuple(MediaEngine(f"engine{index}") for index in range(engines))
        chosen = {"strict": True, "keepalive_s": DAY_S, "mtu_bytes": 65_000, **settings}
        self.settings = SwitchSettings(listeners, media, **chosen)
        self.switch = Switch(self.settings, SeededTokens(5), wall_offset=WALL)
        self.switch.exchange.rows = Wire.rows
        self.now = 1000.0
        self.peers: dict[tuple[str, int], Peer] = {}
        self.engine = Engine()
        self.dns: dict[tuple[str, str], list[tuple[Any, ...]] | None] = {}
        self.questions: list[fx.AskDns] = []
        self.dead: set[tuple[str, int]] = set()
        self.lost: set[tuple[str, int]] = set()
        self.effects: list[fx.Effect] = []
        self.transmitted: list[tuple[Flow, bytes]] = []
        self._delivering = False
        self.switch.install(snapshot_of(document or company()), self.now)
        self.pump()
        self.timers_at_rest = len(self.switch.exchange.timers)

    # -- driving --

    def receive(self, data: bytes, flow: Flow) -> None:
        """Let a datagram (or stream bytes) arrive."""
        if flow.reliable:
            self.switch.receive_stream(data, flow, self.now)
        else:
            self.switch.receive_datagram(data, flow, self.now)
        self.pump()

    def pump(self) -> None:
        """Perform effects until there are none."""
        if self._delivering:
            return
        self._delivering = True
        try:
            while effects := self.switch.take_effects():
                for effect in effects:
                    self._perform(effect)
        finally:
            self._delivering = False

    def _perform(self, effect: fx.Effect) -> None:
        if isinstance(effect, fx.Transmit):
            self.transmitted.append((effect.flow, effect.data))
            if effect.flow.remote in self.lost:
                self.switch.lose_flow(effect.flow, self.now)
            elif effect.flow.remote not in self.dead and effect.data.strip():
                peer = self.peers.get(effect.flow.remote)
                if peer is not None:
                    peer.deliver(effect.data)
        elif isinstance(effect, fx.AskDns):
            key = (effect.question.name, effect.question.kind)
            if key in self.dns:
                self.switch.receive_answer(fx.DnsAnswer(effect.number, self.dns[key]), self.now)
            else:
                self.questions.append(effect)
        elif isinstance(effect, fx.AskMedia):
            reply = self.engine.take(effect.number, effect.command)
            if not isinstance(reply, bool):
                self.switch.receive_answer(fx.MediaAnswer(effect.number, reply), self.now)
        else:
            self.effects.append(effect)

    def wait(self, seconds: float) -> None:
        """Let time go by, timer by timer."""
        end = self.now + seconds
        while (due := self.switch.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.switch.handle_deadline(self.now)
            self.pump()
        self.now = end

    def command(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Give a command, return its reply."""
        self.switch.receive_command(fx.Command(1, verb, {"account": ACCOUNT, **arguments}), self.now)
        self.pump()
        replies = [effect for effect in self.effects if isinstance(effect, fx.Reply)]
        self.effects = [effect for effect in self.effects if not isinstance(effect, fx.Reply)]
        assert len(replies) == 1
        return replies[0].result

    def answer_dns(self, records: list[tuple[Any, ...]] | None) -> None:
        """Answer the oldest DNS question that is held."""
        asked = self.questions.pop(0)
        self.switch.receive_answer(fx.DnsAnswer(asked.number, records), self.now)
        self.pump()

    def release_media(self, *, silent: bool = False) -> None:
        """Let the engine answer everything it held back."""
        held, self.engine.held = self.engine.held, []
        for number, command in held:
            reply = None if silent else self.engine.reply(command)
            self.switch.receive_answer(fx.MediaAnswer(number, reply), self.now)
            self.pump()

    def media_event(self, event: str, **facts: Any) -> None:
        """Let the first engine notice something."""
        self.switch.receive_answer(fx.MediaEvent(0, event, facts), self.now)
        self.pump()

    # -- looking --

    def records(self) -> list[dict[str, Any]]:
        """The finished calls."""
        return [effect.entry for effect in self.journal("call.end")]

    def journal(self, kind: str) -> list[fx.Journal]:
        """The journal's entries of a kind."""
        return [effect for effect in self.effects if isinstance(effect, fx.Journal) and effect.kind == kind]

    def published(self, event: str) -> list[dict[str, Any]]:
        """What watchers were told."""
        return [effect.facts for effect in self.effects if isinstance(effect, fx.Publish) and effect.event == event]

    def noted(self, reason: str) -> int:
        """How often something was noted."""
        return self.switch.exchange.counters.get(reason, 0)

    def assert_quiet(self, after_s: float = 200.0) -> None:
        """After ``after_s`` nothing is left of any call; each call has one record."""
        self.wait(after_s)
        switch = self.switch
        assert switch.call_by_id == {}
        assert switch.dialogs == {}
        assert len(switch.layer) == 0
        assert switch.exchange.open_questions == 0
        assert len(switch.exchange.timers) == self.timers_at_rest
        assert self.engine.calls == set()
        for state in switch.states.values():
            assert state.channels == {}
            assert state.agent_calls == {}
            assert state.waiting == {}
        ended = [entry["id"] for entry in self.records()]
        started = [entry.entry["id"] for entry in self.journal("call.start")]
        assert sorted(ended) == sorted(started)
        assert all(leg["result"] for entry in self.records() for leg in entry["legs"])


def parsed(data: bytes) -> Any:
    """A message of ours, which must be well-formed."""
    return parse(data)
