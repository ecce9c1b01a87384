from __future__ import annotations

from typing import TYPE_CHECKING

from routerd.store.dispositions import Disposition, add_to, put
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


def test_a_disposition_during_and_after_a_call(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.db")
    start = {"id": "a", "account": "acme", "at": 100.0}
    store.apply("p", 1, [("call.start", start)])

    def said(code: str, at: float, call: str = "a", account: str = "acme") -> str:
        return put(store, Disposition(call, account, code, "a note", "crm", at), 60.0)

    assert (said("early", 110.0), said("other", 110.0, "b"), said("other", 110.0, "a", "beta")) == (
        "", "unknown_call", "unknown_call",
    )  # fmt: skip
    store.apply("p", 2, [("call.end", {**start, "ended_at": 200.0})])
    assert (said("late", 260.0), said("later", 261.0), said("x", 210.0, "a", "beta")) == (
        "", "too_late", "unknown_call",
    )  # fmt: skip
    records = [{"id": "a"}, {"id": "b"}]
    add_to(store, records)
    assert records == [
        {"id": "a", "disposition": {"code": "late", "note": "a note", "by": "crm", "at": 260.0}},
        {"id": "b", "disposition": None},
    ]
    store.close()
