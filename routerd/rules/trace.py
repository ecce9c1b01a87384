"""A decision's trace, made readable (routing.md section 5).

While deciding, each gate and rule is noted as a compact tuple ``(code, subject, value, outcome)``: what was looked at,
what it was compared with, what came of it. Only when somebody asks is it rendered, here: :func:`render` for people,
:func:`to_json` for programs. The gates of an agent are one entry; it unfolds into a line a gate, and where a time
group was closed the line tells by how much it was missed.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from routerd.rules.decision import TraceEntry

GATES: Final = (
    "1+2 status",
    "3 calling_agent",
    "4 session",
    "5 on a break",
    "6 time group",
    "7 do_not_disturb",
    "8 calls of max_calls",
    "9 wrap-up until",
)


def render(entries: Iterable[TraceEntry]) -> list[str]:
    """Return the trace as lines for people, in the order of the decision."""
    lines: list[str] = []
    for entry in entries:
        lines += _RENDERERS.get(entry[0], _plain)(entry)
    return lines


def to_json(entries: Iterable[TraceEntry]) -> list[dict[str, Any]]:
    """Return the trace as plain objects (code, subject, value, outcome), ready for JSON."""
    return [
        {"code": code, "subject": subject, "value": msgspec.to_builtins(value), "outcome": msgspec.to_builtins(outcome)}
        for code, subject, value, outcome in entries
    ]


def _plain(entry: TraceEntry) -> list[str]:
    code, subject, value, outcome = entry
    return [f"{code} {subject}: {_text(value)} → {_text(outcome)}"]


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return ", ".join(_text(part) for part in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_text(part)}" for key, part in value.items())
    return str(value)


def _agent(entry: TraceEntry) -> list[str]:
    """A line a gate: those before the failing one passed, those after it were not looked at."""
    _, agent, (context, department, values, stages), reason = entry
    where = f"{context} of {department}" if department else context
    lines = [f"agent {agent} ({where}): {reason or 'available'}"]
    last = len(values) - 1
    for index, (name, value) in enumerate(zip(GATES, values, strict=False)):
        failed = reason is not None and reason != "no_reachable_number" and index == last
        shown = f"{value[0]} of {value[1]}" if index == 6 else _text(value)
        lines.append(f"  gate {name}: {shown} → {reason if failed else 'passed'}")
    if reason in {None, "no_reachable_number"}:
        plan = " → ".join("[" + ", ".join(target.name for target in stage) + "]" for stage in stages)
        lines.append(f"  gate 10 ring plan: {plan or 'empty'} → {reason or 'passed'}")
    return lines


def _time_group(entry: TraceEntry) -> list[str]:
    _, group, (ordinal, minute, missed), opened = entry
    day = date.fromordinal(ordinal)
    text = (
        f"time group {group}: {day:%a %Y-%m-%d} {minute // 60:02}:{minute % 60:02} → {'open' if opened else 'closed'}"
    )
    if opened:
        return [text]
    nearest = f"missed by {missed} min" if missed is not None else "no window that day"
    return [f"{text} (nearest miss: {nearest})"]


def _affinity(entry: TraceEntry) -> list[str]:
    _, subject, (caller, last_at, since), agent = entry
    if last_at is None:
        return [f"affinity of {subject}: {caller} has spoken with nobody here → no hit"]
    if agent is not None:
        return [f"affinity of {subject}: {caller} spoke with {agent} → hit"]
    return [f"affinity of {subject}: {caller}, too old → no hit (nearest miss: by {since - last_at:.0f} s)"]


def _limit(entry: TraceEntry) -> list[str]:
    _, key, (used, limit), outcome = entry
    return [f"limit of {key}: {used} of {limit} → {outcome or f'passed ({limit - used} left)'}"]


def _router(entry: TraceEntry) -> list[str]:
    _, router, index, outcome = entry
    said = "holds" if outcome == "holds" else f"{outcome} does not hold"
    return [f"router {router}, rule {index + 1}: {said}"]


def _route(entry: TraceEntry) -> list[str]:
    _, number, prefix, trunks = entry
    if prefix is None:
        return [f"route of {number}: no prefix begins it → unreachable"]
    return [f"route of {number}: longest prefix {prefix!r} → {', '.join(trunks)}"]


def _gate(entry: TraceEntry) -> list[str]:
    _, gate, value, reason = entry
    return [f"gate {gate}: {_text(value)} → {reason or 'passed'}"]


_RENDERERS: Final[dict[str, Callable[[TraceEntry], list[str]]]] = {
    "agent": _agent,
    "time_group": _time_group,
    "affinity": _affinity,
    "limit": _limit,
    "router": _router,
    "route": _route,
    "gate": _gate,
}
