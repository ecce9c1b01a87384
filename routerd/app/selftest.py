"""``routerd selftest``: a real call over loopback through the daemon that is running.

Two scripted phones register as two of the company's extensions, one dials the other, both talk for a second, and both
leave again. Only extensions are taken at which nobody is registered: no real phone rings. The call leaves a record
like any other.
"""

from __future__ import annotations

import asyncio
import json
import urllib.error
import urllib.request
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from routerd.app.composition import make_setup
from routerd.app.demo import ANSWERS, LOOPBACK, server_of
from routerd.app.documents import DocumentReader, read_files
from routerd.app.loopback import Loopback, LoopbackPhone
from routerd.config.problems import DocumentErrors
from routerd.errors import ConfigError
from routerd.rules import addresses

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routerd.config.settings import Settings
    from routerd.rules.tables import AccountTables, Extension
    from routerd.sip.flow import Address

STEP_S = 8.0
TALK_S = 1.0
EXPIRES_S = 60


class Pair(NamedTuple):
    """Who calls whom, and in which domain."""

    tables: AccountTables
    domain: str
    caller: Extension
    callee: Extension


class Result(NamedTuple):
    """What came of it; times in seconds, packets as each side heard them; ``failure`` "" when all went well."""

    caller: str
    callee: str
    failure: str = ""
    setup_s: float | None = None
    caller_heard: int = 0
    callee_heard: int = 0


def pair_of(accounts: Iterable[AccountTables], registered: dict[str, set[str]], realm: str) -> Pair:
    """Choose two free extensions, the callee one that rings; raises ConfigError when there are none.

    ``registered`` names, for each account, the extensions that somebody is registered at.
    """
    for tables in accounts:
        taken = registered.get(tables.account.id, set())
        free = [one for one in tables.extensions.values() if one.id not in taken and _from_here(tables, one)]
        callee = next((one for one in free if _rings(tables, one)), None)
        caller = next((one for one in free if one is not callee and _may_call(tables, one)), None)
        if caller is not None and callee is not None:
            domain = tables.account.domains[0] if tables.account.domains else realm
            return Pair(tables, domain, caller, callee)
    raise ConfigError(
        "no two extensions are free: the test rings no phone of yours",
        hint="it needs two at which nobody is registered, and that may be used from loopback",
    )


def _from_here(tables: AccountTables, extension: Extension) -> bool:
    if extension.addresses is None:
        return True
    return addresses.contains(tables.address_lists[extension.addresses].networks, LOOPBACK)


def _rings(tables: AccountTables, extension: Extension) -> bool:
    agent = tables.agents.get(extension.agent or "")
    if agent is None:
        return True
    return agent.status == "enabled" and not agent.do_not_disturb  # inside the company there are no office hours


def _may_call(tables: AccountTables, extension: Extension) -> bool:
    agent = tables.agents.get(extension.agent or "")
    return agent is None or (agent.status == "enabled" and not agent.login_based_calling)


def run(settings: Settings) -> Result:
    """Place the call; raises ConfigError when there is nothing to place it with, ``OSError`` without a daemon."""
    control = make_setup(settings).control
    good, errors = read_files(DocumentReader(control.secrets_dir, control.sounds_dir), control.documents)
    if errors:
        raise DocumentErrors(errors)
    accounts = [tables for _, _, tables in good]
    registered = {tables.account.id: _registered(settings, tables.account.id) for tables in accounts}
    return asyncio.run(_call(server_of(settings), pair_of(accounts, registered, settings.sip.realm)))


def _registered(settings: Settings, account: str) -> set[str]:
    token = Path(settings.admin.token_file).read_text(encoding="ascii").strip()
    request = urllib.request.Request(
        f"http://{settings.admin.listen}/v1/accounts/{quote(account)}/registrations",
        headers={"Authorization": f"Bearer {token}"},
    )
    with urllib.request.urlopen(request, timeout=STEP_S) as answer:  # noqa: S310 - http, and the daemon's own address
        return {str(row["extension"]) for row in json.load(answer)["registrations"]}


async def _call(server: Address, pair: Pair) -> Result:
    async with Loopback(server) as world:
        caller, callee = [
            await world.phone(
                (LOOPBACK, 0), one.username, domain=pair.domain, password=one.password, behave=lambda _: ANSWERS
            )
            for one in (pair.caller, pair.callee)
        ]
        result = Result(pair.caller.id, pair.callee.id)
        for phone in (caller, callee):
            phone.register(EXPIRES_S, world.now)
            if not await world.until(partial(_is_registered, phone), STEP_S):
                last = phone.responses[-1][1] if phone.responses else "silence"
                return result._replace(failure=f"{phone.user} cannot register: {last}")
        result = await _talk(world, caller, callee, pair, result)
        for phone in (caller, callee):
            left = len(phone.responses)
            phone.register(0, world.now)
            await world.until(partial(_answered_more, phone, left + 1), TALK_S)
        return result


def _is_registered(phone: LoopbackPhone) -> bool:
    return phone.registered_until > 0


def _answered_more(phone: LoopbackPhone, count: int) -> bool:
    return len(phone.responses) > count


async def _talk(world: Loopback, caller: LoopbackPhone, callee: LoopbackPhone, pair: Pair, result: Result) -> Result:
    began = world.now
    call = caller.call(f"sip:{pair.callee.id}@{pair.domain}", world.now)
    if not await world.until(lambda: bool(callee.calls) or call.ended_at is not None, STEP_S) or not callee.calls:
        return result._replace(
            failure=f"{callee.user} does not ring: {call.finals[-1][0] if call.finals else 'silence'}"
        )
    result = result._replace(setup_s=round(callee.calls[0].began_at - began, 4))
    if not await world.until(lambda: call.answered_at is not None, STEP_S):
        return result._replace(failure="the answer does not come back")
    await asyncio.sleep(TALK_S)
    call.bye(world.now)
    over = await world.until(lambda: callee.calls[0].ended_at is not None, STEP_S)
    heard = caller.voices[0].heard, callee.voices[0].heard
    failure = "" if over else "the other side is not hung up"
    return result._replace(
        caller_heard=heard[0], callee_heard=heard[1], failure=failure or ("" if all(heard) else "no audio came through")
    )
