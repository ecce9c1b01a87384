from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from routerd.b2bua import effects as fx
from routerd.sip import build
from routerd.sip.serializer import serialize

if TYPE_CHECKING:
    from routerd.sip.message import Request, Response

BEHIND = "<sip:2001@10.0.0.5:5060>"


def options(sent: Any) -> list[Request]:
    return [message for message, _ in sent if getattr(message, "method", "") == "OPTIONS"]


def reply(world: Any, phone: Any, request: Request, status: int = 200) -> list[Response | Request]:
    challenge = [("WWW-Authenticate", 'Digest realm="phone", nonce="n", qop="auth"')] if status == 401 else []
    return world.receive(serialize(build.response(request, status, to_tag="p", extra=challenge)), phone.flow)


def test_a_phone_behind_nat_is_asked_on_its_flow(world: Any, phone: Any) -> None:
    phone.register(BEHIND)
    sent = world.pass_time(31)
    (request,) = {message.via.branch: message for message in options(sent)}.values()
    assert request.uri == "sip:2001@10.0.0.5:5060"
    assert {flow for _, flow in sent} == {phone.flow}
    assert request.to.uri_text == "sip:2001@10.0.0.5:5060"
    assert len(world.keepalive) == 1


def test_nobody_else_is_asked(world: Any, phone: Any, make_phone: Any) -> None:
    phone.register()
    make_phone(world, transport="tcp", connection=4, address=("198.51.100.9", 4000)).register(BEHIND)
    assert options(world.pass_time(300)) == []
    assert len(world.keepalive) == 0


@pytest.mark.parametrize("status", [200, 401, 407, 404, 481, 501, 503])
def test_any_final_answer_is_life_and_is_not_answered(world: Any, phone: Any, status: int) -> None:
    phone.register(BEHIND)
    for _ in range(8):
        (request,) = options(world.pass_time(30))[-1:]
        assert request.get("Authorization") is None
        assert reply(world, phone, request, status) == []
    assert len(world.location) == 1


def test_a_silent_phone_is_dropped_after_three(world: Any, phone: Any) -> None:
    phone.register(BEHIND)
    branches = {message.via.branch for message in options(world.pass_time(3 * (30 + 32) + 1))}
    assert len(branches) == 3
    assert len(world.location) == 0
    assert [facts["reason"] for facts in world.published("registration.removed")] == ["unreachable"]
    world.pass_time(100)
    assert len(world.layer) == 0
    assert len(world.exchange.timers) == 0


def test_silence_is_forgotten_when_the_phone_answers_or_registers(world: Any, phone: Any) -> None:
    phone.register(BEHIND)
    for _ in range(4):
        world.pass_time(2 * (30 + 32))
        phone.call_id += "x"
        assert phone.register(BEHIND).status == 200
    assert len(world.location) == 1
    assert len(world.keepalive) == 1


def test_one_answer_makes_up_for_the_silence_before(world: Any, phone: Any) -> None:
    phone.register(BEHIND)
    for _ in range(3):
        asked = options(world.pass_time(2 * (30 + 32) + 31))
        reply(world, phone, asked[-1])
    assert len(world.location) == 1


def test_outbound_phones_get_a_ping(world: Any, phone: Any) -> None:
    phone.register("<sip:2001@10.0.0.5:5060;ob>")
    assert options(world.pass_time(91)) == []
    pings = [e for e in world.effects if isinstance(e, fx.Transmit)]
    assert {(ping.data, ping.flow) for ping in pings} == {(b"\r\n\r\n", phone.flow)}
    assert 3 <= len(pings) <= 4


def test_a_stored_path_is_followed(world: Any, phone: Any) -> None:
    phone.register(BEHIND, extra=(("Path", "<sip:edge.example.com;lr>"), ("Supported", "path")))
    (request, *_) = options(world.pass_time(31))
    assert request.get_all("Route") == ["<sip:edge.example.com;lr>"]


def test_an_escaped_header_of_the_contact_is_left_out(world: Any, phone: Any) -> None:
    phone.register("<sip:u@10.0.0.5?Route=%3Csip:evil.example%3E>")
    (request, *_) = options(world.pass_time(31))
    assert (request.uri, request.get("Route")) == ("sip:u@10.0.0.5", None)


def test_unregistering_stops_it(world: Any, phone: Any) -> None:
    phone.register(BEHIND)
    world.pass_time(35)
    phone.register(BEHIND + ";expires=0")
    assert len(world.keepalive) == 0
    world.pass_time(64)
    assert len(world.exchange.timers) == 0


def test_it_can_be_turned_off(make_world: Any, make_phone: Any) -> None:
    world = make_world(keepalive_s=0.0)
    make_phone(world).register(BEHIND)
    assert options(world.pass_time(300)) == []
