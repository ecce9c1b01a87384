# ruff: noqa: ARG002 - the fakes take what the protocols give
from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from routerd.sip import build
from routerd.sip.flow import Flow
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize
from routerd.sip.timers import TimerQueue
from routerd.sip.transaction_layer import ServerTransaction, TransactionLayer

if TYPE_CHECKING:
    from routerd.sip.message import Request, Response

UDP = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.2", 5060))
TCP = Flow("tcp", ("192.0.2.1", 5060), ("192.0.2.2", 40000), 3)
TIMER_G_INSTANTS = [0.0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]


class Bench:
    """A server transaction whose peer and core are played by hand."""

    def __init__(self, method: str = "INVITE", flow: Flow = UDP) -> None:
        self.now = 0.0
        self.method, self.flow = method, flow
        self.sent: list[tuple[float, int]] = []
        self.bytes: list[bytes] = []
        self.told: list[tuple[float, str]] = []
        self.notes: list[str] = []
        self.timers = TimerQueue()
        self.layer = TransactionLayer(self, self.send, self.timers)
        self.tx: ServerTransaction
        self.ask()
        assert self.tx.request is not None
        self.request = self.tx.request

    def ask(self, method: str | None = None, tag: str = "") -> None:
        """The peer sends the request (again), or one that belongs to it."""
        request = build.request(
            method or self.method,
            "sip:bob@example.com",
            via=f"SIP/2.0/{self.flow.transport.upper()} 192.0.2.2;branch=z9hG4bKserver",
            from_="<sip:alice@example.com>;tag=a",
            to=f"<sip:bob@example.com>;tag={tag}" if tag else "<sip:bob@example.com>",
            call_id="server",
            cseq=7,
        )
        self.layer.receive(parse(serialize(request)), self.flow, self.now)

    def respond(self, status: int, tag: str = "b") -> None:
        self.layer.respond(self.tx, build.response(self.request, status, to_tag=tag), self.now)

    def send(self, data: bytes, flow: Flow) -> None:
        self.bytes.append(data)
        self.sent.append((self.now, int(data[8:11])))

    def run_to(self, instant: float) -> None:
        while (deadline := self.timers.next_deadline()) is not None and deadline <= instant:
            self.now = deadline
            self.timers.run(deadline)
        self.now = instant

    def run_out(self) -> None:
        while (deadline := self.timers.next_deadline()) is not None:
            self.run_to(deadline)

    def instants(self, status: int) -> list[float]:
        return [instant for instant, sent in self.sent if sent == status]

    def request_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        self.told.append((now, request.method))
        self.tx = tx
        tx.user = self

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        self.told.append((now, "ACK"))

    def stray_response(self, response: Response, flow: Flow, now: float) -> None:
        raise AssertionError(response)

    def note(self, reason: str, detail: str) -> None:
        self.notes.append(reason)

    def cancel_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        assert request.method == "CANCEL"
        self.told.append((now, "cancelled"))

    def ack_timed_out(self, tx: ServerTransaction, now: float) -> None:
        self.told.append((now, "ack timed out"))

    def assert_quiet(self) -> None:
        assert len(self.layer) == 0
        assert len(self.timers) == 0
        assert self.tx.user is None


def test_a_repeated_invite_gets_the_last_response_and_makes_no_second_one() -> None:
    bench = Bench()
    bench.ask()
    assert bench.sent == []
    bench.respond(100)
    bench.ask()
    bench.respond(180)
    bench.ask()
    assert [status for _, status in bench.sent] == [100, 100, 180, 180]
    assert bench.bytes[2] is bench.bytes[3]
    assert bench.told == [(0.0, "INVITE")]


def test_an_unacknowledged_failure_is_repeated_by_timer_g_until_h() -> None:
    bench = Bench()
    bench.respond(486)
    assert bench.tx.request is None
    bench.run_out()
    assert bench.instants(486) == TIMER_G_INSTANTS
    assert bench.told[-1] == (32.0, "ack timed out")
    bench.assert_quiet()


def test_over_a_stream_only_timer_h_runs() -> None:
    bench = Bench(flow=TCP)
    bench.respond(603)
    bench.run_out()
    assert bench.instants(603) == [0.0]
    assert bench.told[-1] == (32.0, "ack timed out")
    bench.assert_quiet()


def test_timer_h_without_a_user_tells_nobody() -> None:
    bench = Bench()
    bench.layer.abandon(bench.tx)
    bench.respond(486)
    bench.run_out()
    assert bench.told == [(0.0, "INVITE")]
    bench.assert_quiet()


def test_the_ack_of_a_failure_stops_it_and_timer_i_absorbs_the_rest() -> None:
    bench = Bench()
    bench.respond(486)
    bench.run_to(2.0)
    bench.ask("ACK", "b")
    bench.ask("ACK", "b")
    bench.ask()
    assert bench.tx.data == b""
    bench.run_to(6.9)
    assert len(bench.layer) == 1
    bench.run_to(7.0)
    bench.assert_quiet()
    assert bench.instants(486) == [0.0, 0.5, 1.5]
    assert bench.told == [(0.0, "INVITE")]


def test_a_lost_ack_is_sent_again_by_the_peer_for_the_repeated_failure() -> None:
    bench = Bench()
    bench.respond(404)
    bench.run_to(0.2)
    bench.ask()
    assert bench.instants(404) == [0.0, 0.2]
    bench.ask("ACK", "b")
    bench.run_out()
    assert bench.instants(404) == [0.0, 0.2]


def test_timer_i_is_zero_over_streams() -> None:
    bench = Bench(flow=TCP)
    bench.respond(486)
    bench.ask("ACK", "b")
    bench.assert_quiet()


@pytest.mark.parametrize("flow", [UDP, TCP])
def test_a_2xx_is_repeated_over_every_transport_until_64_t1(flow: Flow) -> None:
    bench = Bench(flow=flow)
    bench.respond(200)
    bench.run_out()
    assert bench.instants(200) == TIMER_G_INSTANTS
    assert bench.told[-1] == (32.0, "ack timed out")
    bench.assert_quiet()


def test_an_acknowledged_2xx_is_repeated_no_more_and_a_repeated_invite_is_absorbed() -> None:
    bench = Bench()
    bench.respond(200)
    bench.run_to(1.6)
    bench.ask("ACK", "b")
    assert bench.told[-1] == (1.6, "ACK")
    bench.layer.acknowledge(bench.tx)
    assert bench.tx.data == b""
    bench.run_to(20.0)
    bench.ask()
    bench.run_to(31.9)
    assert len(bench.layer) == 1
    bench.run_to(32.0)
    bench.assert_quiet()
    assert bench.instants(200) == [0.0, 0.5, 1.5]
    assert [what for _, what in bench.told] == ["INVITE", "ACK"]


def test_a_repeated_invite_before_the_ack_is_absorbed_too() -> None:
    bench = Bench()
    bench.respond(200)
    bench.ask()
    assert bench.instants(200) == [0.0]
    assert [what for _, what in bench.told] == ["INVITE"]


@pytest.mark.parametrize(("flow", "linger"), [(UDP, 32.0), (TCP, 0.0)])
def test_timer_j(flow: Flow, linger: float) -> None:
    bench = Bench("OPTIONS", flow)
    bench.respond(200)
    bench.run_to(linger - 0.1)
    if linger:
        bench.ask()
        assert bench.bytes[0] is bench.bytes[1]
        assert len(bench.layer) == 1
    bench.run_to(linger)
    bench.assert_quiet()
    assert bench.told == [(0.0, "OPTIONS")]


def test_a_repeated_non_invite_without_response_is_absorbed() -> None:
    bench = Bench("OPTIONS")
    bench.ask()
    assert bench.sent == []
    assert len(bench.told) == 1


def test_a_non_invite_gets_its_100_only_when_timer_e_would_have_reached_t2() -> None:
    bench = Bench("OPTIONS")
    bench.respond(100)
    assert bench.sent == []
    bench.run_to(3.4)
    assert bench.sent == []
    bench.run_to(3.6)
    assert bench.sent == [(3.5, 100)]
    bench.ask()
    bench.respond(100)
    assert bench.instants(100) == [3.5, 3.6, 3.6]
    bench.respond(200)
    assert bench.instants(200) == [3.6]
    bench.run_out()
    bench.assert_quiet()


def test_over_a_stream_a_100_may_go_at_once() -> None:
    bench = Bench("OPTIONS", TCP)
    bench.respond(100)
    bench.run_to(20.0)
    assert bench.sent == [(0.0, 100)]


def test_no_other_provisional_response_goes_to_a_non_invite() -> None:
    bench = Bench("OPTIONS", TCP)
    bench.respond(183)
    assert bench.sent == []
    assert bench.notes == ["rfc4320"]


@pytest.mark.parametrize("late", [0.0, 5.0])
def test_a_non_invite_is_never_answered_with_408(late: float) -> None:
    bench = Bench("OPTIONS")
    bench.run_to(late)
    bench.respond(408)
    assert bench.instants(408) == []
    assert bench.notes == ["rfc4320"]
    bench.assert_quiet()


def test_an_invite_may_be_answered_with_408() -> None:
    bench = Bench()
    bench.respond(408)
    assert bench.instants(408) == [0.0]


def test_a_non_invite_that_the_core_forgets_ends_in_silence() -> None:
    bench = Bench("OPTIONS")
    bench.run_out()
    assert bench.sent == [(3.5, 100)]
    assert bench.now == 32.0
    bench.assert_quiet()


@pytest.mark.parametrize("flow", [UDP, TCP])
@pytest.mark.parametrize("first", [200, 486])
def test_a_second_final_response_is_dropped_and_noted(first: int, flow: Flow) -> None:
    bench = Bench(flow=flow)
    bench.respond(first)
    bench.respond(603)
    assert [status for _, status in bench.sent] == [first]
    assert bench.notes == ["response_late"]


def test_a_response_after_the_end_is_dropped_and_noted() -> None:
    bench = Bench("OPTIONS", TCP)
    bench.respond(200)
    bench.respond(200)
    assert bench.instants(200) == [0.0]
    assert bench.notes == ["response_late"]


def test_a_lost_stream_silences_responses_until_rerouted() -> None:
    bench = Bench(flow=TCP)
    bench.respond(180)
    bench.layer.lose_flow(TCP, 0.0)
    bench.respond(200)
    bench.run_to(1.0)
    assert [status for _, status in bench.sent] == [180]
    assert bench.notes == ["flow_lost"] * 3
    other = Flow("tcp", TCP.local, TCP.remote, 4)
    bench.layer.reroute(bench.tx, other)
    assert bench.instants(200) == [1.0]
    bench.run_to(2.0)
    assert bench.instants(200) == [1.0, 1.5]
    bench.layer.lose_flow(other, 2.0)
    bench.run_out()
    assert bench.instants(200) == [1.0, 1.5]
    assert bench.told[-1] == (32.0, "ack timed out")
    bench.assert_quiet()


def test_a_completed_transaction_is_lean() -> None:
    for method, status in (("INVITE", 200), ("INVITE", 486), ("OPTIONS", 200)):
        bench = Bench(method)
        bench.respond(status)
        assert bench.tx.request is None
        assert bench.tx.data == bench.bytes[0]
