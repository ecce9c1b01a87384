"""An answer to a stranger is no weapon: at most three times the bytes of what asked for it."""

from __future__ import annotations

import pytest
from b2bua_kit.wire import LOCAL, Wire

from routerd.b2bua.amplification import MOST_TIMES, fits
from routerd.sip.flow import Flow
from routerd.sip.message import Request
from routerd.sip.parser import parse

STRANGER = Flow("udp", LOCAL, ("203.0.113.50", 5060))


def request(method: str, padding: int = 0, *, compact: bool = True) -> bytes:
    via, from_, to, call_id = ("v", "f", "t", "i") if compact else ("Via", "From", "To", "Call-ID")
    text = (
        f"{method} sip:a SIP/2.0\r\n{via}:SIP/2.0/UDP a;branch=z9hG4bK{method}{padding};rport\r\n"
        f"{from_}:<sip:a>;tag=1\r\n{to}:<sip:a>\r\n{call_id}:{method}{padding}\r\n"
        f"CSeq:1 {method}\r\nS:{'x' * padding}\r\n\r\n"
    )
    return text.encode()


def sent(data: bytes, flow: Flow = STRANGER) -> list[bytes]:
    wire = Wire()
    wire.receive(data, flow)
    wire.wait(64)
    return [answer for _, answer in wire.transmitted]


@pytest.mark.parametrize("method", ["INVITE", "REGISTER", "OPTIONS", "MESSAGE", "BYE", "SUBSCRIBE", "CANCEL", "FOO"])
@pytest.mark.parametrize("padding", [0, 20, 60, 100, 150, 200, 400, 800])
@pytest.mark.parametrize("compact", [True, False])
def test_answers_are_bounded_whatever_the_size_of_the_question(method: str, padding: int, compact: bool) -> None:
    data = request(method, padding, compact=compact)
    answers = sent(data)
    assert len(answers) == 1
    assert len(answers[0]) <= MOST_TIMES * len(data)


def test_what_a_phone_would_send_gets_all_challenges_and_a_short_question_the_last() -> None:
    assert len(parse(sent(request("REGISTER", 400))[0]).get_all("WWW-Authenticate")) == 2
    short = parse(sent(request("REGISTER", 20))[0])
    assert ["algorithm=MD5" in value for value in short.get_all("WWW-Authenticate")] == [True]


def test_a_connection_has_shown_where_it_is() -> None:
    data = request("REGISTER").replace(b"UDP", b"TCP").replace(b"CSeq", b"l:0\r\nCSeq")
    flow = Flow("tcp", LOCAL, ("203.0.113.50", 5060), 7)
    assert len(parse(sent(data, flow)[0]).get_all("WWW-Authenticate")) == 2


def test_sizes_are_judged_on_the_safe_side() -> None:
    data = request("INVITE", 100)
    parsed = parse(data)
    assert isinstance(parsed, Request)
    assert fits(parsed, [])
    assert fits(parsed, [("X", "y" * len(data))])
    assert not fits(parsed, [("X", "y" * MOST_TIMES * len(data))])
