"""What a record keeps of an engine's last word about a call's media, in the same words for every kind of engine.

``heard`` has an entry a party: ``who`` (caller or callee), ``packets`` that came from it, ``lost`` and ``loss`` (a
share), ``jitter_ms``, ``mos`` (estimated, see :mod:`routerd.media.quality`), ``round_trip_ms``, ``foreign`` packets
from elsewhere, and, where it should have been heard and was not, ``cause`` (a word) and ``why``. What an engine does
not know is left out.

The embedded engine tells all of it when a session is deleted. rtpengine tells it when it is asked (``query``), by what
the parties reported of each other (RTCP): the score under one party's SSRC is what that party heard of the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from routerd.media.ng import HOUSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from routerd.b2bua.call import Call

Facts = dict[str, Any]
MANY: Final = 100
"""Packets of one party after which the other one's silence is no accident."""


def media_facts(reply: Mapping[str, Any] | None, who: Mapping[str, str]) -> Facts:
    """Return ``totals``, ``heard``, ``one_way`` of a reply to ``delete`` or ``query``; ``who`` tells parties by tag."""
    if reply is None:
        return {}
    facts: Facts = {"totals": reply["totals"]} if "totals" in reply else {}
    if isinstance(reply.get("heard"), list):
        heard = [_of_embedded(told, who) for told in reply["heard"] if told.get("tag") != HOUSE]
        facts["heard"] = heard
        facts.update(_one_way(reply["heard"], heard))
    elif isinstance(reply.get("tags"), dict):
        facts["heard"] = _of_rtpengine(reply["tags"], reply.get("SSRC"), who)
    return facts


def flag_one_way(call: Call, facts: Mapping[str, Any]) -> None:
    """Write into a call's record that the engine hears only one of its parties, which, and the likely cause."""
    direction, silent = str(facts.get("direction", "unknown")), facts.get("silent")
    if isinstance(silent, str):
        caller = call.caller.name if call.caller is not None else "caller"
        direction = "callee only" if silent == caller else "caller only"
    told = {"one_way": direction, "one_way_cause": facts.get("cause-text", "")}
    call.record.media = {**(call.record.media or {}), **told}
    call.exchange.note("one_way_audio", f"{call.id}: {direction}: {facts.get('cause-text', '')}")


def _of_embedded(told: Mapping[str, Any], who: Mapping[str, str]) -> Facts:
    packets, lost = int(told.get("packets", 0)), int(told.get("lost", 0))
    facts: Facts = {
        "who": _name(told.get("tag"), who),
        "packets": packets,
        "lost": lost,
        "loss": round(lost / (packets + lost), 4) if packets + lost else 0.0,
        "jitter_ms": round(told.get("jitter-us", 0) / 1000, 2),
    }
    if "mos-x100" in told:
        facts["mos"] = told["mos-x100"] / 100
    if "round-trip-us" in told:
        facts["round_trip_ms"] = round(told["round-trip-us"] / 1000, 1)
    if told.get("foreign"):
        facts["foreign"] = told["foreign"]
    if "cause" in told:
        facts["cause"], facts["why"] = told["cause"], told.get("cause-text", "")
    return facts


def _one_way(told: list[Mapping[str, Any]], heard: list[Facts]) -> Facts:
    """Flag a call that ended before the engine would have: one party was heard, the other never."""
    if len(heard) != 2 or not all(one.get("may-send", 1) for one in told):
        return {}
    loud, silent = sorted(heard, key=lambda one: one["packets"], reverse=True)
    if silent.get("cause") or (loud["packets"] >= MANY and not silent["packets"]):
        return {"one_way": f"{loud['who']} only", "one_way_cause": silent.get("why") or "nothing came from the other"}
    return {}


def _of_rtpengine(tags: Mapping[str, Any], reports: object, who: Mapping[str, str]) -> list[Facts]:
    known = reports if isinstance(reports, dict) else {}
    voices = {tag: _voice(party) for tag, party in tags.items() if tag != HOUSE and isinstance(party, dict)}
    heard = []
    for tag, (packets, _ssrc) in voices.items():
        facts: Facts = {"who": _name(tag, who), "packets": packets}
        for other, (_, ssrc) in voices.items():
            report = known.get(str(ssrc)) if other != tag else None
            if isinstance(report, dict):
                facts.update(_reported(report, packets))
        heard.append(facts)
    return heard


def _voice(party: Mapping[str, Any]) -> tuple[int, int | None]:
    """Packets and SSRC of a party's first line."""
    for media in party.get("medias", ()):
        for stream in media.get("streams", ())[:1]:
            return int(stream.get("stats", {}).get("packets", 0)), stream.get("SSRC")
    return 0, None


def _reported(report: Mapping[str, Any], packets: int) -> Facts:
    lost = max(0, int(report.get("cumulative loss", 0)))
    facts: Facts = {"lost": lost, "loss": round(lost / (packets + lost), 4) if packets + lost else 0.0}
    average = report.get("average MOS")
    if isinstance(average, dict):
        facts["jitter_ms"] = float(average.get("jitter", 0))
        facts["round_trip_ms"] = round(average.get("round-trip time", 0) / 1000, 1)
        if average.get("MOS"):
            facts["mos"] = average["MOS"] / 10
    return facts


def _name(tag: object, who: Mapping[str, str]) -> str:
    return who.get(str(tag), "callee")
