# ruff: noqa: ARG002, ARG005 - the fakes take what the protocols give
from __future__ import annotations

import gc
from itertools import count
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from routerd.errors import LocalProtocolError
from routerd.sip import build
from routerd.sip.flow import Flow
from routerd.sip.message import Request, Response
from routerd.sip.parser import parse
from routerd.sip.serializer import serialize
from routerd.sip.timers import Timer, TimerQueue
from routerd.sip.transaction_layer import ClientTransaction, ServerTransaction, TransactionLayer, reply_flow

if TYPE_CHECKING:
    from collections.abc import Callable

ALICE = ("192.0.2.1", 5060)
BOB = ("192.0.2.2", 5060)
ACK = "ACK sip:bob@example.com SIP/2.0"
branches = count()


class Agent:
    """A layer with a core that does as ``policy`` says and logs all it is told."""

    def __init__(self, world: World, max_transactions: int = 1_000) -> None:
        self.world = world
        self.log: list[str] = []
        self.notes: list[str] = []
        self.served: list[ServerTransaction] = []
        self.requests: list[Request] = []
        self.answers: list[Response] = []
        self.layer = TransactionLayer(self, self.send, world.timers, max_transactions)
        self.policy: Callable[[ServerTransaction, Request, float], None] = lambda _tx, _request, _now: None
        self.acknowledges = True

    def send(self, data: bytes, flow: Flow) -> None:
        self.world.carry(data, flow)

    def request_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        self.log.append(request.method)
        tx.user = self
        self.served.append(tx)
        self.requests.append(request)
        self.policy(tx, request, now)

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        self.log.append("ACK")
        for tx in self.served if self.acknowledges else ():
            self.layer.acknowledge(tx)

    def stray_response(self, response: Response, flow: Flow, now: float) -> None:
        self.log.append(f"stray {response.status}")

    def note(self, reason: str, detail: str) -> None:
        self.notes.append(reason)

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:
        self.log.append(str(response.status))
        self.answers.append(response)

    def timed_out(self, tx: ClientTransaction, now: float) -> None:
        self.log.append("timed out")

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        self.log.append("transport failed")

    def cancel_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        self.log.append("cancelled")
        assert tx.request is not None
        self.layer.respond(tx, build.response(tx.request, 487, to_tag="b"), now)

    def ack_timed_out(self, tx: ServerTransaction, now: float) -> None:
        self.log.append("ack timed out")


class World:
    """Alice and Bob on one wire; ``fate`` decides for each message how often it arrives and how late."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers = TimerQueue()
        self.wire: list[str] = []
        self.fate: Callable[[str], list[float]] = lambda _start: [0.01]
        self.agents = {ALICE: Agent(self), BOB: Agent(self)}
        self.alice, self.bob = self.agents[ALICE], self.agents[BOB]

    def carry(self, data: bytes, flow: Flow) -> None:
        start = data.split(b"\r\n", 1)[0].decode()
        self.wire.append(start)
        for delay in self.fate(start):
            self.timers.after(delay, Parcel(self, data, flow), "parcel", self.now)

    def run(self, until: float = 1e9) -> None:
        while (deadline := self.timers.next_deadline()) is not None and deadline <= until:
            self.now = deadline
            self.timers.run(deadline)

    def assert_quiet(self) -> None:
        assert len(self.timers) == 0
        for agent in self.agents.values():
            assert len(agent.layer) == 0
            assert not agent.layer._merge
            assert not agent.layer._aliases
            assert not agent.layer._by_flow


class Parcel:
    def __init__(self, world: World, data: bytes, flow: Flow) -> None:
        self.world, self.data, self.flow = world, data, flow

    def timer_fired(self, _name: str, now: float) -> None:
        flow = self.flow
        there = Flow(flow.transport, flow.remote, flow.local, flow.connection)
        agent = self.world.agents[flow.remote]
        agent.layer.receive(parse(self.data), there, now)


def make(
    method: str = "INVITE", *, branch: str | None = None, to: str = "<sip:bob@example.com>", **odd: str
) -> Request:
    number = next(branches)
    return build.request(
        method,
        "sip:bob@example.com",
        via=odd.get("via") or f"SIP/2.0/UDP 192.0.2.1;branch={branch or f'z9hG4bK{number}'}",
        from_="<sip:alice@example.com>;tag=a",
        to=to,
        call_id=odd.get("call_id") or f"call-{number}",
        cseq=1,
    )


UDP = Flow("udp", ALICE, BOB)
UDP_BACK = Flow("udp", BOB, ALICE)


def answering(status: int) -> Callable[[ServerTransaction, Request, float], None]:
    def policy(tx: ServerTransaction, request: Request, now: float) -> None:
        if request.method == "INVITE":
            tx.layer.respond(tx, build.response(request, 100), now)
        tx.layer.respond(tx, build.response(request, status, to_tag="b"), now)

    return policy


# Two machines over a wire that loses, repeats and reorders


def test_a_refused_invite_on_a_good_wire() -> None:
    world = World()
    world.bob.policy = answering(486)
    world.alice.layer.send_request(make(), UDP, world.alice, 0.0)
    world.run()
    assert world.wire == ["INVITE sip:bob@example.com SIP/2.0", "SIP/2.0 100 Trying", "SIP/2.0 486 Busy Here", ACK]
    assert world.alice.log == ["100", "486"]
    assert world.bob.log == ["INVITE"]
    world.assert_quiet()


def test_a_lost_invite_is_repeated_and_served_once() -> None:
    world = World()
    world.bob.policy = answering(486)
    losses = iter([[], []])
    world.fate = lambda start: next(losses, [0.01]) if start.startswith("INVITE") else [0.01]
    world.alice.layer.send_request(make(), UDP, world.alice, 0.0)
    world.run(1.7)
    assert world.bob.log == ["INVITE"]
    assert world.alice.log == ["100", "486"]
    world.run()
    world.assert_quiet()


def test_a_lost_answer_is_repeated_for_the_repeated_request() -> None:
    world = World()
    world.bob.policy = answering(200)
    losses = iter([[]])
    world.fate = lambda start: next(losses, [0.01]) if "200" in start else [0.01]
    world.alice.layer.send_request(make("OPTIONS"), UDP, world.alice, 0.0)
    world.run()
    assert world.bob.log == ["OPTIONS"]
    assert world.alice.log == ["200"]
    assert world.wire.count("OPTIONS sip:bob@example.com SIP/2.0") == 2
    world.assert_quiet()


def test_lost_acks_make_the_failure_come_again() -> None:
    world = World()
    world.bob.policy = answering(404)
    losses = iter([[], []])
    world.fate = lambda start: next(losses, [0.01]) if start.startswith("ACK") else [0.01]
    world.alice.layer.send_request(make(), UDP, world.alice, 0.0)
    world.run()
    assert world.wire.count("SIP/2.0 404 Not Found") == 3
    assert world.wire.count("ACK sip:bob@example.com SIP/2.0") == 3
    assert world.bob.log == ["INVITE"]
    world.assert_quiet()


def test_a_2xx_without_ack_is_told_and_every_copy_reaches_the_user() -> None:
    world = World()
    world.bob.policy = answering(200)
    world.alice.layer.send_request(make(), UDP, world.alice, 0.0)
    world.run()
    assert world.alice.log == ["100"] + ["200"] * 11
    assert world.bob.log == ["INVITE", "ack timed out"]
    world.assert_quiet()


def test_every_message_doubled_and_reordered() -> None:
    world = World()
    world.bob.policy = answering(486)
    world.fate = lambda start: [0.3, 0.01] if "100" in start else [0.02, 0.03]
    world.alice.layer.send_request(make(), UDP, world.alice, 0.0)
    world.run()
    assert world.bob.log == ["INVITE"]
    assert world.alice.log[-1] == "486"
    assert world.alice.log.count("486") == 1
    world.assert_quiet()


def test_cancel_and_487() -> None:
    world = World()
    world.bob.policy = lambda tx, request, now: tx.layer.respond(tx, build.response(request, 180, to_tag="b"), now)
    tx = world.alice.layer.send_request(make(), UDP, world.alice, 0.0)
    world.alice.layer.cancel(tx, 0.0)
    world.run()
    assert world.alice.log == ["180", "487"]
    assert world.bob.log == ["INVITE", "cancelled"]
    assert "SIP/2.0 200 OK" in world.wire
    world.assert_quiet()


def test_cancel_crossing_a_200() -> None:
    world = World()
    world.bob.policy = lambda tx, request, now: tx.layer.respond(tx, build.response(request, 180, to_tag="b"), now)
    tx = world.alice.layer.send_request(make(), UDP, world.alice, 0.0)
    world.run(1.0)
    world.now = 1.0
    answered = world.bob.served[0]
    assert answered.request is not None
    world.bob.layer.respond(answered, build.response(answered.request, 200, to_tag="b"), 1.0)
    world.alice.layer.cancel(tx, 1.0)
    world.run(1.1)
    assert "cancelled" not in world.bob.log
    assert world.alice.log == ["180", "200"]
    # one 200 is for the INVITE, one for its CANCEL
    assert world.wire.count("SIP/2.0 200 OK") == 2
    world.bob.layer.acknowledge(answered)
    world.run()
    world.assert_quiet()


# What comes from the network, one message at a time


class Server:
    """Bob alone; what he sends is parsed again."""

    def __init__(self, max_transactions: int = 1_000) -> None:
        self.world = World()
        self.agent = Agent(self.world, max_transactions)
        self.sent: list[tuple[Request | Response, Flow]] = []
        self.agent.layer.send = lambda data, flow: self.sent.append((parse(data), flow))

    def receive(self, message: Request | Response, flow: Flow = UDP_BACK, now: float = 0.0) -> None:
        self.agent.layer.receive(parse(serialize(message)), flow, now)

    @property
    def statuses(self) -> list[int]:
        return [message.status for message, _ in self.sent if isinstance(message, Response)]


def test_an_unmatched_cancel_gets_481_each_time_with_the_same_tag() -> None:
    server = Server()
    cancel = make("CANCEL")
    server.receive(cancel)
    server.receive(cancel)
    assert server.statuses == [481, 481]
    assert server.sent[0][0].to.tag == server.sent[1][0].to.tag
    assert server.sent[0][0].to.tag
    assert len(server.agent.layer) == 0


def test_a_repeated_cancel_is_told_once_and_answered_each_time() -> None:
    server = Server()
    server.agent.cancel_received = lambda tx, request, now: server.agent.log.append("cancelled")  # type: ignore[method-assign]
    invite = make(branch="z9hG4bKcancel")
    server.receive(invite)
    cancel = build.cancel(invite)
    server.receive(cancel)
    server.receive(cancel)
    assert server.agent.log == ["INVITE", "cancelled"]
    assert server.statuses == [200, 200]
    assert [message.cseq.method for message, _ in server.sent] == ["CANCEL", "CANCEL"]


def test_the_200_of_a_cancel_has_the_to_tag_of_the_invites_responses() -> None:
    server = Server()
    server.agent.policy = lambda tx, request, now: tx.layer.respond(tx, build.response(request, 180, to_tag="tx"), now)
    invite = make()
    server.receive(invite)
    server.receive(build.cancel(invite))
    assert server.sent[1][0].to.tag == "tx"


def test_a_cancel_from_elsewhere_with_another_sent_by_does_not_match() -> None:
    server = Server()
    invite = make(branch="z9hG4bKsame")
    server.receive(invite)
    foreign = build.cancel(invite)
    foreign.set("Via", "SIP/2.0/UDP 203.0.113.9;branch=z9hG4bKsame")
    server.receive(foreign)
    assert server.statuses == [481]


def test_merged_requests_get_482_while_the_first_lives() -> None:
    server = Server()
    server.receive(make("OPTIONS", call_id="merged"))
    server.receive(make("OPTIONS", call_id="merged"))
    assert server.statuses == [482]
    assert server.agent.log == ["OPTIONS"]
    within = make("OPTIONS", call_id="merged", to="<sip:bob@example.com>;tag=b")
    server.receive(within)
    assert server.agent.log == ["OPTIONS", "OPTIONS"]
    for tx in server.agent.served:
        tx.end()
    server.receive(make("OPTIONS", call_id="merged"))
    assert server.agent.log == ["OPTIONS"] * 3


def test_a_client_of_rfc_2543_is_matched_by_its_headers() -> None:
    server = Server()
    via = "SIP/2.0/UDP 192.0.2.1"
    invite = make(via=via, call_id="old")
    server.receive(invite)
    server.receive(invite)
    assert server.agent.log == ["INVITE"]
    tx = server.agent.served[0]
    assert tx.request is not None
    server.agent.layer.respond(tx, build.response(tx.request, 486, to_tag="b"), 0.0)
    foreign = make("ACK", via=via, call_id="old", to="<sip:bob@example.com>;tag=other")
    server.receive(foreign)
    assert server.agent.log == ["INVITE", "ACK"]
    assert tx.state == "completed"
    server.receive(make("ACK", via=via, call_id="old", to="<sip:bob@example.com>;tag=b"))
    assert tx.state == "confirmed"
    assert len(server.agent.layer) == 1
    server.world.run()
    assert len(server.agent.layer) == 0
    assert not server.agent.layer._aliases


def test_a_late_refusal_of_an_rfc_2543_invite_leaves_nothing() -> None:
    server = Server()
    server.receive(make(via="SIP/2.0/UDP 192.0.2.1", call_id="old"))
    tx, request = server.agent.served[0], server.agent.requests[0]
    server.agent.layer.respond(tx, build.response(request, 200, to_tag="b"), 0.0)
    server.world.run()
    server.agent.layer.respond(tx, build.response(request, 302, to_tag="b"), 40.0)
    assert not server.agent.layer._aliases
    assert server.agent.notes == ["response_late"]


def test_a_cancel_of_rfc_2543_finds_its_invite() -> None:
    server = Server()
    invite = make(via="SIP/2.0/UDP 192.0.2.1;branch=1", call_id="old")
    server.receive(invite)
    server.receive(build.cancel(invite))
    assert server.agent.log == ["INVITE", "cancelled"]
    assert server.statuses == [200, 487]


def test_a_branch_of_the_cookie_alone_is_no_branch() -> None:
    server = Server()
    server.receive(make("OPTIONS", branch="z9hG4bK", call_id="one"))
    server.receive(make("OPTIONS", branch="z9hG4bK", call_id="two"))
    assert server.agent.log == ["OPTIONS", "OPTIONS"]


def test_a_stateless_reply_takes_the_transaction_back() -> None:
    server = Server()
    server.agent.policy = lambda tx, request, now: tx.layer.reply_stateless(
        request, build.response(request, 401, to_tag="nonce"), UDP_BACK
    )
    invite = make()
    server.receive(invite)
    server.receive(invite)
    assert server.statuses == [401, 401]
    assert len(server.agent.layer) == 0
    assert len(server.world.timers) == 0
    assert not server.agent.layer._merge
    server.receive(build.ack_for_failure(invite, server.sent[0][0]))
    assert server.agent.log == ["INVITE", "INVITE", "ACK"]


def test_beyond_the_bound_new_requests_get_503_and_its_ack_is_dropped() -> None:
    server = Server(max_transactions=2)
    first = make()
    server.receive(first)
    server.receive(make())
    refused = make()
    server.receive(refused)
    server.receive(refused)
    assert server.statuses == [503, 503]
    answer = server.sent[0][0]
    assert answer.get("Retry-After") is not None
    assert server.agent.notes == ["overload", "overload"]
    server.receive(build.ack_for_failure(refused, answer))
    assert server.agent.notes[-1] == "ack_stateless"
    assert server.agent.log == ["INVITE", "INVITE"]
    # what is known goes on as before
    server.receive(first)
    server.receive(make("ACK", to="<sip:bob@example.com>;tag=b"))
    assert server.agent.log == ["INVITE", "INVITE", "ACK"]
    assert len(server.agent.layer) == 2


def test_a_response_to_nothing_is_a_stray() -> None:
    server = Server()
    server.receive(build.response(make(), 200, to_tag="b"))
    assert server.agent.log == ["stray 200"]


def test_a_response_matches_by_branch_and_method() -> None:
    server = Server()
    request = make("OPTIONS", branch="z9hG4bKmatch")
    server.agent.layer.send_request(request, UDP, server.agent, 0.0)
    answer = build.response(request, 200, to_tag="b")
    answer.set("CSeq", "1 MESSAGE")
    server.receive(answer)
    assert server.agent.log == ["stray 200"]
    server.receive(build.response(request, 200, to_tag="b"))
    assert server.agent.log == ["stray 200", "200"]


def test_a_response_with_another_sent_by_or_a_second_via_is_not_ours() -> None:
    server = Server()
    request = make("OPTIONS", branch="z9hG4bKours")
    server.agent.layer.send_request(request, UDP, server.agent, 0.0)
    answer = build.response(request, 200, to_tag="b")
    answer.set("Via", "SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKours")
    server.receive(answer)
    assert server.agent.log == ["stray 200"]
    answer.set("Via", f"{request.get('Via')}, SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKother")
    server.receive(answer)
    assert server.agent.notes == ["via_not_ours"]
    server.receive(build.response(request, 200, to_tag="b"))
    assert server.agent.log == ["stray 200", "200"]


def test_a_discarded_request_leaves_nothing() -> None:
    server = Server()
    server.receive(make())
    server.agent.layer.discard(server.agent.served[0])
    assert len(server.agent.layer) == 0
    assert server.sent == []


def test_an_ended_transaction_touches_nothing_more() -> None:
    server = Server()
    invite = make(branch="z9hG4bKtwice")
    server.receive(invite)
    server.agent.layer.discard(server.agent.served[0])
    server.receive(invite)
    server.agent.layer.discard(server.agent.served[0])
    server.agent.layer.reroute(server.agent.served[0], Flow("tcp", BOB, ALICE, 9))
    assert len(server.agent.layer) == 1
    assert not server.agent.layer._by_flow
    assert server.sent == []


def test_received_and_rport_are_filled_in() -> None:
    server = Server()
    source = Flow("udp", BOB, ("203.0.113.7", 40_000))
    server.receive(make("OPTIONS", via="SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bKnat, SIP/2.0/UDP other"), source)
    request = server.agent.requests[0]
    assert (request.via.received, request.via.rport) == ("203.0.113.7", "40000")
    assert "other" in str(request.vias[1])
    server.receive(make("OPTIONS", via="SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKnat2"), source)
    request = server.agent.requests[1]
    assert (request.via.received, request.via.rport) == ("203.0.113.7", None)
    server.receive(make("OPTIONS", via="SIP/2.0/UDP 203.0.113.7:40000;branch=z9hG4bKnat3"), source)
    assert server.agent.requests[2].via.received is None


def test_a_forged_received_is_overwritten() -> None:
    server = Server()
    forged = make("OPTIONS", via="SIP/2.0/UDP 192.0.2.1;received=198.51.100.1;maddr=198.51.100.2;branch=z9hG4bKforged")
    server.agent.policy = answering(200)
    server.receive(forged)
    assert server.agent.requests[0].via.received == "192.0.2.1"
    assert server.sent[0][1].remote == ("192.0.2.1", 5060)


@pytest.mark.parametrize(
    ("via", "transport", "expected"),
    [
        ("SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bKx", "udp", ("203.0.113.7", 40_000)),
        ("SIP/2.0/UDP 10.0.0.1:5070;branch=z9hG4bKx", "udp", ("203.0.113.7", 5070)),
        ("SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKx", "udp", ("203.0.113.7", 5060)),
        ("SIP/2.0/TCP 10.0.0.1;branch=z9hG4bKx", "tcp", ("203.0.113.7", 40_000)),
        ("SIP/2.0/UDP 10.0.0.1;maddr=198.51.100.2;branch=z9hG4bKx", "udp", ("203.0.113.7", 5060)),
    ],
)
def test_where_responses_go(via: str, transport: str, expected: tuple[str, int]) -> None:
    flow = Flow(transport, BOB, ("203.0.113.7", 40_000), 5 if transport == "tcp" else 0)
    there = reply_flow(make(via=via).via, flow)
    assert there.remote == expected
    assert (there.transport, there.local, there.connection) == (transport, BOB, flow.connection)


def test_a_malformed_message_is_noted_and_raises_nothing() -> None:
    server = Server()
    request = make()
    request.set("CSeq", "nonsense")
    server.agent.layer.receive(request, UDP_BACK, 0.0)
    headless = Request("OPTIONS", "sip:bob@example.com", [])
    server.agent.layer.receive(headless, UDP_BACK, 0.0)
    server.agent.layer.receive(Response(200, "OK", []), UDP_BACK, 0.0)
    assert server.agent.notes == ["malformed"] * 3
    assert len(server.agent.layer) == 0


def test_what_may_not_be_sent_is_our_bug() -> None:
    layer = Server().agent.layer
    user = World().alice
    for request in (make("ACK"), make("CANCEL"), make(via="SIP/2.0/UDP 192.0.2.1")):
        with pytest.raises(LocalProtocolError):
            layer.send_request(request, UDP, user, 0.0)
    layer.send_request(make(branch="z9hG4bKtwice"), UDP, user, 0.0)
    with pytest.raises(LocalProtocolError):
        layer.send_request(make(branch="z9hG4bKtwice"), UDP, user, 0.0)


# Nothing is left behind


class Leg:
    """Holds its transaction as a call does, and is held by it until it ends."""

    def __init__(self) -> None:
        self.tx: ClientTransaction | ServerTransaction | None = None

    def response_received(self, tx: ClientTransaction, response: Response, now: float) -> None:
        assert tx.layer is not None

    def timed_out(self, tx: ClientTransaction, now: float) -> None:
        assert tx.user is None

    def transport_failed(self, tx: ClientTransaction, now: float) -> None:
        assert tx.user is None

    def cancel_received(self, tx: ServerTransaction, request: Request, now: float) -> None:
        assert tx.request is not None
        tx.layer.respond(tx, build.response(tx.request, 487, to_tag="b"), now)

    def ack_timed_out(self, tx: ServerTransaction, now: float) -> None:
        assert tx.user is None


def serve_with_a_leg(status: int) -> Callable[[ServerTransaction, Request, float], None]:
    def policy(tx: ServerTransaction, request: Request, now: float) -> None:
        leg = Leg()
        leg.tx = tx
        tx.user = leg
        if status:
            answering(status)(tx, request, now)

    return policy


def run_everything(world: World) -> None:
    """Whole transactions of every kind between legs that hold them; the world lives on, its logs are emptied."""
    for status in (0, 180, 200, 404):
        world.bob.policy = serve_with_a_leg(status)
        for method in ("INVITE", "OPTIONS"):
            for flow in (UDP, Flow("tcp", ALICE, BOB, 5)):
                for cancelled in (False, True):
                    leg = Leg()
                    leg.tx = world.alice.layer.send_request(make(method), flow, leg, world.now)
                    if cancelled:
                        world.alice.layer.cancel(leg.tx, world.now)
                    world.run(world.now + 100)
                    for tx in world.bob.served:
                        if tx.is_invite and tx.request is not None:
                            world.bob.layer.respond(tx, build.response(tx.request, 500, to_tag="b"), world.now)
                    for agent in world.agents.values():
                        agent.served.clear()
                        agent.requests.clear()
                        agent.answers.clear()
                    world.run()
    world.assert_quiet()


def test_complete_transactions_leave_no_cycles() -> None:
    world = World()
    run_everything(world)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        run_everything(world)
        gc.collect()
        ours = (ClientTransaction, ServerTransaction, Request, Response, Timer, Flow, Leg)
        found = [item for item in gc.garbage if isinstance(item, ours)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert found == []


class AnyOrder(RuleBasedStateMachine):
    """Messages of a few transactions in any order, over a datagram and a stream; at the end all must be gone."""

    @initialize()
    def start(self) -> None:
        self.server = Server(max_transactions=6)
        self.layer = self.server.agent.layer
        self.layer.send = lambda data, flow: None
        self.server.agent.send = lambda data, flow: None  # type: ignore[method-assign]
        self.timers = self.server.world.timers
        self.now = 0.0
        self.clients: list[ClientTransaction] = []
        self.ours: list[Request] = []

    flows = st.sampled_from((UDP_BACK, Flow("tcp", BOB, ALICE, 9)))

    @rule(
        flow=flows,
        method=st.sampled_from(("INVITE", "ACK", "CANCEL", "OPTIONS", "BYE")),
        name=st.integers(0, 3),
        old=st.booleans(),
        tag=st.sampled_from(("", "b", "c")),
    )
    def request(self, flow: Flow, method: str, name: int, old: bool, tag: str) -> None:
        via = "SIP/2.0/UDP 192.0.2.1" + ("" if old else f";branch=z9hG4bK{name}")
        to = f"<sip:bob@example.com>;tag={tag}" if tag else "<sip:bob@example.com>"
        self.layer.receive(make(method, via=via, to=to, call_id=f"c{name // 2}"), flow, self.now)

    @rule(index=st.integers(0, 20), status=st.sampled_from((100, 180, 200, 302, 408, 486, 603)))
    def respond(self, index: int, status: int) -> None:
        served = self.server.agent.served
        if served:
            number = index % len(served)
            request = self.server.agent.requests[number]
            self.layer.respond(served[number], build.response(request, status, to_tag="b"), self.now)

    @rule(index=st.integers(0, 20))
    def acknowledge(self, index: int) -> None:
        served = self.server.agent.served
        if served:
            self.layer.acknowledge(served[index % len(served)])

    @rule(flow=flows, method=st.sampled_from(("INVITE", "OPTIONS")))
    def send(self, flow: Flow, method: str) -> None:
        if len(self.clients) < 12:
            request = make(method)
            self.ours.append(request)
            self.clients.append(self.layer.send_request(request, flow, self.server.agent, self.now))

    @rule(index=st.integers(0, 20), status=st.sampled_from((100, 183, 200, 404, 600)), of_cancel=st.booleans())
    def response(self, index: int, status: int, of_cancel: bool) -> None:
        if self.ours:
            number = index % len(self.ours)
            answer = build.response(self.ours[number], status, to_tag="b")
            if of_cancel:
                answer.set("CSeq", "1 CANCEL")
            self.layer.receive(answer, self.clients[number].flow, self.now)

    @rule(index=st.integers(0, 20), abandoned=st.booleans())
    def cancel(self, index: int, abandoned: bool) -> None:
        if self.clients:
            tx = self.clients[index % len(self.clients)]
            self.layer.cancel(tx, self.now)
            if abandoned:
                self.layer.abandon(tx)

    @rule(flow=flows)
    def lose(self, flow: Flow) -> None:
        self.layer.lose_flow(flow, self.now)

    @rule(seconds=st.sampled_from((0.1, 0.5, 3.5, 5.0, 33.0)))
    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (deadline := self.timers.next_deadline()) is not None and deadline <= end:
            self.now = deadline
            self.timers.run(deadline)
        self.now = end

    @invariant()
    def the_bound_holds_for_requests_from_outside(self) -> None:
        assert len(self.layer._server) <= 6

    def teardown(self) -> None:
        if not hasattr(self, "layer"):
            return
        for tx, request in zip(self.server.agent.served, self.server.agent.requests, strict=True):
            if tx.state == "proceeding" and tx.is_invite:
                self.layer.respond(tx, build.response(request, 500, to_tag="b"), self.now)
        for tx in self.clients:
            self.layer.cancel(tx, self.now)
        for request, tx in zip(self.ours, self.clients, strict=True):
            if tx.state == "proceeding" and tx.is_invite and len(self.timers) == 0:
                self.layer.receive(build.response(request, 487, to_tag="b"), UDP_BACK, self.now)
        while (deadline := self.timers.next_deadline()) is not None:
            self.timers.run(deadline)
        assert len(self.layer) == 0
        assert len(self.timers) == 0
        for table in (self.layer._merge, self.layer._aliases, self.layer._by_flow):
            assert not table
        assert all(tx.user is None and tx.request is None for tx in (*self.clients, *self.server.agent.served))


AnyOrder.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
test_messages_in_any_order = AnyOrder.TestCase


def test_who_asks_again_from_elsewhere_is_answered_there() -> None:
    sent: list[tuple[bytes, Flow]] = []
    agent = Agent(World())
    layer = TransactionLayer(agent, lambda data, flow: sent.append((data, flow)), agent.world.timers)
    agent.policy = lambda tx, request, now: layer.respond(tx, build.response(request, 200, to_tag="t"), now)
    ask = b"OPTIONS sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKm;rport\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
    ask += b"Call-ID: m\r\nCSeq: 1 OPTIONS\r\n\r\n"
    before, after = Flow("udp", ALICE, ("192.0.2.9", 1000)), Flow("udp", ALICE, ("192.0.2.9", 2000))
    for flow in (before, after, before):
        layer.receive(parse(ask), flow, 0.0)
    assert [flow for _, flow in sent] == [before, after, before]
    assert len({data for data, _ in sent}) == 1
    assert agent.log == ["OPTIONS"]
