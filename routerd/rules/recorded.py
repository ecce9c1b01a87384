"""A call's record, as the journal keeps it, read back into the types of the rules: for explanation and for replay.

A record holds plain values (msgpack): the attempt, each step of the decision with its event and its read set, the
nodes, the legs and the trace. :func:`read_call` gives them their types again; :func:`read_trace` only the trace.
Next: :func:`routerd.rules.replay.replay`, or :mod:`routerd.rules.explanation`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.rules import plan
from routerd.rules.decision import Node, Target
from routerd.rules.tables import ForwardDigits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from routerd.rules.decision import TraceEntry

EVENTS: Final[dict[str, type[plan.Event]]] = {kind.__name__: kind for kind in plan.Event.__subclasses__()}


class RecordedStep(msgspec.Struct, frozen=True):
    """At ``at`` (UTC seconds) ``event`` came (None: the start); ``reads`` is what the rules then read."""

    at: float
    event: plan.Event | None
    reads: dict[str, Any]


class RecordedLeg(msgspec.Struct, frozen=True):
    """A leg as it was; ``start`` and ``end`` in UTC seconds."""

    target: str
    agent: str | None
    start: float
    end: float | None
    result: str | None
    trunk: str | None


class RecordedCall(msgspec.Struct, frozen=True):
    """A decided call; ``final`` is None when the decision never came to its end (an admin's hang-up, a crash).

    The values in ``trace`` are as they were stored; :func:`read_trace` gives them their types.
    """

    id: str
    attempt: plan.Attempt
    steps: tuple[RecordedStep, ...]
    legs: tuple[RecordedLeg, ...]
    nodes: tuple[Node, ...]
    final: Node | None
    outcome: str
    answered_by: str | None
    caller_id: str | None
    ended_at: float
    version: int
    trace: tuple[TraceEntry, ...]


def read_call(record: Mapping[str, Any]) -> RecordedCall | None:
    """Return the decided call of a record; None when the record holds no whole decision (a crash, a foreign form)."""
    try:
        attempt = msgspec.convert(record["attempt"], plan.Attempt)
        steps = tuple(_step(step) for step in record["steps"])
        if not steps or steps[0].event is not None:
            return None
        final = record.get("final")
        return RecordedCall(
            id=str(record["id"]),
            attempt=attempt,
            steps=steps,
            legs=tuple(_leg(leg, record["at"]) for leg in record["legs"]),
            nodes=tuple(_node(node, attempt.at) for node in record["nodes"]),
            final=None if final is None else _node(final, attempt.at),
            outcome=str(record["outcome"]),
            answered_by=record.get("answered_by"),
            caller_id=record.get("caller_id"),
            ended_at=float(record["ended_at"]),
            version=int(record.get("document_version") or 0),
            trace=tuple((code, subject, value, outcome) for code, subject, value, outcome in record.get("trace") or ()),
        )
    except (KeyError, TypeError, ValueError, IndexError):  # msgspec.ValidationError is a ValueError
        return None


def _step(step: Mapping[str, Any]) -> RecordedStep:
    event = step["event"]
    return RecordedStep(float(step["at"]), None if event is None else _event(*event), step["reads"])


def _event(name: str, fields: Any) -> plan.Event:
    return fields if isinstance(fields, plan.Event) else msgspec.convert(fields, EVENTS[name])


def _leg(leg: Mapping[str, Any], at: float) -> RecordedLeg:
    end_s = leg.get("end_s")
    end = None if end_s is None else at + end_s
    return RecordedLeg(leg["target"], leg["agent"], at + leg["start_s"], end, leg["result"], leg.get("trunk"))


def _node(node: Mapping[str, Any], at: float) -> Node:
    return Node(node["type"], node["id"], node["context"], at + node["at_s"], node["reason"])


def read_trace(entries: Sequence[Any]) -> tuple[TraceEntry, ...]:
    """Return the entries of a trace as the rules noted them: tuples, and targets in the stages of ring plans."""
    return tuple(_entry(*entry) for entry in entries)


def _entry(code: str, subject: str, value: Any, outcome: Any) -> TraceEntry:
    if code == "agent":
        context, department, values, stages = value
        plan_ = tuple(tuple(_target(target) for target in stage) for stage in stages)
        return code, subject, (context, department, _frozen(values), plan_), outcome
    return code, subject, _frozen(value), _frozen(outcome)


def _target(target: Any) -> Target:
    if isinstance(target, Target):
        return target
    kind, name, digits = target
    return Target(kind, name, None if digits is None else msgspec.convert(digits, ForwardDigits))


def _frozen(value: Any) -> Any:
    return tuple(_frozen(part) for part in value) if isinstance(value, (list, tuple)) else value
