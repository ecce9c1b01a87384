from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from routerd.errors import LocalProtocolError, RemoteProtocolError
from routerd.sip import build
from routerd.sip.reliable_provisional import ReliableReceiver, ReliableSender, is_reliable, parse_rack
from routerd.sip.timers import TimerQueue

if TYPE_CHECKING:
    from routerd.sip.message import Request, Response

INVITE = build.request(
    "INVITE",
    "sip:b@example.com",
    via="SIP/2.0/UDP h;branch=z9hG4bKx",
    from_="<sip:a@example.com>;tag=a",
    to="<sip:b@example.com>",
    call_id="c",
    cseq=5,
)


def provisional(status: int = 183) -> Response:
    return build.response(INVITE, status, to_tag="b")


def prack(rack: str | None) -> Request:
    return build.request(
        "PRACK",
        "sip:b@example.com",
        via="SIP/2.0/UDP h;branch=z9hG4bKy",
        from_="<sip:a@example.com>;tag=a",
        to="<sip:b@example.com>;tag=b",
        call_id="c",
        cseq=6,
        extra=() if rack is None else (("RAck", rack),),
    )


class Bench:
    def __init__(self, first: int = 1000) -> None:
        self.sent: list[tuple[float, int, str | None]] = []
        self.failed: list[float] = []
        self.timers = TimerQueue()
        self.sender = ReliableSender(self, self.timers, 5, first)

    def send_reliable(self, response: Response, now: float) -> None:
        self.sent.append((now, response.status, response.get("RSeq")))

    def prack_timed_out(self, sender: ReliableSender, now: float) -> None:
        assert sender is self.sender
        self.failed.append(now)

    def run(self, until: float = 1e9) -> None:
        while (deadline := self.timers.next_deadline()) is not None and deadline <= until:
            self.timers.run(deadline)


def test_without_prack_it_doubles_until_64_t1() -> None:
    bench = Bench()
    response = provisional()
    assert bench.sender.send(response, 0.0) == 1000
    assert response.require == ["100rel"]
    bench.run()
    assert [instant for instant, _, _ in bench.sent] == [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert bench.failed == [32.0]
    assert not bench.sender.pending
    assert len(bench.timers) == 0
    assert bench.sender.prack(prack("1000 5 INVITE"), 33.0) is False


def test_prack_stops_it_and_lets_the_next_one_go() -> None:
    bench = Bench()
    bench.sender.send(provisional(180), 0.0)
    bench.sender.send(provisional(183), 0.1)
    assert len(bench.sent) == 1
    bench.run(0.6)
    assert bench.sender.prack(prack("1000 5 INVITE"), 0.7)
    assert bench.sent == [(0.0, 180, "1000"), (0.5, 180, "1000"), (0.7, 183, "1001")]
    assert bench.sender.pending
    assert bench.sender.prack(prack("1001  5   INVITE"), 0.8)
    assert not bench.sender.pending
    bench.run()
    assert len(bench.sent) == 3
    assert bench.failed == []


@pytest.mark.parametrize("rack", ["999 5 INVITE", "1001 5 INVITE", "1000 6 INVITE", "1000 5 UPDATE"])
def test_an_unmatched_prack(rack: str) -> None:
    bench = Bench()
    bench.sender.send(provisional(), 0.0)
    assert bench.sender.prack(prack(rack), 0.1) is False
    assert bench.sender.pending


def test_a_second_prack_does_not_match() -> None:
    bench = Bench()
    bench.sender.send(provisional(), 0.0)
    assert bench.sender.prack(prack("1000 5 INVITE"), 0.1)
    assert bench.sender.prack(prack("1000 5 INVITE"), 0.2) is False


@pytest.mark.parametrize("rack", [None, "", "1000 5", "x 5 INVITE", "1000 -5 INVITE", "1000 5 INVITE more"])
def test_a_malformed_rack_is_400(rack: str | None) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        Bench().sender.prack(prack(rack), 0.0)
    assert caught.value.status_hint == 400


def test_a_prack_under_way_at_the_final_response_still_matches() -> None:
    bench = Bench()
    bench.sender.send(provisional(180), 0.0)
    bench.sender.send(provisional(183), 0.0)
    bench.sender.stop()
    bench.run()
    assert len(bench.sent) == 1
    assert bench.failed == []
    assert bench.sender.prack(prack("1000 5 INVITE"), 0.3)
    assert bench.sender.prack(prack("1001 5 INVITE"), 0.3) is False
    with pytest.raises(LocalProtocolError):
        bench.sender.send(provisional(), 0.4)


@pytest.mark.parametrize("status", [100, 200, 486])
def test_only_101_to_199_go_reliably(status: int) -> None:
    with pytest.raises(LocalProtocolError):
        Bench().sender.send(provisional(status), 0.0)


def reliable(rseq: str) -> Response:
    response = provisional()
    response.add("Require", "100rel")
    response.add("RSeq", rseq)
    return response


def test_the_receiver_takes_responses_once_and_in_order() -> None:
    receiver = ReliableReceiver()
    assert receiver.take(reliable("776")) == "776 5 INVITE"
    assert receiver.take(reliable("776")) is None
    assert receiver.take(reliable("778")) is None
    assert receiver.take(reliable("777")) == "777 5 INVITE"
    assert receiver.take(reliable("778")) == "778 5 INVITE"
    assert receiver.take(reliable("776")) is None


@pytest.mark.parametrize("rseq", ["0", "x", "", "4294967296", "-1"])
def test_the_receiver_drops_an_unusable_rseq(rseq: str) -> None:
    assert ReliableReceiver().take(reliable(rseq)) is None


def test_what_is_reliable() -> None:
    assert is_reliable(reliable("1"))
    assert not is_reliable(provisional())
    final = build.response(INVITE, 200, to_tag="b", extra=(("Require", "100rel"), ("RSeq", "1")))
    assert not is_reliable(final)


def test_sender_and_receiver_understand_each_other() -> None:
    bench = Bench(first=2**31 - 1)
    receiver = ReliableReceiver()
    for number in range(4):
        response = provisional()
        bench.sender.send(response, float(number))
        rack = receiver.take(response)
        assert rack is not None
        assert parse_rack(prack(rack))[0] == 2**31 - 1 + number
        assert bench.sender.prack(prack(rack), float(number))
    assert len(bench.timers) == 0
