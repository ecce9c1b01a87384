from __future__ import annotations

from typing import Any

import pytest

from routerd.admin_api.changes import Wish, etag_of, read_conditions
from routerd.admin_api.problems import Problem


@pytest.mark.parametrize(
    ("if_match", "if_none_match", "found"),
    [
        ("", "", {}),
        (etag_of(7), "", {"only": frozenset({7})}),
        ('"7", "8"', "", {"only": frozenset({7, 8})}),
        ('W/"7"', "", {"only": frozenset()}),  # a weak one never matches (RFC 9110 13.1.1)
        ("*", "*", {"exists": True, "absent": True}),
    ],
)
def test_conditions_of_headers(if_match: str, if_none_match: str, found: Any) -> None:
    assert read_conditions(if_match, if_none_match) == found


@pytest.mark.parametrize(("if_match", "if_none_match"), [("7", ""), ('"x"', ""), ("", '"7"')])
def test_what_is_no_condition(if_match: str, if_none_match: str) -> None:
    with pytest.raises(Problem) as refused:
        read_conditions(if_match, if_none_match)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    ("wish", "version", "good"),
    [(Wish("a"), 0, True), (Wish("a"), 3, True), (Wish("a", only=frozenset({3})), 3, True),
     (Wish("a", only=frozenset({3})), 4, False), (Wish("a", only=frozenset()), 0, False),
     (Wish("a", absent=True), 0, True), (Wish("a", absent=True), 1, False), (Wish("a", exists=True), 0, False)],
)  # fmt: skip
def test_a_wish_depends_on_its_conditions(wish: Wish, version: int, good: bool) -> None:
    if good:
        wish.check(version)
        return
    with pytest.raises(Problem) as refused:
        wish.check(version)
    assert refused.value.status == 412
