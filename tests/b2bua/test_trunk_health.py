from __future__ import annotations

from typing import Any

import pytest

from routerd.b2bua.trunk_health import server_uri
from routerd.sip import build
from routerd.sip.flow import Flow
from routerd.sip.serializer import serialize

PROVIDER = ("203.0.113.10", 5060)
FLOW = Flow("udp", ("192.0.2.1", 5060), PROVIDER)
TRUNK = {"id": "pstn", "target": "sip:203.0.113.10", "health": {"interval_s": 30, "down_after": 3}}


def start(make_world: Any, document: Any, **more: Any) -> Any:
    world = make_world()
    world.install(document(trunks=[{**TRUNK, **more}]))
    return world


def ask(world: Any, seconds: float) -> list[Any]:
    """Let time pass; one message for each OPTIONS that went out."""
    return list({message.via.branch: message for message, _ in world.pass_time(seconds)}.values())


def answer(world: Any, request: Any, status: int) -> None:
    headers = [("WWW-Authenticate", 'Digest realm="x", nonce="n"')] if status == 401 else []
    world.receive(serialize(build.response(request, status, to_tag="p", extra=headers)), FLOW)


@pytest.mark.parametrize("status", [200, 401, 403, 404, 405, 483, 500])
def test_any_answer_but_408_and_503_is_life(make_world: Any, document: Any, status: int) -> None:
    world = start(make_world, document)
    for round_s in (2, 30, 30, 30, 30):
        (request,) = ask(world, round_s)
        assert request.get("Authorization") is None
        answer(world, request, status)
        assert world.take() == []
    assert world.state_of("acme").down == set()
    assert world.published("trunk.down") == []


@pytest.mark.parametrize("status", [408, 503])
def test_failures_in_a_row_bring_it_down_and_one_success_up(make_world: Any, document: Any, status: int) -> None:
    world = start(make_world, document)
    for round_s, outcome in ((2, status), (30, status), (30, 200), (30, status), (30, status)):
        answer(world, ask(world, round_s)[0], outcome)
    assert world.state_of("acme").down == set()
    answer(world, ask(world, 30)[0], status)
    assert world.state_of("acme").down == {"pstn"}
    answer(world, ask(world, 30)[0], status)
    down = [{"account": "acme", "trunk": "pstn", "reason": str(status)}]
    assert world.published("trunk.down") == down
    answer(world, ask(world, 30)[0], 200)
    assert world.state_of("acme").down == set()
    assert world.published("trunk.up") == [{"account": "acme", "trunk": "pstn", "reason": "200"}]


def test_silence_is_failure_within_three_intervals(make_world: Any, document: Any) -> None:
    world = start(make_world, document)
    world.pass_time(62)
    assert world.state_of("acme").down == set()
    world.pass_time(30)
    assert world.state_of("acme").down == {"pstn"}
    assert world.upkeep.views(world.now)[0]["up"] is False
    assert world.upkeep.views(world.now)[0]["health"]["last"] == "timeout"


def test_it_goes_by_the_outbound_proxy(make_world: Any, document: Any) -> None:
    world = start(
        make_world, document, target="sip:user@trunk.example;transport=udp", outbound_proxy="sip:203.0.113.10"
    )
    (request,) = ask(world, 2)
    assert request.uri == "sip:trunk.example;transport=udp"
    assert request.get_all("Route") == ["<sip:203.0.113.10;lr>"]


def test_a_name_that_cannot_be_resolved_is_failure(make_world: Any, document: Any) -> None:
    from routerd.b2bua.effects import AskDns, DnsAnswer

    world = start(make_world, document, target="sip:gone.example")
    for _ in range(4):
        world.pass_time(30)
        while asked := [e for e in world.effects if isinstance(e, AskDns)]:
            world.effects.clear()
            for question in asked:
                world.exchange.answered(DnsAnswer(question.number, None), world.now)
            world.take()
    assert world.state_of("acme").down == {"pstn"}
    assert world.exchange.open_questions == 0


def test_whom_it_asks() -> None:
    assert server_uri("sip:user@[2001:db8::1]:5070;transport=tcp;x=1?y=z") == "sip:[2001:db8::1]:5070;transport=tcp"
    assert server_uri("sips:trunk.example") == "sips:trunk.example"
    assert server_uri("nonsense") == "nonsense"
