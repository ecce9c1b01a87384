from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.errors import StoreError
from routerd.store import messages
from routerd.store.messages import MailState
from routerd.store.sqlite import Store

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Any:
    opened = Store(tmp_path / "store.db")
    yield opened
    opened.close()


def left(name: str, at: float = 100.0, **facts: Any) -> dict[str, Any]:
    return {
        "account": "acme", "voicemail": "box", "id": name, "call": name, "at": at, "caller": "+919812345678",
        "caller_name": "Ravi", "duration_s": 4.5, "file": f"/v/acme/box/{name}.wav", "size_bytes": 72044, **facts,
    }  # fmt: skip


def named(name: str) -> dict[str, Any]:
    return {"account": "acme", "voicemail": "box", "id": name}


def ids(found: list[messages.StoredMessage]) -> list[str]:
    return [message.id for message in found]


def test_a_message_is_left_heard_and_deleted(store: Store) -> None:
    store.apply("p", 1, [("voicemail.message", left("a", 100.0)), ("voicemail.message", left("b", 200.0))])
    assert ids(messages.listed(store, "acme", "box")) == ["b", "a"]
    message = messages.find(store, "acme", "box", "a")
    assert message is not None
    assert (message.caller, message.duration_s, message.read) == ("+919812345678", 4.5, False)
    store.apply("p", 3, [("voicemail.read", named("a"))])
    message = messages.find(store, "acme", "box", "a")
    assert message is not None
    assert message.read
    store.apply("p", 4, [("voicemail.deleted", named("a"))])
    assert messages.find(store, "acme", "box", "a") is None
    assert ids(messages.listed(store, "acme")) == ["b"]
    assert messages.listed(store, "acme", "other") == []
    assert messages.listed(store, "other") == []


def test_a_message_that_is_told_twice_stays_as_it_was(store: Store) -> None:
    store.apply("p", 1, [("voicemail.message", left("a")), ("voicemail.read", named("a"))])
    store.apply("q", 1, [("voicemail.message", left("a"))])
    (message,) = messages.listed(store, "acme", "box")
    assert message.read
    store.apply("q", 2, [("voicemail.deleted", named("a")), ("voicemail.message", left("a"))])
    assert messages.listed(store, "acme", "box") == []


def test_a_deleted_message_is_known_until_its_file_is_gone(store: Store) -> None:
    store.apply("p", 1, [("voicemail.message", left("a")), ("voicemail.deleted", named("a"))])
    (gone,) = messages.removable(store)
    assert gone.file == "/v/acme/box/a.wav"
    assert messages.names(store, "acme", "box") == {"a"}
    messages.forget(store, gone.key)
    assert messages.removable(store) == []
    assert messages.names(store, "acme", "box") == set()


def test_a_living_message_is_never_forgotten(store: Store) -> None:
    store.apply("p", 1, [("voicemail.message", left("a"))])
    messages.forget(store, ("acme", "box", "a"))
    assert ids(messages.listed(store, "acme", "box")) == ["a"]


def test_what_is_restored_is_what_was_left(store: Store) -> None:
    store.apply("p", 1, [("voicemail.message", left("b", 200.0)), ("voicemail.message", left("a", 100.0))])
    store.apply("p", 3, [("voicemail.read", named("b"))])
    assert messages.living(store) == [{**left("a"), "read": False}, {**left("b", 200.0), "read": True}]


def test_mail_waits_is_tried_and_ends(store: Store) -> None:
    store.apply("p", 1, [("voicemail.message", left("a", 100.0)), ("voicemail.message", left("b", 200.0))])
    assert ids(messages.unseen(store)) == ["a", "b"]
    assert messages.next_mail(store) is None
    key_a, key_b = (message.key for message in messages.unseen(store))
    messages.set_mail(store, key_a, MailState(messages.WAITING, due_at=300.0))
    messages.set_mail(store, key_b, MailState(messages.NOT_MAILED))
    assert messages.unseen(store) == []
    assert messages.next_mail(store) == 300.0
    assert messages.due(store, 299.0, 10) == []
    (mail,) = messages.due(store, 300.0, 10)
    assert (mail.message.id, mail.attempts) == ("a", 0)
    messages.set_mail(store, key_a, MailState(messages.WAITING, 1, 400.0, "refused" * 200))
    assert messages.due(store, 300.0, 10) == []
    (mail,) = messages.due(store, 400.0, 10)
    assert (mail.attempts, mail.due_at) == (1, 400.0)
    messages.set_mail(store, key_a, MailState(messages.SENT, 2))
    assert messages.mail_states(store) == {messages.SENT: 1, messages.NOT_MAILED: 1}


def test_a_deleted_message_is_not_mailed(store: Store) -> None:
    store.apply("p", 1, [("voicemail.message", left("a")), ("voicemail.deleted", named("a"))])
    assert messages.unseen(store) == []
    store.apply("p", 3, [("voicemail.message", left("b"))])
    messages.set_mail(store, ("acme", "box", "b"), MailState(messages.WAITING))
    store.apply("p", 4, [("voicemail.deleted", named("b"))])
    assert messages.due(store, 1e12, 10) == []
    assert messages.next_mail(store) is None


def test_an_entry_that_lacks_its_name_holds_up_no_other(store: Store) -> None:
    store.apply("p", 1, [("voicemail.message", {"account": "acme"}), ("voicemail.message", left("a"))])
    assert ids(messages.listed(store, "acme")) == ["a"]
    assert store.refused == 1


def test_a_store_that_is_closed_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path / "other.db")
    store._database.execute("DROP TABLE messages")
    with pytest.raises(StoreError):
        messages.listed(store, "acme")
    with pytest.raises(StoreError):
        messages.set_mail(store, ("acme", "box", "a"), MailState(messages.SENT))
    store.close()
