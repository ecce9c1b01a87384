"""Numbers and prefixes: caller IDs that are not owned, routes that are shadowed or missing, numbers that cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.config.compile import prefix
from routerd.config.references import destinations

if TYPE_CHECKING:
    from collections.abc import Iterator

    from routerd.config import document as d
    from routerd.config.findings import Findings
    from routerd.config.numbering import Numbering
    from routerd.config.reach import Reach
    from routerd.rules.tables import AccountTables


def check_numbers(
    document: d.Document, tables: AccountTables, reach: Reach, numbering: Numbering, findings: Findings
) -> None:
    """Note what is odd about numbers, routes and prefixes."""
    _owned(document, findings)
    _routes(document, tables, findings)
    _policy(document, findings)
    _blocked(document, findings)
    _router_rules(document, findings)
    for pointer, number in _dialled(document):
        if not numbering.is_possible(number):
            findings.warning(
                "impossible_number",
                pointer,
                f"{number} has a length that its country does not use",
                "a digit too many, or few?",
            )
        elif not reach.has_route(number):
            findings.warning(
                "no_route", pointer, f"no outbound route carries {number}", 'a route with prefix "" carries all'
            )
    for place, own in enumerate(document.numbers):
        if not numbering.is_possible(own.number):
            findings.warning(
                "impossible_number",
                f"/numbers/{place}/number",
                f"{own.number} has a length that its country does not use",
                "a digit too many, or few?",
            )


def _shown(document: d.Document) -> Iterator[tuple[str, str]]:
    """Give every number that is to be shown, with its pointer."""
    if document.account.pilot_number:
        yield "/account/pilot_number", document.account.pilot_number
    for place, agent in enumerate(document.agents):
        base = f"/agents/{place}/caller_ids"
        for index, number in enumerate(agent.caller_ids.numbers):
            yield f"{base}/numbers/{index}", number
        if agent.caller_ids.default:
            yield f"{base}/default", agent.caller_ids.default
    for place, codes in enumerate(document.area_code_caller_ids):
        for index, entry in enumerate(codes.entries):
            yield f"/area_code_caller_ids/{place}/entries/{index}/number", entry.number


def _owned(document: d.Document, findings: Findings) -> None:
    active = {number.number: number.status == "active" for number in document.numbers}
    for pointer, number in _shown(document):
        if number not in active:
            findings.warning(
                "caller_id_not_owned", pointer, f"{number} is not a number of the account", "add it to numbers"
            )
        elif not active[number]:
            findings.warning("caller_id_not_owned", pointer, f"{number} is suspended and is not shown", "activate it")
    for place, blocked in enumerate(document.blocked_callers):
        for index, number in enumerate(blocked.numbers or ()):
            if number not in active:
                findings.warning(
                    "caller_id_not_owned",
                    f"/blocked_callers/{place}/numbers/{index}",
                    f"{number} is not a number of the account: nothing is blocked there",
                    "add it to numbers, or remove it",
                )


def _dialled(document: d.Document) -> Iterator[tuple[str, str]]:
    for place, agent in enumerate(document.agents):
        if agent.call_forward_number:
            yield f"/agents/{place}/call_forward_number", agent.call_forward_number
        for index, number in enumerate(agent.alternate_numbers):
            yield f"/agents/{place}/alternate_numbers/{index}", number
    for pointer, destination in destinations(document):
        if destination.number:
            yield f"{pointer}/number", destination.number


def _routes(document: d.Document, tables: AccountTables, findings: Findings) -> None:
    seen: dict[str, int] = {}
    for place, route in enumerate(document.outbound_routes):
        key = prefix(route.prefix)
        pointer = f"/outbound_routes/{place}"
        if key in seen:
            findings.error("duplicate_prefix", pointer, f'the prefix "{key}" has two routes', "the first one holds")
        elif not route.trunks:
            findings.warning("no_route", pointer, f'the route "{key}" has no trunk', "calls to it are unreachable")
        elif key.startswith("+0") and route.prefix not in tables.account.emergency_numbers:
            findings.warning("shadowed_prefix", pointer, f"no E.164 number begins with {key}", "country code first")
        seen.setdefault(key, place)
    shorter = {prefix(route.prefix): route.trunks for route in document.outbound_routes}
    for place, route in enumerate(document.outbound_routes):
        key = prefix(route.prefix)
        parent = next((shorter[key[:size]] for size in range(len(key) - 1, -1, -1) if key[:size] in shorter), None)
        if parent == route.trunks and seen[key] == place:
            findings.info(
                "shadowed_prefix",
                f"/outbound_routes/{place}",
                f'the route "{key}" has the trunks of the next shorter prefix',
                "remove it: nothing changes",
            )
    _emergencies(document, tables, findings)


def _emergencies(document: d.Document, tables: AccountTables, findings: Findings) -> None:
    """Note emergency numbers without a route: they then leave by any trunk, and without a trunk not at all."""
    code = tables.account.plan.code
    for place, number in enumerate(sorted(tables.account.emergency_numbers, key=lambda text: (len(text), text))):
        if any(text[:size] in tables.routes for text in (number, f"+{code}{number}") for size in tables.route_lengths):
            continue
        given = document.account.emergency_numbers
        pointer = "/account" if given is None else f"/account/emergency_numbers/{given.index(number)}"
        if not document.trunks:
            findings.error("emergency_without_route", pointer, f"no trunk carries {number}", "add a trunk and a route")
        else:
            findings.warning(
                "emergency_without_route",
                pointer,
                f"no outbound route carries {number}: all trunks are tried in document order",
                f'a route with the prefix "{number}", or with ""',
            )
        if given is None and place == 0:
            break  # one finding says enough about a country's own list


def _policy(document: d.Document, findings: Findings) -> None:
    policy = document.destination_policy
    if policy is None:
        return
    deny = [prefix(text) for text in policy.deny]
    for place, text in enumerate(policy.allow):
        over = next((other for other in deny if prefix(text).startswith(other)), None)
        if over is not None:
            findings.warning(
                "shadowed_prefix",
                f"/destination_policy/allow/{place}",
                f'"{text}" is allowed and "{over}" is denied',
                "a denied prefix wins",
            )
    for kind in ("allow", "deny"):
        _shadowed(tuple(map(prefix, getattr(policy, kind))), f"/destination_policy/{kind}", findings)


def _shadowed(prefixes: tuple[str, ...], pointer: str, findings: Findings) -> None:
    """Note prefixes that stand twice or begin with another of the same list."""
    seen = set(prefixes)
    first: set[str] = set()
    for place, text in enumerate(prefixes):
        shorter = next((text[:size] for size in range(len(text)) if text[:size] in seen), None)
        if text in first:
            findings.info("duplicate_prefix", f"{pointer}/{place}", f'"{text}" stands twice', "remove one")
        elif shorter is not None:
            findings.info("shadowed_prefix", f"{pointer}/{place}", f'"{shorter}" covers "{text}"', "remove it")
        first.add(text)


def _blocked(document: d.Document, findings: Findings) -> None:
    whole = {b.number[:-1] for b in document.blocked_callers if b.number.endswith("*") and b.numbers is None}
    seen: set[str] = set()
    for place, blocked in enumerate(document.blocked_callers):
        text = blocked.number.removesuffix("*")
        most = len(text) if blocked.number.endswith("*") else len(text) + 1
        over = next((text[:size] for size in range(1, most) if text[:size] in whole), None)
        pointer = f"/blocked_callers/{place}"
        if blocked.number in seen:
            findings.info("duplicate_prefix", pointer, f"{blocked.number} is blocked twice", "both hold together")
        elif over is not None:
            findings.info("shadowed_prefix", pointer, f'"{over}*" blocks {blocked.number} already', "remove it")
        seen.add(blocked.number)


def _router_rules(document: d.Document, findings: Findings) -> None:
    """Note rules whose callers an earlier rule takes whatever else holds."""
    for place, router in enumerate(document.routers):
        taken: set[str] = set()
        for index, rule in enumerate(router.rules):
            prefixes = tuple(map(prefix, rule.caller_prefixes or ()))
            covered = [text for text in prefixes if any(text[:size] in taken for size in range(len(text) + 1))]
            if prefixes and len(covered) == len(prefixes):
                findings.warning(
                    "shadowed_prefix",
                    f"/routers/{place}/rules/{index}",
                    f"an earlier rule of router {router.id} takes all callers of this one",
                    "put the longer prefix first",
                )
            if rule.time_group is None and rule.returning is None:
                taken.update(prefixes)
