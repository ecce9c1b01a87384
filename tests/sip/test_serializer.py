from __future__ import annotations

import pytest

from routerd.errors import LocalProtocolError
from routerd.sip.message import Message, Request, Response
from routerd.sip.serializer import serialize


def test_a_request_with_its_body() -> None:
    request = Request("MESSAGE", "sip:a@b", [("X-b", "1"), ("Content-Length", "99"), ("Subject", "")], b"\0\r\nx")
    assert serialize(request) == b"MESSAGE sip:a@b SIP/2.0\r\nX-b: 1\r\nSubject: \r\nContent-Length: 4\r\n\r\n\0\r\nx"


def test_a_response_keeps_bytes_that_are_not_utf8() -> None:
    response = Response(200, "=2**3 \u043a\udcff", [("X", "\udc80")])
    assert serialize(response) == b"SIP/2.0 200 =2**3 \xd0\xba\xff\r\nX: \x80\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize(
    "message",
    [
        Request("INVITE", "sip:a@b", [("X", "1\r\nY: 2")]),
        Request("INVITE", "sip:a@b", [("X", "1\n")]),
        Request("INVITE", "sip:a@b", [("X", "1\r")]),
        Request("INVITE", "sip:a@b", [("X\r\nY", "1")]),
        Request("INVITE", "sip:a@b", [("X", "a\0b")]),
        Request("INVITE", "sip:a@b SIP/2.0\r\nX: y", []),
        Request("INVITE", "sip:a@b x", []),
        Request("IN VITE", "sip:a@b", []),
        Response(200, "OK\r\nX: y", []),
        Response(200, "OK", [("X", "1\r\n")]),
        Message([]),
    ],
)
def test_what_would_break_the_framing_is_our_bug(message: Message) -> None:
    with pytest.raises(LocalProtocolError):
        serialize(message)


def test_a_quoted_nul_may_go_back_to_where_it_came_from() -> None:
    assert b'"\\\0"' in serialize(Response(400, "Bad Request", [("To", '"\\\0" <sip:a@b>')]))
