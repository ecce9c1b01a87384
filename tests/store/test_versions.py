from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.errors import StoreError
from routerd.store import versions
from routerd.store.sqlite import Store
from routerd.store.versions import DocumentState, Fresh

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "s.db")
    yield made
    made.close()


def fresh(text: bytes, account: str = "acme", **facts: Any) -> Fresh:
    return Fresh(account, text, facts.pop("source", "a.yaml"), f"digest of {len(text)}", facts.pop("at", 5.0), **facts)


def test_every_change_makes_a_version_and_the_newest_is_in_force(store: Store) -> None:
    assert [versions.keep(store, fresh(text)) for text in (b"one", b"two")] == [1, 2]
    assert versions.keep(store, fresh(b"x", "beta", author="desk")) == 1
    assert [(one.account, one.version, one.text, one.author) for one in versions.in_force(store)] == [
        ("acme", 2, b"two", ""), ("beta", 1, b"x", "desk"),
    ]  # fmt: skip
    assert versions.states(store) == {"acme": DocumentState("acme", 2), "beta": DocumentState("beta", 1)}
    first = versions.one(store, "acme", 1)
    assert first is not None
    assert first.text == b"one"
    assert versions.one(store, "acme", 3) is None


def test_long_texts_are_kept_small_and_come_back_whole(store: Store) -> None:
    text = b'{"agents": []}' * 10_000
    versions.keep(store, fresh(text))
    assert versions.newest(store, "acme")[0].text == text
    ((size,),) = store.rows("SELECT length(text) FROM documents")
    assert size < len(text) / 20


def test_a_withdrawn_document_is_not_in_force_until_the_next(store: Store) -> None:
    versions.keep(store, fresh(b"one"))
    versions.withdraw(store, "acme")
    assert versions.in_force(store) == []
    assert store.documents() == []
    assert versions.states(store)["acme"] == DocumentState("acme", 2, withdrawn=True)
    assert versions.keep(store, fresh(b"two")) == 2
    assert [one.version for one in versions.in_force(store)] == [2]
    assert versions.states(store)["acme"] == DocumentState("acme", 3)


def test_a_version_that_waits_names_what_comes_back(store: Store) -> None:
    assert not versions.confirm(store, "acme")
    versions.keep(store, fresh(b"one", confirm_until=9.0))
    assert versions.states(store)["acme"] == DocumentState("acme", 1, confirm_until=9.0)
    assert versions.confirm(store, "acme")
    versions.keep(store, fresh(b"two", confirm_until=8.0))
    assert versions.states(store)["acme"] == DocumentState("acme", 2, confirm_until=8.0, fallback=1)
    assert versions.confirm(store, "acme")
    assert not versions.confirm(store, "acme")
    assert versions.states(store)["acme"] == DocumentState("acme", 2)


def test_versions_are_listed_page_by_page(store: Store) -> None:
    for number in range(5):
        versions.keep(store, fresh(b"x" * number, at=float(number)))
    assert [one.version for one in versions.listed(store, "acme", 1 << 62, 2)] == [5, 4]
    assert [(one.version, one.at, one.text) for one in versions.listed(store, "acme", 3, 9)] == [
        (2, 1.0, b""), (1, 0.0, b""),
    ]  # fmt: skip


def test_what_was_taken_from_a_file_last(store: Store) -> None:
    assert versions.taken_from(store, "a.yaml") is None
    versions.keep(store, fresh(b"one"))
    versions.keep(store, fresh(b"three", at=6.0))
    versions.keep(store, fresh(b"by hand", source="api.json", at=7.0))
    assert versions.taken_from(store, "a.yaml") == ("acme", "digest of 5")


def test_a_touch_counts_without_a_version(store: Store) -> None:
    versions.keep(store, fresh(b"one"))
    versions.touch(store, "acme")
    assert versions.states(store)["acme"] == DocumentState("acme", 2)
    assert [one.version for one in versions.in_force(store)] == [1]


def test_a_change_that_fails_in_the_middle_leaves_nothing(store: Store) -> None:
    versions.keep(store, fresh(b"one"))
    store.execute("DROP TABLE document_states")
    with pytest.raises(StoreError):
        versions.keep(store, fresh(b"two"))
    assert store.rows("SELECT version FROM documents") == [(1,)]
