# ruff: noqa: INP001 - a script beside the page that it writes
"""Writes docs/transactions.md from routerd/sip/state_tables.py: ``python docs/make_state_diagrams.py [--check]``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from routerd.sip.state_tables import TABLES, TERMINATED

if TYPE_CHECKING:
    from routerd.sip.state_tables import Table

TARGET = Path(__file__).with_name("transactions.md")

INTRODUCTION = """\
# The four transaction machines

Made from `routerd/sip/state_tables.py` by `python docs/make_state_diagrams.py`; change the tables, not this page.

A transaction looks an event up in the row of its state, changes state, then performs the actions in their order. What
is not listed is ignored in that state. Timers A to K are those of RFC 3261 §17, L and M those of RFC 6026; `resend`
repeats a 2xx until its ACK has come (RFC 3261 §13.3.1.4), `trying` and `silence` are the limits of RFC 4320. A timer
that is zero over a reliable transport (D, I, J, K) fires at once, so that its state is passed through.

| Timer | Seconds | Over reliable transports |
|---|---|---|
| A, E, G | 0.5, doubling (E and G to 4) | not started |
| B, F, H, L, M | 32 | 32 |
| D | 32 | 0 |
| I, K | 5 | 0 |
| J | 32 | 0 |
| resend | 0.5, doubling to 4 | the same |
| trying | 3.5 | 3.5 |
| silence | 32 | 32 |
"""


def document() -> str:
    """The whole page."""
    return "\n".join([INTRODUCTION, *(section(name, first, table) for name, (first, table) in TABLES.items())])


def section(name: str, first: str, table: Table) -> str:
    """One machine: its diagram and its table."""
    lines = [f"## {name[0].upper()}{name[1:]} transaction", "", "```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    for state, target, events in edges(table):
        lines.append(f"    {state} --> {target if target != TERMINATED else '[*]'}: {', '.join(events)}")
    lines += ["```", "", "| State | Event | Next state | Actions |", "|---|---|---|---|"]
    for state, rows in table.items():
        for event, row in rows.items():
            lines.append(f"| {state} | {event} | {row.to} | {', '.join(row.actions) or 'none: absorbed'} |")
    text = "\n".join(lines) + "\n"
    return text.replace(f"| {TERMINATED} | none: absorbed |", f"| {TERMINATED} | none |")


def edges(table: Table) -> list[tuple[str, str, list[str]]]:
    """Rows with the same two states as one edge, in the table's order."""
    found: dict[tuple[str, str], list[str]] = {}
    for state, rows in table.items():
        for event, row in rows.items():
            found.setdefault((state, row.to), []).append(event)
    return [(state, target, events) for (state, target), events in found.items()]


def main() -> int:
    """Write the page, or with --check say whether it is the one that the tables make."""
    if "--check" in sys.argv[1:]:
        return 0 if TARGET.read_text(encoding="utf-8") == document() else 1
    TARGET.write_text(document(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
