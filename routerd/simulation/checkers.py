"""What must hold after every simulated run, whatever happened in it.

One final response per INVITE; no B leg outlives its A leg; the losers of a fork are cancelled, or acknowledged and
hung up; one record per call, whose legs sum up; every media session deleted; after quiet no transaction, no dialog,
no timer, no count is left. The callers of a storm write their name into Subject, which crosses the switch: so an A leg
and its B legs are known on the wire, independently of what the switch says.

:func:`check` returns the faults as sentences; none is good. Give it a world that has come to rest.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from routerd.sip.state_tables import TERMINATED

if TYPE_CHECKING:
    from routerd.simulation.phone_call import PhoneCall
    from routerd.simulation.world import World

LAG_S = 40.0
"""How long a leg may outlive the other: BYE and CANCEL are repeated for 64*T1."""


def check(world: World) -> list[str]:
    """Return everything that is wrong with a world at rest."""
    faults: list[str] = []
    for checker in CHECKERS:
        faults += checker(world)
    return faults


def calls_of(world: World) -> list[PhoneCall]:
    """Return every dialog of every phone."""
    return [call for phone in world.phones for call in phone.calls]


def _name(call: PhoneCall) -> str:
    side = "caller" if call.is_caller else "callee"
    return f"{side} {call.phone.user or call.phone.address[0]} {call.subject or '-'} from {call.began_at:.2f} s"


def one_final_response(world: World) -> list[str]:
    """Each INVITE ends by exactly one final response, each 2xx is acknowledged."""
    faults = []
    for call in calls_of(world):
        if call.silent or call.severed:
            continue
        if len(call.finals) != 1:
            faults.append(f"{_name(call)}: {len(call.finals)} final responses {call.finals}")
        if call.answered_at is not None and not call.acked:
            faults.append(f"{_name(call)}: the 2xx was never acknowledged")
    return faults


def everything_ends(world: World) -> list[str]:
    """No dialog is left hanging at any phone."""
    return [
        f"{_name(call)}: never hung up"
        for call in calls_of(world)
        if call.ended_at is None and not (call.silent or call.severed)
    ]


def no_leg_outlives(world: World) -> list[str]:
    """A B leg ends with its A leg, and of several answered B legs only one goes on."""
    faults = []
    by_subject: dict[str, list[PhoneCall]] = {}
    for call in calls_of(world):
        if call.subject:
            by_subject.setdefault(call.subject, []).append(call)
    for subject, calls in by_subject.items():
        if any(call.moved for call in calls):
            continue
        callers = [call for call in calls if call.is_caller and not call.severed]
        callees = [call for call in calls if not call.is_caller and not (call.silent or call.severed)]
        ends = [call.ended_at for call in callers if call.ended_at is not None]
        end = max(ends) if ends else None
        faults += [
            f"{subject}: {_name(call)} outlives its caller by {call.ended_at - end:.1f} s"
            for call in callees
            if end is not None and call.ended_at is not None and call.ended_at > end + LAG_S
        ]
        faults += _overlaps(subject, [call for call in callees if call.answered_at is not None])
    return faults


def _overlaps(subject: str, answered: list[PhoneCall]) -> list[str]:
    faults = []
    for index, one in enumerate(answered):
        for other in answered[index + 1 :]:
            spans = [(c.answered_at or 0.0, c.ended_at if c.ended_at is not None else 1e9) for c in (one, other)]
            overlap = min(spans[0][1], spans[1][1]) - max(spans[0][0], spans[1][0])
            if overlap > LAG_S:
                faults.append(f"{subject}: {_name(one)} and {_name(other)} talk at once for {overlap:.1f} s")
    return faults


def one_record_per_call(world: World) -> list[str]:
    """Each call has one start and one end in the journal, and its record is sound."""
    starts = Counter(entry.entry["id"] for entry in world.journal if entry.kind == "call.start")
    ends = Counter(entry.entry["id"] for entry in world.journal if entry.kind == "call.end")
    faults = [f"call {call} has {ends[call]} records" for call in starts if ends[call] != 1]
    faults += [f"call {call} was begun {starts[call]} times" for call in ends if starts[call] != 1]
    for record in world.records():
        faults += [f"record {record['id']}: {fault}" for fault in _unsound(record)]
    return faults


def _unsound(record: dict[str, Any]) -> list[str]:
    faults = []
    whole_s = record["ended_at"] - record["at"]
    answered = record["answered_at"]
    if not record["outcome"]:
        faults.append("no outcome")
    if whole_s < 0 or (answered is not None and not record["at"] <= answered <= record["ended_at"]):
        faults.append("its times run backwards")
    if answered is not None and abs(record["duration_s"] - (record["ended_at"] - answered)) > 0.01:
        faults.append("its duration is not what its times say")
    for leg in record["legs"]:
        if leg["result"] is None or leg["end_s"] is None:
            faults.append(f"leg {leg['target']} has no end")
        elif not 0 <= leg["start_s"] <= leg["end_s"] <= whole_s + 0.01:
            faults.append(f"leg {leg['target']} does not lie within the call")
    winners = [leg["target"] for leg in record["legs"] if leg["result"] == "answered"]
    if record["answered_by"] is not None and record["answered_by"] not in winners:
        faults.append(f"answered by {record['answered_by']}, which no leg says")
    return faults


def media_released(world: World) -> list[str]:
    """Each media session was deleted, and none used after that."""
    faults = []
    for number, engine in enumerate(world.engines):
        faults += [f"engine {number} still holds {call}" for call in engine.sessions]
        faults += [f"engine {number}: {fault}" for fault in engine.faults]
    return faults


def nothing_left(world: World) -> list[str]:
    """After quiet there is no transaction, dialog, timer, question or count left in the switch."""
    switch = world.switch
    exchange = switch.exchange
    left = {
        "transactions": len(switch.layer),
        "dialogs": len(switch.dialogs),
        "calls": len(switch.call_by_id),
        "bindings": len(switch.location),
        "timers": len(exchange.timers),
        "questions": exchange.open_questions,
        # a silent phone never answers, nor does one that was cut off: what it was asked stays open
        "transactions of phones": sum(len(phone.layer) for phone in world.phones)
        - sum(
            1
            for call in calls_of(world)
            if (call.silent or call.severed) and call.tx is not None and call.tx.state != TERMINATED
        ),
    }
    for name, state in switch.states.items():
        left[f"occupied agents of {name}"] = len(state.agent_calls)
        left[f"channels of {name}"] = len(state.channels)
        left[f"waiting calls of {name}"] = len(state.waiting)
    return [f"{count} {what} left" for what, count in left.items() if count]


def nothing_malformed(world: World) -> list[str]:
    """Whatever the switch sends can be read, and bans nobody who behaves."""
    faults = [
        f"{phone.user or phone.address[0]} got something malformed: {detail}"
        for phone in world.phones
        for reason, detail in phone.notes
        if reason == "malformed"
    ]
    faults += [
        f"{phone.user or phone.address[0]} got no ACK: {detail}"
        for phone in world.phones
        for reason, detail in phone.notes
        if reason == "no_ack"
    ]
    faults += [f"{ban.address} was banned for {ban.reason}" for ban in world.bans]
    faults += [f"the switch failed: {detail}" for _, reason, detail in world.notes if reason == "exception"]
    return faults


CHECKERS = (
    one_final_response,
    everything_ends,
    no_leg_outlives,
    one_record_per_call,
    media_released,
    nothing_left,
    nothing_malformed,
)


def transcript(world: World) -> bytes:
    """Return what was sent, when, by whom and what became of it: equal seeds give equal bytes."""
    lines = []
    for packet in world.network.transcript:
        head = f"{packet.at:.6f} {packet.source} {packet.target} {packet.fate}\n"
        lines.append(head.encode() + packet.data + b"\n")
    return b"".join(lines)
