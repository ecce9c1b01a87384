"""A call's record told: why it went where it went, for people and for programs, and its time line (routing.md 5).

Only what is recorded is said. :func:`explain` gives lines, :func:`to_json` the exact object, :func:`timeline` what
happened when; all take the record as the store gives it back.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from routerd.rules import plan, trace
from routerd.rules.recorded import read_call, read_trace

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from routerd.rules.recorded import RecordedStep

_WAYS: Final = {"inbound": "Inbound call", "softphone": "Call from a phone", "click_to_call": "Click-to-call",
                "transfer": "Transfer"}  # fmt: skip
_FACTS: Final = (
    "id", "account", "document_version", "at", "kind", "from", "to", "trunk", "source", "outcome", "reason",
    "answered_by", "answered_at", "ended_at", "duration_s", "ended_by", "sip_status", "q850", "caller_id", "nodes",
    "final", "legs", "transfers", "media",
)  # fmt: skip
_NEVER_LEFT: Final = "the call stayed"


# -- why ---------------------------------------------------------------------------------------------------------------


def explain(record: Mapping[str, Any]) -> list[str]:
    """Return the explanation as lines: the call, where it went, its legs, and all that was looked at on the way."""
    lines = [_head(record), "  " + _end(record), "", "Where it went"]
    lines += [f"  {_seconds(node['at_s'])}  {_node(node)}" for node in record.get("nodes") or ()] or ["  nowhere"]
    lines += ["", "What rang"]
    lines += [f"  {_leg(leg)}" for leg in record.get("legs") or ()] or ["  nothing"]
    lines += ["", f"What was looked at (document version {record.get('document_version')})"]
    lines += [f"  {line}" for line in trace.render(read_trace(record.get("trace") or ()))] or ["  nothing"]
    return lines


def to_json(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return everything that is recorded of the decision: plain values, also each step with what it read."""
    made: dict[str, Any] = {name: record.get(name) for name in _FACTS if name in record}
    made["trace"] = [_entry(entry) for entry in trace.to_json(read_trace(record.get("trace") or ()))]
    call = read_call(record)
    made["attempt"] = None if call is None else msgspec.to_builtins(call.attempt)
    made["steps"] = [] if call is None else [_step(step, call.attempt.at) for step in call.steps]
    return made


def _entry(entry: dict[str, Any]) -> dict[str, Any]:
    """An agent's values are named: context, department, what the gates compared, and the ring plan."""
    if entry["code"] == "agent":
        context, department, values, stages = entry["value"]
        gates = [{"gate": name, "value": value} for name, value in zip(trace.GATES, values, strict=False)]
        ringing = [[{"kind": kind, "target": name} for kind, name, _ in stage] for stage in stages]
        value = {"context": context, "department": department, "gates": gates, "ring_plan": ringing}
        return {**entry, "value": value}
    return entry


def _step(step: RecordedStep, start: float) -> dict[str, Any]:
    event = step.event
    told = None if event is None else {"name": type(event).__name__, **_fields(event)}
    return {"at_s": round(step.at - start, 3), "event": told, "reads": step.reads}


def _fields(event: plan.Event) -> dict[str, Any]:
    return {name: getattr(event, name) for name in event.__struct_fields__}


# -- when --------------------------------------------------------------------------------------------------------------


def timeline(record: Mapping[str, Any], messages: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return what happened when: ``at_s`` since the call came, ``kind``, ``text``.

    Kinds: call, sip, decision, leg, event, media, end. A leg's ringing and end stand beside the events of which the
    decision heard, so both sides can be compared. ``messages`` are the call's SIP messages (``at_s``, ``leg``,
    ``direction``, ``text``).
    """
    found = [(0.0, "call", _head(record))]
    found += [(node["at_s"], "decision", f"enters {_place(node)}") for node in record.get("nodes") or ()]
    for leg in record.get("legs") or ():
        found += _of_leg(leg)
    call = read_call(record)
    if call is not None:
        found += [
            (step.at - call.attempt.at, "event", _said(step.event)) for step in call.steps if step.event is not None
        ]
    found += _of_call(record)
    found += [(one["at_s"], "sip", _message(one)) for one in messages]
    order = {"call": 0, "sip": 1, "event": 2, "decision": 3, "leg": 4, "media": 5, "end": 6}
    found.sort(key=lambda row: (round(row[0], 3), order[row[1]]))
    return [{"at_s": round(at_s, 3), "kind": kind, "text": text} for at_s, kind, text in found]


def _message(one: Mapping[str, Any]) -> str:
    return f"{one['leg']} {'<-' if one['direction'] == 'out' else '->'} {one['text']}"


def _of_leg(leg: Mapping[str, Any]) -> Iterator[tuple[float, str, str]]:
    name = _target(leg)
    if leg.get("start_s") is not None:
        yield leg["start_s"], "leg", f"{name} is called" + (f" by trunk {leg['trunk']}" if leg.get("trunk") else "")
    if leg.get("ringing_s") is not None:
        yield leg["ringing_s"], "leg", f"{name} rings"
    if leg.get("end_s") is not None:
        status = f" ({leg['status']})" if leg.get("status") else ""
        yield leg["end_s"], "leg", f"{name}: {leg['result']}{status}"


def _of_call(record: Mapping[str, Any]) -> Iterator[tuple[float, str, str]]:
    start = record.get("at") or 0.0
    for mark in record.get("timeline") or ():
        yield float(mark.get("at_s") or 0.0), "media", f"{mark.get('what')} {mark.get('detail') or ''}".strip()
    if record.get("answered_at") is not None:
        yield record["answered_at"] - start, "call", f"the caller is connected with {record.get('answered_by')}"
    if record.get("ended_at") is None:
        return
    at_s = record["ended_at"] - start
    for transfer in record.get("transfers") or ():
        yield transfer.get("at_s", at_s), "call", "transfer: " + _pairs(transfer, "at_s")
    if record.get("media"):
        yield at_s, "media", _heard(record["media"])
    yield at_s, "end", _end(record)


def _said(event: plan.Event) -> str:
    values = ", ".join(f"{name} {value}" for name, value in _fields(event).items() if value is not None)
    return f"{type(event).__name__} ({values})" if values else type(event).__name__


# -- words -------------------------------------------------------------------------------------------------------------


def _head(record: Mapping[str, Any]) -> str:
    kind = str(record.get("kind"))
    at = datetime.fromtimestamp(float(record.get("at") or 0.0), UTC)
    way = f" by trunk {record['trunk']}" if record.get("trunk") else ""
    caller = record.get("from") or "anonymous"
    return f"{_WAYS.get(kind, kind)} {record.get('id')}: {caller} → {record.get('to')}{way}, {at:%Y-%m-%d %H:%M:%S} UTC"


def _end(record: Mapping[str, Any]) -> str:
    outcome, reason = record.get("outcome"), record.get("reason")
    if outcome is None:
        return f"goes on ({record.get('state') or 'not ended'})"
    words = [f"{outcome}" + (f" ({reason})" if reason and reason != outcome else "")]
    if record.get("answered_by"):
        words.append(f"by {record['answered_by']}")
    if record.get("duration_s"):
        words.append(f"{record['duration_s']:.1f} s of talk")
    if record.get("ended_by"):
        words.append(f"ended by the {record['ended_by']}")
    if record.get("sip_status"):
        words.append(f"SIP {record['sip_status']}")
    if record.get("q850"):
        words.append(f"Q.850 {record['q850']}")
    return ", ".join(words)


def _place(node: Mapping[str, Any]) -> str:
    name = f" {node['id']}" if node.get("id") is not None else ""
    return f"{node['type']}{name} ({node.get('context')})"


def _node(node: Mapping[str, Any]) -> str:
    return f"{_place(node)}: {'left, ' + node['reason'] if node.get('reason') else _NEVER_LEFT}"


def _target(leg: Mapping[str, Any]) -> str:
    return f"{leg['target']} of {leg['agent']}" if leg.get("agent") else str(leg["target"])


def _leg(leg: Mapping[str, Any]) -> str:
    trunk = f", trunk {leg['trunk']}" if leg.get("trunk") else ""
    span = f"{_seconds(leg.get('start_s'))} - {_seconds(leg.get('end_s'))}"
    return f"{span}  {_target(leg)}: {leg.get('result')}{trunk}"


def _seconds(value: float | None) -> str:
    return "       ?" if value is None else f"{value:6.1f} s"


def _heard(media: Mapping[str, Any]) -> str:
    """What came from each party, where that was measured."""
    heard = media.get("heard")
    if not heard:
        return _pairs(media)
    told = [f"from the {one.get('who')}: " + _pairs(one, "who") for one in heard]
    return "; ".join([*told, *([_pairs(media, "heard", "totals")] if set(media) - {"heard", "totals"} else [])])


def _pairs(values: Mapping[str, Any], *leave_out: str) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if name not in leave_out and value is not None)
