"""Sections 2.4 and 2.5: ring plans, and what a leg's result does."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from model.call import EVER, TICK, Call, LegRecord
from model.dialled import country_code

CONFIRM_S = 10.0
STRENGTH = ["no_answer", "busy", "declined", "unreachable"]  # the strongest first
PROVISIONAL_S = 4.0


def strongest(results: list[str]) -> str:
    return min(results, key=STRENGTH.index)


def classify(status: int) -> tuple[str, bool]:
    """The result of a final response, and whether the trunk is to blame."""
    if status in {486, 600}:
        return "busy", False
    if status == 603:
        return "declined", False
    return "unreachable", status in {403, 408} or 500 <= status <= 599


@dataclass(frozen=True)
class Goal:
    """One thing that a stage rings: an extension, a SIP address, or a number by the trunks."""

    kind: str
    target: str
    shown: str | None = None  # None: what the trunk's forwarded_identity says
    trunks: tuple[str, ...] | None = None


class Leg:
    """One leg: over all trunks tried, and the confirmation after the answer."""

    def __init__(self, call: Call, goal: Goal, agent: str | None, order: tuple[float, ...], *, confirm: bool) -> None:
        self.call = call
        self.goal = goal
        self.confirm = confirm and goal.kind != "extension"
        self.record = LegRecord(order, goal.target, agent, call.now, shown=goal.shown or call.caller)
        call.legs.append(self.record)
        self.trunks = self._trunks()
        self.trunk: str | None = None
        self.due, self.what, self.blame = EVER, "", False
        self.confirming = False
        self.counted = False  # its result has been taken in
        self._attempt()

    @property
    def live(self) -> bool:
        return self.record.result is None

    def end(self, result: str) -> None:
        self.record.result, self.record.end_s = result, self.call.now
        self.due = EVER

    def poll(self) -> None:
        """Let happen what is due now."""
        while self.live and self.due <= self.call.now + TICK:
            if self.what == "answer" and self.confirm and not self.confirming:
                self._confirm()
            elif self.what == "answer":
                self.end("answered")
            elif self.blame and self.goal.kind == "number":
                self._attempt()
            else:
                self.end(self.what)

    def _confirm(self) -> None:
        self.confirming = True
        after = self._script().get("confirm_after_s")
        if after is not None and after <= CONFIRM_S:
            self.due += float(after)
        else:
            self.due, self.what = self.due + CONFIRM_S, "no_answer"
            self.blame = False

    def _trunks(self) -> list[str]:
        if self.goal.kind != "number":
            return []
        if self.goal.trunks is not None:
            return list(self.goal.trunks)
        found = [trunk["id"] for trunk in self.call.book.trunks_towards(self.goal.target)]
        if not found and self.call.uncounted:  # an emergency call takes the country's route, or whatever there is
            towards = self.call.book.trunks_towards(f"+{country_code(self.call.book.country)}{self.goal.target}")
            return [trunk["id"] for trunk in towards] or list(self.call.book.trunks)
        return found

    def _has_room(self, trunk: str) -> bool:
        call = self.call
        most = call.book.trunks[trunk]["max_channels"]
        used = call.live.channels.get(f"trunk:{trunk}", 0)  # a call does not stand in its own way
        return most is None or call.uncounted or used < most

    def _attempt(self) -> None:
        """Call the extension, or the number through the next trunk."""
        patience = PROVISIONAL_S
        if self.goal.kind == "extension":
            extension = self.call.book.extensions.get(self.goal.target.removeprefix("extension:"), {})
            patience = extension.get("provisional_timeout_s", PROVISIONAL_S)
        if self.goal.kind == "number":
            while self.trunks and not self._has_room(self.trunks[0]):
                self.trunks.pop(0)
            if not self.trunks:
                self.end("unreachable")
                return
            self.trunk = self.trunks.pop(0)
            patience = self.call.book.trunks[self.trunk]["provisional_timeout_s"]
            if self.goal.shown is None:
                self.record.shown = self._forwarded(self.trunk)
        self._follow(self._script(), float(patience))

    def _forwarded(self, trunk: str) -> str | None:
        call = self.call
        match call.book.trunks[trunk]["forwarded_identity"]:
            case "number":
                return call.dialled or call.caller
            case "pilot":
                return call.book.account["pilot_number"] or call.dialled or call.caller
        return call.caller

    def _script(self) -> dict[str, Any]:
        script = self.call.phones.get(self.goal.target) or {}
        by_trunk = script.get("trunks") or {}
        return by_trunk.get(self.trunk, script) if self.trunk else script

    def _follow(self, script: dict[str, Any], patience: float) -> None:
        """What the far end does in this attempt, and when."""
        moment = self.call.now
        rings = float(script.get("ring_after_s") or 0)
        final, what, blame = EVER, "", False
        if script.get("status") is not None:
            final = float(script.get("status_after_s") or 0)
            what, blame = ("answer", False) if script["status"] < 300 else classify(script["status"])
        elif script.get("answer_after_s") is not None:
            final, what = float(script["answer_after_s"]), "answer"
        if script.get("silent") or min(rings, final) > patience + TICK:
            final, what, blame = patience, "unreachable", True
        self.due, self.what, self.blame = (moment + final if final != EVER else EVER), what, blame


@dataclass
class Offer:
    """One agent's (or one number's) plan under way."""

    call: Call
    agent: dict[str, Any] | None
    stages: list[list[Goal]]
    stage_s: float
    cap_s: float = EVER
    place: int = 0
    heeds_log_out: bool = True
    legs: list[Leg] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    reason: str | None = None
    done: bool = False
    ended_at: float = 0.0
    stage: int = -1
    stage_end: float = EVER
    cap_end: float = EVER
    last_start: float = EVER
    round: int = 0
    node: dict[str, Any] | None = None  # the visit that ends with this offer

    def begin(self, deadline: float) -> None:
        self.call.rounds += 1
        self.round = self.call.rounds
        self.cap_end = self.call.now + self.cap_s
        self.last_start = min(self.cap_end, deadline) - TICK  # what would end as it starts is not started
        self._next_stage()

    def _next_stage(self) -> None:
        self.stage += 1
        while self.stage < len(self.stages) and not self.stages[self.stage]:
            self.stage += 1
        late = self.stage > 0 and self.call.now >= self.last_start
        if self.stage >= len(self.stages) or (late and self.results):
            self.close(strongest(self.results))
            return
        self.stage_end = self.call.now + self.stage_s
        name = self.agent["id"] if self.agent else None
        confirm = bool(self.agent and self.agent["confirm_external"])
        self.legs = []
        for position, goal in enumerate(self.stages[self.stage]):
            order = (self.round, self.stage, position)
            self.legs.append(Leg(self.call, goal, name, order, confirm=confirm))

    def close(self, reason: str) -> None:
        self.reason, self.done, self.ended_at = reason, True, self.call.now
        if self.node is not None:
            self.node["reason"] = reason

    def end_legs(self, result: str) -> None:
        for leg in self.legs:
            if leg.live:
                leg.end(result)
                leg.counted = True
                if result == "no_answer":
                    self.results.append(result)

    def next_time(self) -> float:
        return min([leg.due for leg in self.legs] + [self.stage_end, self.cap_end])

    def settle(self) -> Leg | None:
        """Take in what the legs have become; the one that was answered, if any."""
        while not self.done:
            for leg in self.legs:
                leg.poll()
                if leg.record.result == "answered":
                    return leg
                if not leg.live and not leg.counted:
                    self._failed(leg)
                if self.done:
                    return None
            if any(leg.live for leg in self.legs):
                return None
            self._next_stage()
        return None

    def _failed(self, leg: Leg) -> None:
        leg.counted = True
        result = leg.record.result
        assert result is not None
        self.results.append(result)
        if result == "declined" and self.agent and self.agent["decline_ends_agent"]:
            self.end_legs("cancelled")
            self.close(strongest(self.results))

    def timers(self) -> None:
        now = self.call.now + TICK
        if self.done:
            return
        if self.cap_end <= now:
            self.end_legs("no_answer")
            self.close("no_answer")
        elif self.stage_end <= now:
            self.end_legs("no_answer")
            self._next_stage()

    def leaves(self, event: dict[str, Any]) -> None:
        """A log-out or a break cancels the agent's legs."""
        agent = self.agent
        if self.done or not agent or not self.heeds_log_out or not agent["login_based_calling"]:
            return
        if event["do"] in {"logout", "break"} and event.get("agent") == agent["id"]:
            self.end_legs("cancelled")
            self.close("logged_out" if event["do"] == "logout" else "on_break")


def ring(call: Call, offers: list[Offer], deadline: float = EVER) -> tuple[Offer, Leg] | None:
    """Ring until someone answers (returned), all are done, or the deadline cuts it (legs end as no_answer)."""
    for place, offer in enumerate(offers):
        offer.place = place
        offer.begin(deadline)
    while True:
        winner = _winner(offers)
        if winner is not None or all(offer.done for offer in offers):
            return winner
        event = call.wait(min([offer.next_time() for offer in offers if not offer.done] + [deadline]))
        if event is not None:
            for offer in offers:
                offer.leaves(event)
            continue
        winner = _winner(offers)  # an answer at the very moment of a timer is an answer
        if winner is not None:
            return winner
        if deadline <= call.now + TICK:
            _cut(offers)
            return None
        for offer in offers:
            offer.timers()


def _winner(offers: list[Offer]) -> tuple[Offer, Leg] | None:
    """Take in what the legs have become; the first that was answered ends all others."""
    for offer in offers:
        leg = offer.settle()
        if leg is not None:
            for other in offers:
                other.end_legs("answered_elsewhere")
            return offer, leg
    return None


def _cut(offers: list[Offer]) -> None:
    for offer in offers:
        if not offer.done:
            offer.end_legs("no_answer")
            offer.close("no_answer")
