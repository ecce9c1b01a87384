"""The notifier of RFC 6665: granted times, refreshes, the last word, and phones that are gone."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import changed, company
from b2bua_kit.peer import Phone
from b2bua_kit.wire import Wire

from routerd.b2bua import subscriptions as subs
from routerd.b2bua.mailboxes import Message
from routerd.sip import build
from routerd.sip.dialog import Dialog
from routerd.sip.message import Request

ASKED = [("Event", "message-summary"), ("Accept", "application/simple-message-summary")]
URI = "sip:2001@acme.test"


def owned(**box: Any) -> dict[str, Any]:
    return changed(company(), "voicemails", "box", agent="asha", **box)


class Subscriber:
    """A phone's subscription."""

    def __init__(self, wire: Wire, host: str = "198.51.100.1", **phone: Any) -> None:
        self.wire = wire
        self.phone = Phone(wire, phone.pop("user", "2001"), host, **phone)
        self.dialog: Dialog | None = None

    def subscribe(self, expires: str | None = "600", uri: str = URI, extra: Any = None) -> Any:
        headers = [*(ASKED if extra is None else extra), ("Contact", self.phone.contact)]
        headers += [] if expires is None else [("Expires", expires)]
        phone, asked = self.phone, (call_id := self.phone.name("sub"))
        tag = phone.name("tag")
        answer = None
        for cseq in (1, 2):
            request = build.request(
                "SUBSCRIBE", uri, via=phone.branch(), from_=f"<{URI}>;tag={tag}", to=f"<{uri}>", call_id=call_id,
                cseq=cseq, extra=headers,
            )  # fmt: skip
            phone.send(request)
            answer = next(m for m in phone.inbox if not isinstance(m, Request) and m.call_id == asked)
            phone.inbox.remove(answer)
            if answer.status != 401:
                break
            headers.append(("Authorization", phone.credentials(answer, "SUBSCRIBE", uri)))
        if answer.status == 200:
            self.dialog = Dialog.as_uac(request, answer)
        return answer

    def again(self, expires: str, event: str = "message-summary", method: str = "SUBSCRIBE") -> Any:
        assert self.dialog is not None
        extra = [("Event", event), ("Expires", expires)]
        self.phone.send(
            self.dialog.next_request(method, via=self.phone.branch(), contact=self.phone.contact, extra=extra)
        )
        answer = next(m for m in self.phone.inbox if not isinstance(m, Request))
        self.phone.inbox.remove(answer)
        return answer

    def told(self) -> Any:
        return self.phone.expect("NOTIFY")

    def change(self, name: str = "m") -> None:
        left = Message(name, name, 1.0, "", "", 2.0, "/f.wav", 10)
        self.wire.switch.mailboxes.keep("acme", "box", left, self.wire.now)
        self.wire.pump()


def state(notify: Request) -> str:
    return notify.get("Subscription-State") or ""


def quiet(wire: Wire, after_s: float = 700.0) -> None:
    wire.wait(after_s)
    assert len(wire.switch.waiting.subscriptions) == 0
    wire.assert_quiet()


def test_a_subscriber_is_told_at_once_and_in_its_dialog() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    answer = phone.subscribe("600")
    assert (answer.status, answer.get("Expires")) == (200, "600")
    assert answer.to.tag
    assert answer.get("Contact")
    notify = phone.told()
    assert phone.dialog is not None
    assert (notify.call_id, notify.to.tag, notify.from_.tag) == (
        answer.call_id, answer.from_.tag, answer.to.tag
    )  # fmt: skip
    assert notify.get("Event") == "message-summary"
    assert state(notify) == "active;expires=600"
    assert notify.content_type == "application/simple-message-summary"
    assert notify.uri == phone.phone.contact.strip("<>")
    quiet(wire)


def test_the_time_granted_is_never_longer_than_was_asked() -> None:
    wire = Wire(owned(), max_expires_s=3600)
    phone = Subscriber(wire)
    assert phone.subscribe("120").get("Expires") == "120"
    assert phone.subscribe("100000").get("Expires") == "3600"
    assert phone.subscribe(None).get("Expires") == "3600"
    assert phone.subscribe("rubbish").get("Expires") == "3600"
    refused = phone.subscribe("5")
    assert (refused.status, refused.get("Min-Expires")) == (423, "60")


def test_a_fetch_is_answered_and_leaves_nothing() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    assert phone.subscribe("0").get("Expires") == "0"
    notify = phone.told()
    assert state(notify) == "terminated;reason=timeout"
    assert notify.body
    assert len(wire.switch.waiting.subscriptions) == 0
    assert phone.again("600").status == 481
    quiet(wire, 100)


def test_a_refresh_lengthens_and_tells() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    phone.subscribe("600")
    phone.told()
    wire.wait(500)
    assert phone.again("300").get("Expires") == "300"
    assert state(phone.told()) == "active;expires=300"
    wire.wait(200)
    phone.phone.nothing()
    phone.change()
    assert state(phone.told()) == "active;expires=100"
    wire.wait(100)
    assert state(phone.told()) == "terminated;reason=timeout"
    assert phone.again("300").status == 481
    quiet(wire)


def test_a_subscriber_gives_up() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    phone.subscribe()
    phone.told()
    assert phone.again("0").get("Expires") == "0"
    assert state(phone.told()) == "terminated;reason=timeout"
    wire.switch.location.lose_flow(phone.phone.flow, wire.now)
    assert len(wire.switch.waiting.subscriptions) == 0
    quiet(wire, 100)


def test_what_does_not_fit_a_dialog_is_refused() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    phone.subscribe()
    phone.told()
    assert phone.again("600", event="presence").status == 489
    assert phone.again("600", event="message-summary;id=7").status == 489
    assert phone.again("5").status == 423
    assert phone.again("600", method="INFO").status == 405
    assert phone.dialog is not None
    phone.dialog.local_cseq -= 2
    assert phone.again("600").status == 500
    quiet(wire)


def test_changes_that_follow_each_other_are_told_together() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    phone.subscribe()
    phone.told()
    wire.wait(10)
    for number in range(5):
        phone.change(f"m{number}")
    assert b"Voice-Message: 1/0" in phone.told().body
    phone.phone.nothing()
    wire.wait(1)
    assert b"Voice-Message: 5/0" in phone.told().body
    wire.wait(10)
    phone.phone.nothing()
    quiet(wire)


def test_one_notification_at_a_time() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    phone.subscribe()
    phone.told()
    wire.wait(10)
    phone.phone.auto.discard("NOTIFY")
    phone.change("m1")
    first = phone.told()
    wire.wait(3)
    phone.change("m2")
    phone.phone.nothing()
    phone.phone.reply(first, 200)
    second = phone.told()
    assert b"Voice-Message: 2/0" in second.body
    phone.phone.reply(second, 200)
    phone.phone.auto.add("NOTIFY")
    quiet(wire)


@pytest.mark.parametrize("status", [481, 489, 404, 501])
def test_a_phone_that_knows_nothing_of_it_ends_it(status: int) -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    phone.phone.auto.discard("NOTIFY")
    phone.subscribe()
    phone.phone.reply(phone.told(), status)
    assert len(wire.switch.waiting.subscriptions) == 0
    wire.wait(700)
    phone.phone.nothing()
    quiet(wire)


@pytest.mark.parametrize("status", [500, 503, 401])
def test_a_moment_of_trouble_does_not_end_it(status: int) -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    phone.phone.auto.discard("NOTIFY")
    phone.subscribe()
    phone.phone.reply(phone.told(), status)
    assert len(wire.switch.waiting.subscriptions) == 1
    phone.phone.auto.add("NOTIFY")
    quiet(wire)


def test_silence_ends_it() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    phone.subscribe()
    phone.told()
    wire.dead.add(phone.phone.address)
    wire.wait(10)
    phone.change()
    wire.wait(40)
    assert len(wire.switch.waiting.subscriptions) == 0
    assert wire.noted("subscription_lost") == 1
    quiet(wire)


def test_a_phone_that_starts_again_has_one_subscription() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    for _ in range(4):
        phone.subscribe()
        phone.told()
    assert len(wire.switch.waiting.subscriptions) == 1
    phone.subscribe(extra=[("Event", "message-summary;id=2")])
    assert phone.told().get("Event") == "message-summary;id=2"
    assert len(wire.switch.waiting.subscriptions) == 2
    quiet(wire)


def test_the_oldest_of_too_many_gives_way() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    for number in range(subs.MOST_OF_AN_OWNER):
        phone.subscribe(extra=[("Event", f"message-summary;id={number}")])
        phone.told()
    phone.subscribe(extra=[("Event", "message-summary;id=more")])
    ended = phone.told()
    assert (state(ended), ended.get("Event")) == ("terminated;reason=giveup", "message-summary;id=0")
    assert len(wire.switch.waiting.subscriptions) == subs.MOST_OF_AN_OWNER
    quiet(wire)


def test_an_unreachable_contact_is_refused() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    phone.phone.contact = "<sip:>"
    assert phone.subscribe().status == 400
    quiet(wire)


def test_a_subscription_over_a_proxy_goes_back_over_it() -> None:
    wire = Wire(owned())
    phone = Subscriber(wire)
    answer = phone.subscribe(extra=[*ASKED, ("Record-Route", "<sip:198.51.100.1:5060;lr>")])
    assert answer.get("Record-Route") == "<sip:198.51.100.1:5060;lr>"
    assert phone.told().get("Route") == "<sip:198.51.100.1:5060;lr>"
    quiet(wire)


def test_the_words_of_an_event() -> None:
    assert subs.event_of("Message-Summary ; id=5;x=y") == ("message-summary", "5")
    assert subs.event_of("message-summary") == ("message-summary", "")
    assert subs.event_of("") == ("", "")
