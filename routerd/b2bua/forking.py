"""A leg as routing sees it: one target, however many branches it takes to ring it (routing.md 2.4, 2.5).

Theory of operation. An extension's leg rings all its registered contacts at once; a number's leg tries its trunks one
after the other; a SIP address is one branch. The leg has one result: answered by its first branch that answers,
otherwise the strongest of what its branches said. Branches that lose are cancelled here; a late 200 of theirs is
cleaned up by the branch itself. A number's next trunk is tried only when the trunk is to blame (403, 408, 5xx,
silence, transport, DNS).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from routerd.b2bua.header_policy import ELSEWHERE
from routerd.errors import ParseError
from routerd.sip.uri import Uri

if TYPE_CHECKING:
    from collections.abc import Sequence

    from routerd.b2bua.leg_media import LegMedia
    from routerd.b2bua.outbound_leg import OutboundLeg
    from routerd.rules.plan import Ring
    from routerd.sip.flow import Flow
    from routerd.sip.message import Response

BUSY: Final = frozenset({486, 600})
DECLINED: Final = frozenset({603})
STRENGTH: Final = {"busy": 3, "declined": 2, "unreachable": 1}


def result_of(status: int) -> str:
    """Return the word of routing.md 2.5 for a final status (0: none came)."""
    if status in BUSY:
        return "busy"
    return "declined" if status in DECLINED else "unreachable"


def trunk_to_blame(status: int) -> bool:
    """Whether the next trunk may be tried: the trunk refused or failed, not the number (routing.md 2.5)."""
    return status in {0, 403, 408} or 500 <= status < 600


class BranchPlan:
    """How to start one branch: what the call has prepared for a contact, trunk or address."""

    __slots__ = ("branch", "flow", "provisional_timeout_s", "trunk_id")

    def __init__(
        self, branch: OutboundLeg, flow: Flow | None, provisional_timeout_s: float, trunk_id: str | None = None
    ) -> None:
        self.branch = branch
        self.flow = flow
        self.provisional_timeout_s = provisional_timeout_s
        self.trunk_id = trunk_id

    def peer_host(self) -> str:
        """Where this branch will go, as far as that is known before: an address, a name, or "" for neither."""
        if self.flow is not None:
            return self.flow.remote[0]
        try:
            return Uri.parse(self.branch.parts.next_hop).host
        except ParseError:
            return ""


class ForkUser(Protocol):
    """The call, as its forks see it."""

    def offer_for(self, fork: Fork, branch: OutboundLeg) -> bytes:
        """Return the description to offer to this branch, by its codecs; empty: a delayed offer."""

    def fork_started(self, fork: Fork, attempt: BranchPlan, now: float) -> None:
        """Hear that a branch goes out."""

    def fork_ringing(self, fork: Fork, branch: OutboundLeg, status: int, sdp: bytes, now: float) -> None:
        """Hear a provisional response above 100."""

    def fork_answered(self, fork: Fork, branch: OutboundLeg, response: Response, now: float) -> None:
        """Hear the first answer; the other branches are already cancelled."""

    def fork_failed(self, fork: Fork, result: str, status: int, now: float) -> None:
        """Hear that every branch ended without answer."""

    def fork_redirected(self, fork: Fork, target: str, now: float) -> None:
        """Hear that the last branch answered 3xx and nothing else rings."""


class Fork:
    """One leg of the plan, with its branches; :meth:`start`, then :meth:`cancel`."""

    __slots__ = (
        "_queue",
        "_redirect",
        "_result",
        "_status",
        "answer",
        "live",
        "number",
        "over",
        "own",
        "redirected",
        "ring",
        "user",
        "winner",
    )

    def __init__(self, user: ForkUser, number: int, ring: Ring) -> None:
        self.user: ForkUser | None = user
        self.number = number
        self.ring = ring
        self.live: list[OutboundLeg] = []
        self.winner: OutboundLeg | None = None
        self.over = False
        self.redirected = False
        self.own: LegMedia | None = None
        self.answer = b""  # what the engine made of the winner's, before the caller is to have it
        self._queue: list[BranchPlan] = []
        self._result = "unreachable"
        self._status = 0
        self._redirect: str | None = None

    @property
    def named(self) -> dict[str, str | None]:
        """Who is rung, as events tell it."""
        return {"target": self.ring.target, "agent": self.ring.agent}

    def start(self, attempts: Sequence[BranchPlan], now: float) -> None:
        """Ring: all attempts at once, or (for a number) the first, the others being its next trunks."""
        self.over = False
        if self.ring.kind == "number" and len(attempts) > 1:
            self._queue = list(attempts[1:])
            attempts = attempts[:1]
        for attempt in attempts:
            self.live.append(attempt.branch)
        for attempt in attempts:
            if not self.over and self.winner is None:
                self._go(attempt, now)
        self._settle(now)

    def _go(self, attempt: BranchPlan, now: float) -> None:
        if self.user is None:
            return
        branch = attempt.branch
        self.user.fork_started(self, attempt, now)
        branch.ring(self.user.offer_for(self, branch), attempt.flow, attempt.provisional_timeout_s, now)

    def cancel(self, now: float, reasons: Sequence[str] = ()) -> None:
        """Give the leg up: every branch is cancelled, an answered one hung up; nothing more is told."""
        self.over = True
        self._queue = []
        self.user = None
        live, self.live = self.live, []
        for branch in live:
            branch.give_up(now, reasons)
        winner, self.winner = self.winner, None
        if winner is not None:
            winner.bye(now, reasons)
        self.leave_session(now)

    def leave_session(self, now: float) -> None:
        """Release the leg's own session at the engine, where it has one."""
        own, self.own = self.own, None
        if own is not None:
            own.close(now)

    # -- what the branches say --

    def branch_ringing(self, branch: OutboundLeg, status: int, sdp: bytes, now: float) -> None:
        """Pass a provisional response on."""
        if self.user is not None:
            self.user.fork_ringing(self, branch, status, sdp, now)

    def branch_answered(self, branch: OutboundLeg, response: Response, now: float) -> None:
        """Take the first answer; the other branches hear that the call was completed elsewhere."""
        self.winner = branch
        losers = [other for other in self.live if other is not branch]
        self.live = []
        self._queue = []
        for loser in losers:
            loser.give_up(now, [ELSEWHERE])
        if self.user is not None:
            self.user.fork_answered(self, branch, response, now)

    def branch_failed(self, branch: OutboundLeg, status: int, cause: str, now: float) -> None:  # noqa: ARG002
        """Note a failed branch; the next trunk, or the leg's end when none is left."""
        result = result_of(status)
        if STRENGTH[result] >= STRENGTH[self._result]:
            self._result, self._status = result, status
        if branch in self.live:
            self.live.remove(branch)
        if status >= 600:
            # whoever is called has said so for all their phones (RFC 3261 §16.7)
            rest, self.live = self.live, []
            for other in rest:
                other.give_up(now)
        if self._queue and trunk_to_blame(status) and not self.over:
            attempt = self._queue.pop(0)
            self.live.append(attempt.branch)
            self._go(attempt, now)
            return
        self._queue = []
        self._settle(now)

    def branch_redirected(self, branch: OutboundLeg, target: str, now: float) -> None:
        """Keep the redirection until nothing else rings; the rules say whether it may be followed."""
        self._redirect = self._redirect or target
        if branch in self.live:
            self.live.remove(branch)
        self._queue = []
        self._settle(now)

    def _settle(self, now: float) -> None:
        if self.live or self.over or self.winner is not None or self.user is None:
            return
        self.over = True
        target, self._redirect = self._redirect, None
        if target is not None and not self.redirected:
            self.redirected = True
            self.user.fork_redirected(self, target, now)
            return
        user, self.user = self.user, None
        self.leave_session(now)
        user.fork_failed(self, self._result, self._status, now)
