"""The virtual world: the real switch, a network, phones, a zone and media engines, all in virtual time from one seed.

Theory of operation. The :class:`World` does what the driver does in life, without waiting: it performs the switch's
effects, finds the earliest of what is planned (packets, answers, people), of phones' timers and of the switch's timers,
moves ``now`` there and lets it happen. At one instant what was planned comes first, then phones' timers,
then the switch's. An exception in the switch is raised (``strict``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.b2bua import effects as fx
from routerd.b2bua.settings import Limits, Listener, MediaEngine, SwitchSettings
from routerd.b2bua.switch import Switch
from routerd.simulation.clock import Agenda
from routerd.simulation.dns import Zone
from routerd.simulation.media import Engine
from routerd.simulation.network import CALM, SWITCH, SWITCH6, Network, Weather
from routerd.simulation.phone import Phone
from routerd.sip.timers import TimerQueue
from routerd.sip.tokens import SeededTokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from routerd.rules.tables import Snapshot
    from routerd.simulation.phone import Behaviour
    from routerd.sip.flow import Address
    from routerd.sip.message import Request
    from routerd.sip.tokens import Tokens

SECRET = b"the secret of a simulated world."
NEVER = float("inf")
MOST_STEPS = 2_000_000
WITHOUT_LIMITS = Limits(requests_per_second_by_source=1e9, request_burst_by_source=1_000_000_000)


def settings_of(
    engines: int = 0, *, keepalive_s: float = 0.0, session_expires_s: int = 1800, prompts_dir: str = ""
) -> SwitchSettings:
    """Return the settings of a simulated switch with so many media engines."""
    return SwitchSettings(
        listeners=tuple(
            Listener(transport, host, port) for transport in ("udp", "tcp") for host, port in (SWITCH, SWITCH6)
        ),
        engines=tuple(MediaEngine(f"engine{number}") for number in range(engines)),
        realm="sim.invalid",
        keepalive_s=keepalive_s,
        session_expires_s=session_expires_s,
        strict=True,
        limits=WITHOUT_LIMITS,
        prompts_dir=prompts_dir,
    )


class World:
    """A world with one switch; :meth:`phone` makes its people, :meth:`run` lets time pass."""

    __slots__ = (
        "_commands",
        "agenda",
        "bans",
        "engines",
        "journal",
        "network",
        "notes",
        "now",
        "phones",
        "published",
        "replies",
        "settings",
        "switch",
        "timers",
        "tokens",
        "wall_offset",
        "watcher",
        "zone",
    )

    def __init__(
        self,
        snapshot: Snapshot,
        *,
        seed: int = 0,
        at: float = 0.0,
        settings: SwitchSettings | None = None,
        weather: Weather = CALM,
    ) -> None:
        """``at`` is the wall time (UTC seconds) of the beginning, when ``now`` is 0."""
        self.now = 0.0
        self.wall_offset = at
        self.settings = settings or settings_of()
        self.tokens: Tokens = SeededTokens(2 * seed + 1, "p")
        self.agenda = Agenda()
        self.timers = TimerQueue()
        self.network = Network(self.agenda, SeededTokens(3 * seed + 2, "n"), weather)
        self.zone = Zone()
        self.engines = [Engine(agenda=self.agenda) for _ in self.settings.engines]
        for number, engine in enumerate(self.engines):
            engine.notify = self._notifier(number)
        self.phones: list[Phone] = []
        self.journal: list[fx.Journal] = []
        self.published: list[tuple[float, str, dict[str, Any]]] = []
        self.notes: list[tuple[float, str, str]] = []
        self.replies: dict[int, dict[str, Any]] = {}
        self.bans: list[fx.Ban] = []
        self.watcher: Callable[[float], bool] | None = None
        self._commands = 0
        self.switch = Switch(self.settings, SeededTokens(seed, "0"), wall_offset=at, secret=SECRET)
        self.network.switch = self.switch
        self.switch.install(snapshot, self.now)

    # -- who is there --------------------------------------------------------------------------------------------------

    def phone(
        self,
        address: Address,
        user: str,
        *,
        domain: str = "sim.invalid",
        password: str = "",
        transport: str = "udp",
        behave: Callable[[Request], Behaviour] | None = None,
    ) -> Phone:
        """Put a phone (or a trunk's far end) at an address."""
        made = Phone(self, address, user, domain=domain, password=password, transport=transport, behave=behave)
        self.phones.append(made)
        return made

    def command(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """Give the switch a command; returns its reply."""
        self._commands += 1
        self.switch.receive_command(fx.Command(self._commands, verb, arguments), self.now)
        self.perform()
        return self.replies.pop(self._commands)

    # -- time ----------------------------------------------------------------------------------------------------------

    def run(self, until: float = NEVER) -> None:
        """Let everything happen up to the instant ``until``, or until nothing is left (or the watcher says stop)."""
        watcher = self.watcher
        for _ in range(MOST_STEPS):
            self.perform()
            if watcher is not None and watcher(self.now):
                return
            if not self._step(until):
                if until < NEVER:
                    self.now = max(self.now, until)
                return
        raise AssertionError(f"the world never comes to rest: {self.now:.0f} s")

    def _step(self, until: float) -> bool:
        planned = self.agenda.next_at()
        phones = self.timers.next_deadline()
        switch = self.switch.next_deadline()
        first = min(
            planned if planned is not None else NEVER,
            phones if phones is not None else NEVER,
            switch if switch is not None else NEVER,
        )
        if first == NEVER or first > until:
            return False
        self.now = now = max(first, self.now)
        if planned is not None and planned <= first:
            self.agenda.run_next()
        elif phones is not None and phones <= first:
            self.timers.run(now)
        else:
            self.switch.handle_deadline(now)
        return True

    # -- effects -------------------------------------------------------------------------------------------------------

    def perform(self) -> None:
        """Perform what the switch wants done."""
        exchange = self.switch.exchange
        while exchange.effects:
            for effect in self.switch.take_effects():
                self._perform(effect)

    def _perform(self, effect: fx.Effect) -> None:
        if isinstance(effect, fx.Transmit):
            self.network.from_switch(effect.data, effect.flow, self.now)
        elif isinstance(effect, fx.Journal):
            self.journal.append(effect)
        elif isinstance(effect, fx.Publish):
            self.published.append((self.now, effect.event, effect.facts))
        elif isinstance(effect, fx.Note):
            self.notes.append((self.now, effect.reason, effect.detail))
        elif isinstance(effect, fx.AskDns):
            answer = fx.DnsAnswer(effect.number, self.zone.answer(effect.question))
            self.agenda.at(self.now + self.zone.delay_s, self._answer, answer)
        elif isinstance(effect, fx.AskMedia):
            engine = self.engines[effect.engine]
            reply = engine.reply(effect.command, self.now)
            delay_s = engine.delay_s if reply is not None else 2.0
            self.agenda.at(self.now + delay_s, self._answer, fx.MediaAnswer(effect.number, reply))
        elif isinstance(effect, fx.OpenFlow):
            self.network.open(effect.flow, self.now)
        elif isinstance(effect, fx.Reply):
            self.replies[effect.number] = effect.result
        elif isinstance(effect, fx.Ban):
            self.bans.append(effect)

    def _notifier(self, number: int) -> Callable[[str, dict[str, Any], float], None]:
        def notify(event: str, facts: dict[str, Any], now: float) -> None:
            self.switch.receive_answer(fx.MediaEvent(number, event, facts), now)

        return notify

    def _answer(self, answer: fx.Answer, now: float) -> None:
        self.switch.receive_answer(answer, now)

    # -- accidents -----------------------------------------------------------------------------------------------------

    def kill_engine(self, number: int, now: float) -> None:
        """Let a media engine die; the switch is told."""
        self.engines[number].die()
        self.switch.receive_answer(fx.MediaEvent(number, "lost", {}), now)

    def restart_engine(self, number: int, now: float) -> None:
        """Let a media engine come back without its sessions; the switch is told."""
        self.engines[number].restart()
        self.switch.receive_answer(fx.MediaEvent(number, "restarted", {}), now)

    def media_event(self, event: str, call: str, now: float) -> None:
        """Let the engine notice something about a call."""
        self.switch.receive_answer(fx.MediaEvent(0, event, {"call-id": call}), now)

    # -- what came of it -----------------------------------------------------------------------------------------------

    def records(self) -> list[dict[str, Any]]:
        """Return the finished calls' records, in the order of their ends."""
        return [entry.entry for entry in self.journal if entry.kind == "call.end"]
