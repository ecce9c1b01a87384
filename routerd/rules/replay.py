"""A past call decided again, under its own document or under another: :func:`rerun` and :func:`replay`; pure.

Theory of operation. A replay starts the machine with the recorded attempt and walks on in virtual time. What happened
then happens again: outcomes of legs follow their target (same target: same result, as long after the leg's start),
what the caller and the agents did comes at the moment at which it came, timers are the new decision's own. A timer
that fired then a little late fires as late again, so that the same document gives exactly the same decision, event by
event.

The walk stops where the record knows no more: a target rings that did not ring then, or longer than it did; a fact is
asked that was not read; the caller would have had to wait longer. What was decided up to there still counts:
:mod:`routerd.rules.verdict` compares it with the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.rules import machine, plan
from routerd.rules.decision import Decision
from routerd.rules.facts import Facts, RecordedState
from routerd.rules.known import KnownFacts, UnrecordedError, words
from routerd.rules.places import DepartmentPlace, IvrPlace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from routerd.rules.decision import Node
    from routerd.rules.plan import Command, Event
    from routerd.rules.recorded import RecordedCall, RecordedStep
    from routerd.rules.tables import AccountTables

EARLY_S: Final = 0.05  # a timer may have fired a hair before its moment,
LATE_S: Final = 2.0  # or late, when the loop was busy
SLACK_S: Final = 0.25
_SAME_MOMENT_S: Final = 0.005  # legs are recorded to the millisecond
_PLAYED: Final = "\0played"  # stands among the timers for the end of a sound
_MOST_STEPS: Final = 5000
_ENDINGS: Final = (plan.LegAnswered, plan.LegFailed, plan.LegReleased)
_CONFIRMATIONS: Final = (plan.LegConfirmed, plan.LegUnconfirmed, plan.LegReleased)
_LEG_EVENTS: Final = (plan.LegRinging, plan.LegRedirected, *_ENDINGS, *_CONFIRMATIONS)


def rerun(tables: AccountTables, call: RecordedCall) -> machine.Step:
    """Decide a call again step by step, exactly as it was recorded; only for the tables under which it was decided."""
    account = tables.account.id
    first, *later = call.steps
    step = machine.start(tables, call.attempt, Facts(RecordedState(first.reads), account))
    for one in later:
        if one.event is not None:
            step = machine.advance(step, one.event, Facts(RecordedState(one.reads), account), one.at)
    return step


def replay(tables: AccountTables, call: RecordedCall) -> Walk:
    """Decide a call again under ``tables``; give the walk to :func:`routerd.rules.verdict.judge`."""
    walk = Walk(tables, call)
    try:
        walk.run()
    except UnrecordedError as missing:
        walk.stop(words(missing.fact))
        walk.cut = True
        walk.rings += [c for c in walk.d.out if isinstance(c, plan.Ring) and c.leg >= len(walk.rings)]
    return walk


class Walk:
    """One replay. ``d`` is where the decision stands, ``rings`` its legs, ``stopped`` why it goes no further.

    ``whole``: the decision came to its end, or to where the recorded one was cut off. ``cut``: it stopped at ``now`` in
    the middle of a step, for want of a fact.
    """

    __slots__ = (
        "_apart",
        "_due",
        "_earlier",
        "_horizons",
        "_last",
        "_left",
        "_legs",
        "_passed",
        "_queued",
        "_shifts",
        "_step",
        "_tables",
        "answered_by",
        "assumed",
        "call",
        "cut",
        "d",
        "latest",
        "now",
        "rings",
        "stopped",
        "unrung",
        "whole",
    )

    def __init__(self, tables: AccountTables, call: RecordedCall) -> None:
        self.call = call
        self.assumed: set[str] = set()
        self.rings: list[plan.Ring] = []
        self.latest: dict[int, plan.Ring] = {}
        self.answered_by: str | None = None
        self.unrung = ""
        self.stopped = ""
        self.whole = False
        self.cut = False
        self._tables = tables
        self._left: list[RecordedStep] = list(call.steps[1:])
        self._passed = 0
        self._earlier: dict[str, Any] = {}
        self._due: dict[str, float] = {}
        self._legs: dict[int, int] = {}  # recorded leg: ours
        self._shifts: dict[int, float] = {}
        self._horizons: dict[int, float] = {}
        self._queued = False
        self._apart = False
        self.now = call.attempt.at
        self._last = call.steps[-1].at if call.final is not None else call.ended_at
        self.d = Decision(tables, call.attempt, self._facts(KnownFacts({}, {}, self.assumed)), call.attempt.at)
        self._step: machine.Step | None = None

    def stop(self, why: str) -> None:
        """Go no further; the first reason is kept."""
        self.stopped = self.stopped or why

    def run(self) -> None:
        """Walk until the decision is over or the record knows no more. Raises UnrecordedError."""
        self._decide(self.call.steps[0].reads, None)
        for _ in range(_MOST_STEPS):
            if self.d.over or self.stopped:
                break
            if not self._advance():
                break
        self.whole = self.whole or self.d.over

    # -- one step ------------------------------------------------------------------------------------------------------

    def _facts(self, known: KnownFacts) -> Facts:
        return Facts(RecordedState(known), self._tables.account.id)

    def _decide(self, reads: dict[str, Any], event: Event | None) -> None:
        known = KnownFacts(reads, self._earlier, self.assumed)
        if event is None or self._step is None:
            self.d.facts = self._facts(known)
            step = machine.begin(self.d)
        else:
            self.d = self._step.decision.fork(self._facts(known), self.now)
            step = machine.follow(self.d, event)
        self._step = step
        self._earlier.update(reads)
        for command in step.commands:
            carry = _CARRIERS.get(type(command))
            if carry is not None:
                carry(self, command)
        self._apart = self._apart or not same_way(self.call, self.d)

    def _advance(self) -> bool:
        """Let the next thing happen; returns whether there was one."""
        found = self._next_recorded()
        own = self._next_own()
        if own is not None and (found is None or own[0] + SLACK_S <= found[0]):
            return self._fire_own(*own)
        if found is None:
            self._ran_dry()
            return False
        at, step = found
        if self._beyond(at):
            return False
        self._pass(at)
        self._left.remove(step)
        self.now = at
        event = step.event
        if isinstance(event, plan.TimerFired):
            self._due.pop(event.name, None)
        elif isinstance(event, plan.PlayEnded):
            self._due.pop(_PLAYED, None)
        self._decide(step.reads, self._ours(event))
        return True

    def _fire_own(self, at: float, name: str) -> bool:
        if self.call.final is None and at > self._last:
            self.whole = True
            return False
        if self._beyond(at):
            return False
        self._apart = True
        del self._due[name]
        self._pass(at)
        self.now = max(at, self.now)
        self._decide({}, plan.PlayEnded() if name == _PLAYED else plan.TimerFired(name))
        return True

    def _pass(self, at: float) -> None:
        """What was read until ``at`` is known from now on, whether its event counts here or not."""
        steps = self.call.steps
        while self._passed < len(steps) and steps[self._passed].at <= at:
            self._earlier.update(steps[self._passed].reads)
            self._passed += 1

    def _ran_dry(self) -> None:
        if self.call.final is None or self.d.final is not None:  # cut off then; or in a mailbox, for the caller's time
            self.whole = True
        else:
            self.stop("what followed was not recorded")

    # -- what happens next ---------------------------------------------------------------------------------------------

    def _next_recorded(self) -> tuple[float, RecordedStep] | None:
        """Return the next recorded event that means something here, and when."""
        best: tuple[float, RecordedStep] | None = None
        for step in self._left:
            at = self._moment(step)
            if at is not None and (best is None or at < best[0]):
                best = at, step
        return best

    def _moment(self, step: RecordedStep) -> float | None:
        event = step.event
        if isinstance(event, plan.TimerFired):
            return step.at if self._fits(step.at, event.name) else None
        if isinstance(event, plan.PlayEnded):
            return step.at if _PLAYED in self._due and not self._apart else None
        if isinstance(event, _LEG_EVENTS):
            ours = self._legs.get(event.leg)
            return None if ours is None else step.at + self._shifts[ours]
        return step.at if step.at >= self.now - SLACK_S else None

    def _fits(self, at: float, name: str) -> bool:
        """Return whether a recorded firing is that of our own timer of this name."""
        due = self._due.get(name)
        return due is not None and due - EARLY_S <= at <= due + LATE_S

    def _next_own(self) -> tuple[float, str] | None:
        """Return our earliest timer that no recorded firing stands for."""
        best: tuple[float, str] | None = None
        for name, due in self._due.items():
            if (best is None or due < best[0]) and not self._recorded(name):
                best = due, name
        return best

    def _recorded(self, name: str) -> bool:
        """Return whether the record says when this timer fires; sounds last as then while the way is the same."""
        if name == _PLAYED:
            return not self._apart
        return any(
            isinstance(step.event, plan.TimerFired) and step.event.name == name and self._fits(step.at, name)
            for step in self._left
        )

    def _beyond(self, at: float) -> bool:
        """Return whether the record says nothing of ``at`` any more; the walk is then stopped."""
        for ours, horizon in self._horizons.items():
            if ours in self.d.legs and at > horizon + SLACK_S:
                self.stop(f"{self.latest[ours].target} would have rung longer than it did then")
                return True
        place = self.d.place
        waits = isinstance(place, IvrPlace) or (isinstance(place, DepartmentPlace) and self._queued)
        if waits and at > self._last + SLACK_S:
            self.stop("what the caller would have done next was not recorded")
            return True
        return False

    def _ours(self, event: Event | None) -> Event | None:
        """Return a recorded event with our number of its leg."""
        if isinstance(event, _LEG_EVENTS):
            ours = self._legs[event.leg]
            if ours != event.leg:
                return _renumbered(event, ours)
        return event

    # -- commands ------------------------------------------------------------------------------------------------------

    def ring(self, command: Command) -> None:
        """Find what became of the target then; a redirected leg goes on as it went on."""
        assert isinstance(command, plan.Ring)
        known = command.leg in self.latest
        self.latest[command.leg] = command
        if known:
            return
        self.rings.append(command)
        legs = self.call.legs
        theirs = next((n for n in self._candidates(command.leg) if legs[n].target == command.target), None)
        if theirs is None:
            self.unrung = self.unrung or command.target
            self.stop(f"{command.target} did not ring then")
            return
        leg = legs[theirs]
        self._legs[theirs] = command.leg
        shift = self.now - leg.start
        if abs(shift) < _SAME_MOMENT_S:
            shift = 0.0
        self._apart = self._apart or shift != 0.0
        self._shifts[command.leg] = shift
        if not self._has(theirs, _ENDINGS):
            self._horizons[command.leg] = self.now + max(0.0, (leg.end or self._last) - leg.start)

    def _candidates(self, number: int) -> Iterator[int]:
        """Recorded legs that are not taken yet; the one with the same number first."""
        legs = range(len(self.call.legs))
        if number in legs and number not in self._legs:
            yield number
        yield from (n for n in legs if n != number and n not in self._legs)

    def _has(self, leg: int, kinds: tuple[type[Event], ...]) -> bool:
        return any(isinstance(step.event, kinds) and _leg_of(step) == leg for step in self._left)

    def confirm(self, command: Command) -> None:
        """Somebody is asked to press 1: known only when they were asked then."""
        assert isinstance(command, plan.Confirm)
        theirs = next((n for n, ours in self._legs.items() if ours == command.leg), -1)
        if not self._has(theirs, _CONFIRMATIONS) and self.call.final is not None and not self._ends_open(theirs):
            self.stop(f"{self.latest[command.leg].target} was not asked to press 1 then")

    def _ends_open(self, leg: int) -> bool:
        """Return whether a recorded leg was answered, and then given up unconfirmed."""
        return leg >= 0 and self.call.legs[leg].result != "answered"

    def wait(self, command: Command) -> None:
        """Start a timer."""
        assert isinstance(command, plan.Wait)
        self._due[command.name] = self.now + command.delay_s

    def unwait(self, command: Command) -> None:
        """Stop a timer."""
        assert isinstance(command, plan.Unwait)
        self._due.pop(command.name, None)

    def play(self, command: Command) -> None:
        """A sound plays: as long as it did then, else as long as the document says."""
        assert isinstance(command, plan.Play)
        self._due.pop(_PLAYED, None)
        if not command.repeat:
            sound = self._tables.sounds.get(command.sound)
            self._due[_PLAYED] = self.now + (sound.duration_s if sound is not None else 0.0)

    def stop_play(self, command: Command) -> None:
        """The sound stops."""
        assert isinstance(command, plan.StopPlay)
        self._due.pop(_PLAYED, None)

    def queue(self, command: Command) -> None:
        """The caller waits, or waits no longer."""
        self._queued = isinstance(command, plan.JoinQueue)

    def offered(self, command: Command) -> None:
        """The round robin's cursor moves."""
        assert isinstance(command, plan.Offered)
        self._earlier["last_offered:" + command.department] = command.agent

    def bridge(self, command: Command) -> None:
        """Somebody has taken the call; a redirected leg keeps the name under which it began."""
        assert isinstance(command, plan.Bridge)
        self.answered_by = next((ring.target for ring in self.rings if ring.leg == command.leg), None)


def same_way(call: RecordedCall, d: Decision) -> bool:
    """Return whether the nodes visited so far are those of the record."""
    return len(d.nodes) <= len(call.nodes) and all(map(same_place, call.nodes, d.nodes))


def same_place(theirs: Node, ours: Node) -> bool:
    """Return whether two nodes are one place, entered in the same context."""
    return (theirs.type, theirs.id, theirs.context) == (ours.type, ours.id, ours.context)


def _leg_of(step: RecordedStep) -> int | None:
    return step.event.leg if isinstance(step.event, _LEG_EVENTS) else None


def _renumbered(event: Event, leg: int) -> Event:
    values = {name: getattr(event, name) for name in event.__struct_fields__}
    return type(event)(**{**values, "leg": leg})


_CARRIERS: Final[dict[type[Command], Callable[[Walk, Command], None]]] = {
    plan.Ring: Walk.ring,
    plan.Confirm: Walk.confirm,
    plan.Wait: Walk.wait,
    plan.Unwait: Walk.unwait,
    plan.Play: Walk.play,
    plan.StopPlay: Walk.stop_play,
    plan.JoinQueue: Walk.queue,
    plan.LeaveQueue: Walk.queue,
    plan.Offered: Walk.offered,
    plan.Bridge: Walk.bridge,
}
