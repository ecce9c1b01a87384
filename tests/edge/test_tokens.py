from __future__ import annotations

import pytest

from routerd.edge.tokens import system_tokens
from routerd.errors import LocalProtocolError


def test_tokens_bear_the_process_and_never_repeat() -> None:
    tokens = system_tokens("7")
    drawn = [tokens.tag() for _ in range(2000)]
    assert len(set(drawn)) == 2000
    assert all(tag.startswith("7-") for tag in drawn)
    assert tokens.branch().startswith("z9hG4bK7-")


def test_two_sources_differ() -> None:
    assert system_tokens().call_id() != system_tokens().call_id()


def test_a_process_id_is_letters_and_digits() -> None:
    with pytest.raises(LocalProtocolError):
        system_tokens("a-b")
