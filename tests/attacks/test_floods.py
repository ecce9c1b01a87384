"""Floods of every method (CVE-2021-41145): memory bounded, 503 with Retry-After, calls live, nothing left behind."""

from __future__ import annotations

import pytest
from b2bua_kit.documents import FORWARDED, MAIN
from b2bua_kit.peer import Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import LOCAL, Wire

from routerd.b2bua.settings import Limits
from routerd.sip import build
from routerd.sip.flow import Flow
from routerd.sip.message import Response
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize

SOME = 1500
COUNTS = [SOME, pytest.param(20_000, marks=pytest.mark.soak)]
METHODS = ["INVITE", "REGISTER", "OPTIONS", "MESSAGE", "SUBSCRIBE", "BYE", "CANCEL", "ACK"]
FEW = Limits(requests_per_second_by_source=10.0, request_burst_by_source=100, max_transactions=300)


def message(method: str, number: int, uri: str = "sip:1001@acme.test", tag: str = "") -> bytes:
    made = build.request(
        method,
        uri,
        via=f"SIP/2.0/UDP 203.0.113.50:5060;branch=z9hG4bKf{number};rport",
        from_=f"<sip:a{number}@acme.test>;tag=f{number}",
        to=f"<{uri}>" + (f";tag={tag}" if tag else ""),
        call_id=f"flood-{number}",
        cseq=1,
        contact="<sip:203.0.113.50>",
        body=sdp() if method == "INVITE" else b"",
        content_type="application/sdp" if method == "INVITE" else None,
    )
    return serialize(made)


def statuses(wire: Wire, host: str) -> list[int]:
    found = [parse(data) for flow, data in wire.transmitted if flow.remote[0] == host]
    return [answer.status for answer in found if isinstance(answer, Response)]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("method", METHODS)
def test_one_source_is_told_to_come_later_and_leaves_nothing(method: str, count: int) -> None:
    wire = Wire(limits=FEW)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    call, leg = connect(pstn, phone, MAIN)
    kept = len(wire.switch.layer)
    wire.transmitted.clear()
    source = Flow("udp", LOCAL, ("203.0.113.50", 5060))
    for number in range(count):
        wire.receive(message(method, number, "sip:192.0.2.1" if method == "OPTIONS" else "sip:1001@acme.test"), source)
    answers = statuses(wire, "203.0.113.50")
    if method == "ACK":
        assert answers == []
    elif method == "CANCEL":
        assert set(answers) == {481}
    else:
        assert answers.count(503) >= count - 200
        assert all(parse(data).get("Retry-After") for _, data in wire.transmitted if data.startswith(b"SIP/2.0 503"))
    assert len(wire.switch.layer) <= kept + FEW.request_burst_by_source + 10
    wire.wait(1)
    call.request("INFO", b"Signal=1", kind="application/dtmf-relay")
    pstn.expect("200 INFO")
    call.bye()
    leg.peer.expect("BYE")
    wire.assert_quiet()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("method", METHODS)
def test_many_sources_fill_no_memory(method: str, count: int) -> None:
    wire = Wire(limits=FEW)
    for number in range(count):
        flow = Flow("udp", LOCAL, (f"203.{number >> 8 & 255}.{number & 255}.9", 5060))
        wire.receive(message(method, number, "sip:192.0.2.1" if method == "OPTIONS" else "sip:1001@acme.test"), flow)
    assert len(wire.switch.layer) <= FEW.max_transactions
    assert len(wire.switch.call_by_id) == 0
    assert len(wire.switch.exchange.timers) <= wire.timers_at_rest + 3 * FEW.max_transactions
    wire.assert_quiet()


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("method", ["BYE", "INVITE", "UPDATE", "INFO", "REFER"])
def test_requests_of_dialogs_that_do_not_exist_cost_nothing(method: str, count: int) -> None:
    wire = Wire(limits=FEW)
    flow = Flow("udp", LOCAL, ("203.0.113.50", 5060))
    for number in range(count):
        wire.receive(message(method, number, tag="unknown"), flow)
    assert set(statuses(wire, "203.0.113.50")) == {481}
    assert len(wire.switch.layer) == 0
    wire.assert_quiet()


def test_a_trunk_that_floods_meets_the_most_calls() -> None:
    wire = Wire(limits=Limits(max_calls=20))
    pstn = trunk(wire)
    for _ in range(200):
        pstn.invite(FORWARDED)
    answers = [answer for answer in pstn.inbox if isinstance(answer, Response)]
    refused = [answer for answer in answers if answer.status == 503]
    assert len(wire.switch.call_by_id) <= 20
    assert refused
    assert all(answer.get("Retry-After") for answer in refused)
    wire.assert_quiet()


def test_responses_that_nobody_asked_for_get_nothing() -> None:
    wire = Wire()
    stranger = Peer(wire, "203.0.113.50")
    for number in range(SOME):
        asked = parse(message("INVITE", number))
        answer = build.response(asked, 200 if number % 2 else 401, to_tag="t")  # type: ignore[arg-type]
        wire.receive(serialize(answer), stranger.flow)
    assert wire.transmitted == []
    wire.assert_quiet()
