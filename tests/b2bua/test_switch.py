"""The one door: malformed input, streams, bugs that end one call only, and nothing left behind."""

from __future__ import annotations

import gc
from typing import Any

import pytest
from b2bua_kit.documents import GROUP, MAIN, MENU, company
from b2bua_kit.peer import Peer, Phone, connect, sdp, trunk
from b2bua_kit.wire import Wire

from routerd.b2bua import accounting, carrying, midcall
from routerd.b2bua import effects as fx
from routerd.b2bua.call import Call
from routerd.b2bua.forking import Fork
from routerd.b2bua.leg import Leg
from routerd.b2bua.outgoing import Outgoing
from routerd.sip.flow import Flow
from routerd.sip.serializer import serialize

HEAD = (
    "Via: SIP/2.0/{transport} 192.0.2.10:5060;branch=z9hG4bK{name}\r\nFrom: <sip:+919812345678@x>;tag=1\r\n"
    "To: <sip:x@y>\r\nCall-ID: {name}\r\nCSeq: 1 OPTIONS\r\n"
)


def options(name: str, transport: str = "TCP", length: str = "Content-Length: 0\r\n") -> bytes:
    head = HEAD.format(transport=transport, name=name)
    return f"OPTIONS sip:192.0.2.1 SIP/2.0\r\n{head}{length}\r\n".encode()


def world(**settings: Any) -> tuple[Wire, Peer, Phone]:
    wire = Wire(**settings)
    return wire, trunk(wire), Phone(wire, "2001", "198.51.100.1")


# -- malformed --


def test_a_malformed_request_gets_400_and_a_malformed_response_nothing() -> None:
    wire, pstn, _ = world()
    wire.receive(options("bad", "UDP").replace(b"CSeq: 1 OPTIONS", b"CSeq: one OPTIONS"), pstn.flow)
    assert pstn.expect("400")
    wire.receive(b"SIP/2.0 200 OK\r\nVia: x\r\n\r\n", pstn.flow)
    wire.receive(b"\x00\xff\xfe" * 50, pstn.flow)
    wire.receive(b"\r\n\r\n", pstn.flow)
    pstn.nothing()
    assert wire.noted("malformed") >= 2
    wire.assert_quiet()


def test_stray_responses_and_acks_are_counted() -> None:
    wire, pstn, phone = world()
    out, come = connect(pstn, phone, MAIN)
    assert come.last is not None
    stray = come.last
    stray.set("Via", "SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKnone")
    stray.set("Call-ID", "nobody")
    phone.send(stray)
    assert wire.noted("response_unmatched") == 1
    assert out.dialog is not None
    ack = out.dialog.ack(1, via=pstn.branch())
    ack.set("Call-ID", "nobody")
    pstn.send(ack)
    assert wire.noted("ack_unmatched") == 1
    phone.nothing()
    out.bye()
    wire.assert_quiet()


# -- streams --


def connection(wire: Wire) -> tuple[Peer, Flow]:
    peer = Peer(wire, "192.0.2.10", 40_000, "tcp")
    return peer, peer.flow


def test_messages_come_in_pieces_and_a_ping_gets_its_pong() -> None:
    wire, _, _ = world()
    peer, flow = connection(wire)
    data = options("one") + b"\r\n\r\n" + options("two")
    for index in range(len(data)):
        wire.receive(data[index : index + 1], flow)
    assert peer.lines() == ["200 OPTIONS", "200 OPTIONS"]
    assert (flow, b"\r\n") in wire.transmitted


def test_good_messages_before_a_break_are_served_then_the_connection_is_closed() -> None:
    wire, _, _ = world()
    peer, flow = connection(wire)
    wire.receive(options("good") + options("bad", length="Content-Length: -1\r\n"), flow)
    assert peer.lines() == ["200 OPTIONS", "400 OPTIONS"]
    assert peer.inbox[1].call_id == "bad", "the offending head is what gets the 400"
    assert any(isinstance(effect, fx.CloseFlow) and effect.flow == flow for effect in wire.effects)


def test_a_stream_that_is_no_sip_is_closed() -> None:
    wire, _, _ = world()
    peer, flow = connection(wire)
    wire.receive(b"\x16\x03\x01\x02\x00", flow)
    peer.nothing()
    assert any(isinstance(effect, fx.CloseFlow) for effect in wire.effects)


def test_a_lost_connection_ends_what_was_asked_over_it() -> None:
    wire, pstn, _ = world()
    phone = Phone(wire, "2002", "198.51.100.2", register=False)
    phone.flow = Flow("tcp", ("192.0.2.1", 5060), phone.address, 7)
    wire.receive(b"\r\n\r\n", phone.flow)
    phone.register()
    wire.switch.location  # noqa: B018 - bound to the connection that lives
    call = pstn.invite(GROUP)
    wire.switch.lose_flow(phone.flow, wire.now)
    wire.pump()
    call.cancel()
    wire.wait(60)
    assert len(wire.switch) == 0


# -- bugs --


class PlantedError(RuntimeError):
    """What a bug would raise."""


def raises(*_: Any, **__: Any) -> None:
    raise PlantedError("planted")


def two_calls(monkeypatch: pytest.MonkeyPatch) -> tuple[Wire, Any, Any, Any, Peer]:
    del monkeypatch
    wire, pstn, phone = world(strict=False)
    other = Phone(wire, "2002", "198.51.100.2")
    out, come = connect(pstn, phone, MAIN)
    second = pstn.invite(GROUP)
    return wire, out, come, second, other


def test_a_bug_in_a_request_is_500_and_ends_that_call_only(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, out, come, second, other = two_calls(monkeypatch)
    monkeypatch.setattr(midcall, "offer_received", raises)
    out.request("INVITE", sdp(version=2))
    out.peer.expect("500 INVITE")
    out.peer.expect("BYE")
    come.peer.expect("BYE")
    monkeypatch.undo()
    assert wire.noted("exception") == 1
    other.called().answer()
    second.answered()
    second.bye()
    wire.assert_quiet()
    assert {record["reason"] for record in wire.records()} >= {"crashed"}


def test_a_bug_in_an_answer_ends_that_call_only(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, out, _, second, other = two_calls(monkeypatch)
    monkeypatch.setattr(carrying, "branch_answered", raises)
    come = other.called()
    come.answer()
    second.refused(500)
    monkeypatch.undo()
    assert len(wire.switch) == 1
    out.bye()
    wire.wait(200)
    assert wire.switch.call_by_id == {}


def test_a_bug_in_a_new_call_is_500(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, out, _, second, _ = two_calls(monkeypatch)
    monkeypatch.setattr(Call, "start", raises)
    third = out.peer.invite(MAIN)
    third.refused(500)
    monkeypatch.undo()
    assert len(wire.switch) == 2
    second.cancel()
    out.bye()
    wire.wait(200)
    assert wire.switch.call_by_id == {}
    assert wire.switch.dialogs == {}


def test_a_bug_in_a_timer_ends_that_call_and_the_other_timers_run(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, out, _, second, _ = two_calls(monkeypatch)
    monkeypatch.setattr(Call, "advance", raises)
    wire.wait(25)
    monkeypatch.undo()
    assert len(wire.switch) == 1
    assert wire.noted("exception") >= 1
    out.bye()
    del second
    wire.wait(200)
    assert wire.switch.call_by_id == {}


def test_a_bug_with_the_engine_ends_that_call(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire(company(media="relay"), engines=1, strict=False)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    monkeypatch.setattr(Fork, "start", raises)
    call = pstn.invite(MAIN)
    monkeypatch.undo()
    call.refused(500)
    phone.nothing()
    wire.wait(200)
    assert wire.switch.call_by_id == {}
    assert wire.engine.calls == set()


def test_a_bug_in_the_end_forgets_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, out, _, second, _ = two_calls(monkeypatch)
    monkeypatch.setattr(accounting, "write_record", raises)
    out.request("BYE")
    assert len(wire.switch) == 1
    monkeypatch.undo()
    second.cancel()
    wire.wait(200)
    assert wire.switch.call_by_id == {}


def test_a_bug_in_a_command_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, _, _ = world(strict=False)
    monkeypatch.setattr("routerd.b2bua.views.agents", raises)
    assert wire.command("agents")["error"]["code"] == "internal"


def test_in_simulation_a_bug_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    wire, pstn, _ = world()
    monkeypatch.setattr(Call, "start", raises)
    with pytest.raises(PlantedError):
        pstn.invite(MAIN)
    wire.switch.take_effects()


# -- nothing left --


def scenario(wire: Wire, pstn: Peer, phone: Phone, kind: int) -> None:
    """One of several whole calls."""
    if kind == 0:
        out, _ = connect(pstn, phone, MAIN)
        out.bye()
    elif kind == 1:
        _, come = connect(pstn, phone, MAIN)
        come.request("INVITE", sdp(version=2))
        pstn.reply(pstn.expect("INVITE"), 200, [("Contact", pstn.contact)], sdp(version=2))
        come.ack(phone.expect("200 INVITE"))
        come.bye()
    elif kind == 2:
        call = pstn.invite(MAIN)
        phone.called().ring()
        call.cancel()
    elif kind == 3:
        call = pstn.invite(MENU)
        call.answered()
        call.bye()
    elif kind == 4:
        call = pstn.invite(GROUP)
        phone.called().send(486)
        wire.wait(60)
    else:
        out, come = connect(pstn, phone, MAIN)
        come.request("REFER", extra=[("Refer-To", "<sip:1009@acme.test>")])
        out.bye()


@pytest.mark.parametrize("media", ["direct", "relay"])
def test_no_call_leaves_a_cycle_for_the_collector(media: str) -> None:
    wire = Wire(company(media=media), engines=1)
    pstn, phone = trunk(wire), Phone(wire, "2001", "198.51.100.1")
    for kind in range(6):
        scenario(wire, pstn, phone, kind)
    wire.wait(300)
    gc.collect()
    gc.disable()
    try:
        for number in range(48):
            scenario(wire, pstn, phone, number % 6)
            wire.wait(1)
        wire.wait(300)
        wire.effects.clear()
        alive = [thing for thing in gc.get_objects() if isinstance(thing, Call | Leg | Fork | Outgoing)]
        kinds = {type(thing).__name__ for thing in alive}
        assert kinds == set(), [type(r).__name__ for r in gc.get_referrers(alive[0])]
    finally:
        gc.enable()
    wire.assert_quiet(0)


def test_ack_and_bye_of_a_stranger_leave_nothing() -> None:
    wire, pstn, _ = world()
    for name in ("BYE", "ACK", "CANCEL"):
        request = pstn.request("INFO", "sip:x@192.0.2.1")
        data = serialize(request).replace(b"INFO", name.encode())
        wire.receive(data, pstn.flow)
    wire.assert_quiet()
