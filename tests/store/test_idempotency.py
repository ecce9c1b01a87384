from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.store import idempotency
from routerd.store.idempotency import KEPT_S, Answered
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_key_is_taken_once_answered_and_forgotten(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    assert idempotency.take(store, "t", "k", b"r", "p1", 0.0) is None
    assert idempotency.take(store, "t", "k", b"other", "p2", 1.0) == Answered(b"r", "p1", 0, [], b"")
    assert idempotency.take(store, "u", "k", b"r", "p1", 1.0) is None
    idempotency.complete(store, "t", "k", 202, [("etag", '"1"')], b"{}")
    known = idempotency.take(store, "t", "k", b"r", "p1", KEPT_S)
    assert known == Answered(b"r", "p1", 202, [("etag", '"1"')], b"{}")
    idempotency.release(store, "t", "k")
    assert idempotency.take(store, "t", "k", b"r", "p1", KEPT_S) is not None
    assert idempotency.take(store, "t", "k", b"r", "p1", KEPT_S + 0.1) is None
    idempotency.release(store, "t", "k")
    assert idempotency.take(store, "t", "k", b"new", "p1", KEPT_S + 0.2) is None
    store.close()
