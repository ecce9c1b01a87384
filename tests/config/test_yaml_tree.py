from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routerd.config.problems import Problems
from routerd.config.yaml_tree import MAX_DEPTH, YamlStop, locate_yaml, read_yaml


def read(text: str) -> Any:
    return read_yaml(text, Problems(""))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("10:00", "10:00"),
        ("2026-12-25", "2026-12-25"),
        ("NO", "NO"),
        ("on", "on"),
        ("+918069651170", "+918069651170"),
        ("0123", "0123"),
        ("1_000", "1_000"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("'true'", "true"),
        ('"7"', "7"),
        ("7", 7),
        ("-7", -7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".inf", ".inf"),
        ("!!str 7", "7"),
        ("0x10", "0x10"),
    ],
)
def test_scalars_mean_what_their_writer_meant(text: str, value: Any) -> None:
    assert read(f"a: {text}") == {"a": value}


def test_menu_options_may_be_written_without_quotes() -> None:
    assert read("{1: a, true: b, null: c}") == {"1": "a", "true": "b", "null": "c"}


def test_aliases_stand_for_their_value() -> None:
    assert read("a: &x [1, {b: 2}]\nc: *x") == {"a": [1, {"b": 2}], "c": [1, {"b": 2}]}


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb: *x", 2),
        ("a: &x [*x]", 1),
        ("a: !!python/object:os.system x", 1),
        ("a: !x [1]", 1),
        ("a: 1\n---\nb: 1", 2),
        ("{[1]: 2}", 1),
        ("{{a: 1}: 2}", 1),
        ("a: &x {b: 1}\nc:\n  <<: *x", 3),
        ("a: &x {b: 1}\n*x : 3", 2),
        ("a: 'b", 1),
        ("[" * (MAX_DEPTH + 1), 1),
        ("a:\n\tb: 1", 2),
    ],
)
def test_what_is_refused(text: str, line: int) -> None:
    with pytest.raises(YamlStop) as caught:
        read(text)
    assert caught.value.line == line


def test_keys_that_stand_twice() -> None:
    problems = Problems("")
    assert read_yaml("a:\n  - b: 1\n    b: 2\nc: 1\n", problems) == {"a": [{"b": 2}], "c": 1}
    assert [(error.pointer, error.line) for error in problems.errors] == [("/a/0/b", 3)]


def test_lines() -> None:
    assert locate_yaml("a: 1\nb:\n- 1\n- c: 2\n", ["/a", "/b/1/c", "/b/7", "", "/x"]) == {
        "/a": 1, "/b/1/c": 4, "/b/7": 2, "": 1, "/x": 1,
    }  # fmt: skip


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**20), 10**20)
        | st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"])),
        lambda inner: (
            st.lists(inner, max_size=4) | st.dictionaries(st.text("abc/~", min_size=1, max_size=4), inner, max_size=4)
        ),
    )
)
def test_json_is_read_as_json(tree: Any) -> None:
    assert read(json.dumps(tree)) == tree
