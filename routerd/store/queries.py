"""How records are looked for: by time, number, agent, place, outcome and more, newest first, page by page.

:class:`RecordFilter` says which; :func:`select` turns it into SQL. A page's last record gives the cursor of the next
page (:func:`cursor_of`), which stays right while new records come in.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

MOST_RECORDS: Final = 1000
PLACES: Final = frozenset({"department", "ivr"})
_END_OF_TEXT: Final = "\U0010ffff"


class RecordFilter(msgspec.Struct, frozen=True):
    """Which records, newest first: ``since``/``until`` in UTC seconds, ``number`` is caller or callee.

    ``agent`` is anyone who was rung, visited or who called; ``department`` and ``ivr`` are what the call passed;
    ``kind`` is inbound, softphone, click_to_call or transfer; durations are seconds of talk. ``cursor`` is what
    :func:`cursor_of` said of the last record seen.
    """

    account: str
    since: float = 0.0
    until: float = 1e12
    number: str = ""
    outcome: str = ""
    limit: int = 100
    agent: str = ""
    reason: str = ""
    cursor: str = ""
    department: str = ""
    ivr: str = ""
    kind: str = ""
    trunk: str = ""
    shortest_s: float = 0.0
    longest_s: float = 1e12


def cursor_of(record: dict[str, Any]) -> str:
    """Give the place of a record in the order of records."""
    return f"{float(record.get('at') or 0.0)!r}:{record['id']}"


def read_cursor(cursor: str) -> tuple[float, str]:
    """Read a cursor: time and id. Raises ``ValueError`` when it is none."""
    at, colon, call_id = cursor.partition(":")
    if not colon:
        raise ValueError(f"{cursor!r} is not a cursor")
    return float(at), call_id


def select(wanted: RecordFilter, *, most: int = MOST_RECORDS) -> tuple[str, list[Any]]:
    """Give the SQL and its values; ``most`` bounds the filter's limit. Raises ``ValueError`` for what is no cursor."""
    limit = max(0, min(wanted.limit, most))
    if not wanted.number:
        query, values = _one_way(wanted, "", limit)
        return f"SELECT entry FROM ({query})", values  # noqa: S608 - fixed words
    # as caller and as callee by an index each: an OR would sort all that a busy number ever had
    called, values = _one_way(wanted, "records.caller = ?", limit)
    calling, more = _one_way(wanted, "records.caller <> ? AND records.callee = ?", limit)
    both = f"SELECT * FROM ({called}) UNION ALL SELECT * FROM ({calling})"  # noqa: S608 - fixed words
    return f"SELECT entry FROM ({both}) ORDER BY at DESC, id LIMIT ?", [*values, *more, limit]  # noqa: S608 - the same


def _one_way(wanted: RecordFilter, party: str, limit: int) -> tuple[str, list[Any]]:
    """Give the SQL of the records where the number has this place."""
    where = ["records.account = ?", "records.at >= ?", "records.at <= ?"]
    until = wanted.until
    if wanted.cursor:
        until = min(until, read_cursor(wanted.cursor)[0])
    values: list[Any] = [wanted.account, wanted.since, until]
    table = _listed(wanted, where, values)
    first = "records" if table == "records" else "list0"
    if party:
        where.append(party)
        values += [wanted.number] * party.count("?")
    for column in ("outcome", "reason", "kind", "trunk"):
        value = getattr(wanted, column)
        if value:
            where.append(f"records.{column} = ?")
            values.append(value)
    if wanted.shortest_s > 0 or wanted.longest_s < 1e12:
        where.append("records.duration_s BETWEEN ? AND ?")
        values += [wanted.shortest_s, wanted.longest_s]
    if wanted.cursor:
        at, call_id = read_cursor(wanted.cursor)
        where.append("(records.at < ? OR records.id > ?)")
        values += [at, call_id]
    condition = " AND ".join(where)
    columns = "records.entry AS entry, records.at AS at, records.id AS id"
    order = f"ORDER BY {first}.at DESC, {first}.id LIMIT ?"
    return f"SELECT {columns} FROM {table} WHERE {condition} {order}", [*values, limit]  # noqa: S608 - fixed words


def _listed(wanted: RecordFilter, where: list[str], values: list[Any]) -> str:
    """Give the tables: the lists of agents and of places lead to the records, where they are asked for."""
    until = values[2]
    lists = [("record_agents", "agent", wanted.agent, "")] if wanted.agent else []
    lists += [("record_places", "place", name, kind)
              for kind, name in (("department", wanted.department), ("ivr", wanted.ivr)) if name]  # fmt: skip
    tables = []
    for number, (table, column, name, kind) in enumerate(lists):
        alias = f"list{number}"
        tables.append(f"{table} AS {alias}")
        where += [f"{alias}.account = ?", f"{alias}.{column} = ?", f"{alias}.at >= ?", f"{alias}.at <= ?"]
        values += [wanted.account, name, wanted.since, until]
        if kind:
            where.append(f"{alias}.kind = ?")
            values.append(kind)
        where.append(f"records.id = {alias}.id")
    return " CROSS JOIN ".join([*tables, "records"])


def prefix_range(prefix: str) -> tuple[str, str]:
    """Give the first and the last text that begin with ``prefix``."""
    return prefix, prefix + _END_OF_TEXT


def agents_of(record: dict[str, Any]) -> set[str]:
    """Give everyone a record speaks of: who was rung, whose turn it was, who called."""
    found = {leg.get("agent") for leg in record.get("legs") or ()}
    found |= {node.get("id") for node in record.get("nodes") or () if node.get("type") == "agent"}
    attempt = record.get("attempt")
    found.add(attempt.get("agent") if isinstance(attempt, dict) else getattr(attempt, "agent", None))
    return {str(agent) for agent in found if agent}


def places_of(record: dict[str, Any]) -> set[tuple[str, str]]:
    """Give the departments and menus that a call passed, each with its kind."""
    nodes = record.get("nodes") or ()
    return {(node["type"], str(node["id"])) for node in nodes if node.get("type") in PLACES and node.get("id")}
