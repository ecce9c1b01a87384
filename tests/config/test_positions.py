from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.config.positions import TextStop, has_duplicates, is_json, locate, read_tree
from routerd.config.problems import Problems, join

TEXT = """{
 "a": [1, {"b": "x\\"}"},
  3],
 "c/d": {
   "e": null}
}"""


def test_formats() -> None:
    assert is_json(" {", "")
    assert is_json("a: 1", "x.JSON")
    assert not is_json("{", "x.yaml")
    assert not is_json("a: 1", "x")


def test_lines_of_pointers() -> None:
    wanted = ["", "/a", "/a/1/b", "/a/2", "/c~1d/e", "/c~1d/missing", "/missing/x", "/a/9"]
    assert locate(TEXT, "a.json", wanted) == dict(zip(wanted, [1, 2, 2, 3, 5, 4, 1, 2], strict=True))


def test_a_key_twice_is_located_at_its_last_place() -> None:
    text = '{"a": 1,\n "b": {"c": 1,\n "c": 2}}'
    problems = Problems("a.json")
    assert has_duplicates(text)
    assert not has_duplicates(TEXT)
    assert read_tree(text, "a.json", problems) == {"a": 1, "b": {"c": 2}}
    assert [error.pointer for error in problems.errors] == ["/b/c"]
    assert locate(text, "a.json", ["/b/c"]) == {"/b/c": 3}


@pytest.mark.parametrize("text", ["{", '{"a" 1}', "[1,]", "[" * 100_000, "1" * 10_000])
def test_what_is_not_json(text: str) -> None:
    with pytest.raises(TextStop):
        read_tree(text, "a.json", Problems("a.json"))


def pointers(tree: Any, base: str = "") -> list[str]:
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [base, *(pointer for key, value in items for pointer in pointers(value, join(base, key)))]


@given(
    st.recursive(
        st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
        max_leaves=15,
    )
)
def test_json_and_yaml_agree_on_every_line(tree: Any) -> None:
    text = json.dumps(tree, indent=1, ensure_ascii=True)
    wanted = pointers(tree)
    lines = locate(text, "a.json", wanted)
    assert set(lines) == set(wanted)
    ordered = [lines[pointer] for pointer in wanted]
    assert ordered == sorted(ordered)
    assert ordered[-1] <= text.count("\n") + 1


def test_yaml_lines() -> None:
    text = "a:\n  - 1\n  - b: &x {c: 1,\n      d: 2}\ne: *x\n"
    wanted = ["/a/0", "/a/1", "/a/1/b/d", "/e", "/e/d", "/z"]
    assert locate(text, "a.yaml", wanted) == dict(zip(wanted, [2, 3, 4, 5, 5, 1], strict=True))


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(TextStop) as stop:
        read_tree('{"a": 1,\n"b": "\\ud800"}', "x.json", Problems("x"))
    assert (stop.value.line, "surrogate" in stop.value.message) == (2, True)
    whole = read_tree('{"b": "\\ud83d\\ude00"}', "x.json", Problems("x"))
    assert whole == {"b": "\U0001f600"}
