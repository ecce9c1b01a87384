"""What the control process counts from the journal: calls, outcomes, reasons, lengths."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from routerd.edge.metrics import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routerd.edge.metrics import Sample

DURATIONS_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)
DELAYS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


class Totals:
    """Counts since this process began; ``hear`` every journal entry once."""

    def __init__(self) -> None:
        self._calls: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._reasons: defaultdict[str, int] = defaultdict(int)
        self._durations = Histogram(DURATIONS_S)
        self._delays = Histogram(DELAYS_S)

    def hear(self, kind: str, entry: dict[str, Any]) -> None:
        """Take one journal entry; only the ends of calls count."""
        if kind != "call.end":
            return
        direction = str(entry.get("kind") or entry.get("direction") or "")
        self._calls[direction, str(entry.get("outcome") or "")] += 1
        self._reasons[str(entry.get("reason") or "none")] += 1
        if entry.get("answered_at") is not None:
            self._durations.observe(float(entry.get("duration_s") or 0.0))
        rang = [leg["ringing_s"] for leg in entry.get("legs") or () if leg.get("ringing_s") is not None]
        if rang:
            self._delays.observe(min(rang))

    def samples(self) -> list[Sample]:
        """Give the counts."""
        calls = [
            ("calls_total", {"direction": direction, "outcome": outcome}, float(count))
            for (direction, outcome), count in sorted(self._calls.items())
        ]
        reasons = [("decisions_total", {"reason": reason}, float(n)) for reason, n in sorted(self._reasons.items())]
        return [
            *calls,
            *reasons,
            *self._durations.samples("call_duration_seconds"),
            *self._delays.samples("post_dial_delay_seconds"),
        ]


def render(samples: Iterable[Sample]) -> str:
    """Give samples as Prometheus' text, ``routerd_`` before each name; samples of one name stand together."""
    by_name: defaultdict[str, list[str]] = defaultdict(list)
    for name, labels, value in samples:
        listed = ",".join(f'{key}="{_escape(text)}"' for key, text in labels.items())
        by_name[name].append(f"routerd_{name}{{{listed}}} {value:.15g}" if labels else f"routerd_{name} {value:.15g}")
    return "\n".join(line for lines in by_name.values() for line in lines) + "\n"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
