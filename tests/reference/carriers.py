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


def disagreement(seed: int, carrier: Callable[[dict[str, Any], dict[str, Any]], dict[str, Any]]) -> list[str]:
    """What the product decides otherwise than the model, in words; empty: nothing."""
    made = case(seed)
    kind = made["scenario"]["call"]["kind"]
    wanted = decided(simulate(made["document"], made["scenario"]), kind)
    got = carrier(made["document"], made["scenario"])
    if "error" in got:
        return [str(got["error"])]
    starts = [leg["start_s"] for leg in got["legs"]]
    ordered = [] if starts == sorted(starts) else ["legs do not stand in order of start"]
    return ordered + differences(wanted, decided(got, kind))


def compare(seeds: Iterable[int], carrier: Callable[..., dict[str, Any]]) -> tuple[int, dict[int, list[str]]]:
    """How many cases were played, and the seeds that disagree."""
    played, wrong = 0, {}
    for seed in seeds:
        played += 1
        found = disagreement(seed, carrier)
        if found:
            wrong[seed] = found
    return played, wrong


def kinds(wrong: dict[int, list[str]]) -> Counter[str]:
    """The disagreements by the parts of the result that differ."""
    return Counter(" ".join(sorted({line.split(":")[0] for line in found})) for found in wrong.values())
