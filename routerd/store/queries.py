"""How records are looked for: by time, number, agent, outcome and reason, newest first, page by page.

:class:`RecordFilter` says which; :func:`select` turns it into SQL. A page's last record gives the cursor of the next
page (:func:`cursor_of`), which stays right while new records come in.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

MOST_RECORDS: Final = 1000
_END_OF_TEXT: Final = "\U0010ffff"


class RecordFilter(msgspec.Struct, frozen=True):
    """Which records, newest first: ``since``/``until`` in UTC seconds, ``number`` is caller or callee.

    ``agent`` is anyone who was rung, visited or who called; ``cursor`` is what :func:`cursor_of` said of the last
    record seen.
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


def cursor_of(record: dict[str, Any]) -> str:
    """Give the place of a record in the order of records."""
    return f"{float(record.get('at') or 0.0)!r}:{record['id']}"


def read_cursor(cursor: str) -> tuple[float, str]:
    """Read a cursor: time and id. Raises ``ValueError`` when it is none."""
    at, colon, call_id = cursor.partition(":")
    if not colon:
        raise ValueError(f"{cursor!r} is not a cursor")
    return float(at), call_id


def select(wanted: RecordFilter) -> tuple[str, list[Any]]:
    """Give the SQL and its values. Raises ``ValueError`` when the cursor is none."""
    where = ["records.account = ?", "records.at >= ?", "records.at <= ?"]
    values: list[Any] = [wanted.account, wanted.since, wanted.until]
    table = "records"
    if wanted.agent:
        table = "record_agents CROSS JOIN records ON records.id = record_agents.id"
        where += ["record_agents.account = ?", "record_agents.agent = ?", "record_agents.at >= ?"]
        values += [wanted.account, wanted.agent, wanted.since]
    if wanted.number:
        where.append("(records.caller = ? OR records.callee = ?)")
        values += [wanted.number, wanted.number]
    for column, value in (("outcome", wanted.outcome), ("reason", wanted.reason)):
        if value:
            where.append(f"records.{column} = ?")
            values.append(value)
    if wanted.cursor:
        at, call_id = read_cursor(wanted.cursor)
        where.append("(records.at < ? OR (records.at = ? AND records.id > ?))")
        values += [at, at, call_id]
    values.append(max(0, min(wanted.limit, MOST_RECORDS)))
    condition = " AND ".join(where)
    order = "ORDER BY records.at DESC, records.id LIMIT ?"
    return f"SELECT records.entry FROM {table} WHERE {condition} {order}", values  # noqa: S608 - fixed words


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
