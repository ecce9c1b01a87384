from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from routerd.store import audit
from routerd.store.audit import AuditEntry
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_entries_are_listed_newest_first_page_by_page(tmp_path: Path) -> None:
    store = Store(tmp_path / "s.db")
    entry = AuditEntry(5.0, "desk", "t1", "127.0.0.1", "PUT /v1/accounts/acme/document", 200, "acme", "", 1, 2)
    other = AuditEntry(6.0, "desk", "t1", "127.0.0.1", "POST /v1/tokens", 403, code="forbidden")
    for one in (entry, other, msgspec.structs.replace(entry, at=7.0)):
        audit.note(store, one)
    assert [(one.number, one.at) for one in audit.listed(store, "acme", 1 << 62, 10)] == [(3, 7.0), (1, 5.0)]
    assert [one.number for one in audit.listed(store, None, 1 << 62, 2)] == [3, 2]
    assert audit.listed(store, None, 2, 2) == [msgspec.structs.replace(entry, number=1)]
    store.close()


def test_the_oldest_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_ENTRIES", 3)
    monkeypatch.setattr(audit, "_FORGET_EVERY", 5)
    store = Store(tmp_path / "s.db")
    for number in range(10):
        audit.note(store, AuditEntry(float(number), "a", "b", "c", "d", 200))
    assert [one.number for one in audit.listed(store, None, 1 << 62, 100)] == [10, 9, 8]
    store.close()
