from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from routerd.errors import StoreError
from routerd.store import tokens
from routerd.store.sqlite import Store
from routerd.store.tokens import Token

if TYPE_CHECKING:
    from pathlib import Path

ONE = Token("t1", "desk", b"\1" * 32, ("read", "calls"), ("acme", "beta"), 5.0, None, 9.0)


def test_tokens_are_kept_used_and_removed(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    two = Token("t2", "shop", b"\2" * 32, ("admin",), ("*",), 4.0)
    tokens.add(store, ONE)
    tokens.add(store, two)
    assert tokens.every(store) == [two, ONE]
    tokens.note_used(store, {"t1": 7.0, "gone": 8.0})
    assert [token.used_at for token in tokens.every(store)] == [None, 7.0]
    assert tokens.remove(store, "t2")
    assert not tokens.remove(store, "t2")
    with pytest.raises(StoreError):
        tokens.add(store, ONE)
    store.close()
    again = Store(tmp_path / "s.db")
    assert [token.id for token in tokens.every(again)] == ["t1"]
    again.close()
