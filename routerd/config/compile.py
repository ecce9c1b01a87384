"""Validated document → the frozen tables that rules/ decides by.

:func:`compile_account` expects a document from :func:`routerd.config.load.load`: references hold, secrets are clear.
Everything that a call would have to compute is computed here: zones as transitions, networks as integers, defaults
that hang on other keys. Next: :func:`routerd.config.snapshot.build_snapshot`, or frames for another process.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Any

from routerd.config.fields import MONTHS, WEEKDAYS
from routerd.config.numbering import UnknownCountryError
from routerd.config.zones import compile_zone, fixed_zone
from routerd.errors import ConfigError
from routerd.rules import tables as t

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from routerd.config import document as d
    from routerd.config.numbering import Numbering


def compile_account(
    document: d.Document,
    *,
    version: int,
    zone_data: Callable[[str], bytes],
    sound_durations: Mapping[str, float],
    numbering: Numbering,
    sound_paths: Mapping[str, str] | None = None,
) -> t.AccountTables:
    """Compile one account.

    ``version`` is the document's; ``zone_data`` gives a time zone's TZif bytes by its name (raising LookupError or
    OSError); ``sound_durations`` holds measured seconds by file name or sound id, ``sound_paths`` the playable files
    by sound id. Raises ConfigError: an unknown zone or country, a secret that is still a reference.
    """
    account = _account(document.account, numbering)
    routes = _routes(document.outbound_routes, account.emergency_numbers)
    exact, prefixes = _blocked(document.blocked_callers)
    departments = _departments_of(document.departments)
    owner = {agent.extension: agent.id for agent in document.agents if agent.extension}
    return t.AccountTables(
        version=version,
        account=account,
        zones=_zones(document, zone_data),
        trunks={trunk.id: _trunk(trunk, i) for i, trunk in enumerate(document.trunks)},
        routes=routes,
        route_lengths=tuple(sorted({len(prefix) for prefix in routes}, reverse=True)),
        destination_policy=_policy(document.destination_policy),
        numbers={number.number: _number(number) for number in document.numbers},
        blocked=exact,
        blocked_prefixes=prefixes,
        time_groups={group.id: _time_group(group, document.account.timezone) for group in document.time_groups},
        time_conditions={item.id: _time_condition(item) for item in document.time_conditions},
        routers={router.id: _router(router) for router in document.routers},
        agents={agent.id: _agent(agent, departments.get(agent.id, ())) for agent in document.agents},
        extensions={item.id: _extension(item, i, owner) for i, item in enumerate(document.extensions)},
        address_lists={
            item.id: t.AddressList(id=item.id, networks=networks(item.addresses)) for item in document.address_lists
        },
        area_codes={item.id: _area_codes(item) for item in document.area_code_caller_ids},
        ivrs={ivr.id: _ivr(ivr) for ivr in document.ivrs},
        departments={department.id: _department(department) for department in document.departments},
        voicemails={box.id: _voicemail(box, i) for i, box in enumerate(document.voicemails)},
        sounds={sound.id: _sound(sound, sound_durations, sound_paths or {}) for sound in document.sounds},
        extension_by_username={item.username: item.id for item in document.extensions},
        agent_by_extension=owner,
        agent_by_intercom={agent.intercom: agent.id for agent in document.agents if agent.intercom},
        boxes_by_agent=_boxes_by_agent(document.voicemails),
        first_number=_first_number(document.numbers),
        department_numbers=_department_numbers(document.numbers),
        login_based_agents=sum(agent.login_based_calling for agent in document.agents),
        boxes_with_pin=sum(box.pin is not None for box in document.voicemails),
    )


def _boxes_by_agent(boxes: Iterable[d.Voicemail]) -> dict[str, tuple[str, ...]]:
    owned: dict[str, tuple[str, ...]] = {}
    for box in boxes:
        if box.agent is not None:
            owned[box.agent] = (*owned.get(box.agent, ()), box.id)
    return owned


def _fields(part: d.Part, *leave_out: str) -> dict[str, Any]:
    """Give the fields that pass into a table as they are."""
    return {name: getattr(part, name) for name in part.__struct_fields__ if name not in leave_out}


def prefix(text: str) -> str:
    """Write a prefix as E.164 numbers begin: with +; the empty one stays empty."""
    return text if not text or text[0] == "+" else "+" + text


def networks(texts: Iterable[str]) -> tuple[tuple[int, int, int], ...]:
    """Parse networks into (version, first, last) integers. Raises ConfigError."""
    result = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text)
        except ValueError as error:
            raise ConfigError(f'"{text}" is not a network') from error
        result.append((network.version, int(network.network_address), int(network.broadcast_address)))
    return tuple(result)


def _destination(destination: d.Destination) -> t.Destination:
    return t.Destination(type=destination.type, id=destination.id, number=destination.number)


def _maybe(destination: d.Destination | None) -> t.Destination | None:
    return None if destination is None else _destination(destination)


def _clear(secret: d.Secret, pointer: str) -> str:
    if isinstance(secret, str):
        return secret
    raise ConfigError("the secret is not resolved", pointer=pointer, hint="load(…, secrets=…) or resolve_secrets first")


def _account(account: d.Account, numbering: Numbering) -> t.Account:
    try:
        plan = numbering.plan(account.country)
    except UnknownCountryError as error:
        raise ConfigError(f'no country "{account.country}" is known', pointer="/account/country") from error
    emergency = account.emergency_numbers
    codes = _fields(account.feature_codes)
    return t.Account(
        id=account.id,
        name=account.name,
        domains=tuple(domain.lower() for domain in account.domains),
        zone=account.timezone,
        pilot_number=account.pilot_number,
        international_enabled=account.international_enabled,
        emergency_numbers=frozenset(numbering.emergency_numbers(account.country) if emergency is None else emergency),
        max_channels=account.max_channels,
        max_call_s=account.max_call_s,
        ivr_agent_unavailable=account.ivr_agent_unavailable,
        feature_codes={name: code for name, code in codes.items() if code is not None},
        plan=plan,
        music_on_hold=account.music_on_hold,
        ringback=account.ringback,
        recording=t.Recording(**_fields(account.recording)),
        mail=_mail(account.mail),
    )


def _mail(mail: d.Mail | None) -> t.Mail | None:
    if mail is None:
        return None
    password = None if mail.password is None else _clear(mail.password, "/account/mail/password")
    return t.Mail(**_fields(mail, "password"), password=password)


def _zones(document: d.Document, zone_data: Callable[[str], bytes]) -> dict[str, t.Zone]:
    wanted = {document.account.timezone: "/account/timezone"}
    for place, group in enumerate(document.time_groups):
        if group.timezone is not None:
            wanted.setdefault(group.timezone, f"/time_groups/{place}/timezone")
    return {name: _zone(name, pointer, zone_data) for name, pointer in wanted.items()}


def _zone(name: str, pointer: str, zone_data: Callable[[str], bytes]) -> t.Zone:
    if name == "UTC":
        return fixed_zone(name)
    try:
        return compile_zone(name, zone_data(name))
    except (LookupError, OSError) as error:
        raise ConfigError(f'no time zone "{name}" is known', pointer=pointer, hint="an IANA name") from error


def _trunk(trunk: d.Trunk, place: int) -> t.Trunk:
    auth = (
        None
        if trunk.auth is None
        else t.TrunkAuth(
            username=trunk.auth.username,
            password=_clear(trunk.auth.password, f"/trunks/{place}/auth/password"),
            realm=trunk.auth.realm,
        )
    )
    health = None if trunk.health is None else t.TrunkHealth(**_fields(trunk.health))
    return t.Trunk(
        **_fields(trunk, "auth", "health", "addresses"), auth=auth, health=health, networks=networks(trunk.addresses)
    )


def _routes(routes: Iterable[d.OutboundRoute], emergency: frozenset[str]) -> dict[str, tuple[str, ...]]:
    result: dict[str, tuple[str, ...]] = {}
    for route in routes:  # a second route of one prefix is a finding of the analysis: the first holds
        key = route.prefix if route.prefix in emergency else prefix(route.prefix)
        result.setdefault(key, route.trunks)
    return result


def _policy(policy: d.DestinationPolicy | None) -> t.DestinationPolicy | None:
    if policy is None:
        return None
    return t.DestinationPolicy(allow=tuple(map(prefix, policy.allow)), deny=tuple(map(prefix, policy.deny)))


def _number(number: d.Number) -> t.Number:
    return t.Number(
        number=number.number,
        label=number.label,
        active=number.status == "active",
        destination=_maybe(number.destination),
        affinity=_affinity(number.affinity),
        max_channels=number.max_channels,
        department=number.department,
        whisper=number.whisper,
    )


def _first_number(numbers: Sequence[d.Number]) -> str | None:
    first = next(iter(numbers), None)
    found = next((number for number in numbers if number.status == "active"), first)
    return None if found is None else found.number


def _department_numbers(numbers: Iterable[d.Number]) -> dict[str, tuple[int, str]]:
    """Give each department's first active number, and where in the document it stands."""
    found: dict[str, tuple[int, str]] = {}
    for place, number in enumerate(numbers):
        if number.department is not None and number.status == "active":
            found.setdefault(number.department, (place, number.number))
    return found


def _affinity(affinity: d.Affinity | None) -> t.Affinity | None:
    return None if affinity is None else t.Affinity(hours=affinity.hours, strict=affinity.strict)


def _blocked(callers: Iterable[d.BlockedCaller]) -> tuple[dict[str, t.BlockedCaller], dict[str, t.BlockedCaller]]:
    exact: dict[str, t.BlockedCaller] = {}
    prefixes: dict[str, t.BlockedCaller] = {}
    for caller in callers:
        target = prefixes if caller.number.endswith("*") else exact
        key = caller.number.removesuffix("*")
        key = "" if key == "+" else key
        numbers = None if caller.numbers is None else frozenset(caller.numbers)
        before = target.get(key)
        if before is not None:  # blocked twice: on all the numbers of both
            numbers = None if numbers is None or before.numbers is None else numbers | before.numbers
        target[key] = t.BlockedCaller(numbers=numbers)
    return exact, prefixes


def clock_minute(clock: str) -> int:
    """Give the minute of the day of ``HH:MM``."""
    return int(clock[:2]) * 60 + int(clock[3:])


def _windows(windows: tuple[d.Window, ...] | None) -> tuple[t.Window, ...] | None:
    if windows is None:
        return None
    return tuple(t.Window(start_minute=clock_minute(item.from_), end_minute=clock_minute(item.to)) for item in windows)


def _time_group(group: d.TimeGroup, zone: str) -> t.TimeGroup:
    exceptions = {}
    for exception in group.exceptions:
        ordinal = dt.date.fromisoformat(exception.date).toordinal()
        exceptions[ordinal] = t.TimeException(ordinal=ordinal, open=exception.open, windows=_windows(exception.windows))
    return t.TimeGroup(
        id=group.id,
        zone=group.timezone or zone,
        calendar_day=group.semantics == "calendar_day",
        rules=tuple(_time_rule(rule) for rule in group.rules),
        exceptions=exceptions,
    )


def _time_rule(rule: d.TimeRule) -> t.TimeRule:
    return t.TimeRule(
        windows=_windows(rule.windows),
        days=None if rule.days is None else frozenset(WEEKDAYS.index(day) for day in rule.days),
        dates=None if rule.dates is None else frozenset(rule.dates),
        months=None if rule.months is None else frozenset(MONTHS.index(month) + 1 for month in rule.months),
    )


def _time_condition(condition: d.TimeCondition) -> t.TimeCondition:
    return t.TimeCondition(
        id=condition.id,
        time_group=condition.time_group,
        matched=_destination(condition.matched),
        unmatched=_destination(condition.unmatched),
        override=condition.override,
    )


def _router(router: d.Router) -> t.Router:
    rules = tuple(
        t.RouterRule(
            caller_prefixes=None if rule.caller_prefixes is None else tuple(map(prefix, rule.caller_prefixes)),
            time_group=rule.time_group,
            returning=rule.returning,
            destination=_destination(rule.destination),
        )
        for rule in router.rules
    )
    return t.Router(id=router.id, rules=rules, otherwise=_maybe(router.otherwise))


def _departments_of(departments: Iterable[d.Department]) -> dict[str, tuple[str, ...]]:
    """Give each agent's departments in document order."""
    found: dict[str, dict[str, None]] = {}
    for department in departments:
        for member in department.members:
            found.setdefault(member.agent, {})[department.id] = None
    return {agent: tuple(ids) for agent, ids in found.items()}


def _agent(agent: d.Agent, departments: tuple[str, ...]) -> t.Agent:
    digits = agent.call_forward_digits
    app_first = agent.app_first
    if app_first is None:
        app_first = not (agent.sticky is not None and agent.sticky.strategy == "simultaneous")
    return t.Agent(
        **_fields(
            agent, "web_login", "failover", "failover_on", "call_forward_digits", "sticky", "caller_ids", "app_first"
        ),
        failover=_maybe(agent.failover),
        failover_on=None if agent.failover_on is None else frozenset(agent.failover_on),
        call_forward_digits=None if digits is None else t.ForwardDigits(**_fields(digits)),
        sticky=None if agent.sticky is None else t.Sticky(strategy=agent.sticky.strategy),
        caller_ids=t.CallerIds(**_fields(agent.caller_ids)),
        app_first=app_first,
        departments=departments,
    )


def _extension(extension: d.Extension, place: int, owner: Mapping[str, str]) -> t.Extension:
    return t.Extension(
        **_fields(extension, "password"),
        password=_clear(extension.password, f"/extensions/{place}/password"),
        agent=owner.get(extension.id),
    )


def _area_codes(item: d.AreaCodeCallerIds) -> t.AreaCodes:
    entries: dict[str, tuple[str, ...]] = {}
    for entry in item.entries:
        before = entries.get(entry.code, ())
        if entry.number not in before:
            entries[entry.code] = (*before, entry.number)
    return t.AreaCodes(id=item.id, longest=max(map(len, entries), default=0), entries=entries)


def _ivr(ivr: d.Ivr) -> t.Ivr:
    return t.Ivr(
        **_fields(ivr, "options", "invalid", "timeout"),
        options={option: _destination(destination) for option, destination in ivr.options.items()},
        invalid=_fault(ivr.invalid),
        timeout=_fault(ivr.timeout),
    )


def _fault(fault: d.IvrFault) -> t.IvrFault:
    return t.IvrFault(prompt=fault.prompt, attempts=fault.attempts, destination=_destination(fault.destination))


def _department(department: d.Department) -> t.Department:
    seen: dict[str, d.Member] = {}
    for member in department.members:  # a member twice is a finding of the analysis: the first place holds
        seen.setdefault(member.agent, member)
    return t.Department(
        id=department.id,
        name=department.name,
        strategy=department.strategy,
        members=tuple(t.Member(agent=member.agent, timeout_s=member.timeout_s) for member in seen.values()),
        failover=_maybe(department.failover),
        queue=None if department.queue is None else t.Queue(**_fields(department.queue)),
        affinity=_affinity(department.affinity),
        whisper=department.whisper,
    )


def _voicemail(box: d.Voicemail, place: int) -> t.Voicemail:
    pin = None if box.pin is None else _clear(box.pin, f"/voicemails/{place}/pin")
    return t.Voicemail(**_fields(box, "pin"), pin=pin)


def _sound(sound: d.Sound, durations: Mapping[str, float], paths: Mapping[str, str]) -> t.Sound:
    """A sound is measured under its id; a recording also under its file's name, with or without the ending."""
    path = paths.get(sound.id, "")
    if sound.duration_s is not None:
        return t.Sound(id=sound.id, duration_s=sound.duration_s, path=path)
    names = (sound.id,) if sound.file is None else (sound.id, sound.file, sound.file.rpartition(".")[0])
    measured = (durations[name] for name in names if name in durations)
    return t.Sound(id=sound.id, duration_s=next(measured, 0.0), path=path)
