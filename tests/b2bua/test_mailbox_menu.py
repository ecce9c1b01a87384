"""Listening by phone: who gets in, what is said, what each key does, and that no PIN is ever written down."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import company
from b2bua_kit.peer import Outgoing, Phone
from b2bua_kit.voices import play_ends, played, press, press_info, voiced
from b2bua_kit.wire import Wire

from routerd.b2bua.mailboxes import MOST_GUESSES, SHUT_S, Message

BOXES: list[dict[str, Any]] = [
    {"id": "box", "agent": "asha"},
    {"id": "second", "agent": "asha"},
    {"id": "private", "agent": "asha", "pin": "9999"},
    {"id": "ravis", "agent": "ravi", "pin": "2468"},
    {"id": "500", "pin": "13579"},
]


def office(**first: Any) -> dict[str, Any]:
    return company(voicemails=[{**BOXES[0], **first}, *BOXES[1:]], ivrs=[], numbers=[])


class Listener:
    """Somebody who dials ``*97``."""

    def __init__(self, left: dict[str, list[str]], user: str = "2001", document: Any = None, wire: Any = None) -> None:
        self.wire: Wire = wire or voiced(document or office())
        at = 100.0
        for box, names in left.items():
            for name in names:
                at += 10
                message = Message(name, name, at, "+9198", "", 2.0, f"/v/acme/{box}/{name}.wav", 9)
                self.wire.switch.mailboxes.restore("acme", box, message)
        self.phone = Phone(self.wire, user, f"198.51.100.{user[-1]}")
        self.phone.auto.add("NOTIFY")
        self.call: Outgoing = self.phone.invite("*97")
        self.call.answered()
        self.seen = 0

    def hears(self) -> list[str]:
        """What was played since the last look, to its end each; stops when nothing more comes by itself."""
        for _ in range(40):
            before = len(played(self.wire))
            if "BYE" in self.phone.lines():
                break
            play_ends(self.wire)
            if len(played(self.wire)) == before:
                break
        return self.heard()

    def heard(self) -> list[str]:
        """What has begun to be played since the last look."""
        names = played(self.wire)
        new, self.seen = names[self.seen :], len(names)
        return [name for name in new if name != "-"]

    def press(self, digits: str) -> None:
        for digit in digits:
            press(self.wire, digit)

    def until(self, name: str) -> list[str]:
        """Hear on until ``name`` has begun."""
        for _ in range(40):
            if played(self.wire)[-1:] == [name]:
                return self.heard()
            play_ends(self.wire)
        raise AssertionError(played(self.wire))

    def over(self) -> dict[str, Any]:
        self.phone.expect("BYE")
        self.wire.assert_quiet()
        (record,) = self.wire.records()
        assert record["outcome"] == "voicemail"
        found: dict[str, Any] = record["voicemail"]
        return found

    def states(self, box: str = "box") -> list[tuple[str, bool]]:
        return [(one.id, one.read) for one in self.wire.switch.mailboxes.messages("acme", box)]


def test_one_new_message_from_the_own_phone() -> None:
    one = Listener({"box": ["a"]})
    assert one.until("a") == ["you-have", "number-1", "new-message", "message", "number-1", "a"]
    assert one.states() == [("a", False)]
    assert one.until("message-menu") == ["message-menu"]
    assert one.states() == [("a", True)]
    assert b"Voice-Message: 0/1" in one.phone.expect("NOTIFY").body
    one.press("2")
    assert one.hears() == ["no-more-messages", "goodbye"]
    assert one.over() == {"voicemail": "box", "listened": 1, "deleted": 0}


def test_an_empty_mailbox() -> None:
    one = Listener({})
    assert one.hears() == ["no-messages", "goodbye"]
    assert one.over() == {"voicemail": "box", "listened": 0, "deleted": 0}


def test_new_ones_come_first_and_all_mailboxes_of_the_agent_but_those_with_another_pin() -> None:
    wire = voiced(office())
    old = Message("old", "old", 1.0, "", "", 2.0, "/v/acme/box/old.wav", 9, read=True)
    wire.switch.mailboxes.restore("acme", "box", old)
    one = Listener({"box": ["b"], "second": ["c"], "private": ["secret"]}, wire=wire)
    assert one.until("b") == [
        "you-have", "number-2", "new-messages", "you-have", "number-1", "old-message", "message", "number-1", "b"
    ]  # fmt: skip
    one.press("#")
    assert one.until("c")[-1] == "c"
    one.press("2")
    assert one.until("old") == ["message", "number-3", "old"]
    assert one.states("second") == [("c", True)]
    one.press("*")
    assert one.hears() == ["goodbye"]
    assert one.over()["listened"] == 2


def test_every_key_of_the_menu() -> None:
    one = Listener({"box": ["a", "b", "c"]})
    one.until("message-menu")
    one.press("1")
    assert one.until("a") == ["message", "number-1", "a"]
    one.press("8")
    assert one.heard() == []
    one.press("5")
    assert one.hears() == ["number-9", "number-1", "number-9", "number-8", "message-menu"]
    one.press("3")
    assert one.until("b") == ["message-deleted", "message", "number-1", "b"]
    one.press("7")
    assert one.until("c") == ["message-deleted", "message", "number-1", "c"]
    assert one.states() == [("c", False)]
    one.press("*")
    assert one.hears() == ["goodbye"]
    assert one.over() == {"voicemail": "box", "listened": 1, "deleted": 2}
    assert [entry.entry["id"] for entry in one.wire.journal("voicemail.deleted")] == ["a", "b"]


def test_nothing_is_deleted_before_it_could_be_heard() -> None:
    one = Listener({"box": ["a", "b"]})
    one.press("3")  # during the count: goes on to the first message
    assert one.until("a")[-1] == "a"
    one.press("3")
    one.press("3")  # while 'deleted' is said
    assert one.until("b")[-1] == "b"
    assert one.states() == [("b", False)]
    one.call.bye()
    one.wire.assert_quiet()


def test_who_hangs_up_in_the_middle_has_not_heard_it() -> None:
    one = Listener({"box": ["a"]})
    one.until("a")
    one.call.bye()
    one.wire.assert_quiet()
    assert one.states() == [("a", False)]
    assert one.wire.records()[0]["voicemail"] == {"voicemail": "box", "listened": 0, "deleted": 0}


def test_who_presses_nothing_is_asked_again_and_then_left() -> None:
    one = Listener({"box": ["a"]})
    one.until("message-menu")
    play_ends(one.wire)
    one.wire.wait(9)
    assert one.heard() == ["message-menu"]
    play_ends(one.wire)
    one.wire.wait(9)
    assert one.hears() == ["goodbye"]
    one.over()


def test_a_message_that_is_deleted_elsewhere_meanwhile() -> None:
    one = Listener({"box": ["a", "b"]})
    one.until("a")
    one.wire.command("voicemail_delete", voicemail="box", id="a")
    one.press("3")
    assert one.until("b")[-1] == "b"
    one.press("*")
    one.hears()
    assert one.over()["deleted"] == 0


# -- PINs --


def test_a_pin_opens_and_is_written_nowhere() -> None:
    one = Listener({"box": ["a"]}, document=office(pin="4711"))
    assert one.heard() == ["enter-pin"]
    press_info(one.call, "47")
    one.press("11#")
    assert one.until("a")[:3] == ["you-have", "number-1", "new-message"]
    one.press("*")
    one.hears()
    one.over()
    told = [effect for effect in one.wire.effects if "4711" in repr(effect)]
    assert told == []
    record = one.wire.records()[0]
    assert not [step for step in record["steps"] if step["event"] and step["event"][0] == "Digit"]


def test_a_pin_without_a_hash_is_taken_after_a_moment() -> None:
    one = Listener({"box": ["a"]}, document=office(pin="4711"))
    one.press("4711")
    one.wire.wait(5)
    assert one.until("a")[-1] == "a"
    one.call.bye()
    one.wire.assert_quiet()


def test_three_wrong_pins_are_the_end() -> None:
    one = Listener({"box": ["a"]}, document=office(pin="4711"))
    assert one.heard() == ["enter-pin"]
    for _ in range(2):
        one.press("1234#")
        assert one.hears() == ["wrong-pin", "enter-pin"]
    one.press("47110#")
    assert one.hears() == ["wrong-pin", "goodbye"]
    one.over()
    assert one.wire.noted("wrong_pin") == 3
    assert one.states() == [("a", False)]


def test_who_presses_nothing_is_not_let_in() -> None:
    one = Listener({"box": ["a"]}, document=office(pin="4711"))
    play_ends(one.wire)
    one.wire.wait(11)
    assert "goodbye" in one.hears()
    one.over()


def test_an_empty_pin_is_wrong() -> None:
    one = Listener({"box": ["a"]}, document=office(pin="4711"))
    one.press("#")
    assert "wrong-pin" in one.hears()
    one.call.bye()
    one.wire.assert_quiet()


# -- from another phone --


@pytest.mark.parametrize("number", ["1002", "2002"])
def test_somebody_elses_mailbox_by_number_and_pin(number: str) -> None:
    one = Listener({"ravis": ["a"]}, user="2003")
    assert one.heard() == ["mailbox-which"]
    one.press(f"{number}#")
    assert one.heard() == ["enter-pin"]
    one.press("2468#")
    assert one.until("a")[-1] == "a"
    one.press("*")
    one.hears()
    assert one.over()["voicemail"] == "ravis"


def test_a_shared_mailbox_by_its_own_number() -> None:
    one = Listener({"500": ["a"]}, user="2003")
    one.press("500#13579#")
    assert one.until("a")[-1] == "a"
    one.call.bye()
    one.wire.assert_quiet()


def test_from_a_phone_with_a_mailbox_to_another() -> None:
    one = Listener({"box": ["mine"], "ravis": ["a"]}, document=office(pin="4711"))
    one.press("*")
    assert one.until("mailbox-which")[-1] == "mailbox-which"
    one.press("1002#2468#")
    assert one.until("a")[-1] == "a"
    one.call.bye()
    one.wire.assert_quiet()


@pytest.mark.parametrize("number", ["7777", "box", "1001", "", "1003"])
def test_what_does_not_exist_or_has_no_pin_is_asked_for_one_like_any_other(number: str) -> None:
    one = Listener({"box": ["a"]}, user="2003")
    one.press("".join(digit for digit in number if digit.isdigit()) + "#")
    assert one.until("enter-pin")[-1] == "enter-pin"
    for pin in ("", "1", "0000"):
        one.press(pin + "#")
        one.hears()
    one.over()
    assert one.states() == [("a", False)]


def test_star_where_a_number_is_asked_for_ends_it() -> None:
    one = Listener({}, user="2003")
    one.press("*")
    assert one.hears()[-1] == "goodbye"
    assert one.over() == {"voicemail": None, "listened": 0, "deleted": 0}


def test_a_guesser_shuts_the_mailbox_for_everybody_for_a_while() -> None:
    wire = voiced(office())
    for _ in range(MOST_GUESSES):
        wire.switch.mailboxes.guessed("acme", "ravis", wire.now)
    wire.pump()
    assert wire.published("security.ban")[0]["voicemail"] == "ravis"
    one = Listener({"ravis": ["a"]}, user="2003", wire=wire)
    one.press("1002#2468#")
    assert "wrong-pin" in one.hears()
    one.call.bye()
    wire.wait(SHUT_S + 1)
    two = Listener({}, user="2003", wire=wire)
    two.press("1002#2468#")
    assert two.until("a")[-1] == "a"
    two.call.bye()
    wire.assert_quiet()


def test_a_right_pin_forgives_the_wrong_ones_before() -> None:
    wire = voiced(office())
    boxes = wire.switch.mailboxes
    for _ in range(3):
        for _ in range(MOST_GUESSES - 1):
            boxes.guessed("acme", "ravis", wire.now)
        boxes.opened("acme", "ravis")
    assert not boxes.is_shut("acme", "ravis", wire.now)


def test_an_engine_that_plays_nothing_leads_through_all_the_same() -> None:
    wire = Wire(office())
    one = Listener({"box": ["a"]}, wire=wire)
    wire.wait(60)
    assert one.over()["listened"] == 1
