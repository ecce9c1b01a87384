"""What the control process counts from the journal: calls, outcomes, reasons, lengths."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import Metric, generate_latest
from prometheus_client.registry import Collector

from routerd.edge.metrics import Histogram

if TYPE_CHECKING:
    from collections.abc import Iterable

    from routerd.edge.metrics import Sample

DURATIONS_S = (1.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 14400.0)
HELP: Final = {
    "sip_requests": "SIP requests by method, transport and direction.",
    "sip_responses": "SIP responses by class and direction.",
    "sip_malformed": "Messages that were no SIP.",
    "sip_dropped": "What was dropped or refused, by reason.",
    "transactions_active": "SIP transactions of this moment.",
    "calls_active": "Calls of this moment.",
    "voicemail_messages": "Callers of mailboxes, by what became of their message: kept, or why not.",
    "voicemail_orphans_adopted": "Recordings whose call died that became messages.",
    "voicemail_files_removed": "Files of deleted messages, and of recordings that hold nothing.",
    "mail_sent": "Voice messages that were mailed.",
    "mail_failures": "Attempts to mail a message after which it waits for the next.",
    "mail_dead": "Voice messages that will not be mailed: refused, or tried too often.",
    "calls": "Calls that have ended, by kind and outcome.",
    "decisions": "Decisions by reason.",
    "call_duration_seconds": "Talking time of answered calls.",
    "post_dial_delay_seconds": "From INVITE to the first ringing leg.",
    "call_setup_seconds": "From INVITE in to the first INVITE out, by the switch's clock: what it waited for.",
    "queue_wait_seconds": "How long callers waited in queues, however that ended.",
    "queue_waiting": "Callers in a department's queue at this moment.",
    "agents": "Agents by state.",
    "decision_seconds": "Handling of an INVITE: parsed, admitted, decided, answered or sent on.",
    "auth_failures": "Credentials that were refused.",
    "sip_retransmissions": "Requests and responses of ours that went out once more.",
    "outbox_age_seconds": "Since when the oldest event waits for its webhook; 0: none waits.",
    "outbox_waiting": "Events that webhooks are still to be told of.",
    "outbox_dead": "Events that were given up: dead letters of webhooks.",
    "webhooks_told": "Events that a webhook's receiver has taken.",
    "webhooks_failed": "Attempts to tell a webhook that failed.",
    "event_watchers": "Watchers of the stream of events.",
    "media_sessions_active": "Sessions of the media engines.",
    "media_packets": "Packets that the media engines passed on.",
    "media_one_way": "Sessions in which only one party was heard: which, and the likely cause.",
    "media_mos": "Estimated quality of what was heard of each party (1 bad to 4.5).",
    "media_loss_ratio": "Share of each party's packets that did not come.",
    "media_jitter_seconds": "Jitter of each party's packets.",
    "document_apply_seconds": "How long the last change of documents took to compile.",
    "trunk_calls_active": "Calls on a trunk.",
    "store_failing": "1 while the store cannot be written.",
    "registrations_active": "Bindings of this moment.",
    "bans_active": "Addresses that are shut out.",
    "trunk_up": "1 where the trunk's health checks pass.",
    "records_queued": "Records that wait to be written.",
    "document_version": "Version of the routing document in force.",
    "loop_lag_seconds": "How late the sip process's loop was.",
    "certificate_expiry_timestamp_seconds": "When the TLS certificate ends.",
}
SETUPS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)
WAITS_S = (1.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0)
DELAYS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0)


class Totals:
    """Counts since this process began; ``hear`` every journal entry once."""

    def __init__(self) -> None:
        self._calls: defaultdict[tuple[str, str], int] = defaultdict(int)
        self._reasons: defaultdict[str, int] = defaultdict(int)
        self._durations = Histogram(DURATIONS_S)
        self._delays = Histogram(DELAYS_S)
        self._setups = Histogram(SETUPS_S)
        self._waits = Histogram(WAITS_S)
        self._messages: defaultdict[str, int] = defaultdict(int)

    def hear(self, kind: str, entry: dict[str, Any]) -> None:
        """Take one journal entry; only the ends of calls count."""
        if kind != "call.end":
            return
        direction = str(entry.get("kind") or entry.get("direction") or "")
        self._calls[direction, str(entry.get("outcome") or "")] += 1
        self._reasons[str(entry.get("reason") or "none")] += 1
        if entry.get("answered_at") is not None:
            self._durations.observe(float(entry.get("duration_s") or 0.0))
        left = entry.get("voicemail")
        if left is not None and "id" in left:  # who listens leaves nothing
            self._messages[str(left.get("dropped") or "kept")] += 1
        rang = [leg["ringing_s"] for leg in entry.get("legs") or () if leg.get("ringing_s") is not None]
        if rang:
            self._delays.observe(min(rang))
        if entry.get("setup_s") is not None:
            self._setups.observe(float(entry["setup_s"]))
        for wait in entry.get("waits") or ():
            self._waits.observe(float(wait.get("wait_s") or 0.0))

    def samples(self) -> list[Sample]:
        """Give the counts."""
        calls = [
            ("calls_total", {"direction": direction, "outcome": outcome}, float(count))
            for (direction, outcome), count in sorted(self._calls.items())
        ]
        reasons = [("decisions_total", {"reason": reason}, float(n)) for reason, n in sorted(self._reasons.items())]
        messages = [
            ("voicemail_messages_total", {"outcome": name}, float(n)) for name, n in sorted(self._messages.items())
        ]
        return [
            *calls,
            *reasons,
            *messages,
            *self._durations.samples("call_duration_seconds"),
            *self._delays.samples("post_dial_delay_seconds"),
            *self._setups.samples("call_setup_seconds"),
            *self._waits.samples("queue_wait_seconds"),
        ]


def render(samples: Iterable[Sample]) -> str:
    """Give samples as Prometheus' text, ``routerd_`` before each name; samples of one family stand together."""
    listed = list(samples)
    histograms = {name.removesuffix("_bucket") for name, _, _ in listed if name.endswith("_bucket")}
    families: dict[str, Metric] = {}
    for name, labels, value in listed:
        family, kind = _family(name, histograms)
        if family not in families:
            text = HELP.get(family, family.replace("_", " ") + ".")
            families[family] = Metric(f"routerd_{family}", text, kind)
        families[family].add_sample(f"routerd_{name}", labels, value)
    return generate_latest(_Page(families.values())).decode()


def _family(name: str, histograms: set[str]) -> tuple[str, str]:
    """Return the family of a sample's name and its type."""
    stem, _, suffix = name.rpartition("_")
    if suffix in {"bucket", "sum", "count"} and stem in histograms:
        return stem, "histogram"
    return (stem, "counter") if suffix == "total" else (name, "gauge")


class _Page(Collector):
    """Families that are already collected, as the library's writer wants them."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterable[Metric]:
        """Give the families."""
        return self._families
