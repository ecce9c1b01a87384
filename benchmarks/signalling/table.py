"""The printed table and the ratios."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from signalling.__main__ import Figures


@dataclass
class Row:
    """One server's line."""

    name: str
    cpu_ms_low: float
    cpu_ms_low_spread: float
    high_rate: int
    cpu_ms_high: float
    p50_ms: float
    p99_ms: float
    highest_rate: int
    kib_per_call: float
    failed: int

    @classmethod
    def of(cls, figures: Figures, middle: Callable[[Iterable[float]], float]) -> Row:
        low = [outcome.cpu_ms_per_call for outcome in figures.low]
        high = figures.high
        assert high is not None
        return cls(
            name=figures.name,
            cpu_ms_low=middle(low),
            cpu_ms_low_spread=max(low) - min(low),
            high_rate=high.rate,
            cpu_ms_high=high.cpu_ms_per_call,
            p50_ms=high.percentile_ms(0.5),
            p99_ms=high.percentile_ms(0.99),
            highest_rate=figures.highest_rate,
            kib_per_call=figures.kib_per_call,
            failed=figures.failed,
        )


def render(rows: list[Row]) -> str:
    """The figures, then routerd's ratios to each of the others (below 1: routerd needs less)."""
    form = "{:<9}{:>22}{:>9}{:>16}{:>23}{:>13}{:>15}{:>8}"
    head = ["server", "CPU-ms/call at 100/s", "spread", "at higher", "INVITE-180 p50/p99 ms", "most calls/s"]
    lines = [form.format(*head, "KiB/held call", "failed")]
    for row in rows:
        high, waits = f"{row.high_rate}/s: {row.cpu_ms_high:.2f}", f"{row.p50_ms:.2f} / {row.p99_ms:.2f}"
        low, spread, held = f"{row.cpu_ms_low:.2f}", f"{row.cpu_ms_low_spread:.2f}", f"{row.kib_per_call:.1f}"
        lines.append(form.format(row.name, low, spread, high, waits, row.highest_rate, held, row.failed))
    ours = next((row for row in rows if row.name == "routerd"), None)
    if ours:
        lines += [ratios(ours, row) for row in rows if row is not ours]
    return "\n".join(lines)


def ratios(ours: Row, other: Row) -> str:
    line = f"routerd/{other.name}: CPU at 100/s {ours.cpu_ms_low / other.cpu_ms_low:.2f}"
    if ours.high_rate == other.high_rate:
        line += f", at {ours.high_rate}/s {ours.cpu_ms_high / other.cpu_ms_high:.2f}"
    rate, held = ours.highest_rate / max(1, other.highest_rate), ours.kib_per_call / other.kib_per_call
    return f"{line}, most calls/s {rate:.2f}, KiB a held call {held:.2f}"
