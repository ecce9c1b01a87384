from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.errors import StoreError
from routerd.store.queries import RecordFilter
from routerd.store.reading import StoreReader
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def ended(name: str, at: float) -> tuple[str, dict[str, Any]]:
    return "call.end", {"id": name, "account": "acme", "at": at, "outcome": "answered", "legs": []}


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    store = Store(tmp_path / "a store#1.db")
    store.apply("p", 1, [ended("call-1", 10.0), ended("call-12", 30.0), ended("call-2", 20.0)])
    store.apply("p", 4, [("call.start", {"id": "call-3", "account": "acme", "at": 40.0})])
    store.add_document("acme", b"one", source="a.yaml", digest="1", at=1.0)
    store.add_document("acme", b"two", source="b.yaml", digest="2", at=2.0)
    yield store.path
    store.close()


def test_it_reads_beside_the_writer(path: Path) -> None:
    with StoreReader(path) as reader:
        assert [record["id"] for record in reader.find("call-2")] == ["call-2"]
        assert [record["id"] for record in reader.find("call-1")] == ["call-1"]
        assert [record["id"] for record in reader.find("call-")] == ["call-1", "call-12", "call-2"]
        assert reader.find("x") == []
        assert [start["id"] for start in reader.in_progress("call")] == ["call-3"]
        assert [record["id"] for record in reader.each("acme", 15.0)] == ["call-2", "call-12"]
        assert (reader.count("acme", 15.0), reader.count("beta", 0.0)) == (2, 0)
        assert [record["id"] for record in reader.records(RecordFilter("acme", limit=1))] == ["call-12"]
        document = reader.document("acme")
        assert document is not None
        assert (document.version, document.text, document.source) == (2, b"two", "b.yaml")
        assert reader.document("beta") is None


def test_it_cannot_write_and_makes_nothing(path: Path, tmp_path: Path) -> None:
    with StoreReader(path) as reader, pytest.raises(StoreError, match="readonly"):
        list(reader._rows("DELETE FROM records"))
    with pytest.raises(StoreError, match="cannot be opened"):
        StoreReader(tmp_path / "none.db")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "text.db").write_text("no database" * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        StoreReader(tmp_path / "text.db")
