"""A request on its way out: names, the next server, TCP for what is large, credentials (RFC 3261 §18.1.1, 3263)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from b2bua_kit.documents import CUSTOMER, changed, company
from b2bua_kit.peer import Peer, Phone, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import effects as fx
from routerd.b2bua.outgoing import Outgoing, answer_challenge
from routerd.sip import build

if TYPE_CHECKING:
    from routerd.sip.message import Response

BIG = [("Subject", "x" * 1200)]


class Owner:
    """Hears what becomes of a request."""

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def response_received(self, outgoing: Outgoing, response: Response, now: float) -> None:
        del outgoing, now
        self.heard.append(response.status)

    def unanswered(self, outgoing: Outgoing, cause: str, now: float) -> None:
        del outgoing, now
        self.heard.append(cause)


def outgoing(wire: Wire, uri: str, method: str = "OPTIONS", extra: Any = ()) -> tuple[Owner, Outgoing]:
    exchange = wire.switch.exchange

    def recipe(flow: Any, branch: str) -> Any:
        return build.request(
            method, uri, via=exchange.flows.via(flow, branch), from_="<sip:a@b>;tag=1", to=f"<{uri}>",
            call_id="test", cseq=1, extra=list(extra),
        )  # fmt: skip

    owner = Owner()
    request = Outgoing(exchange, owner, recipe)
    request.start(uri, None, wire.now)
    wire.pump()
    return owner, request


def test_an_answer_is_heard_and_the_request_let_go() -> None:
    wire = Wire()
    Peer(wire, "203.0.113.1")
    owner, request = outgoing(wire, "sip:203.0.113.1")
    assert owner.heard == [200]
    request.close()
    request.close()
    wire.assert_quiet()


@pytest.mark.parametrize("uri", ["sip:", "not a uri", "sip:a@[::1"])
def test_what_is_no_uri_goes_nowhere(uri: str) -> None:
    wire = Wire()
    exchange = wire.switch.exchange
    owner = Owner()
    Outgoing(
        exchange, owner, lambda *_: build.request("OPTIONS", "sip:x", via="x", from_="x", to="x", call_id="x", cseq=1)
    ).start(uri, None, wire.now)
    assert owner.heard == ["dns"]
    assert exchange.counters["uri_unusable"] == 1


def test_silence_is_told_after_the_last_server() -> None:
    wire = Wire()
    wire.dns = {
        ("_sip._udp.example.net", "SRV"): [(1, 0, 5060, "a.example.net"), (2, 0, 5060, "b.example.net")],
        ("a.example.net", "A"): [("203.0.113.1",)], ("a.example.net", "AAAA"): None,
        ("b.example.net", "A"): [("203.0.113.2",)], ("b.example.net", "AAAA"): None,
    }  # fmt: skip
    owner, _ = outgoing(wire, "sip:example.net;transport=udp")
    wire.wait(33)
    assert owner.heard == []
    wire.wait(33)
    assert owner.heard == ["timeout"]
    assert {flow.remote[0] for flow, _ in wire.transmitted} == {"203.0.113.1", "203.0.113.2"}
    wire.assert_quiet()


def test_closing_withdraws_the_question() -> None:
    wire = Wire()
    owner, request = outgoing(wire, "sip:example.net")
    assert wire.switch.exchange.open_questions == 1
    request.close()
    assert wire.switch.exchange.open_questions == 0
    wire.answer_dns([])
    assert owner.heard == []


def test_cancelling_before_it_was_sent_is_told() -> None:
    wire = Wire()
    owner, request = outgoing(wire, "sip:example.net", "INVITE")
    request.cancel(wire.now)
    request.cancel(wire.now)
    assert owner.heard == ["cancelled"]
    wire.assert_quiet()


def test_large_requests_go_by_tcp() -> None:
    wire = Wire(mtu_bytes=1300)
    owner, _ = outgoing(wire, "sip:203.0.113.1", extra=BIG)
    opened = [effect.flow for effect in wire.effects if isinstance(effect, fx.OpenFlow)]
    assert [flow.transport for flow in opened] == ["tcp"]
    flow, data = wire.transmitted[-1]
    assert flow == opened[0]
    assert data.startswith(b"OPTIONS")
    assert b"SIP/2.0/TCP" in data
    wire.switch.lose_flow(opened[0], wire.now)
    peer = Peer(wire, "203.0.113.1")
    wire.pump()
    assert b"SIP/2.0/UDP" in wire.transmitted[1][1], "refused: back to UDP (§18.1.1)"
    assert peer.lines() == ["OPTIONS"]
    assert owner.heard == [200]
    wire.wait(60)


def test_no_listener_no_request() -> None:
    wire = Wire()
    owner, _ = outgoing(wire, "sip:[2001:db8::1];transport=udp")
    assert owner.heard == ["transport"]
    assert wire.noted("no_listener_for_target") == 1


def test_a_503_is_final_where_no_other_server_is() -> None:
    wire = Wire()
    peer = Peer(wire, "203.0.113.1")
    peer.auto.clear()
    owner, _ = outgoing(wire, "sip:203.0.113.1")
    peer.reply(peer.expect("OPTIONS"), 503)
    assert owner.heard == [503]


def test_challenges_that_cannot_be_answered() -> None:
    request = build.request(
        "BYE",
        "sip:x",
        via="SIP/2.0/UDP a;branch=z9hG4bKx",
        from_="<sip:a@b>;tag=1",
        to="<sip:c@d>",
        call_id="x",
        cseq=1,
    )
    refused = build.response(request, 401, extra=[("WWW-Authenticate", 'Basic realm="x"')])
    assert answer_challenge(refused, "BYE", "sip:x", "u", "p", None, "0a") is None
    refused = build.response(request, 407, extra=[("Proxy-Authenticate", 'Digest realm="x", nonce="n", algorithm=MD5')])
    answer = answer_challenge(refused, "BYE", "sip:x", "u", "p", "x", "0a")
    assert answer is not None
    assert answer[0] == "Proxy-Authorization"
    assert answer_challenge(refused, "BYE", "sip:x", "u", "p", "other", "0a") is None


def test_a_call_over_tcp_to_a_trunk() -> None:
    document = changed(company(), "agents", "asha", caller_ids={"mode": "all"})
    wire = Wire(changed(document, "trunks", "pstn", target="sip:192.0.2.10:5060;transport=tcp"))
    phone, second = Phone(wire, "2001", "198.51.100.1"), trunk(wire, "192.0.2.20")
    call = phone.invite(CUSTOMER)
    opened = [effect.flow for effect in wire.effects if isinstance(effect, fx.OpenFlow)]
    assert len(opened) == 1
    wire.switch.lose_flow(opened[0], wire.now)
    wire.pump()
    second.called().answer()
    call.answered()
    call.bye()
    wire.assert_quiet()
