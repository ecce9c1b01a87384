"""Section 7 over companies that nobody thought of: the rules alone, and the real switch in virtual time."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec
from companies import companies, scenarios
from hypothesis import event, given, settings
from hypothesis import strategies as st
from rules_kit.player import Player, compile_document
from sentences import hold

from routerd.config.problems import DocumentErrors
from routerd.rules import plan
from routerd.simulation.play import Stage, play
from routerd.simulation.scenario import read

if TYPE_CHECKING:
    from routerd.rules.tables import AccountTables

TIMES = int(os.environ.get("ROUTERD_EXAMPLES", "1"))  # how many times more than CI plays

SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-5, 100), st.floats(0, 100), st.text(max_size=8))
RUBBISH = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=5), SCALARS, max_size=3)


@st.composite
def cases(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    made = draw(companies())
    return made, draw(scenarios(made))


@settings(max_examples=150 * TIMES)
@given(cases())
def test_the_rules(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    made, played = case
    player = Player(compile_document(made), {**played, "events": [e for e in played["events"] if e["do"] != "unbreak"]})
    result = player.play()
    event(result["outcome"])
    hold(made, player.scenario, result)
    endings = [c for c in player.commands if isinstance(c, plan.End | plan.Bridge)]
    assert len(endings) == int(player.step.over)  # a menu that leads to itself is ended by the switch
    assert player.step.trace


@settings(max_examples=100 * TIMES)
@given(cases())
def test_the_switch(case: tuple[dict[str, Any], dict[str, Any]]) -> None:
    made, played = case
    for happening in played["events"]:
        happening.pop("agent" if happening["do"] in {"digits", "caller_hangup"} else "", None)
        happening.pop("digits" if happening["do"] != "digits" else "", None)
    result = play(Stage(compile_document(made)), read(msgspec.json.encode(played)))
    event(result["outcome"])
    for happening in played["events"]:
        happening.setdefault("agent", None)
    hold(made, played, msgspec.json.decode(msgspec.json.encode(result)))


def paths(tree: Any) -> list[tuple[Any, Any]]:
    """Every place of a document: what holds it, and its key."""
    found: list[tuple[Any, Any]] = []
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in entries:
        found.append((tree, key))
        found += paths(value)
    return found


@settings(max_examples=150 * TIMES)
@given(cases(), st.data())
def test_a_document_is_refused_with_places_or_decides(
    case: tuple[dict[str, Any], dict[str, Any]], data: st.DataObject
) -> None:
    made, played = case
    places = paths(made)
    for _ in range(data.draw(st.integers(1, 3))):
        holder, key = places[data.draw(st.integers(0, len(places) - 1))]
        if isinstance(holder, list) and key >= len(holder):
            continue
        if key in holder and data.draw(st.booleans()):
            del holder[key]
        else:
            holder[key] = data.draw(RUBBISH)
    tables = taken(made)
    event("refused" if tables is None else "taken")
    if tables is None or not tables.trunks:
        return
    call = {"kind": "inbound", "trunk": next(iter(tables.trunks)), "from": "+919812345678", "to": "+918069651100"}
    events = [entry for entry in played["events"] if entry["do"] != "unbreak"]
    assert Player(tables, {**played, "call": call, "events": events}).play()["outcome"]


def taken(made: dict[str, Any]) -> AccountTables | None:
    """The tables of a document; None when it is refused, which then says where and why."""
    try:
        return compile_document(made)
    except DocumentErrors as error:
        refused = error.errors
    assert refused
    assert all(error.pointer is not None and str(error) for error in refused)
    return None
