from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from routerd.config.difference import ADDED, CHANGED, REMOVED, REORDERED, Difference, FieldChange, differences
from routerd.config.load import encode, read_document

DEMO = (Path(__file__).resolve().parents[2] / "conf" / "demo.yaml").read_bytes()


def read(tree: dict[str, Any]) -> Any:
    return read_document(msgspec.json.encode(tree), source="x.json")


@pytest.fixture
def tree() -> dict[str, Any]:
    made: dict[str, Any] = msgspec.json.decode(encode(read_document(DEMO, source="demo.yaml")))
    return made


def differ(tree: dict[str, Any]) -> list[Difference]:
    return differences(read_document(DEMO, source="demo.yaml"), read(tree))


def test_another_form_of_the_same_is_no_difference(tree: dict[str, Any]) -> None:
    assert differ(tree) == []


def test_fields_are_named_with_what_they_said(tree: dict[str, Any]) -> None:
    asha = tree["agents"][0]
    asha.update(ring_timeout_s=35, failover=None)
    asha["caller_ids"]["mode"] = "all"
    (found,) = differ(tree)
    assert (found.section, found.name, found.what) == ("agents", "asha", CHANGED)
    assert FieldChange("ring_timeout_s", "20", "35") in found.fields
    assert FieldChange("caller_ids.mode", "custom", "all") in found.fields
    assert FieldChange("failover", '{"type":"department","id":"support"}', "none") in found.fields


def test_of_lists_only_what_came_and_went(tree: dict[str, Any]) -> None:
    department = next(one for one in tree["departments"] if one["id"] == "support")
    gone = department["members"].pop()
    (found,) = differ(tree)
    (change,) = found.fields
    assert (change.field, change.after) == ("members", "none")
    assert gone["agent"] in change.before
    department["members"].append(gone)
    department["members"].reverse()
    ((change,),) = [one.fields for one in differ(tree)]
    assert change.before != change.after


def test_entries_that_come_and_go_and_move(tree: dict[str, Any]) -> None:
    tree["time_groups"].append({"id": "always", "rules": []})
    tree["blocked_callers"] = []
    tree["agents"].reverse()
    tree["destination_policy"] = None
    found = differ(tree)
    assert Difference("time_groups", "always", ADDED) in found
    assert Difference("blocked_callers", "anonymous", REMOVED) in found
    assert Difference("agents", "", REORDERED) in found
    assert Difference("destination_policy", "", REMOVED) in found
    assert [one.section for one in found] == [
        s for s in read(tree).__struct_fields__ if s in {d.section for d in found}
    ]


def test_secrets_are_not_shown(tree: dict[str, Any]) -> None:
    tree["extensions"][0]["password"] = "another-password"
    (found,) = differ(tree)
    assert found.fields == (FieldChange("password", "(secret)", "(secret)"),)
    tree["trunks"][0]["auth"] = {"username": "u", "password": "very-secret"}
    tree["account"]["mail"] = {"host": "m.example", "sender": "a@m.example", "password": "very-secret"}
    assert "very-secret" not in str(differ(tree))


def test_new_keys_are_named(tree: dict[str, Any]) -> None:
    tree["account"].update(recording={"calls": "all", "announcement": "welcome"}, music_on_hold=None)
    tree["numbers"][0]["whisper"] = "welcome"
    fields = {field.field for one in differ(tree) for field in one.fields}
    assert fields == {"recording.calls", "recording.announcement", "music_on_hold", "whisper"}


def test_entries_that_stand_twice_are_told_apart(tree: dict[str, Any]) -> None:
    tree["blocked_callers"].append({"number": "anonymous", "numbers": ["+918069651180"]})
    assert differ(tree) == [Difference("blocked_callers", "anonymous (2)", ADDED)]


def test_without_an_old_document_all_is_new(tree: dict[str, Any]) -> None:
    found = differences(None, read(tree))
    assert {one.what for one in found} == {ADDED}
    assert Difference("agents", "asha", ADDED) in found


def test_long_values_are_cut(tree: dict[str, Any]) -> None:
    tree["account"]["domains"] = [f"d{n}.test" for n in range(60)]
    ((change,),) = [one.fields for one in differ(tree)]
    assert len(change.after) == 120
    assert str(change).startswith("domains: ")
