"""Section 4.3: the caller ID of a call that an agent makes; the first hit wins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from model.hours import instant

if TYPE_CHECKING:
    from model.call import Call
    from model.dialled import Dialled

Agent = dict[str, Any]


def usable(call: Call, number: str | None) -> bool:
    """Owned by the account and active."""
    entry = call.book.numbers.get(number or "")
    return entry is not None and entry["status"] == "active"


def department_numbers(call: Call, agent: Agent) -> list[str]:
    mine = call.book.departments_of(agent["id"])
    return [number for number, entry in call.book.numbers.items() if entry["department"] in mine]


def entries(call: Call, agent: Agent) -> list[dict[str, str]]:
    name = agent["area_code_caller_ids"]
    return list(call.book.area_codes[name]["entries"]) if name else []


def allowed(call: Call, agent: Agent, number: str) -> bool:
    if not usable(call, number):
        return False
    if any(entry["number"] == number for entry in entries(call, agent)):
        return True
    ids = agent["caller_ids"]
    match ids["mode"]:
        case "custom":
            return number in ids["numbers"]
        case "department":
            return number in department_numbers(call, agent) or number == ids["default"]
    return True


def choose(call: Call, agent: Agent, dialled: Dialled, requested: str | None) -> tuple[str | None, str | None]:
    """The number shown, or the reason of the refusal."""
    if requested is not None:
        if allowed(call, agent, requested):
            return requested, None
        return None, "caller_id_not_allowed"
    found = by_area_code(call, agent, dialled) or by_affinity(call, agent, dialled.e164) or by_mode(call, agent)
    return (found, None) if found else (None, "no_caller_id")


def by_area_code(call: Call, agent: Agent, dialled: Dialled) -> str | None:
    """Longest code first; an unusable number leaves it to the next shorter."""
    if not dialled.own_country:
        return None
    fitting = [entry for entry in entries(call, agent) if dialled.national.startswith(entry["code"])]
    fitting.sort(key=lambda entry: -len(entry["code"]))
    return next((entry["number"] for entry in fitting if usable(call, entry["number"])), None)


def by_affinity(call: Call, agent: Agent, customer: str) -> str | None:
    met = [entry for entry in call.live.affinity if entry["caller"] == customer and entry.get("number")]
    for entry in sorted(met, key=lambda entry: instant(entry["last_at"]), reverse=True)[:1]:
        number = entry["number"]
        affinity = (call.book.numbers.get(number) or {}).get("affinity")
        if not affinity or not allowed(call, agent, number):
            continue
        age_s = (call.wall() - instant(entry["last_at"])).total_seconds()
        if age_s <= affinity["hours"] * 3600:
            return str(number)
    return None


def by_mode(call: Call, agent: Agent) -> str | None:
    ids = agent["caller_ids"]
    match ids["mode"]:
        case "custom":
            candidates = list(ids["numbers"])
        case "department":
            candidates = [ids["default"], *department_numbers(call, agent)]
        case _:
            candidates = [ids["default"], call.book.account["pilot_number"]]
    return next((number for number in candidates if usable(call, number)), None)


def emergency(call: Call, agent: Agent) -> str | None:
    """The agent's first usable, else the pilot number, else any number of the account."""
    pilot = call.book.account["pilot_number"]
    owned = list(call.book.numbers)
    active = [number for number in owned if usable(call, number)]
    return by_mode(call, agent) or pilot or next(iter(active + owned), None)
