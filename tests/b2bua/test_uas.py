"""Requests outside of dialogs, in the order of RFC 3261 §8.2."""

from __future__ import annotations

from typing import Any

import pytest
from b2bua_kit.documents import MAIN, company
from b2bua_kit.peer import Peer, Phone, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua.settings import Limits

US = "sip:192.0.2.1:5060"


def world(**settings: Any) -> tuple[Wire, Peer, Phone]:
    wire = Wire(company(), **settings)
    return wire, trunk(wire), Phone(wire, "2001", "198.51.100.1")


@pytest.mark.parametrize(
    ("method", "status", "headers", "wanted"),
    [
        ("BYE", 481, [], None), ("INFO", 481, [], None), ("UPDATE", 481, [], None), ("PRACK", 481, [], None),
        ("NOTIFY", 481, [], None), ("SUBSCRIBE", 489, [("Event", "presence")], "Allow-Events"),
        ("PUBLISH", 405, [], "Allow"), ("REFER", 405, [], "Allow"), ("FROBNICATE", 501, [], "Allow"),
        ("INVITE", 420, [("Require", "100rel, teleport")], "Unsupported"),
        ("OPTIONS", 420, [("Require", "x")], "Unsupported"),
        ("REGISTER", 401, [], "WWW-Authenticate"), ("MESSAGE", 403, [], None),
    ],
)  # fmt: skip
def test_what_cannot_be_served(method: str, status: int, headers: list[tuple[str, str]], wanted: str | None) -> None:
    wire, pstn, phone = world()
    pstn.request(method, f"sip:{MAIN}@192.0.2.1", headers, from_="<sip:+919812345678@x>", contact=pstn.contact)
    response = pstn.expect(str(status))
    assert wanted is None or response.get(wanted)
    assert response.to.tag
    phone.nothing()
    wire.assert_quiet()


def test_unsupported_names_what_it_is() -> None:
    _, pstn, _ = world()
    pstn.request("INVITE", f"sip:{MAIN}@x", [("Require", "timer, teleport, warp")], contact=pstn.contact)
    assert pstn.expect("420").get("Unsupported") == "teleport, warp"


@pytest.mark.parametrize("uri", ["mailto:a@b", "http://x/"])
def test_a_scheme_that_we_do_not_know_is_416(uri: str) -> None:
    _, pstn, _ = world()
    pstn.request("INVITE", uri, contact=pstn.contact, to="<sip:x@y>")
    pstn.expect("416")


def test_a_version_that_we_do_not_know_is_505() -> None:
    wire, pstn, _ = world()
    wire.receive(
        b"OPTIONS sip:x SIP/7.0\r\nVia: SIP/7.0/UDP 192.0.2.10;branch=z9hG4bKv\r\nFrom: <sip:a@b>;tag=1\r\n"
        b"To: <sip:a@b>\r\nCall-ID: v\r\nCSeq: 1 OPTIONS\r\n\r\n",
        pstn.flow,
    )
    pstn.expect("505")


@pytest.mark.parametrize(
    ("kind", "body", "headers", "status"),
    [
        ("text/plain", b"hello", [], 415), ("application/sdp", b"v=0\r\nrubbish", [], 488),
        ("application/sdp", sdp(), [("Content-Encoding", "gzip")], 415),
    ],
)  # fmt: skip
def test_a_body_that_we_cannot_read(kind: str, body: bytes, headers: list[tuple[str, str]], status: int) -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, body, headers, content_type=kind)
    refusal = call.refused(status)
    assert status != 415 or refusal.get("Accept") == "application/sdp"
    phone.nothing()
    wire.assert_quiet()


def test_a_body_that_may_be_ignored_is_ignored() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(
        MAIN, b"hello", [("Content-Disposition", "render; handling=optional")], content_type="text/plain"
    )
    assert phone.called().invite.body == b""
    call.cancel()
    wire.wait(1)


@pytest.mark.parametrize(("left", "status"), [(0, 483), (1, None), (2, None)])
def test_max_forwards(left: int, status: int | None) -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN, max_forwards=left)
    if status is not None:
        call.refused(status)
        phone.nothing()
    else:
        assert phone.called().invite.max_forwards == left - 1
        call.cancel()
    wire.assert_quiet()


def test_options_say_what_we_can() -> None:
    wire, pstn, _ = world()
    stranger = Peer(wire, "203.0.113.9")
    for peer in (pstn, stranger):
        peer.request("OPTIONS", US, [("Max-Forwards", "70")][:0])
        response = peer.expect("200 OPTIONS")
        assert "INVITE" in (response.get("Allow") or "")
        assert response.get("Accept") == "application/sdp"
        assert "timer" in response.supported
    wire.assert_quiet()


def test_strangers_are_challenged_whatever_they_send() -> None:
    wire, _, phone = world()
    stranger = Peer(wire, "203.0.113.9")
    for method in (
        "INVITE",
        "REGISTER",
        "MESSAGE",
        "SUBSCRIBE",
        "PUBLISH",
        "REFER",
        "BYE",
        "NOTIFY",
        "INFO",
        "FROBNICATE",
    ):
        stranger.request(method, f"sip:{MAIN}@acme.test", contact=stranger.contact, from_="<sip:2001@acme.test>")
        stranger.expect("401")
    phone.nothing()
    wire.assert_quiet()


def test_a_wrong_contact_is_400() -> None:
    wire, pstn, _ = world()
    pstn.request(
        "INVITE",
        f"sip:{MAIN}@x",
        body=sdp(),
        content_type="application/sdp",
        from_="<sip:+919812345678@x>",
        contact="*",
    )
    pstn.expect("400")
    wire.assert_quiet()


def test_a_draining_switch_and_a_full_one_take_no_calls() -> None:
    wire, pstn, phone = world()
    assert wire.command("drain")["ok"]
    refusal = pstn.invite(MAIN).refused(503)
    assert refusal.get("Retry-After") == "5"
    pstn.request("OPTIONS", US)
    pstn.expect("503 OPTIONS")
    wire.command("drain", on=False)
    call = pstn.invite(MAIN)
    phone.called()
    call.cancel()
    full, caller, _ = world(limits=Limits(max_calls=1))
    first = caller.invite(MAIN)
    caller.invite(MAIN).refused(503)
    first.cancel()
    assert full.noted("overload") == 1


def test_the_same_call_by_another_way_is_merged() -> None:
    wire, pstn, phone = world()
    call = pstn.invite(MAIN)
    phone.called()
    copy = call._make([])
    copy.set("CSeq", "1 INVITE")
    pstn.send(copy)
    pstn.expect("482")
    phone.nothing()
    call.cancel()
    wire.wait(1)


# -- page-mode messages --


def test_a_message_goes_to_a_colleague() -> None:
    wire, _, phone = world()
    other = Phone(wire, "2002", "198.51.100.2")
    phone.request("MESSAGE", "sip:1002@acme.test", body=b"hi", content_type="text/plain")
    challenge = phone.expect("401")
    value = phone.credentials(challenge, "MESSAGE", "sip:1002@acme.test")
    phone.request(
        "MESSAGE",
        "sip:1002@acme.test",
        [("Authorization", value), ("X-Internal", "1")],
        body=b"hi",
        content_type="text/plain",
    )
    message = other.expect("MESSAGE")
    assert (message.body, message.max_forwards) == (b"hi", 69)
    assert message.get("Authorization") is None
    assert message.get("X-Internal") is None
    assert "<sip:1001@acme.test>" in (message.get("From") or "")
    other.reply(message, 401)
    phone.expect("500")
    wire.assert_quiet()


@pytest.mark.parametrize(
    ("user", "body", "status"), [("999999", b"x", 404), ("1003", b"x", 480), ("1002", b"x" * 17_000, 413)]
)
def test_a_message_that_cannot_be_delivered(user: str, body: bytes, status: int) -> None:
    wire, _, phone = world()
    Phone(wire, "2002", "198.51.100.2")
    response = phone.authorized("MESSAGE", f"sip:{user}@acme.test", body=body, content_type="text/plain")
    assert response.status == status
    wire.assert_quiet()


def test_a_phone_that_does_not_answer_a_message() -> None:
    wire, _, phone = world()
    other = Phone(wire, "2002", "198.51.100.2")
    wire.dead.add(other.address)
    phone.request("MESSAGE", "sip:1002@acme.test", body=b"hi", content_type="text/plain")
    value = phone.credentials(phone.expect("401"), "MESSAGE", "sip:1002@acme.test")
    phone.request("MESSAGE", "sip:1002@acme.test", [("Authorization", value)], body=b"hi", content_type="text/plain")
    wire.wait(40)
    assert "480 MESSAGE" in phone.lines()
    wire.assert_quiet()
