from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from routerd.b2bua.ladder import MOST_LEGS, Ladders, rows
from routerd.sip import build
from routerd.sip.serializer import serialize

if TYPE_CHECKING:
    from routerd.sip.message import Request


def message(method: str, call_id: str = "a@peer", cseq: int = 1) -> Request:
    return build.request(
        method,
        "sip:2001@acme.test",
        via="SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
        from_="<sip:a@acme.test>;tag=1",
        to="<sip:b@acme.test>",
        call_id=call_id,
        cseq=cseq,
    )


@pytest.fixture
def ladders() -> Ladders:
    made = Ladders(10)
    made.now = 100.0
    made.begin("call")
    made.join("call", "a@peer", "trunk:pstn", message("INVITE"))
    made.join("call", "ours", "extension:2001#1")
    return made


def told(ladders: Ladders) -> list[tuple[float, str, str, str]]:
    kept = rows({"ladder": ladders.take("call")})
    return [(row["at_s"], row["leg"], row["direction"], row["text"]) for row in kept]


def test_every_message_of_a_leg_is_a_step(ladders: Ladders) -> None:
    invite = message("INVITE")
    ladders.sent(serialize(build.response(invite, 100)))
    ladders.now = 100.25
    ladders.sent(serialize(message("INVITE", "ours")))
    ladders.heard(build.response(message("INVITE", "ours"), 486))
    ladders.sent(serialize(message("ACK", "ours")))
    ladders.now = 103.5
    ladders.heard(message("BYE", cseq=2))
    ladders.sent(serialize(build.response(message("BYE", cseq=2), 200)))
    assert told(ladders) == [
        (0.0, "trunk:pstn", "in", "INVITE"),
        (0.0, "trunk:pstn", "out", "100 (INVITE)"),
        (0.25, "extension:2001#1", "out", "INVITE"),
        (0.25, "extension:2001#1", "in", "486 (INVITE)"),
        (0.25, "extension:2001#1", "out", "ACK"),
        (3.5, "trunk:pstn", "in", "BYE"),
        (3.5, "trunk:pstn", "out", "200 (BYE)"),
    ]


@pytest.mark.parametrize("method", ["CANCEL", "OPTIONS", "PRACK", "UPDATE", "INFO", "REFER", "NOTIFY", "MESSAGE"])
def test_methods_are_told_apart(ladders: Ladders, method: str) -> None:
    ladders.sent(serialize(message(method)))
    ladders.sent(serialize(build.response(message(method), 481)))
    assert [text for _, _, _, text in told(ladders)][1:] == [method, f"481 ({method})"]


def test_what_is_none_of_a_call_is_no_step(ladders: Ladders) -> None:
    ladders.heard(message("OPTIONS", "elsewhere"))
    ladders.sent(serialize(message("OPTIONS", "elsewhere")))
    ladders.sent(b"\r\n\r\n")
    ladders.heard(message("WHATEVER"))
    assert [text for _, _, _, text in told(ladders)] == ["INVITE", "?"]


def test_a_ladder_is_bounded(ladders: Ladders) -> None:
    for _ in range(30):
        ladders.heard(message("INVITE"))
    kept = ladders.take("call")
    assert kept is not None
    assert (len(rows({"ladder": kept})), kept["left_out"]) == (10, 21)
    for number in range(2 * MOST_LEGS):
        ladders.join("call", f"leg-{number}", "x")
    assert len(ladders.legs) == MOST_LEGS


def test_a_call_that_is_over_is_forgotten(ladders: Ladders) -> None:
    ladders.forget("call")
    ladders.forget("call")
    assert (len(ladders), ladders.legs, ladders.take("call")) == (0, {}, None)


def test_all_legs_have_the_calls_name_and_keep_it_for_a_while() -> None:
    ladders = Ladders(0, linger_s=5.0)
    ladders.begin("call")
    ladders.join("call", "a@peer", "x", message("INVITE"))
    ladders.join("call", "ours", "y")
    assert ladders.take("call") is None  # none were wanted
    names = [ladders.call_of(serialize(message("BYE", one))) for one in ("a@peer", "ours", "other")]
    assert names == ["call", "call", "other"]
    ladders.forget("call")
    assert ladders.call_of(serialize(message("BYE", "ours"))) == "call"
    ladders.now = 6.0
    ladders.begin("next")
    assert ladders.call_of(serialize(message("BYE", "ours"))) == "ours"
    assert not ladders.call_of(b"garbage")


def test_a_leg_that_another_call_has_taken_over_stays_its(ladders: Ladders) -> None:
    ladders.begin("carrier")
    ladders.join("carrier", "a@peer", "lent")
    ladders.forget("call")
    assert ladders.call_of(serialize(message("BYE"))) == "carrier"


def test_no_ladder_costs_nothing() -> None:
    ladders = Ladders(0)
    ladders.begin("call")
    ladders.join("call", "a@peer", "x", message("INVITE"))
    assert (len(ladders), ladders.legs) == (0, {})


@pytest.mark.parametrize("ladder", [None, 7, {}, {"steps": b"odd"}, {"steps": "text"}, {"steps": b"\0" * 7}])
def test_rows_take_whatever_stands_in_a_record(ladder: object) -> None:
    assert len(rows({"ladder": ladder})) == (ladder == {"steps": b"\0" * 7})
