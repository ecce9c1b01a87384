from __future__ import annotations

import pytest

from routerd.admin_api.paging import NEWEST, number_of, page_of
from routerd.admin_api.problems import Problem


def test_a_full_page_says_where_the_next_begins() -> None:
    assert page_of("rows", [1, 2], 2, lambda row: row * 10) == {"rows": [1, 2], "next": "20"}
    assert page_of("rows", [1], 2, lambda row: row) == {"rows": [1]}
    assert page_of("rows", [], 2, lambda row: row) == {"rows": []}


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "9" * 30, "²"])
def test_what_is_no_cursor(cursor: str) -> None:
    with pytest.raises(Problem) as refused:
        number_of(cursor)
    assert refused.value.status == 400


def test_no_cursor_is_the_newest() -> None:
    assert (number_of(""), number_of("17")) == (NEWEST, 17)
