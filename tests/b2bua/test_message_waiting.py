"""Lamps: what they show, who may ask, and phones that never ask (RFC 3842, RFC 6665)."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import changed, company, snapshot_of
from b2bua_kit.peer import Phone, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua.mailboxes import Message
from routerd.sip.message import Request

ASKED = [("Event", "message-summary"), ("Expires", "600")]
BOXES = [
    {"id": "box", "agent": "asha"},
    {"id": "second", "agent": "asha"},
    {"id": "ravis", "agent": "ravi"},
    {"id": "hall"},
]


def wired(**more: Any) -> Wire:
    return Wire(company(**{"voicemails": BOXES, "ivrs": [], "numbers": [], **more}))


def leave(wire: Wire, box: str = "box", name: str = "m1") -> None:
    wire.switch.mailboxes.keep("acme", box, Message(name, name, 1.0, "", "", 2.0, "/f.wav", 10), wire.now)
    wire.pump()


def asha(wire: Wire, **phone: Any) -> Phone:
    return Phone(wire, "2001", "198.51.100.1", **phone)


def subscribe(phone: Phone, user: str = "2001", extra: Any = None) -> Any:
    uri = f"sip:{user}@acme.test"
    headers = [*(ASKED if extra is None else extra), ("Contact", phone.contact)]
    phone.request("SUBSCRIBE", uri, headers)
    challenge = phone.expect("401 SUBSCRIBE")
    phone.request("SUBSCRIBE", uri, [*headers, ("Authorization", phone.credentials(challenge, "SUBSCRIBE", uri))])
    answer = next(m for m in phone.inbox if not isinstance(m, Request))
    phone.inbox.remove(answer)
    return answer


def test_the_lamp_shows_all_mailboxes_of_the_agent() -> None:
    wire = wired()
    leave(wire, "box", "a")
    leave(wire, "second", "b")
    leave(wire, "ravis", "c")
    wire.command("voicemail_read", voicemail="second", id="b")
    phone = asha(wire)
    assert subscribe(phone).status == 200
    assert phone.expect("NOTIFY").body == (
        b"Messages-Waiting: yes\r\nMessage-Account: sip:*97@acme.test\r\nVoice-Message: 1/1 (0/0)\r\n"
    )


def test_the_lamp_follows_what_happens_to_messages() -> None:
    wire = wired()
    phone = asha(wire)
    subscribe(phone)
    assert phone.expect("NOTIFY").body.startswith(b"Messages-Waiting: no\r\n")
    seen = []
    for step in (
        lambda: leave(wire),
        lambda: wire.command("voicemail_read", voicemail="box", id="m1"),
        lambda: wire.command("voicemail_delete", voicemail="box", id="m1"),
    ):
        wire.wait(5)
        step()
        seen.append(phone.expect("NOTIFY").body.split(b"\r\n"))
    assert [(lines[0], lines[2]) for lines in seen] == [
        (b"Messages-Waiting: yes", b"Voice-Message: 1/0 (0/0)"),
        (b"Messages-Waiting: no", b"Voice-Message: 0/1 (0/0)"),
        (b"Messages-Waiting: no", b"Voice-Message: 0/0 (0/0)"),
    ]
    phone.nothing()


@pytest.mark.parametrize(
    ("user", "status"),
    [
        ("2001", 200),
        ("1001", 200),
        ("*97", 200),
        ("box", 200),
        ("hall", 200),
        ("ravis", 403),
        ("2002", 404),
        ("x", 404),
    ],
)
def test_whose_lamp_a_phone_may_see(user: str, status: int) -> None:
    wire = wired()
    assert subscribe(asha(wire), user).status == status


def test_a_shared_mailbox_is_seen_by_who_asks_for_it() -> None:
    wire = wired()
    phone = asha(wire)
    subscribe(phone, "hall")
    phone.expect("NOTIFY")
    wire.wait(5)
    leave(wire, "hall")
    assert b"Message-Account: sip:*97@acme.test\r\nVoice-Message: 1/0" in phone.expect("NOTIFY").body
    wire.wait(5)
    leave(wire, "box")
    wire.wait(5)
    notify = phone.expect("NOTIFY")  # the phone's own lamp, for which it has no subscription
    assert (notify.to.tag, b"Voice-Message: 1/0" in notify.body) == (None, True)


def test_without_the_code_the_account_is_the_phone() -> None:
    document = company(voicemails=BOXES, ivrs=[], numbers=[])
    document["account"]["feature_codes"] = {"voicemail": None}
    phone = asha(Wire(document))
    subscribe(phone)
    assert b"Message-Account: sip:2001@acme.test\r\n" in phone.expect("NOTIFY").body


def test_other_events_and_other_bodies_are_refused() -> None:
    wire = wired()
    phone = asha(wire)
    for event in ("presence", "dialog;id=3"):
        refused = subscribe(phone, extra=[("Event", event)])
        assert (refused.status, refused.get("Allow-Events")) == (489, "message-summary, refer")
    assert subscribe(phone, extra=[]).status == 489
    refused = subscribe(phone, extra=[*ASKED, ("Accept", "application/pidf+xml")])
    assert (refused.status, refused.get("Accept")) == (406, "application/simple-message-summary")
    assert subscribe(phone, extra=[*ASKED, ("Accept", "application/*, text/plain")]).status == 200
    refused = subscribe(phone, extra=[*ASKED, ("Require", "eventlist")])
    assert (refused.status, refused.get("Unsupported")) == (420, "eventlist")


def test_nobody_from_outside_sees_a_lamp() -> None:
    wire = wired()
    outside = trunk(wire)
    outside.request("SUBSCRIBE", "sip:2001@acme.test", [*ASKED, ("Contact", outside.contact)])
    outside.expect("403 SUBSCRIBE")
    stranger = Phone(wire, "2001", "203.0.113.66", register=False)
    stranger.password = "guessed"
    assert subscribe(stranger).status == 401
    assert len(wire.switch.waiting.subscriptions) == 0


def test_a_phone_without_a_mailbox_sees_a_dark_lamp() -> None:
    wire = wired()
    phone = Phone(wire, "2003", "198.51.100.3")
    assert subscribe(phone, "2003").status == 200
    assert b"Messages-Waiting: no" in phone.expect("NOTIFY").body


# -- phones that do not subscribe --


def test_a_phone_that_did_not_subscribe_is_told_of_changes() -> None:
    wire = wired()
    phones = [asha(wire), Phone(wire, "2001", "198.51.100.11"), Phone(wire, "2002", "198.51.100.2")]
    leave(wire)
    for phone in phones[:2]:
        notify = phone.expect("NOTIFY")
        assert (notify.get("Event"), notify.get("Subscription-State")) == ("message-summary", "active")
        assert notify.uri == phone.contact.strip("<>")
        assert b"Voice-Message: 1/0" in notify.body
    phones[2].nothing()
    wire.assert_quiet()


def test_a_subscriber_is_told_once() -> None:
    wire = wired()
    phone, other = asha(wire), Phone(wire, "2001", "198.51.100.11")
    subscribe(phone)
    phone.expect("NOTIFY")
    wire.wait(5)
    leave(wire)
    assert phone.expect("NOTIFY").to.tag
    phone.nothing()
    assert other.expect("NOTIFY").to.tag is None


def test_many_changes_are_told_together() -> None:
    wire = wired()
    phone = asha(wire)
    for number in range(4):
        leave(wire, name=f"m{number}")
    assert b"Voice-Message: 1/0" in phone.expect("NOTIFY").body
    phone.nothing()
    wire.wait(1)
    assert b"Voice-Message: 4/0" in phone.expect("NOTIFY").body
    wire.wait(10)
    phone.nothing()


def register(phone: Phone) -> None:
    answer = phone.authorized("REGISTER", "sip:acme.test", [("Contact", phone.contact)], to="<sip:2001@acme.test>")
    assert answer.status == 200


def test_a_phone_that_comes_is_told_when_there_are_messages() -> None:
    wire = wired()
    leave(wire)
    phone = asha(wire, register=False)
    register(phone)
    wire.wait(1)
    phone.nothing()
    wire.wait(2)
    assert b"Voice-Message: 1/0" in phone.expect("NOTIFY").body
    register(phone)  # a refresh
    wire.wait(5)
    phone.nothing()


def test_a_phone_that_comes_hears_nothing_of_nothing() -> None:
    wire = wired()
    phone = asha(wire, register=False)
    register(phone)
    wire.wait(5)
    phone.nothing()


def test_a_phone_that_subscribes_after_it_came_is_told_once() -> None:
    wire = wired()
    leave(wire)
    phone = asha(wire, register=False)
    register(phone)
    wire.wait(0.5)
    subscribe(phone)
    phone.expect("NOTIFY")
    wire.wait(10)
    phone.nothing()


def test_a_phone_that_went_again_is_left_alone() -> None:
    wire = wired()
    leave(wire)
    phone = asha(wire, register=False)
    register(phone)
    answer = phone.authorized(
        "REGISTER", "sip:acme.test", [("Contact", "*"), ("Expires", "0")], to="<sip:2001@acme.test>"
    )
    assert answer.status == 200
    wire.wait(5)
    phone.nothing()


def test_who_refuses_is_left_alone_until_it_registers_anew() -> None:
    wire = wired()
    phone = asha(wire, register=False)
    register(phone)
    phone.auto.discard("NOTIFY")
    leave(wire, name="a")
    phone.reply(phone.expect("NOTIFY"), 481, tag="x")
    wire.wait(5)
    leave(wire, name="b")
    wire.wait(5)
    phone.nothing()
    assert wire.noted("message_waiting_refused") == 1
    (binding,) = wire.switch.location.all_of("acme", "2001", wire.now)
    wire.switch.location.drop(binding, "unregistered", wire.now)
    register(phone)
    wire.wait(5)
    phone.reply(phone.expect("NOTIFY"), 200, tag="x")


def test_a_moment_of_trouble_is_forgiven() -> None:
    wire = wired()
    phone = asha(wire)
    phone.auto.discard("NOTIFY")
    leave(wire, name="a")
    phone.reply(phone.expect("NOTIFY"), 503, tag="x")
    wire.wait(5)
    leave(wire, name="b")
    phone.reply(phone.expect("NOTIFY"), 200, tag="x")


def test_a_phone_that_is_silent_costs_nothing_but_its_transaction() -> None:
    wire = wired()
    phone = asha(wire)
    wire.dead.add(phone.address)
    leave(wire)
    wire.assert_quiet()


# -- another document --


def test_who_loses_the_phone_loses_the_lamp() -> None:
    wire = wired()
    phone = asha(wire)
    subscribe(phone)
    phone.expect("NOTIFY")
    subscribe(phone, "hall")
    phone.expect("NOTIFY")
    left = changed(company(voicemails=BOXES[:3], ivrs=[], numbers=[]), "agents", "asha", extension=None)
    left["extensions"] = [one for one in left["extensions"] if one["id"] != "2001"]
    wire.switch.install(snapshot_of(left), wire.now)
    wire.pump()
    ended = [phone.expect("NOTIFY").get("Subscription-State") for _ in range(2)]
    assert ended == ["terminated;reason=noresource"] * 2
    assert len(wire.switch.waiting.subscriptions) == 0


def test_a_mailbox_that_changes_hands_changes_lamps() -> None:
    wire = wired()
    leave(wire, "ravis")
    phone = asha(wire)
    subscribe(phone)
    assert b"Voice-Message: 0/0" in phone.expect("NOTIFY").body
    wire.wait(5)
    wire.switch.install(snapshot_of(company(voicemails=BOXES, ivrs=[], numbers=[])), wire.now)
    wire.pump()
    phone.nothing()
    boxes = [{**box, "agent": "asha"} if box["id"] == "ravis" else box for box in BOXES]
    wire.switch.install(snapshot_of(company(voicemails=boxes, ivrs=[], numbers=[])), wire.now)
    wire.pump()
    assert b"Voice-Message: 1/0" in phone.expect("NOTIFY").body


def test_a_mailbox_that_is_no_more_lights_nothing() -> None:
    wire = wired()
    phone = asha(wire)
    leave(wire, "unknown")
    phone.nothing()
    assert wire.switch.waiting.summary(("nobody", "extension", "2001")) is None
