"""What the sip process counts: plain integers on the hot path, names only when somebody scrapes.

``Counters.message`` is called for every message in and out. It cuts the method or the status class off the raw bytes
and adds one to a plain dictionary for that transport and direction; ``Counters.collect`` turns all of it into samples
with the names of the metrics page. The control process renders them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Sample = tuple[str, dict[str, str], float]

METHODS = frozenset({
    "INVITE", "ACK", "CANCEL", "BYE", "REGISTER", "OPTIONS", "PRACK", "UPDATE", "INFO", "MESSAGE",
    "REFER", "NOTIFY", "SUBSCRIBE", "PUBLISH",
})  # fmt: skip
RESPONSE = b"SIP/2.0 "
RESPONSE_KEY = 9  # "SIP/2.0 2": the class is its last byte
LONGEST_METHOD = 16
SHORTEST_MESSAGE = 16  # anything below is a keep-alive
DECISION_BOUNDS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05)
MOS_BOUNDS = (1.5, 2.0, 2.5, 3.0, 3.5, 3.8, 4.0, 4.2, 4.3)
LOSS_BOUNDS = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
JITTER_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
LAG_BOUNDS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0)


class Histogram:
    """Counts by upper bound, and the sum; ``bounds`` ascend."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def samples(self, name: str) -> list[Sample]:
        """Give the cumulative buckets, sum and count as Prometheus wants them."""
        found: list[Sample] = []
        running = 0
        for bound, count in zip((*self.bounds, float("inf")), self.counts, strict=True):
            running += count
            label = "+Inf" if bound == float("inf") else f"{bound:g}"
            found.append((f"{name}_bucket", {"le": label}, float(running)))
        return [*found, (f"{name}_sum", {}, self.total), (f"{name}_count", {}, float(running))]


class Counters:
    """All that one sip process counts; attributes are plain integers, added to in place."""

    __slots__ = (
        "banned", "connections_lost", "connections_opened", "connections_refused", "datagram_errors", "decisions",
        "dropped", "events_dropped", "faults", "jitter", "loop_lag", "loss", "messages", "mos", "records_lost",
    )  # fmt: skip

    def __init__(self) -> None:
        self.messages: dict[str, dict[bytes, int]] = {}
        self.dropped: defaultdict[str, int] = defaultdict(int)
        self.loop_lag = Histogram(LAG_BOUNDS_S)
        self.mos = Histogram(MOS_BOUNDS)
        self.loss = Histogram(LOSS_BOUNDS)
        self.jitter = Histogram(JITTER_BOUNDS_S)
        self.decisions = Histogram(DECISION_BOUNDS_S)
        self.datagram_errors = 0
        self.banned = 0
        self.faults = 0
        self.connections_opened = 0
        self.connections_refused = 0
        self.connections_lost = 0
        self.records_lost = 0
        self.events_dropped = 0

    def meter(self, transport: str, direction: str) -> dict[bytes, int]:
        """Give the dictionary that :func:`count` adds to for ``transport``, ``direction`` ``in`` or ``out``."""
        return self.messages.setdefault(f"{transport} {direction}", defaultdict(int))

    def heard(self, media: Mapping[str, Any] | None) -> None:
        """Count how each party of a finished call was heard: ``media`` of its record."""
        for one in (media or {}).get("heard", ()):
            if one["packets"]:
                if "mos" in one:
                    self.mos.observe(one["mos"])
                if "loss" in one:
                    self.loss.observe(one["loss"])
                if "jitter_ms" in one:
                    self.jitter.observe(one["jitter_ms"] / 1000)

    def collect(self) -> list[Sample]:
        """Give every count as ``(name, labels, value)``; names without the ``routerd_`` before them."""
        samples: list[Sample] = [
            *self._requests(),
            *self._responses(),
            *((("sip_dropped_total", {"reason": reason}, float(n))) for reason, n in sorted(self.dropped.items())),
            *self.loop_lag.samples("loop_lag_seconds"),
            *self.mos.samples("media_mos"),
            *self.loss.samples("media_loss_ratio"),
            *self.jitter.samples("media_jitter_seconds"),
            *self.decisions.samples("decision_seconds"),
        ]
        plain = {
            "sip_malformed_total": self.dropped.get("malformed", 0),
            "auth_failures_total": self.dropped.get("auth_failed", 0),
            "sip_datagram_errors_total": self.datagram_errors,
            "sip_banned_total": self.banned,
            "sip_faults_total": self.faults,
            "sip_connections_opened_total": self.connections_opened,
            "sip_connections_refused_total": self.connections_refused,
            "sip_connections_lost_total": self.connections_lost,
            "records_lost_total": self.records_lost,
            "events_dropped_total": self.events_dropped,
        }
        return samples + [(name, {}, float(value)) for name, value in plain.items()]

    def _requests(self) -> list[Sample]:
        totals: defaultdict[tuple[str, str, str], int] = defaultdict(int)
        for place, meter in self.messages.items():
            transport, direction = place.split(" ")
            for key, count in meter.items():
                if not key.startswith(RESPONSE):
                    method = key.decode("ascii", "replace")
                    totals[method if method in METHODS else "OTHER", transport, direction] += count
        return [
            ("sip_requests_total", {"method": method, "transport": transport, "direction": direction}, float(count))
            for (method, transport, direction), count in sorted(totals.items())
        ]

    def _responses(self) -> list[Sample]:
        totals: defaultdict[tuple[str, str], int] = defaultdict(int)
        for place, meter in self.messages.items():
            direction = place.split(" ")[1]
            for key, count in meter.items():
                if key.startswith(RESPONSE):
                    totals[f"{key[-1:].decode('ascii', 'replace')}xx", direction] += count
        return [
            ("sip_responses_total", {"class": status_class, "direction": direction}, float(count))
            for (status_class, direction), count in sorted(totals.items())
        ]


KNOWN_KEYS = frozenset({method.encode() for method in METHODS} | {RESPONSE + str(n).encode() for n in range(1, 7)})
OTHER = b"OTHER"


def count(meter: dict[bytes, int], message: bytes) -> None:
    """Add one to ``meter`` for a raw message; keep-alives do not count, unknown methods count as one (bounded)."""
    if len(message) < SHORTEST_MESSAGE:
        return
    key = message[:RESPONSE_KEY] if message.startswith(RESPONSE) else message[: message.find(b" ", 0, LONGEST_METHOD)]
    meter[key if key in KNOWN_KEYS else OTHER] += 1
