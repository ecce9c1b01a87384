"""``routerd demo``: the daemon with a phone and a trunk of its own, and one real call between them.

The daemon is started as by ``routerd run``, with its store and its sockets in a folder that is removed afterwards: a
demo knows no past. Then a scripted phone registers, a scripted trunk calls a number that leads straight to that
phone's agent at any hour, both talk for a second, the caller hangs up; what went over the sockets, the decision and
the record make the story. The phone and the trunk stay, and answer, until the demo ends.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urlencode

import msgspec

from routerd.app.composition import engine_answers, make_setup
from routerd.app.loopback import Loopback, LoopbackPhone
from routerd.app.setup import write_setup
from routerd.app.start import judge, refuse
from routerd.app.supervisor import Supervisor
from routerd.config.settings import parse_listener
from routerd.edge import logs
from routerd.errors import ConfigError, ParseError
from routerd.rules import addresses
from routerd.simulation.phone import Behaviour
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from routerd.config.settings import Settings
    from routerd.rules.tables import AccountTables, Agent, Extension, Trunk
    from routerd.simulation.network import Packet
    from routerd.simulation.phone_call import PhoneCall
    from routerd.sip.flow import Address

LOOPBACK = "127.0.0.1"
CALLER = "+919812345678"
ANSWERS = Behaviour(ring_after_s=0.2, answer_after_s=1.0)
STEP_S = 8.0
TALK_S = 1.0
EXPIRES_S = 3600
DONE, SAID_NO = 0, 1


class Cast(NamedTuple):
    """Who takes part: a number that leads to an agent at any hour, the agent's phone, and the trunk that calls."""

    tables: AccountTables
    number: str
    agent: Agent
    extension: Extension
    trunk: Trunk


class Story(NamedTuple):
    """What came of it; ``failure`` says in a sentence what did not work, "" when all did."""

    cast: Cast
    phone: Address
    trunk: Address
    server: Address
    packets: list[Packet]
    record: dict[str, Any] | None
    audio: dict[str, int]
    failure: str


def choose(accounts: Iterable[AccountTables]) -> Cast:
    """Find the cast in the documents; raises ConfigError when no call could be played at any hour."""
    for tables in accounts:
        trunk = next((one for one in tables.trunks.values() if addresses.contains(one.networks, LOOPBACK)), None)
        for number in tables.numbers.values():
            target = number.destination
            agent = tables.agents.get(target.id or "") if target is not None and target.type == "agent" else None
            extension = tables.extensions.get(agent.extension or "") if agent is not None else None
            if trunk is None or not number.active or agent is None or extension is None or not _always(agent):
                continue
            if extension.addresses is None or addresses.contains(
                tables.address_lists[extension.addresses].networks, LOOPBACK
            ):
                return Cast(tables, number.number, agent, extension, trunk)
    raise ConfigError(
        "no document has a number that leads straight to an agent with an extension at any hour, and a trunk at "
        f"{LOOPBACK}",
        pointer="/document/files",
        hint="conf/demo.yaml has",
    )


def _always(agent: Agent) -> bool:
    """Whether nothing but another call keeps the agent from being rung."""
    free = agent.status == "enabled" and agent.calling_agent and not agent.do_not_disturb
    return free and agent.time_group is None and not agent.login_based_calling


def server_of(settings: Settings) -> Address:
    """Give where the scripted phones reach the daemon: its first UDP listener; raises ConfigError."""
    for text in settings.sip.listen:
        listener = parse_listener(text)
        if listener.transport == "udp" and (addresses.parse(listener.host) or (6,))[0] == 4:
            return (LOOPBACK if listener.host == "0.0.0.0" else listener.host, listener.port)  # noqa: S104 - compared
    raise ConfigError("the demo's phones speak UDP over IPv4", pointer="/sip/listen", hint='"udp:127.0.0.1:5060"')


def run(
    settings: Settings,
    on_ready: Callable[[Settings, list[AccountTables]], None],
    on_played: Callable[[Story], None],
    *,
    once: bool,
) -> int:
    """Play the demo; the exit status: 0 the call went well, 1 it did not, 2 nothing was started.

    ``on_ready`` is called when the daemon is up, ``on_played`` after the call; then the demo stays until Ctrl-C, or,
    with ``once`` or when the call failed, ends.
    """
    with tempfile.TemporaryDirectory(prefix="routerd-demo-") as folder:
        own = msgspec.structs.replace(
            settings,
            store=msgspec.structs.replace(settings.store, url=f"sqlite:{folder}/demo.db"),
            run=msgspec.structs.replace(settings.run, directory=f"{folder}/run"),
            media=msgspec.structs.replace(
                settings.media, recordings_dir=f"{folder}/recordings", voicemail_dir=f"{folder}/voicemail"
            ),
            log=msgspec.structs.replace(settings.log, level="error"),
        )
        setup = make_setup(own)
        own_media = setup.media is not None and not engine_answers(setup.media.listen)
        accounts, errors = judge(setup, own_media=own_media)
        try:
            if not errors:
                cast, server = choose(accounts), server_of(settings)
        except ConfigError as error:
            errors = [error]
        if errors:
            return refuse(errors)
        write_setup(setup, Path(own.run.directory))
        logs.configure("supervisor", json=setup.log_json, level=setup.log_level)
        demo = Demo(own, cast, server, on_played, once=once)
        return asyncio.run(demo.run(own_media, lambda: on_ready(settings, accounts)))


class Demo:
    """One demo: ``await run(own_media, on_ready)`` gives its exit status."""

    def __init__(
        self, settings: Settings, cast: Cast, server: Address, on_played: Callable[[Story], None], *, once: bool
    ) -> None:
        self._settings = settings
        self._cast = cast
        self._server = server
        self._on_played = on_played
        self._once = once
        self._status = SAID_NO

    async def run(self, own_media: bool, on_ready: Callable[[], None]) -> int:
        """Run the daemon, and the call in it."""
        loop = asyncio.get_running_loop()
        up = asyncio.Event()
        run = self._settings.run
        supervisor = Supervisor(Path(run.directory), media=own_media, on_ready=up.set, drain_s=run.drain_s)
        daemon = loop.create_task(supervisor.run())
        came_up = loop.create_task(up.wait())
        await asyncio.wait([daemon, came_up], return_when=asyncio.FIRST_COMPLETED)
        if up.is_set():
            on_ready()
            playing = loop.create_task(self._perform(daemon))
            await asyncio.wait([daemon, playing], return_when=asyncio.FIRST_COMPLETED)
            if not playing.done():
                playing.cancel()
            await asyncio.wait([playing])
            if not playing.cancelled():
                playing.result()
        came_up.cancel()
        supervisor.stop()
        return max(self._status, await daemon)

    async def _perform(self, daemon: asyncio.Task[int]) -> None:
        async with Loopback(self._server) as world:
            story = await self._play(world)
            self._on_played(story)
            if story.failure:
                return
            self._status = DONE
            world.network.recording = False
            while not self._once and not daemon.done():
                await asyncio.wait([daemon], timeout=EXPIRES_S / 2)
                world.phones[0].register(EXPIRES_S, world.now)

    async def _play(self, world: Loopback) -> Story:
        cast = self._cast
        account = cast.tables.account
        domain = account.domains[0] if account.domains else self._settings.sip.realm
        phone = await world.phone(
            (LOOPBACK, 0), cast.extension.username, domain=domain, password=cast.extension.password, behave=_answers
        )
        trunk = await _trunk(world, cast.trunk)
        phone.register(EXPIRES_S, world.now)
        failure = ""
        record = None
        if not await world.until(lambda: phone.registered_until > 0, STEP_S):
            failure = f"the phone could not register: {_last(phone)}"
        else:
            failure = await self._call(world, trunk, phone)
            record = await self._record()
            if not failure and record is None:
                failure = "the call has left no record"
        audio = {"phone_heard": _heard(phone), "trunk_heard": _heard(trunk)}
        return Story(
            cast, phone.address, trunk.address, self._server, list(world.network.transcript), record, audio, failure
        )

    async def _call(self, world: Loopback, trunk: LoopbackPhone, phone: LoopbackPhone) -> str:
        """Call, talk, hang up; returns what went wrong."""
        place = f"{self._server[0]}:{self._server[1]}"
        call = trunk.call(
            f"sip:{self._cast.number}@{place}",
            world.now,
            headers=(("P-Called-Party-ID", f"<sip:{self._cast.number}@{place}>"),),
            from_=f"<sip:{CALLER}@{LOOPBACK}>",
        )
        if not await world.until(lambda: (call.answered_at or call.ended_at) is not None, STEP_S):
            return "nobody answered the call"
        if call.ended_at is not None:
            return f"the call was refused with {call.finals[-1][0] if call.finals else 'silence'}"
        await asyncio.sleep(TALK_S)
        call.bye(world.now)
        mirror = _mirror(phone)
        if mirror is None or not await world.until(lambda: mirror.ended_at is not None and bool(call.events), STEP_S):
            return "the phone was not hung up"
        if not _heard(phone) or not _heard(trunk):
            return "no audio came through"
        return ""

    async def _record(self) -> dict[str, Any] | None:
        """Ask the daemon for the record, as any program would: it is written a moment after the call."""
        for _ in range(round(STEP_S / 0.1)):
            found = await asyncio.to_thread(self._fetch, "?" + urlencode({"number": CALLER}))
            if found and found["records"]:
                whole = f"/{quote(str(found['records'][0]['id']))}"  # a list leaves the decision out
                return await asyncio.to_thread(self._fetch, whole)
            await asyncio.sleep(0.1)
        return None

    def _fetch(self, which: str) -> dict[str, Any] | None:
        admin = self._settings.admin
        token = Path(admin.token_file).read_text(encoding="ascii").strip()
        path = f"/v1/accounts/{quote(self._cast.tables.account.id)}/records{which}"
        request = urllib.request.Request(f"http://{admin.listen}{path}", headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, timeout=STEP_S) as answer:  # noqa: S310 - the same
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError, urllib.error.HTTPError):
            return None


async def _trunk(world: Loopback, trunk: Trunk) -> LoopbackPhone:
    """Make the trunk's far end at its target, so that it takes calls too; at any port when that is taken."""
    places = [_target(trunk), (LOOPBACK, 0)]
    for place in places:
        try:
            return await world.phone(place, "", domain=LOOPBACK, behave=_answers)
        except OSError:
            if place == places[-1]:
                raise
    raise AssertionError


def _target(trunk: Trunk) -> Address:
    try:
        uri = Uri.parse(trunk.target)
    except ParseError:
        return (LOOPBACK, 0)
    return (LOOPBACK, uri.port or 0) if uri.host == LOOPBACK else (LOOPBACK, 0)


def _answers(_request: object) -> Behaviour:
    return ANSWERS


def _last(phone: LoopbackPhone) -> str:
    return f"the last answer was {phone.responses[-1][1]}" if phone.responses else "no answer"


def _mirror(phone: LoopbackPhone) -> PhoneCall | None:
    return phone.calls[-1] if phone.calls else None


def _heard(phone: LoopbackPhone) -> int:
    return sum(voice.heard for voice in phone.voices)
