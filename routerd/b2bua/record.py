"""One call's record: its legs, reasons, times, decision trace and document version (routing.md sections 5 and 6).

A record is written exactly once, when the call is over; each leg of the plan has exactly one entry with one end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from routerd.b2bua.mailbox import Leaving
    from routerd.b2bua.mailbox_menu import Listening
    from routerd.rules.plan import Attempt, End, Ring


MOST_MARKS: Final = 200


class LegEntry:
    """One leg of the plan as the record shows it; times are monotonic until they are written."""

    __slots__ = ("agent", "answered", "end", "result", "ringing", "shown", "start", "status", "target", "trunk")

    def __init__(self, ring: Ring, now: float) -> None:
        self.target = ring.target
        self.agent = ring.agent
        self.shown = ring.shown
        self.start = now
        self.ringing: float | None = None
        self.answered: float | None = None
        self.end: float | None = None
        self.result: str | None = None
        self.status: int | None = None
        self.trunk: str | None = None

    def finish(self, result: str, now: float, status: int | None = None) -> None:
        """Set the leg's one end; later ones are ignored."""
        if self.end is None:
            self.end = now
            self.result = result
            self.status = status


class CallRecord:
    """What is known of a call, while it lasts and when it is over; :meth:`entry` is what gets journalled."""

    __slots__ = (
        "answered",
        "answered_by",
        "attempt",
        "caller_shown",
        "ended",
        "ended_by",
        "ending",
        "id",
        "legs",
        "mailbox",
        "media",
        "reason",
        "setup",
        "start",
        "timeline",
        "transfers",
        "version",
        "waits",
        "wall_offset",
    )

    def __init__(self, call_id: str, attempt: Attempt, version: int, start: float, wall_offset: float) -> None:
        self.id = call_id
        self.attempt = attempt
        self.version = version
        self.start = start
        self.wall_offset = wall_offset
        self.answered: float | None = None
        self.answered_by: str | None = None
        self.ended: float | None = None
        self.ended_by = ""
        self.ending: End | None = None
        self.reason: str | None = None
        self.legs: list[LegEntry] = []
        self.media: dict[str, Any] | None = None
        self.transfers: list[dict[str, Any]] = []
        self.setup: float | None = None  # when the first leg was sent out
        self.waits: list[dict[str, Any]] = []
        self.mailbox: Leaving | Listening | None = None
        self.timeline: list[dict[str, Any]] = []

    def mark(self, what: str, detail: str, now: float) -> None:
        """Note what was played, pressed or recorded, and when; of very many the first ones stay."""
        if len(self.timeline) < MOST_MARKS:
            self.timeline.append({"at_s": self._seconds(self.start, now), "what": what, "detail": detail})

    def started(self) -> dict[str, Any]:
        """Return the journal's entry of the call's start, written before its first 18x."""
        attempt = self.attempt
        return {
            "id": self.id,
            "account": attempt.account,
            "at": self.start + self.wall_offset,
            "kind": attempt.kind,
            "from": attempt.caller or attempt.extension or attempt.agent,
            "to": attempt.dialled,
            "trunk": attempt.trunk,
            "source": attempt.source,
            "document_version": self.version,
        }

    def entry(self) -> dict[str, Any]:
        """Return the finished call for the journal: plain values only."""
        ending = self.ending
        entry = self.started()
        answered = self.answered is not None
        outcome = "answered" if ending is None else ending.outcome
        entry.update(
            outcome=outcome,
            reason=self.reason,
            answered_by=self.answered_by,
            answered_at=None if self.answered is None else self.answered + self.wall_offset,
            ended_at=(self.ended if self.ended is not None else self.start) + self.wall_offset,
            duration_s=self._seconds(self.answered, self.ended) if answered else 0.0,
            ended_by=self.ended_by,
            sip_status=200 if answered else (ending.status if ending is not None else None),
            q850=ending.q850 if ending is not None else None,
            caller_id=self.legs[-1].shown if self.legs else None,
            legs=[self._leg(leg) for leg in self.legs],
            transfers=self.transfers,
            timeline=self.timeline,
            media=self.media,
            setup_s=self._seconds(self.start, self.setup),
            waits=self.waits,
        )
        return entry

    def _leg(self, leg: LegEntry) -> dict[str, Any]:
        return {
            "target": leg.target,
            "agent": leg.agent,
            "start_s": self._seconds(self.start, leg.start),
            "ringing_s": self._seconds(self.start, leg.ringing),
            "end_s": self._seconds(self.start, leg.end),
            "result": leg.result,
            "status": leg.status,
            "trunk": leg.trunk,
        }

    @staticmethod
    def _seconds(start: float | None, end: float | None) -> float | None:
        return None if start is None or end is None else round(end - start, 3)
