# ruff: noqa: ARG002 - the fakes take what the protocols give
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from routerd.sip import build
from routerd.sip.flow import Flow
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize
from routerd.sip.timers import TimerQueue
from routerd.sip.transaction_layer import ClientTransaction, TransactionLayer

if TYPE_CHECKING:
    from routerd.sip.message import Request, Response

UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 5060), 3)
TIMER_A_INSTANTS = [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
TIMER_E_INSTANTS = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


class Bench:
    """A client transaction whose peer is played by hand; everything is logged with its instant."""

    def __init__(self, method: str = "INVITE", flow: Flow = UDP) -> None:
        self.now = 0.0
        self.flow = flow
        self.sent: list[tuple[float, str]] = []
        self.last = b""
        self.told: list[tuple[float, str]] = []
        self.strays: list[int] = []
        self.timers = TimerQueue()
        self.layer = TransactionLayer(self, self.send, self.timers)
        self.request = build.request(
            method,
            "sip:bob@example.com",
            via=f"SIP/2.0/{flow.transport.upper()} 192.0.2.1;branch=z9hG4bKclient",
            from_="<sip:alice@example.com>;tag=a",
            to="<sip:bob@example.com>",
            call_id="client",
            cseq=7,
            routes=("<sip:proxy.example.com;lr>",),
        )
        self.tx = self.layer.send_request(self.request.copy(), flow, self, 0.0)

    def send(self, data: bytes, flow: Flow) -> None:
        assert flow is self.flow
        self.last = data
        self.sent.append((self.now, data.split(b" ", 1)[0].decode()))

    def answer(self, status: int, *, tag: str = "b", method: str | None = None) -> None:
        response = build.response(self.request, status, to_tag=tag)
        if method is not None:
            response.set("CSeq", f"7 {method}")
        message = parse(serialize(response))
        self.layer.receive(message, self.flow, self.now)

    def run_to(self, instant: float) -> None:
        while (deadline := self.timers.next_deadline()) is not None and deadline <= instant:
            self.now = deadline
            self.timers.run(deadline)
        self.now = instant

    def run_out(self) -> None:
        while (deadline := self.timers.next_deadline()) is not None:
            self.run_to(deadline)

    def instants(self, method: str) -> list[float]:
        return [instant for instant, name in self.sent if name == method]

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:
        assert now == self.now
        self.told.append((now, str(response.status)))

    def timed_out(self, tx: ClientTransaction, now: float) -> None:
        assert tx.request is not None
        self.told.append((now, "timed out"))

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        self.told.append((now, "transport failed"))

    def request_received(self, tx: object, request: Request, now: float) -> None:
        raise AssertionError(request)

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        raise AssertionError(request)

    def stray_response(self, response: Response, flow: Flow, now: float) -> None:
        self.strays.append(response.status)

    def note(self, reason: str, detail: str) -> None:
        raise AssertionError(reason)

    def assert_quiet(self) -> None:
        assert len(self.layer) == 0
        assert len(self.timers) == 0
        assert self.tx.user is None
        assert self.tx.request is None


def test_invite_to_a_silent_peer_over_udp() -> None:
    bench = Bench()
    bench.run_out()
    assert bench.instants("INVITE") == TIMER_A_INSTANTS
    assert bench.told == [(32.0, "timed out")]
    bench.assert_quiet()


def test_invite_to_a_silent_peer_over_a_stream() -> None:
    bench = Bench(flow=TCP)
    bench.run_out()
    assert bench.instants("INVITE") == [0.0]
    assert bench.told == [(32.0, "timed out")]
    bench.assert_quiet()


@pytest.mark.parametrize(("flow", "instants"), [(UDP, TIMER_E_INSTANTS), (TCP, [0.0])])
def test_non_invite_to_a_silent_peer(flow: Flow, instants: list[float]) -> None:
    bench = Bench("OPTIONS", flow)
    bench.run_out()
    assert bench.instants("OPTIONS") == instants
    assert bench.told == [(32.0, "timed out")]
    bench.assert_quiet()


def test_a_provisional_response_stops_timer_a_and_b() -> None:
    bench = Bench()
    bench.run_to(1.0)
    bench.answer(180)
    assert len(bench.timers) == 0
    bench.run_to(400.0)
    assert bench.instants("INVITE") == [0.0, 0.5]
    bench.answer(486)
    assert bench.told == [(1.0, "180"), (400.0, "486")]


def test_a_provisional_response_slows_timer_e_to_t2_and_keeps_timer_f() -> None:
    bench = Bench("OPTIONS")
    bench.run_to(1.0)
    bench.answer(100)
    bench.run_out()
    assert bench.instants("OPTIONS") == [0.0, 0.5, 1.5, 5.5, 9.5, 13.5, 17.5, 21.5, 25.5, 29.5]
    assert bench.told == [(1.0, "100"), (32.0, "timed out")]
    bench.assert_quiet()


def test_a_failure_is_acknowledged_each_time_until_timer_d() -> None:
    bench = Bench()
    bench.answer(486)
    bench.run_to(0.6)
    bench.answer(486)
    bench.run_to(31.9)
    bench.answer(486)
    assert bench.instants("ACK") == [0.0, 0.6, 31.9]
    assert bench.told == [(0.0, "486")]
    assert len(bench.layer) == 1
    bench.run_to(32.0)
    bench.assert_quiet()
    bench.answer(486)
    assert bench.strays == [486]


def test_the_ack_of_a_failure_is_that_of_section_17_1_1_3() -> None:
    bench = Bench()
    bench.answer(302, tag="redirect")
    ack = parse(bench.last)
    assert str(ack.via) == str(bench.request.via)
    assert len(ack.vias) == 1
    assert ack.to.tag == "redirect"
    assert ack.from_.tag == "a"
    assert (ack.cseq.number, ack.cseq.method) == (7, "ACK")
    assert ack.get_all("Route") == ["<sip:proxy.example.com;lr>"]
    assert ack.uri == bench.request.uri


def test_timer_d_is_zero_over_streams() -> None:
    bench = Bench(flow=TCP)
    bench.answer(603)
    assert bench.instants("ACK") == [0.0]
    bench.assert_quiet()


@pytest.mark.parametrize(("flow", "linger"), [(UDP, 5.0), (TCP, 0.0)])
def test_timer_k(flow: Flow, linger: float) -> None:
    bench = Bench("OPTIONS", flow)
    bench.answer(200)
    assert len(bench.layer) == (1 if linger else 0)
    bench.run_to(linger - 0.01)
    if linger:
        bench.answer(200)
    bench.run_to(linger)
    bench.assert_quiet()
    assert bench.told == [(0.0, "200")]


@pytest.mark.parametrize("flow", [UDP, TCP])
def test_every_2xx_goes_up_until_timer_m(flow: Flow) -> None:
    bench = Bench(flow=flow)
    bench.answer(200, tag="one")
    bench.answer(200, tag="one")
    bench.run_to(31.0)
    bench.answer(200, tag="two")
    bench.answer(180, tag="three")
    bench.answer(486, tag="three")
    assert bench.told == [(0.0, "200"), (0.0, "200"), (31.0, "200")]
    assert bench.instants("ACK") == []
    bench.run_to(32.0)
    bench.assert_quiet()
    bench.answer(200, tag="four")
    assert bench.strays == [200]


def test_an_abandoned_transaction_tells_nobody_and_its_2xx_is_a_stray() -> None:
    bench = Bench()
    bench.layer.abandon(bench.tx)
    bench.answer(180)
    bench.answer(200)
    assert bench.told == []
    assert bench.strays == [200]
    bench.run_out()
    bench.assert_quiet()


def test_a_lost_stream_fails_what_waits_for_an_answer() -> None:
    for method, before in (("INVITE", ()), ("INVITE", (180,)), ("OPTIONS", ()), ("OPTIONS", (100,))):
        bench = Bench(method, TCP)
        for status in before:
            bench.answer(status)
        bench.layer.lose_flow(TCP, 0.0)
        assert bench.told[-1] == (0.0, "transport failed")
        bench.assert_quiet()
        bench.layer.lose_flow(TCP, 0.0)
        assert len(bench.told) == 1 + len(before)


def test_an_unreachable_datagram_peer_fails_as_well() -> None:
    bench = Bench("OPTIONS")
    bench.layer.lose_flow(Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5060)), 0.0)
    assert bench.told == []
    bench.layer.lose_flow(UDP, 0.0)
    assert bench.told == [(0.0, "transport failed")]
    bench.assert_quiet()


def test_cancel_waits_for_the_first_provisional_response() -> None:
    bench = Bench()
    bench.layer.cancel(bench.tx, 0.0, (("Reason", 'SIP;cause=200;text="Call completed elsewhere"'),))
    bench.run_to(0.9)
    assert bench.instants("CANCEL") == []
    bench.answer(100)
    assert bench.instants("CANCEL") == [0.9]
    cancel = parse(bench.last)
    assert cancel.get("Reason") == 'SIP;cause=200;text="Call completed elsewhere"'
    assert cancel.via.branch == "z9hG4bKclient"
    assert (cancel.cseq.number, cancel.cseq.method) == (7, "CANCEL")
    assert cancel.to.tag is None
    bench.answer(180)
    assert bench.instants("CANCEL") == [0.9]


def test_cancel_goes_at_once_after_a_provisional_response_and_only_once() -> None:
    bench = Bench()
    bench.answer(183)
    bench.layer.cancel(bench.tx, 0.0)
    bench.layer.cancel(bench.tx, 0.0)
    assert bench.instants("CANCEL") == [0.0]
    bench.answer(200, method="CANCEL")
    bench.answer(487)
    assert bench.instants("ACK") == [0.0]
    assert bench.told[-1] == (0.0, "487")
    bench.run_out()
    assert bench.instants("CANCEL") == [0.0]
    bench.assert_quiet()


@pytest.mark.parametrize("status", [200, 486])
def test_no_cancel_after_a_final_response(status: int) -> None:
    bench = Bench()
    bench.answer(status)
    bench.layer.cancel(bench.tx, 0.0)
    bench.run_out()
    assert bench.instants("CANCEL") == []


@pytest.mark.parametrize("status", [200, 486])
def test_a_waiting_cancel_is_dropped_by_a_final_response(status: int) -> None:
    bench = Bench()
    bench.layer.cancel(bench.tx, 0.0)
    bench.answer(status)
    assert bench.told == [(0.0, str(status))]
    bench.run_out()
    assert bench.instants("CANCEL") == []
    bench.assert_quiet()


def test_a_waiting_cancel_to_a_silent_peer_ends_with_timer_b() -> None:
    bench = Bench()
    bench.layer.cancel(bench.tx, 0.0)
    bench.run_out()
    assert bench.instants("CANCEL") == []
    assert bench.told == [(32.0, "timed out")]
    bench.assert_quiet()


def test_a_cancelled_invite_is_given_up_after_64_t1() -> None:
    bench = Bench()
    bench.answer(180)
    bench.run_to(10.0)
    bench.layer.cancel(bench.tx, 10.0)
    bench.run_out()
    assert bench.instants("CANCEL") == [10.0 + instant for instant in TIMER_E_INSTANTS]
    assert bench.told[-1] == (42.0, "timed out")
    bench.assert_quiet()


def test_a_2xx_that_crosses_our_cancel_goes_up() -> None:
    bench = Bench()
    bench.answer(180)
    bench.layer.cancel(bench.tx, 0.0)
    bench.answer(200)
    assert bench.told[-1] == (0.0, "200")
    bench.answer(481, method="CANCEL")
    bench.run_out()
    bench.assert_quiet()


def test_cancel_is_nothing_for_other_methods() -> None:
    bench = Bench("OPTIONS")
    bench.answer(100)
    bench.layer.cancel(bench.tx, 0.0)
    assert bench.instants("CANCEL") == []


def test_the_user_may_cancel_within_its_callback() -> None:
    class Impatient(Bench):
        def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:
            super().response_received(tx, response, now)
            self.layer.cancel(tx, now)

    bench = Impatient()
    bench.answer(180)
    assert bench.instants("CANCEL") == [0.0]
    bench.answer(487)
    bench.answer(200, method="CANCEL")
    bench.run_out()
    bench.assert_quiet()


def test_what_lingers_is_lean() -> None:
    for method, status in (("INVITE", 200), ("INVITE", 404), ("OPTIONS", 200)):
        bench = Bench(method)
        bench.answer(status)
        assert len(bench.layer) == 1
        assert bench.tx.request is None
        assert bench.tx.data == b""
