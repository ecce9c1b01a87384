"""What a replay means: the same, different (and by what), or not decidable (and why); and many of them, grouped.

:func:`judge` compares a :class:`~routerd.rules.replay.Walk` with the record of its call; :class:`Report` counts. Causes
name places and values of the document, never a customer, so that calls which differ by one change fall together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.rules.replay import replay, same_place

if TYPE_CHECKING:
    from routerd.rules.decision import Node, TraceEntry
    from routerd.rules.recorded import RecordedCall
    from routerd.rules.replay import Walk
    from routerd.rules.tables import AccountTables

SAME, DIFFERENT, UNDECIDABLE = "same", "different", "not decidable"
NO_DECISION: Final = "the record holds no decision (the call was lost in a crash)"
EXAMPLES: Final = 5
_SAME_MOMENT_S: Final = 0.005
_GATES: Final = frozenset({"gate"})  # of who dials out: each outcome counts by itself
_HINTS: Final = _GATES | {"agent", "callee", "time_condition", "router", "caller_id"}  # these name the cause
_KINDS: Final = {"caller_id": "caller_id", "time_condition": "branch", "router": "branch"}


class Cause(msgspec.Struct, frozen=True):
    """The first thing that differs.

    ``kind`` is gate, branch, destination, target, trunk, caller_id or reason; at ``subject`` it was ``before``, and is
    ``after`` under the other document.
    """

    kind: str
    subject: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.kind} of {self.subject}: {self.before} → {self.after}"


class Verdict(msgspec.Struct, frozen=True, omit_defaults=True):
    """``result`` with its ``cause`` or its ``why``; ``assumed`` are the trunks whose health is taken for granted."""

    result: str
    cause: Cause | None = None
    why: str = ""
    assumed: tuple[str, ...] = ()


def decide_again(tables: AccountTables, call: RecordedCall | None) -> Verdict:
    """Decide a recorded call under ``tables`` and judge it; never raises for a call that was read."""
    if call is None:
        return Verdict(UNDECIDABLE, why=NO_DECISION)
    return judge(call, replay(tables, call))


def judge(call: RecordedCall, walk: Walk) -> Verdict:
    """Compare a walk with the record."""
    assumed = tuple(sorted(walk.assumed))
    if _is_different(call, walk):
        return Verdict(DIFFERENT, cause=_cause(call, walk), assumed=assumed)
    if not walk.whole:
        return Verdict(UNDECIDABLE, why=walk.stopped, assumed=assumed)
    return Verdict(SAME, assumed=assumed)


def _is_different(call: RecordedCall, walk: Walk) -> bool:
    return bool(
        _gate(call, walk, _GATES)
        or _place(call, walk)
        or _left(call, walk)
        or _leg(call, walk)
        or _trunk(call, walk)
        or _end(call, walk)
    )


def _cause(call: RecordedCall, walk: Walk) -> Cause:
    found = (
        _gate(call, walk, _HINTS)
        or _place(call, walk)
        or _leg(call, walk)
        or _left(call, walk)
        or _trunk(call, walk)
        or _end(call, walk)
    )
    assert found is not None
    return found


# -- what may differ ---------------------------------------------------------------------------------------------------


def _gate(call: RecordedCall, walk: Walk, kinds: frozenset[str]) -> Cause | None:
    """Return the first gate that was looked at both times and came out another way, as far as both looked alike."""
    theirs = (entry for entry in call.trace if entry[0] in kinds)
    ours = (entry for entry in walk.d.trace if entry[0] in kinds)
    for old, new in zip(theirs, ours, strict=False):
        if old[:2] != new[:2]:
            return None
        before, after = _outcome(old), _outcome(new)
        if before != after:
            subject = f"{old[0]} {old[1]}" if old[0] not in {"gate", "caller_id"} else f"{_subject(call)}, {old[1]}"
            return Cause(_KINDS.get(old[0], "gate"), subject, before, after)
    return None


def _outcome(entry: TraceEntry) -> str:
    code, _, value, outcome = entry
    if code == "router":
        return f"rule {value + 1} {'holds' if outcome == 'holds' else 'does not hold'}"
    return "passed" if outcome is None and code != "caller_id" else _text(outcome)


def _place(call: RecordedCall, walk: Walk) -> Cause | None:
    """Return where another node is entered, or one more, or (when the decision is whole) one less."""
    ours = walk.d.nodes
    index = next((n for n, pair in enumerate(zip(call.nodes, ours, strict=False)) if not same_place(*pair)), None)
    if index is None:
        index = min(len(call.nodes), len(ours))
        if index == len(ours) and (index == len(call.nodes) or not walk.whole):
            return None
    at = _subject(call) if index == 0 else f"{_name(ours[index - 1])} ({ours[index - 1].reason or 'passed on'})"
    before = _name(call.nodes[index]) if index < len(call.nodes) else _ended(call.final, call.nodes)
    after = _name(ours[index]) if index < len(ours) else _ended(walk.d.final, ours)
    return Cause("destination", at, before, after)


def _left(call: RecordedCall, walk: Walk) -> Cause | None:
    """Return the node that was left for another reason."""
    for theirs, ours in zip(call.nodes, walk.d.nodes, strict=False):
        open_still = ours.reason is None and not walk.whole
        if theirs.reason != ours.reason and not open_still:
            return Cause("reason", _name(ours), theirs.reason or "stayed", ours.reason or "stays")
    return None


def _leg(call: RecordedCall, walk: Walk) -> Cause | None:
    """Return where another target rings, one more, or (when the decision is whole) one less."""
    theirs = [(leg.target, leg.agent) for leg in call.legs]
    ours = [(ring.target, ring.agent) for ring in walk.rings]
    for old, new in zip(theirs, ours, strict=False):
        if old != new:
            return Cause("target", new[1] or old[1] or _subject(call), old[0], new[0])
    if len(ours) > len(theirs):
        target, agent = ours[len(theirs)]
        return Cause("target", agent or _subject(call), "not rung", target)
    if len(ours) < len(theirs) and (walk.whole or _is_due(call.legs[len(ours)].start, walk)):
        target, agent = theirs[len(ours)]
        return Cause("target", agent or _subject(call), target, "not rung")
    if walk.unrung and len(ours) != len(theirs):
        return Cause("target", _subject(call), "not rung", walk.unrung)
    return _shown(call, walk) if ours and len(ours) == len(theirs) else None


def _shown(call: RecordedCall, walk: Walk) -> Cause | None:
    """Return how the last callee would have been shown another number; each trunk says for itself who is shown."""
    trunk, ring = call.legs[-1].trunk, walk.rings[-1]
    if trunk is not None:  # a redirected leg went out by a trunk of its second target
        tried = (one for one in (walk.latest.get(ring.leg, ring), ring) if trunk in one.trunks)
        ring = next((one.through(trunk) for one in tried), ring)
    before, after = call.caller_id or "anonymous", ring.shown or "anonymous"
    return None if before == after else Cause("caller_id", _subject(call), before, after)


def _is_due(start: float, walk: Walk) -> bool:
    """Return whether a leg that started then at ``start`` would have started by the moment to which the walk came."""
    return start < walk.now - _SAME_MOMENT_S or (not walk.cut and start < walk.now + _SAME_MOMENT_S)


def _trunk(call: RecordedCall, walk: Walk) -> Cause | None:
    """Return the leg that would go out by another trunk: its own is not tried, or not tried first as it was."""
    routes = {entry[1]: entry[3] for entry in call.trace if entry[0] == "route"}
    for leg, ring in zip(call.legs, walk.rings, strict=False):
        if leg.trunk is None or leg.target != ring.target or not ring.trunks:
            continue
        was_first = leg.trunk == next(iter(routes.get(leg.target, ())), None)
        if leg.trunk not in ring.trunks or (was_first and ring.trunks[0] != leg.trunk):
            return Cause("trunk", leg.agent or _subject(call), leg.trunk, ring.trunks[0])
    return None


def _end(call: RecordedCall, walk: Walk) -> Cause | None:
    """Return how the decision ended otherwise."""
    ours, theirs = walk.d.final, call.final
    if not walk.whole or theirs is None or ours is None:
        return None
    if (ours.type, ours.id, ours.reason) != (theirs.type, theirs.id, theirs.reason):
        return Cause("reason", _subject(call), _ended(theirs, call.nodes), _ended(ours, walk.d.nodes))
    answered = [leg.target for leg in call.legs if leg.result == "answered"]
    if walk.answered_by is not None and answered and walk.answered_by != answered[-1]:
        return Cause("target", _subject(call), answered[-1], walk.answered_by)
    return None


# -- words -------------------------------------------------------------------------------------------------------------


def _subject(call: RecordedCall) -> str:
    """Name the call's origin without the customer: the number that was dialled, or the agent or extension who dials."""
    attempt = call.attempt
    if attempt.kind == "inbound":
        return attempt.dialled
    return f"{attempt.kind} of {attempt.agent or attempt.extension}"


def _name(node: Node) -> str:
    if node.context == "outbound":
        return "the customer"
    return f"{node.type} {node.id}" if node.id is not None else node.type


def _ended(final: Node | None, nodes: Any) -> str:
    if final is None:
        return "waiting"
    if final.reason is not None:
        return final.reason
    return _name(nodes[-1]) if nodes else final.type


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return " ".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


# -- many --------------------------------------------------------------------------------------------------------------


class Group(msgspec.Struct):
    """Calls that share a cause (or a why): how many, and the ids of the first few."""

    said: str
    cause: Cause | None
    count: int = 0
    examples: list[str] = msgspec.field(default_factory=list)

    def add(self, call_id: str) -> None:
        """Count a call."""
        self.count += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append(call_id)


class Report:
    """What many replays came to: ``add`` each; then ``same``, ``different`` and ``undecidable`` (largest first)."""

    __slots__ = ("_groups", "assumed", "calls", "lost", "same")

    def __init__(self) -> None:
        self.calls = 0
        self.same = 0
        self.lost = 0
        self.assumed: set[str] = set()
        self._groups: dict[tuple[str, str], Group] = {}

    def add(self, call_id: str, verdict: Verdict) -> None:
        """Count one verdict."""
        self.calls += 1
        self.assumed.update(verdict.assumed)
        if verdict.result == SAME:
            self.same += 1
            return
        self.lost += verdict.why == NO_DECISION
        said = str(verdict.cause) if verdict.cause is not None else verdict.why
        group = self._groups.get((verdict.result, said))
        if group is None:
            group = self._groups[verdict.result, said] = Group(said, verdict.cause)
        group.add(call_id)

    @property
    def different(self) -> list[Group]:
        """The causes of differences."""
        return self._of(DIFFERENT)

    @property
    def undecidable(self) -> list[Group]:
        """Why calls could not be decided."""
        return self._of(UNDECIDABLE)

    def _of(self, result: str) -> list[Group]:
        found = [group for (kind, _), group in self._groups.items() if kind == result]
        return sorted(found, key=lambda group: (-group.count, group.said))
