"""Before the destination of an inbound call (routing.md 2.1), and of one's own number dialled from inside (4.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.rules import endings, nodes
from routerd.rules.decision import Decision, Pending
from routerd.rules.number import ANONYMOUS, to_e164

if TYPE_CHECKING:
    from routerd.rules.tables import BlockedCaller, Number


def start(d: Decision) -> None:
    """Decide an inbound call up to its first node."""
    plan = d.tables.account.plan
    dialled = d.attempt.dialled
    number = dialled if dialled in d.tables.numbers else to_e164(plan, dialled) or dialled
    caller = d.attempt.caller
    if caller is None or caller.lower() == ANONYMOUS:
        d.caller = None
        d.caller_name = None
    elif not caller.startswith("+"):
        d.caller = to_e164(plan, caller) or caller
    enter_number(d, number)


def enter_number(d: Decision, number: str) -> None:
    """Take the gates of 2.1 in order, then the affinity, then the number's destination (context ``number``)."""
    entry = d.tables.numbers.get(number)
    d.note("number", number, d.attempt.trunk, "known" if entry else "unknown_number")
    if entry is None:
        endings.finish(d, "unknown_number")
        return
    d.number = number
    reason = _refusal(d, entry)
    destination = entry.destination
    if reason is not None or destination is None:
        endings.finish(d, reason or "no_destination")
        return
    after = Pending(destination, "number")
    d.fallback = after
    if not nodes.try_affinity(d, entry.affinity, number) and not d.over:
        d.fallback = None
        d.pending = after


def _refusal(d: Decision, entry: Number) -> str | None:
    if _is_blocked(d, entry.number):
        return "caller_blocked"
    d.note("status", entry.number, entry.active, None if entry.active else "number_suspended")
    if not entry.active:
        return "number_suspended"
    if entry.destination is None:
        return "no_destination"
    return "limit_reached" if _is_limited(d, entry) else None


def _is_blocked(d: Decision, number: str) -> bool:
    """Blocked exactly, by prefix, or as anonymous; each entry for all numbers or for some."""
    tables = d.tables
    if not tables.blocked and not tables.blocked_prefixes:
        return False
    if d.caller is None:
        entry = tables.blocked.get(ANONYMOUS)
        hit = entry is not None and _covers(entry, number)
    else:
        hit = any(_covers(entry, number) for entry in _entries(d, d.caller))
    d.note("blocked", number, d.caller, "caller_blocked" if hit else None)
    return hit


def _entries(d: Decision, caller: str) -> list[BlockedCaller]:
    exact = d.tables.blocked.get(caller)
    prefixes = d.tables.blocked_prefixes
    found = [exact] if exact is not None else []
    if prefixes:
        found += [prefixes[caller[:n]] for n in range(len(caller) + 1) if caller[:n] in prefixes]
    return found


def _covers(entry: BlockedCaller, number: str) -> bool:
    return entry.numbers is None or number in entry.numbers


def _is_limited(d: Decision, entry: Number) -> bool:
    trunk = d.tables.trunks.get(d.attempt.trunk or "")
    limits = (
        ("number:" + entry.number, entry.max_channels),
        ("trunk:" + trunk.id if trunk is not None else "", trunk.max_channels if trunk is not None else None),
        ("account", d.tables.account.max_channels),
    )
    return any(limit is not None and is_reached(d, key, limit) for key, limit in limits)


def is_reached(d: Decision, key: str, limit: int) -> bool:
    """Return whether the channels counted under ``key`` leave no room for this call."""
    used = d.facts.channels(key)
    reached = used >= limit
    d.note("limit", key, (used, limit), "limit_reached" if reached else None)
    return reached
