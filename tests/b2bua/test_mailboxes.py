"""What the switch knows of messages: kept, heard, deleted, restored, by call and by command."""

from __future__ import annotations

from typing import Any

from b2bua_kit.wire import Wire

from routerd.b2bua.mailboxes import MOST_MESSAGES, Message


def message(name: str = "m1", at: float = 100.0, **facts: Any) -> Message:
    kept = {"id": name, "call": name, "at": at, "caller": "+919812345678", "caller_name": "Ravi", "duration_s": 4.0}
    return Message(**{**kept, "file": f"/v/acme/box/{name}.wav", "size_bytes": 64044, **facts})


def test_a_message_is_kept_once_heard_and_deleted() -> None:
    wire = Wire()
    boxes = wire.switch.mailboxes
    assert boxes.keep("acme", "box", message(), wire.now)
    assert not boxes.keep("acme", "box", message(), wire.now)
    assert boxes.counts("acme", "box") == (1, 0)
    assert boxes.mark_read("acme", "box", "m1", wire.now)
    assert boxes.mark_read("acme", "box", "m1", wire.now)
    assert boxes.counts("acme", "box") == (0, 1)
    assert boxes.delete("acme", "box", "m1", wire.now)
    assert not boxes.delete("acme", "box", "m1", wire.now)
    assert boxes.counts("acme", "box") == (0, 0)
    assert len(boxes) == 0
    wire.pump()
    kinds = [effect.kind for kind in ("message", "read", "deleted") for effect in wire.journal(f"voicemail.{kind}")]
    assert kinds == ["voicemail.message", "voicemail.read", "voicemail.deleted"]
    (kept,) = wire.journal("voicemail.message")
    assert kept.entry == {
        "account": "acme", "voicemail": "box", "id": "m1", "call": "m1", "at": 100.0, "caller": "+919812345678",
        "caller_name": "Ravi", "duration_s": 4.0, "file": "/v/acme/box/m1.wav", "size_bytes": 64044,
    }  # fmt: skip


def test_watchers_hear_how_many_there_are_and_no_path_of_this_machine() -> None:
    wire = Wire()
    wire.switch.mailboxes.keep("acme", "box", message("m1"), wire.now)
    wire.switch.mailboxes.keep("acme", "box", message("m2"), wire.now)
    wire.command("voicemail_read", voicemail="box", id="m1")
    wire.command("voicemail_delete", voicemail="box", id="m2")
    told = [wire.published(f"voicemail.{kind}") for kind in ("message", "read", "deleted")]
    assert [[(one["new"], one["heard"]) for one in some] for some in told] == [[(1, 0), (2, 0)], [(1, 1)], [(0, 1)]]
    assert not any("file" in one for some in told for one in some)


def test_messages_are_listed_oldest_first() -> None:
    wire = Wire()
    for name, at in (("late", 300.0), ("early", 100.0)):
        wire.switch.mailboxes.keep("acme", "box", message(name, at), wire.now)
    assert [one.id for one in wire.switch.mailboxes.messages("acme", "box")] == ["early", "late"]
    assert wire.switch.mailboxes.messages("acme", "other") == []


def test_a_mailbox_is_full_at_its_bound() -> None:
    wire = Wire()
    boxes = wire.switch.mailboxes
    for number in range(MOST_MESSAGES):
        assert not boxes.is_full("acme", "box")
        boxes.keep("acme", "box", message(f"m{number}"), wire.now)
    assert boxes.is_full("acme", "box")
    assert not boxes.is_full("acme", "other")


def test_what_the_store_has_comes_back_without_being_told_again() -> None:
    wire = Wire()
    entry = {"account": "acme", "voicemail": "box", **{n: getattr(message(), n) for n in Message.__struct_fields__}}
    assert wire.command("restore_message", **{**entry, "read": True})["ok"]
    assert wire.switch.mailboxes.counts("acme", "box") == (0, 1)
    assert wire.journal("voicemail.message") == []
    assert wire.published("voicemail.message") == []
    assert not wire.command("restore_message", voicemail="box", id="m9")["ok"]


def test_commands_say_when_there_is_no_such_message() -> None:
    wire = Wire()
    for verb in ("voicemail_read", "voicemail_delete"):
        answer = wire.command(verb, voicemail="box", id="nobody")
        assert (answer["ok"], answer["error"]["status"]) == (False, 404)
    assert wire.command("voicemail_read", voicemail="box")["error"]["code"] == "missing_argument"


def test_a_message_that_was_found_is_added_once() -> None:
    wire = Wire()
    facts = {name: getattr(message(), name) for name in Message.__struct_fields__}
    assert wire.command("voicemail_add", voicemail="box", message=facts)["ok"]
    assert wire.command("voicemail_add", voicemail="box", message=facts)["error"]["code"] == "known_message"
    assert wire.command("voicemail_add", voicemail="box", message={"id": 3})["error"]["code"] == "bad_message"
    assert len(wire.journal("voicemail.message")) == 1
