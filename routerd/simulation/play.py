"""One scenario through the real switch in virtual time, and its result (routing.md section 6).

Theory of operation. Every trunk gets an address of its own in the virtual network, so that a number knows by which
trunk it is reached; health checks and registrations of trunks are left out. The document is otherwise as it is. The
caller is a phone: at a trunk, or an extension's own, which answers the digest challenge like any other. Registered
contacts, calls in progress, affinity and the rest are put into the switch's live state before the call. When two talk,
or a mailbox listens, the caller hangs up 10 seconds later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from msgspec.structs import replace

from routerd.b2bua import header_policy
from routerd.b2bua.accounting import account_day
from routerd.b2bua.call_states import CONNECTED
from routerd.b2bua.location import Binding
from routerd.b2bua.sessions import Session
from routerd.config.snapshot import build_snapshot
from routerd.errors import ConfigError
from routerd.rules.facts import AffinityEntry
from routerd.simulation.network import switch_address
from routerd.simulation.phone import RINGS, Behaviour
from routerd.simulation.scenario import seconds
from routerd.simulation.world import World, settings_of
from routerd.sip.flow import Flow
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from routerd.b2bua.live_state import AccountState
    from routerd.rules.tables import AccountTables, Snapshot, Trunk
    from routerd.simulation.phone import Phone
    from routerd.simulation.phone_call import PhoneCall
    from routerd.simulation.scenario import EventPart, Scenario
    from routerd.sip.flow import Address
    from routerd.sip.message import Request

TALK_S: Final = 10.0
LONGEST_S: Final = 200_000.0
SETTINGS: Final = settings_of()
ELSEWHERE: Final = "198.51.100.250"
ORDER: Final = (
    "outcome",
    "reason",
    "answered_by",
    "sip_status",
    "q850",
    "caller_id",
    "legs",
    "nodes",
    "final",
    "trace",
)
LEG: Final = ("target", "agent", "start_s", "end_s", "result")


class Stage:
    """A document made ready for many scenarios: its snapshot with every trunk at an address of its own."""

    __slots__ = ("snapshot", "tables", "trunks")

    def __init__(self, tables: AccountTables) -> None:
        self.trunks: dict[str, Address] = {}
        trunks = {}
        for number, trunk in enumerate(tables.trunks.values()):
            address = (f"198.18.{1 + number // 250}.{1 + number % 250}", 5060)
            self.trunks[trunk.id] = address
            trunks[trunk.id] = _placed(trunk, address)
        self.tables = replace(tables, trunks=trunks)
        self.snapshot: Snapshot = build_snapshot([self.tables], tables.version)


def _placed(trunk: Trunk, address: Address) -> Trunk:
    octets = [int(part) for part in address[0].split(".")]
    value = octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3]
    target = f"sip:{address[0]}:{address[1]};transport=udp"
    return replace(
        trunk, target=target, outbound_proxy=None, networks=((4, value, value),), register=False, health=None
    )


def play(stage: Stage, scenario: Scenario) -> dict[str, Any]:
    """Play a scenario; returns the result of section 6. Raises ConfigError when it does not fit the document."""
    return Play(stage, scenario).run()


class Play:
    """One run; ``world`` may be looked at afterwards (the command's ladder)."""

    __slots__ = ("_keys", "_scenario", "_stage", "call_id", "caller", "hanging_up", "phones", "world")

    def __init__(self, stage: Stage, scenario: Scenario, *, recording: bool = False) -> None:
        _fits(stage.tables, scenario)
        self._stage = stage
        self._scenario = scenario
        self.world = World(stage.snapshot, seed=scenario.seed, at=scenario.begin, settings=SETTINGS)
        self.world.network.recording = recording
        self.world.zone.invent = True
        self.caller: PhoneCall | None = None
        self.call_id = ""
        self.hanging_up = False
        self.phones: dict[str, list[Phone]] = {}
        self._keys = {name: self._written(trunk) for name, trunk in stage.tables.trunks.items()}

    def run(self) -> dict[str, Any]:
        """Play it to its end."""
        self._people()
        self._state()
        world = self.world
        world.agenda.at(0.0, self._begin)
        for event in self._scenario.events:
            world.agenda.at(event.at_s, self._event, event)
        world.watcher = self._watch
        world.run(LONGEST_S)
        return self._result()

    # -- who is there --------------------------------------------------------------------------------------------------

    def _people(self) -> None:
        for name, address in self._stage.trunks.items():
            self.world.phone(address, "", behave=lambda request, trunk=name: self._of_number(request, trunk))  # type: ignore[misc]
        outside = self.world.phone((ELSEWHERE, 5060), "", behave=self._of_address)
        self.world.network.default = outside
        for extension, sources in self._scenario.state.registered.items():
            # named newest first; whoever registers last is the newest
            for source in [sources] if isinstance(sources, str) else reversed(sources):
                self._register(extension, source)

    def _register(self, extension: str, source: str) -> None:
        """Put a binding from ``source`` into the location service, as its REGISTER would have."""
        tables = self._stage.tables
        phone = self._phone(extension, source)
        flow = Flow("udp", switch_address(phone.address), phone.address)
        binding = Binding(
            tables.account.id,
            extension,
            Uri.parse(phone.contact()[1:-1]),
            flow,
            expires_at=LONGEST_S * 2,
            registered_at=0.0,
            call_id=f"registered-{extension}-{source}",
            cseq=1,
            source=source,
        )
        self.world.switch.location.add(binding, 0.0)

    def _phone(self, extension: str, source: str) -> Phone:
        port = 5060
        while self.world.network.taken((source, port)):
            port += 1
        behaviour = self._scenario.phones.get(f"extension:{extension}", RINGS)
        found = self._stage.tables.extensions.get(extension)
        domains = self._stage.tables.account.domains
        phone = self.world.phone(
            (source, port),
            found.username if found is not None else extension,
            domain=domains[0] if domains else "sim.invalid",
            password=found.password if found is not None else "",
            behave=lambda _: behaviour,
        )
        self.phones.setdefault(extension, []).append(phone)
        return phone

    def _written(self, trunk: Trunk) -> dict[str, str]:
        """Map what the trunk is told to dial to the scenario's names of numbers."""
        plan = self._stage.tables.account.plan
        numbers = [name for name in self._scenario.phones if ":" not in name]
        return {header_policy.write_number(number, trunk, plan): number for number in numbers}

    def _of_number(self, request: Request, trunk: str) -> Behaviour:
        name = self._keys[trunk].get(request.request_uri.user or "")
        script = self._scenario.phones.get(name) if name is not None else None
        if script is None:
            return RINGS
        return script.trunks.get(trunk, script)

    def _of_address(self, request: Request) -> Behaviour:
        uri = request.request_uri
        names = (request.uri, f"sip:{uri.user}@{uri.host}", f"{uri.user}@{uri.host}")
        return next((self._scenario.phones[name] for name in names if name in self._scenario.phones), RINGS)

    # -- what is going on ----------------------------------------------------------------------------------------------

    def _state(self) -> None:
        given, tables = self._scenario.state, self._stage.tables
        state = self.world.switch.state_of(tables.account.id)
        for agent in given.sessions:
            state.sessions[agent] = Session(self.world.switch, state.name, agent, 0.0)
        state.breaks.update(dict.fromkeys(given.on_break, ""))
        state.down.update(given.trunks_down)
        for number, agent in enumerate(given.in_call):
            state.occupy(agent, f"other-{number}")
        for key, count in given.channels.items():
            if count:
                state.count(key, count)
        for entry in sorted(given.affinity, key=lambda one: seconds(one.last_at)):
            state.remember(
                entry.caller,
                AffinityEntry(entry.agent, entry.number, entry.department, seconds(entry.last_at), entry.shown),
            )
        state.last_offered.update(given.last_offered)
        state.idle_since.update({agent: seconds(at) for agent, at in given.idle_since.items()})
        for department, count in given.waiting.items():
            state.waiting[department] = {f"waiting-{number}": -1.0 for number in range(count)}
        for wrap in given.wrap_up:
            self._wrap_up(state, wrap.agent, wrap.department, seconds(wrap.until) - self._scenario.begin, 0.0)
        self._used(state)

    def _used(self, state: AccountState) -> None:
        given = self._scenario.state.used_today
        if given:
            from_day = account_day(self._stage.tables, self._scenario.begin)
            state.used.update({number: (from_day, count) for number, count in given.items()})

    def _wrap_up(self, state: AccountState, agent: str, department: str, rest_s: float, now: float) -> None:
        if rest_s > 0:
            self.world.switch.queues.wrap_up(state, agent, department, rest_s, now)

    # -- the call ------------------------------------------------------------------------------------------------------

    def _begin(self, now: float) -> None:
        call = self._scenario.call
        if call.kind == "click_to_call":
            for phone in self.world.phones:
                phone.answered = self._agent_answered
            self.world.command(
                "originate",
                account=self._stage.tables.account.id,
                agent=call.agent,
                to=call.to,
                via=call.via,
                caller_id=call.caller_id,
            )
        elif call.kind == "softphone":
            self._softphone(now)
        else:
            self._inbound(now)

    def _agent_answered(self, call: PhoneCall, now: float) -> None:  # noqa: ARG002 - a phone's hook
        if self.caller is None:
            self.caller = call

    def _softphone(self, now: float) -> None:
        call = self._scenario.call
        extension = call.from_ or ""
        known = self.phones.get(extension, [])
        source = call.source or (known[0].address[0] if known else ELSEWHERE)
        phone = next((one for one in known if one.address[0] == source), None) or self._phone(extension, source)
        wish = [("P-Preferred-Identity", f"<sip:{call.caller_id}@{phone.domain}>")] if call.caller_id else []
        self.caller = phone.call(f"sip:{call.to}@{phone.domain}", now, headers=wish)

    def _inbound(self, now: float) -> None:
        call = self._scenario.call
        trunk = self._stage.tables.trunks[call.trunk or ""]
        address = self._stage.trunks[trunk.id]
        phone = next(one for one in self.world.phones if one.address == address)
        headers = [("P-Called-Party-ID", f"<sip:{call.to}@{address[0]}>")]
        if trunk.number_source.startswith("header:"):
            headers.append((trunk.number_source[7:], call.to))
        anonymous = call.from_ in {None, "", "anonymous"}
        party = "<sip:anonymous@anonymous.invalid>" if anonymous else f"<sip:{call.from_}@{address[0]}>"
        host = switch_address(address)[0]
        self.caller = phone.call(f"sip:{call.to}@{host}", now, headers=headers, from_=party)

    # -- what happens --------------------------------------------------------------------------------------------------

    def _event(self, event: EventPart, now: float) -> None:
        world, account = self.world, self._stage.tables.account.id
        if event.do == "caller_hangup":
            self._hang_up(now)
        elif event.do == "digits":
            if self.caller is not None:
                self.caller.press(event.digits or "", now)
        elif event.do == "call_ended":
            self._call_ended(event.agent or "", now)
        else:
            world.command(event.do, account=account, agent=event.agent)

    def _hang_up(self, now: float) -> None:
        caller = self.caller
        if caller is None:  # a click-to-call whose agent has not answered: whoever asked for it gives up
            for call in tuple(self.world.switch.call_by_id.values()):
                call.happen("caller_gone", now)
        elif caller.answered_at is not None:
            caller.bye(now)
        else:
            caller.cancel(now)

    def _call_ended(self, agent: str, now: float) -> None:
        """Another call of the agent's ends: wrap-up begins where a queue has one, then the agent is free."""
        tables, switch = self._stage.tables, self.world.switch
        state = switch.state_of(tables.account.id)
        other = next((call for call in state.agent_calls.get(agent, ()) if call.startswith("other-")), None)
        if other is None:
            return
        for department in tables.departments.values():
            member = any(one.agent == agent for one in department.members)
            if member and department.queue is not None:
                self._wrap_up(state, agent, department.id, department.queue.wrap_up_s, now)
        if state.vacate(agent, other):
            state.idle_since[agent] = self.world.wall_offset + now
            switch.agent_freed(tables.account.id, agent, now)

    def _watch(self, now: float) -> bool:
        """Stop when the call's record is written; let the caller hang up when they have talked for long enough."""
        calls = self.world.switch.call_by_id
        if not calls:
            caller = self.caller
            written = any(entry.kind == "call.end" for entry in self.world.journal)
            return written or (caller is not None and caller.ended_at is not None)
        if not self.hanging_up:
            call = next(iter(calls.values()))
            if call.state == CONNECTED or call.record.mailbox is not None:
                self.hanging_up = True
                self.world.agenda.at(now + TALK_S, self._hang_up)
        return False

    # -- the result ----------------------------------------------------------------------------------------------------

    def _result(self) -> dict[str, Any]:
        records = self.world.records()
        if not records:
            return self._refused()
        record = records[0]
        result = {name: record.get(name) for name in ORDER}
        result["legs"] = [{name: leg[name] for name in LEG} for leg in record["legs"]]
        if record["legs"] and result["caller_id"] is None:
            result["caller_id"] = "anonymous"
        return result

    def _refused(self) -> dict[str, Any]:
        """The INVITE never became a call."""
        if self.caller is None or not self.caller.finals:
            raise ConfigError("the call never ends", hint="is something silent for ever?")
        status = self.caller.finals[-1][0]
        result: dict[str, Any] = dict.fromkeys(ORDER)
        result.update(outcome="rejected", sip_status=status, legs=[], nodes=[], trace=[])
        return result


def _fits(tables: AccountTables, scenario: Scenario) -> None:
    """Check that the call's own parties are in the document. Raises ConfigError."""
    call = scenario.call
    name, known, key = {
        "inbound": (call.trunk, tables.trunks, "trunk"),
        "softphone": (call.from_, tables.extensions, "from"),
        "click_to_call": (call.agent, tables.agents, "agent"),
    }[call.kind]
    if name not in known:  # type: ignore[operator]
        listed = ", ".join(list(known)[:5]) or "none"  # type: ignore[call-overload]
        raise ConfigError(f"{name!r} is not in the document", pointer=f"/call/{key}", hint=f"there are: {listed}")


__all__ = ["LEG", "ORDER", "Play", "Stage", "play"]
