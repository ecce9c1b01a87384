"""The product's two ways to play a case: the rules alone, and the whole switch with its SIP."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from agreement import decided, differences
from generate import case
from model.simulation import simulate
from rules_kit.player import Player, compile_document

from routerd.cli.simulate import results

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Carrier = Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]

MOMENTS = {"answer_after_s", "status_after_s"}

_compiled: list[tuple[dict[str, Any], Any]] = []  # the last document, for the cases that share it


def through_rules(document: dict[str, Any], scenario: dict[str, Any]) -> dict[str, Any]:
    """The decision machine with a carrier in virtual time."""
    if not _compiled or _compiled[0][0] is not document:
        _compiled[:] = [(document, compile_document(document))]
    return Player(_compiled[0][1], scenario).play()


def through_switch(document: dict[str, Any], scenario: dict[str, Any]) -> dict[str, Any]:
    """What ``routerd simulate --lines`` prints for the case."""
    line = json.dumps({"document": document, "scenario": scenario})
    return next(iter(results([line])))


CARRIERS = {"rules": through_rules, "switch": through_switch}


def disagreement(seed: int, carrier: Carrier) -> list[str]:
    """What the product decides otherwise than the model, in words; empty: nothing."""
    made = case(seed)
    return apart(made["document"], made["scenario"], carrier)


def apart(document: dict[str, Any], scenario: dict[str, Any], carrier: Carrier) -> list[str]:
    """The same for one document and scenario."""
    kind = scenario["call"]["kind"]
    wanted = decided(simulate(document, scenario), kind)
    got = carrier(document, scenario)
    if "error" in got:
        return [str(got["error"])]
    starts = [leg["start_s"] for leg in got["legs"]]
    ordered = [] if starts == sorted(starts) else ["legs do not stand in order of start"]
    return ordered + differences(wanted, decided(got, kind))


def is_tie(seed: int, carrier: Carrier) -> bool:
    """Whether two things fall on one moment in this case, which the contract orders no further.

    It is one when both agree as soon as every phone is a few milliseconds later, each by another time, and the events
    too; and also with the phones' delays the other way round and the events earlier.
    """
    made = case(seed)
    names = sorted(made["scenario"]["phones"])
    return not any(
        apart(made["document"], moved(made["scenario"], order, by_s), carrier)
        for order, by_s in ((names, 0.003), (names[::-1], -0.003))
    )


def moved(scenario: dict[str, Any], order: list[str], by_s: float) -> dict[str, Any]:
    """The scenario with its phones delayed by their places in ``order``, and its events by ``by_s``."""
    events = [{**event, "at_s": max(0.0, event["at_s"] + by_s)} for event in scenario["events"]]
    return {**scenario, "phones": delayed(scenario["phones"], order), "events": events}


def delayed(phones: dict[str, Any], order: list[str]) -> dict[str, Any]:
    """The phones' scripts, each later than it was: by 7 ms times its place in ``order``, and 2 more a trunk."""

    def later(script: dict[str, Any], by_s: float) -> dict[str, Any]:
        moved = {key: value + by_s for key, value in script.items() if key in MOMENTS and value is not None}
        trunks = script.get("trunks") or {}
        ways = {name: later(way, by_s + 0.002 * place) for place, (name, way) in enumerate(trunks.items(), 1)}
        return {**script, **moved, **({"trunks": ways} if ways else {})}

    return {name: later(phones[name], 0.007 * place) for place, name in enumerate(order, 1)}


def compare(seeds: Iterable[int], carrier: Carrier) -> tuple[int, dict[int, list[str]]]:
    """How many cases were played, and the seeds that disagree; ties are left out, and not counted as played."""
    played, wrong = 0, {}
    for seed in seeds:
        found = disagreement(seed, carrier)
        if found and is_tie(seed, carrier):
            continue
        played += 1
        if found:
            wrong[seed] = found
    return played, wrong


def kinds(wrong: dict[int, list[str]]) -> Counter[str]:
    """The disagreements by the parts of the result that differ."""
    return Counter(" ".join(sorted({line.split(":")[0] for line in found})) for found in wrong.values())
