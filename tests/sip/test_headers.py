from __future__ import annotations

import pytest

from routerd.sip.headers import CANONICAL, COMMA_LISTS, COMPACT, KNOWN, SINGLE, canonical


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("i", "Call-ID"),
        ("I", "Call-ID"),
        ("CALL-id", "Call-ID"),
        ("cseq", "CSeq"),
        ("k", "Supported"),
        ("rseq", "RSeq"),
    ],
)
def test_every_spelling_comes_to_one(spelled: str, name: str) -> None:
    assert canonical(spelled) == name


def test_unknown_names_stay() -> None:
    assert canonical("X-inTernal") == "X-inTernal"


def test_tables_agree() -> None:
    assert COMMA_LISTS.isdisjoint(SINGLE)
    assert set(COMPACT.values()) <= KNOWN
    assert all(canonical(name) == name == CANONICAL[name.lower()] for name in KNOWN)
