"""Which trunks carry a number: the longest prefix's, in order, without the full, the too fast and the dead."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from routerd.rules.decision import Decision
    from routerd.rules.tables import Trunk


def route(d: Decision, number: str) -> tuple[str, ...]:
    """Return the trunk ids of the longest route prefix that begins ``number``; empty: no route."""
    routes = d.tables.routes
    for length in d.tables.route_lengths:
        found = routes.get(number[:length]) if length <= len(number) else None
        if found is not None:
            d.trace.append(("route", number, number[:length], found))
            return found
    d.trace.append(("route", number, None, ()))
    return ()


def usable(d: Decision, number: str) -> tuple[str, ...]:
    """Return the trunks to try for ``number``, in order.

    A trunk at its limit is never used; one that is down only when all the others are down or full.
    """
    free = tuple(t for t in route(d, number) if not is_full(d, d.tables.trunks[t]))
    alive = tuple(t for t in free if d.facts.trunk_up(t))
    return alive or free


def for_emergency(d: Decision, number: str) -> tuple[str, ...]:
    """Return the trunks for an emergency number: its route, its country's, else all; limits do not count."""
    code = d.tables.account.plan.code
    chosen = route(d, number) or route(d, "+" + code + number) or tuple(d.tables.trunks)
    return tuple(sorted(chosen, key=lambda trunk: not d.facts.trunk_up(trunk)))


def is_full(d: Decision, trunk: Trunk) -> bool:
    """Return whether the trunk takes no further call now: channels, or calls a second."""
    if trunk.max_channels is not None:
        used = d.facts.channels("trunk:" + trunk.id)
        full = used >= trunk.max_channels
        d.trace.append(("limit", "trunk:" + trunk.id, (used, trunk.max_channels), "full" if full else None))
        if full:
            return True
    return trunk.calls_per_second is not None and not d.facts.may_start(trunk.id)


def all_full(d: Decision, number: str) -> bool:
    """Return whether ``number`` has a route and every trunk of it is at its limit."""
    trunks = route(d, number)
    return bool(trunks) and all(is_full(d, d.tables.trunks[t]) for t in trunks)
