"""What was heard of each party of a call, as the replies to ``query`` and ``delete`` tell it.

All values are whole numbers, as bencode has no others: jitter and round trip in microseconds, the estimated score (see
``media.quality``) in hundredths; ``may-send`` is 0 when the descriptions let the party be silent (hold). ``cause`` and
``cause-text`` say why a party that should have been heard was not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from routerd.media import quality
from routerd.media.one_way import cause_of
from routerd.media.relay_session import RTP

if TYPE_CHECKING:
    from routerd.media_worker.call import MediaLine


def one_way(line: MediaLine, speakers: list[str]) -> dict[str, str]:
    """What the event ``one-way`` tells of a line: who is heard (``direction``: ``TAG only``), who is not, and why."""
    side = 1 - line.session.heard_side
    cause = cause_of(line.session.lane(side, RTP))
    return {
        "direction": f"{speakers[1 - side]} only",
        "silent": speakers[side],
        "cause": cause.word,
        "cause-text": cause.text,
    }


def heard(lines: list[MediaLine], side: int) -> dict[str, Any]:
    """What the party on ``side`` sent, over all lines; the score is that of the line of which most was heard."""
    lanes = [(line.session.lane(side, RTP), line.session) for line in lines]
    told: dict[str, Any] = {
        "packets": sum(lane.packets for lane, _ in lanes),
        "lost": sum(lane.lost for lane, _ in lanes),
        "jitter-us": int(max((lane.jitter_ms for lane, _ in lanes), default=0.0) * 1000),
        "foreign": sum(lane.foreign for lane, _ in lanes),
        "garbage": sum(lane.garbage for lane, _ in lanes),
        "may-send": int(any(session.may_send(side) for _, session in lanes)),
    }
    if not lanes:
        return told
    lane, session = max(lanes, key=lambda pair: pair[0].packets)
    trip_s = session.trips.seconds[side]
    if trip_s is not None:
        told["round-trip-us"] = int(trip_s * 1e6)
    payload = lane.payload_type
    if payload is not None:
        told["payload-type"] = payload
        trip_ms = None if trip_s is None else trip_s * 1000
        score = quality.estimate(payload, lane.packets, lane.lost, lane.jitter_ms, trip_ms)
        if score is not None:
            told["mos-x100"] = round(score * 100)
    if session.is_one_way and session.heard_side != side:
        cause = cause_of(lane)
        told["cause"], told["cause-text"] = cause
    return told
