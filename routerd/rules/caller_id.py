"""Which number an agent's outbound call shows (routing.md 4.3): the first hit wins; usable is owned and active."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from routerd.rules.number import national_number, to_e164

if TYPE_CHECKING:
    from routerd.rules.decision import Decision
    from routerd.rules.tables import Agent

NOT_ALLOWED: Final = "caller_id_not_allowed"
NONE: Final = "no_caller_id"


def choose(d: Decision, agent: Agent, customer: str, requested: str | None) -> tuple[str | None, str | None]:
    """Return ``(number, None)``, or ``(None, reason)`` when the call is denied.

    ``customer`` is the dialled number in E.164, ``requested`` the caller ID asked for (None: not asked).
    """
    if requested is not None:
        wanted = requested if requested in d.tables.numbers else to_e164(d.tables.account.plan, requested)
        allowed = wanted is not None and is_allowed(d, agent, wanted)
        d.note("caller_id", "1 requested", requested, wanted if allowed else NOT_ALLOWED)
        return (wanted, None) if allowed else (None, NOT_ALLOWED)
    number = _by_area_code(d, agent, customer) or _by_affinity(d, agent, customer) or by_mode(d, agent)
    return (number, None) if number is not None else (None, NONE)


def is_usable(d: Decision, number: str | None) -> bool:
    """Return whether ``number`` is owned by the account and active."""
    entry = d.tables.numbers.get(number) if number is not None else None
    return entry is not None and entry.active


def is_allowed(d: Decision, agent: Agent, number: str) -> bool:
    """Return whether this agent may show ``number`` now."""
    if not is_usable(d, number):
        return False
    area_codes = d.tables.area_codes.get(agent.area_code_caller_ids or "")
    if area_codes is not None and any(number in numbers for numbers in area_codes.entries.values()):
        return True
    ids = agent.caller_ids
    if ids.mode == "custom":
        return number in ids.numbers
    if ids.mode == "department":
        return number == ids.default or d.tables.numbers[number].department in agent.departments
    return True


def by_mode(d: Decision, agent: Agent) -> str | None:
    """Rules 5 to 7: the agent's own first usable number."""
    ids = agent.caller_ids
    if ids.mode == "custom":
        number = next((n for n in ids.numbers if is_usable(d, n)), None)
    elif is_usable(d, ids.default):
        number = ids.default
    elif ids.mode == "department":
        number = _first_of_departments(d, agent)
    else:
        pilot = d.tables.account.pilot_number
        number = pilot if is_usable(d, pilot) else None
    d.note("caller_id", "mode " + ids.mode, (ids.numbers, ids.default), number)
    return number


def for_emergency(d: Decision, agent: Agent | None) -> str | None:
    """Return the agent's first usable number, else the pilot number, else any number of the account."""
    own = by_mode(d, agent) if agent is not None else None
    pilot = d.tables.account.pilot_number
    number = own or pilot or d.tables.first_number
    d.note("caller_id", "emergency", pilot, number)
    return number


def _first_of_departments(d: Decision, agent: Agent) -> str | None:
    """The first usable number, in document order, of a department of the agent."""
    first = d.tables.department_numbers
    found = [first[department] for department in agent.departments if department in first]
    return min(found)[1] if found else None


def _by_area_code(d: Decision, agent: Agent, customer: str) -> str | None:
    """Rule 3: the longest code that begins the national number; of several numbers the one least used today."""
    codes = d.tables.area_codes.get(agent.area_code_caller_ids or "")
    national = national_number(d.tables.account.plan, customer)
    if codes is None or national is None:
        return None
    for length in range(min(codes.longest, len(national)), 0, -1):
        numbers = [n for n in codes.entries.get(national[:length], ()) if is_usable(d, n)]
        if numbers:
            number = numbers[0] if len(numbers) == 1 else min(numbers, key=d.facts.used_today)
            d.note("caller_id", "3 area code", national[:length], number)
            return number
    d.note("caller_id", "3 area code", national, None)
    return None


def _by_affinity(d: Decision, agent: Agent, customer: str) -> str | None:
    """Rule 4: the number by which this customer was last reached, where its affinity is on and it is allowed."""
    entries = [(e.last_at, e.shown or e.number) for e in d.facts.affinity(customer)]
    reached = [(at, number) for at, number in entries if number is not None]
    if not reached:
        return None
    at, number = max(reached)
    entry = d.tables.numbers.get(number)
    affinity = entry.affinity if entry is not None else None
    hit = affinity is not None and at >= d.now - affinity.hours * 3600.0 and is_allowed(d, agent, number)
    d.note("caller_id", "4 affinity", number, number if hit else None)
    return number if hit else None
