from __future__ import annotations

import pytest

from routerd.config.problems import MAX_PROBLEMS, DocumentErrors, Problems, did_you_mean, join, show, split
from routerd.errors import ConfigError


def test_pointers_escape() -> None:
    pointer = join(join("", "a/b~c"), 3)
    assert pointer == "/a~1b~0c/3"
    assert split(pointer) == ["a/b~c", "3"]


def test_hints() -> None:
    assert did_you_mean("ash", ["asha", "ravi"]) == 'did you mean "asha"?'
    assert did_you_mean("xyz", ["asha", "ravi"]) == "known: asha, ravi"
    assert did_you_mean("xyz", [f"agent{i}" for i in range(100)]) == ""
    assert did_you_mean("x", []) == ""


@pytest.mark.parametrize(
    ("value", "shown"),
    [({}, "a mapping"), ([1], "a list"), (True, "true"), (None, "null"), (3, "3"), ("é", '"é"')],
)
def test_values_are_shown_shortly(value: object, shown: str) -> None:
    assert show(value) == shown
    assert len(show("x" * 1000)) < 70
    assert show(10**5000) == "a huge number"


def test_errors_are_raised_together_in_the_order_of_lines() -> None:
    problems = Problems("a.yaml")
    problems.add("late", "/b")
    problems.add("early", "/a", "do it")
    problems.place({"/a": 1, "/b": 9})
    with pytest.raises(DocumentErrors) as caught:
        problems.raise_any()
    error = caught.value
    assert isinstance(error, ConfigError)
    assert [each.message for each in error.errors] == ["early", "late"]
    assert str(error) == "a.yaml:1: /a: early (and 1 more) (do it)"


def test_their_number_is_bounded_and_broken_values_are_not_judged_again() -> None:
    problems = Problems("")
    problems.add("unreadable", "/agents/0/password/env")
    problems.close_shape()
    problems.add("no secret", "/agents/0/password")
    problems.add("another", "/agents/0")
    assert [error.message for error in problems.errors] == ["unreadable", "another"]
    for index in range(MAX_PROBLEMS + 9):
        problems.add("x", f"/{index}")
    assert len(problems.errors) == MAX_PROBLEMS
    Problems("").raise_any()
